"""`workbench decide` on rows that failed, rows that were not run, and prompts that are equal."""

import json
import re
from pathlib import Path

import pytest
from command import add_mlflow_store, invoke

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, quits]
models: [echo:last]
evaluators: [strict]
"""
STRICT = """\
def strict(outputs: str, expectations: dict) -> bool:
    if not outputs or outputs == "?":
        raise ValueError("no answer")
    return outputs == expectations["expected_response"]
"""


@pytest.fixture
def home(tmp_path: Path, empty_store: Path) -> Path:
    """100 rows: `plain` is right in 60, `quits` in 53 of the 60 easy rows and gives up on 40."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    with (task / "rows.jsonl").open("w") as file:
        for n in range(100):
            plain = "yes" if n % 5 < 3 else "no"
            quits = "?" if n >= 60 else "no" if n % 8 == 7 and n < 56 else "yes"
            row = {"n": n, "a": plain, "b": quits, "label": "yes"}
            file.write(json.dumps(row) + "\n")
    for name, column in (("plain", "a"), ("quits", "b")):
        (task / f"{name}.jinja").write_text(
            f"user:\n{name} {{{{ n }}}}\nuser:\n{{{{ {column} }}}}\n"
        )
    (task / "experiment.yaml").write_text(EXPERIMENT)
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "strict.py").write_text(STRICT)
    add_mlflow_store(tmp_path, empty_store)
    return tmp_path


def test_failing_on_hard_rows_wins_nothing(home: Path) -> None:
    invoke(home, "run", MLFLOW_TRACKING_URI="none")
    refused = invoke(home, "decide", "--floor", "nan")
    assert (refused.returncode, "the floor nan is not a finite" in refused.stderr) == (2, True)
    shown = invoke(home, "decide", "--floor", "0.5").stdout
    assert "40 failed rows: 0.883 without" in shown
    assert "Take plain: strict 0.600 [0.502, 0.691], n=100. After choosing from 2 variants" in shown
    assert "support orders the variants and is no probability; in 95% of cases" in shown
    assert not re.search(r"chance|\d%(?! of cases)", shown), "nothing reads as a probability"
    decision = json.loads(invoke(home, "decide", "--json").stdout)
    plain, quits = decision["candidates"]
    assert (plain["variant"], quits["variant"]) == ("plain", "quits")
    assert (quits["quality"], quits["as_answered"]["n"]) == (0.53, 60)
    assert (quits["rows"], quits["failed_rows"]) == (100, 40)
    assert plain["support"] + quits["support"] == pytest.approx(1)
    assert decision["after_choosing"]["rows"] == 100


def test_a_few_perfect_rows_win_nothing(home: Path) -> None:
    invoke(home, "run", "--only", "plain", MLFLOW_TRACKING_URI="none")
    invoke(home, "run", "--only", "quits", "--limit", "5", MLFLOW_TRACKING_URI="none")
    done = invoke(home, "decide")
    assert (done.returncode, "only 5 of 100 rows" in done.stdout) == (0, True)
    assert "Take plain: strict 0.600 [0.502, 0.691], n=100, the only one" in done.stdout


LENGTH = """\
import hashlib


def length(outputs: str, inputs: dict) -> float:
    digest = hashlib.sha256(f"{inputs['n']} {outputs}".encode()).digest()
    return 5.0 + digest[0] / 64 + (digest[1] / 32 if digest[2] < 100 else 0)
"""


def test_a_mean_without_a_range_has_no_interval_wherever_it_is_shown(home: Path) -> None:
    """Nobody can say whether rarer, larger values exist; the median has an interval."""
    (home / "evaluators" / "length.py").write_text(LENGTH)
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(f"{EXPERIMENT.replace('strict', 'length')}gate: {{length: {{min: 1.0}}}}\n")
    note = "no interval of a mean without a range below 350 rows, since rare large values may"
    for words in (("run",), ("compare",), ("decide",), ("gate",), ("compare", "--markdown")):
        text = invoke(home, *words, MLFLOW_TRACKING_URI="none").stdout.replace("\\", "")
        assert " ".join(text.split()).count(note) == 1, words
        medians = re.findall(r"median [-+]?\d+\.\d+\s+\[[-+\d]", text)
        intervals = re.findall(r"\d\s+\[[-+\d]", text)
        assert len(medians) == len(intervals) > 0, words
    documents = {
        word: json.loads(invoke(home, word, "--json", MLFLOW_TRACKING_URI="none").stdout)
        for word in ("compare", "decide", "gate")
    }
    short = documents["compare"]["variants"][1]
    shown = [
        short["metrics"]["length"],
        short["comparisons"]["length"],
        documents["decide"]["candidates"][0],
        documents["decide"]["after_choosing"],
        documents["gate"]["checks"][0],
    ]
    assert [each["tail_unknown"] for each in shown] == [True] * 5
    assert [each["low"] for each in shown] == [None] * 5
    assert all(each["median"]["low"] is not None for each in shown)
    candidates = {each["variant"]: each for each in documents["decide"]["candidates"]}
    for variant in documents["compare"]["variants"]:
        median, candidate = variant["metrics"]["length"]["median"], candidates[variant["name"]]
        assert median == candidate["median"] == candidate["as_answered"]["median"]
    (check,) = [c for c in documents["gate"]["checks"] if c["variant"] == short["name"]]
    assert check["median"] == short["metrics"]["length"]["median"]
