"""A call from Python and an experiment file that says the same: one plan, one store, one result."""

import json
import re
from pathlib import Path

import pytest
from command import invoke
from openai_server import OpenAIServer, refuse, say

import workbench as wb
from workbench.errors import ExitCode

pytestmark = pytest.mark.slow

ROWS = [
    {"id": "a", "text": "yes", "label": "yes", "stars": 5, "tags": ["x"], "note": None},
    {"id": "b", "text": "nö", "label": "no", "stars": 1.5, "tags": [], "note": "z"},
]
SETTINGS = {
    "models": ["echo:last", {"echo:first-word": {"as": "word", "parameters": {"top_p": 0.5}}}],
    "parameters": {"max_tokens": 8},
    "grid": {"temperature": [0, 0.7]},
    "repeats": 2,
    "evaluators": ["exact_match", {"contains": {"name": "has", "ignore_case": True}}],
    "baseline": "short",
    "margin": {"exact_match": 0.1},
    "exclude": [{"prompt": "loud", "model": "echo:first*"}],
}
PROMPTS = {
    "short": "---\nstop: ['.']\n---\nsystem:\nBe brief.\nuser:\n{{ text }} {{ stars }}",
    "loud": '{% include "_tone.jinja" %}\n{{ text | upper }}\n',
    "_tone": "Shout.",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the task `notebook`."""
    task = tmp_path / "prompts" / "notebook"
    task.mkdir(parents=True)
    for name, text in PROMPTS.items():
        (task / f"{name}.jinja").write_text(text)
    (task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    dataset = {"path": "rows.jsonl", "expected": "label"}
    file = {**SETTINGS, "dataset": dataset, "prompts": ["short", "loud"]}
    (task / "experiment.yaml").write_text(json.dumps(file))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    return tmp_path


def test_plan_results_and_verdicts_are_equal(home: Path) -> None:
    call = {"prompts": PROMPTS, "data": ROWS, "expected": "label", **SETTINGS}
    planned = wb.plan(**call).to_dict()
    command = json.loads(invoke(home, "plan", "--json", MLFLOW_TRACKING_URI="none").stdout)
    assert command == planned
    assert planned["requests"]["to_send"] > 8
    results = wb.run(**call, progress=False)
    run = json.loads(invoke(home, "run", "--json", MLFLOW_TRACKING_URI="none").stdout)
    assert (run["requests"]["sent"], run["plan_digest"]) == (0, results.to_dict()["plan_digest"])
    assert without_times(run["variants"]) == without_times(results.to_dict()["variants"])
    task = wb.run("notebook", progress=False)
    assert without_times(task.to_dict()["variants"]) == without_times(run["variants"])
    names = ["short · last · temperature=0", "loud · last · temperature=0"]
    words = ["compare", *names, "--by", "stars", "--json"]
    compared = json.loads(invoke(home, *words, MLFLOW_TRACKING_URI="none").stdout)
    assert compared["changes"] == results.compare(*names, by="stars").to_dict()["changes"]
    assert compared["slices"] == task.compare(*names, by="stars").to_dict()["slices"]
    by_answer = [results.compare(*names, by=by).to_dict()["slices"] for by in ("label", "expected")]
    assert [part["value"] for part in by_answer[1]] == ["yes", "no"]
    assert by_answer[0] == [{**part, "column": "label"} for part in by_answer[1]]
    changes = results.compare(*names).changes
    assert changes[["id", "repeat"]].values.tolist() == [
        [change["row"], change["repeat"]] for change in compared["changes"]
    ]
    shown = repr(results.show("a"))
    assert f"{names[0]}, repeat 0\n" in shown
    assert f"{names[0]}, repeat 1\n" in shown
    words = ["decide", "--floor", "0.1", "--json"]
    decided = json.loads(invoke(home, *words, MLFLOW_TRACKING_URI="none").stdout)
    assert decided["words"] == results.decide(floor=0.1).words


def without_times(variants: list[dict]) -> list[dict]:
    """The variants without the seconds, which a stored answer keeps as text of fewer digits."""
    return json.loads(json.dumps(variants))


def test_the_call_is_a_task_that_the_command_runs(home: Path) -> None:
    results = wb.run(prompts="{{ text }}", models="echo:last", data=ROWS, progress=False,
                     evaluators=shouts, name="tone")  # fmt: skip
    (file,) = home.glob(".workbench/python/*/tone/experiment.yaml")
    run = invoke(home, "run", str(file.relative_to(home)), "--json", MLFLOW_TRACKING_URI="none")
    document = json.loads(run.stdout)
    assert document["requests"]["sent"] == 0
    assert document["plan_digest"] == results.to_dict()["plan_digest"]


def shouts(outputs: str) -> bool:
    return outputs.isupper()


def test_failed_rows_are_a_warning_and_a_refused_call_is_an_error(
    home: Path, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: refuse(400, "no") if "nö" in str(body) else say("yes")
    model = {"openai:m": {"base_url": server.url}}
    call = {"prompts": "{{ text }}", "data": ROWS, "expected": "label", "progress": False}
    with pytest.warns(UserWarning, match="1 of 2 rows failed: 1 × ") as warned:
        results = wb.run(**call, models=model, evaluators="exact_match")
    assert Path(warned[0].filename) == Path(__file__)
    assert results.exit_code == ExitCode.FAILED_ROWS
    states = results.to_pandas()[["state", "exact_match"]].fillna(-1).values.tolist()
    assert states == [["ok", 1.0], ["rejected", -1.0]]
    with pytest.warns(UserWarning, match="stopped at the budget"):
        results = wb.run(**call, models=model, evaluators="exact_match", fresh=True, max_calls=1)
    assert results.exit_code == ExitCode.BUDGET


def test_no_secret_is_written(home: Path) -> None:
    key = "sk-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"
    (home / ".env").write_text(f"OPENAI_API_KEY={key}\n")
    call = {"prompts": "{{ text }}", "data": ROWS, "evaluators": "output_tokens"}
    model = {"openai:m": {"headers": {"X-Team": key}}}
    wb.plan(**call, models=model)
    with pytest.raises(wb.WorkbenchError) as error:
        wb.plan(**call, models={"openai:m": {"base_url": f"http://127.0.0.1:1/{key}"}})
    assert key not in str(error.value)
    written = [path for path in (home / ".workbench").rglob("*") if path.is_file()]
    assert [path.name for path in written if key.encode() in path.read_bytes()] == []


def test_the_code_of_the_documentation_runs(home: Path) -> None:
    """The blocks of docs/python.md, in order, as the cells of one notebook."""
    page = Path(__file__).resolve().parents[2] / "docs" / "python.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    cells = "\n".join(blocks).replace("openai:gpt-6-luna", "echo:last")
    file = home / "cells.py"
    file.write_text(cells)
    variables: dict = {"__name__": "__main__"}
    exec(compile(cells, str(file), "exec"), variables)
    assert len(variables["rows"]) == 8
