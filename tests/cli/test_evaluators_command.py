"""`workbench evaluators`: list, show, try and begin evaluators."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import invoke, write_task

LABELS = "{labels: [spam, ham]}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evaluators")
    write_task(root)
    (root / "evaluators").mkdir()
    (root / "evaluators" / "brief.py").write_text(
        "import no_such_package\n\ndef brief(outputs, *, most: int = 3):\n"
        '    """True for a brief\n    answer.\n\n    More."""\n'
    )
    (root / "evaluators" / "bare.py").write_text("bare = object()\n")
    return root


def test_the_list_has_a_line_each_and_imports_none(home: Path) -> None:
    done = invoke(home, "evaluators")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "True for a brief answer." in lines["brief"]
    assert lines["brief"].rstrip().endswith("evaluators/brief.py")
    assert lines["bare"].split() == ["bare", "evaluators/bare.py"]
    assert "The mean over the classes of the F1 score of each." in lines["macro_f1"]
    listed = json.loads(invoke(home, "evaluators", "--json").stdout)["evaluators"]
    assert [each["name"] for each in listed] == sorted(lines.keys() - {"evaluator"})


def test_every_evaluator_of_the_library_says_what_it_gives(home: Path) -> None:
    listed = json.loads(invoke(home, "evaluators", "--json").stdout)["evaluators"]
    silent = [e["name"] for e in listed if e["origin"] == "workbench" and not e["summary"]]
    assert silent == []


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("macro_f1", [["labels", "Sequence[str]", ""]], "- macro_f1: {labels: …}"),
        ("brief", [["most", "int", "3"]], "- brief"),
        ("bare", [], "- bare"),
        ("pass_at", [["of", "str", ""], ["k", "int", ""]], "- pass_at: {of: …, k: …}"),
        ("weighted", [["of", "dict[str, float | int]", ""]], "- weighted: {of: …}"),
        ("checklist", [["questions", "Optional[list[str]]", ""]], "- checklist: {questions: …}"),
        ("pairwise", [["prompt", "str", "''"]], "- pairwise"),
    ],
)
def test_show_has_the_settings_and_the_line_of_an_experiment(
    home: Path, name: str, settings: list[list[str]], line: str
) -> None:
    shown = json.loads(invoke(home, "evaluators", "show", name, "--json").stdout)
    listed = [[s["name"], s["type"], s["default"]] for s in shown["settings"]]
    assert listed[: len(settings)] == settings
    lines = invoke(home, "evaluators", "show", name).stdout.splitlines()
    assert f"in an experiment: {line}" in [each.rstrip() for each in lines]


@pytest.mark.parametrize(
    ("options", "output", "code"),
    [
        (["contains", "--output", "In Paris.", "--expected", "Paris"], "contains: 1 (pass)", 0),
        (["contains", "--output", "Oslo", "--expected", "[Paris, Rome]"], "contains: 0 (fail)", 0),
        (
            ["label_match", "--output", "spam", "--expected", "spam", "--settings", LABELS],
            "label_match: 1 (pass)\n  label: right\n  read as: spam\n  reason: spam, expected spam",
            0,
        ),
        (
            ["contains", "--output", "x"],
            "contains: error: WorkbenchError: this row has no expected_response",
            2,
        ),
    ],
)
def test_try_judges_one_answer(home: Path, options: list[str], output: str, code: int) -> None:
    done = invoke(home, "evaluators", "try", *options)
    assert (done.stdout.strip()[: len(output)], done.returncode) == (output, code)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["show", "contain"], "unknown evaluator 'contain'"),
        (["try", "contain", "--output", "x"], "unknown evaluator 'contain'"),
        (["try", "contains", "--output", "x", "--settings", "[a]"], "'[a]' is no mapping"),
        (["try", "contains", "--output", "x", "--settings", "{a: ["], "--settings:1:"),
        (["try", "contains", "--output", "x", "--settings", "{cas: 1}"], "unknown setting of"),
        (["try", "macro_f1", "--output", "x", "--settings", LABELS], "is a metric of a whole run"),
        (["new", "my-check"], "'my-check' is no name of a function"),
        (["try", "ratio", "--output", "x"], "ratio judges no answer by itself"),
        (["new", "ratio"], "there is an evaluator 'ratio' (workbench)"),
        (["new", "contains"], "there is an evaluator 'contains' (workbench)"),
    ],
)
def test_a_call_that_can_not_work_says_why(home: Path, options: list[str], message: str) -> None:
    done = invoke(home, "evaluators", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "fix:" in done.stderr


def test_a_new_evaluator_works_and_its_test_passes(home: Path) -> None:
    done = invoke(home, "evaluators", "new", "is_kind")
    assert done.stdout.splitlines()[:2] == ["evaluators/is_kind.py", "tests/test_is_kind.py"]
    tried = invoke(home, "evaluators", "try", "is_kind", "--output", "Yes", "--expected", "yes")
    assert tried.stdout.startswith("is_kind: 1 (pass)")
    pytest_run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    tested = subprocess.run(pytest_run, cwd=home, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    again = invoke(home, "evaluators", "new", "is_kind")
    assert "there is an evaluator 'is_kind' (evaluators/is_kind.py)" in again.stderr
