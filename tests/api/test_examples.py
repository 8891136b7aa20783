"""The fifteen public names: each has an example in its docstring, and all are executed.

They share a project with `echo:` models, in this order: the results of `run` are shown by the
examples of `Results`, compared by those of `Comparison`, and so on.
"""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest
from command import add_mlflow_store

import workbench

PLAIN = ["Score", "evaluator", "Completion", "WorkbenchError"]  # they know their own module
ORDER = [
    *("run", "plan", "evaluate", "Results", "Comparison", "Decision", "Preview", "ShownRow"),
    *PLAIN,
]
IN_MLFLOW = ["load_results", "load_prompt", "LoadedPrompt"]


def failed_examples(names: list[str], variables: dict[str, object]) -> int:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    parser = doctest.DocTestParser()
    for name in names:
        text = getattr(workbench, name).__doc__ or ""
        example = parser.get_doctest(text, {}, name, None, 0)
        assert example.examples, name
        example.globs = variables  # of all: one builds on another
        runner.run(example, clear_globs=False)
    return runner.summarize(verbose=False).failed


def test_the_public_names_are_fifteen() -> None:
    assert sorted([*ORDER, *IN_MLFLOW]) == sorted(workbench.__all__)
    assert len(workbench.__all__) == 15


@pytest.mark.slow
def test_the_examples_of_the_public_names_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    names = {"wb": workbench, **{n: getattr(workbench, n) for n in PLAIN}}
    assert failed_examples(ORDER, names) == 0


def test_recorded_runs_and_prompts_are_read_from_mlflow(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prompts").mkdir()
    add_mlflow_store(tmp_path, empty_store)
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    data = [{"id": "a", "text": "yes", "label": "yes"}, {"id": "b", "text": "no", "label": "no"}]
    call = {"models": "echo:last", "data": data, "expected": "label"}
    call["evaluators"] = "exact_match"
    recorded = workbench.run(**call, prompts={"short": "{{ text }}"}, progress=False)
    assert (list(recorded.run_ids), recorded.exit_code, recorded.url) == (["short"], 0, "")
    assert failed_examples(IN_MLFLOW, {"wb": workbench, "recorded": recorded}) == 0
    rows = workbench.load_results(recorded.to_dict()["parent_run_id"])
    same = ["id", "text", "expected", "variant", "output", "state", "exact_match"]
    assert rows[same].equals(recorded.to_pandas()[same])
    assert workbench.load_results("notebook").equals(rows)
    with pytest.raises(workbench.WorkbenchError, match="unknown task or experiment 'notbook'"):
        workbench.load_results("notbook")
    models = {**call, "models": ["echo:last", "echo:first-word"]}  # MLflow's names are short
    several = workbench.run(**models, prompts={"short": "{{ text }}"}, progress=False)
    rows = workbench.load_results(several.run_ids.values())
    assert list(rows["variant"].unique()) == several.variants
    prompts = {"again": workbench.load_prompt("notebook.short@1")}
    again = workbench.plan(**call, prompts=prompts)
    assert again.to_send == 0


def test_a_submodule_does_not_replace_a_function_of_its_name() -> None:
    import workbench.evaluator.lookup
    import workbench.plan.planner
    import workbench.run.pending

    functions = (workbench.run, workbench.plan, workbench.evaluator)
    assert [function.__name__ for function in functions] == ["run", "plan", "evaluator"]


def test_the_import_loads_nothing_heavy() -> None:
    code = "import sys, workbench; dir(workbench); print(len(sys.modules), *sys.modules)"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in listed.stdout.split()}
    heavy = {"mlflow", "pandas", "numpy", "torch", "pydantic", "rich", "typer", "jinja2", "openai"}
    assert loaded & heavy == set()
