"""An experiment without evaluators: answers are read, and nothing is measured."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from command import add_mlflow_store, invoke, write_task

import workbench as wb

EXPERIMENT = """\
dataset: {path: rows.csv, expected: label}
prompts: [plain, loud]
models: [echo:last]
"""
NOTHING = "nothing is measured: the experiment has no evaluators"
FIX = "  fix: add `evaluators: [exact_match]` (workbench evaluators lists what there is)"


@pytest.fixture(scope="module")
def unmeasured(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A task whose answers are stored and recorded."""
    home = tmp_path_factory.mktemp("unmeasured")
    write_task(home, EXPERIMENT)
    add_mlflow_store(home, empty_store)
    done = invoke(home, "run")
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize("key", ["", "evaluators:\n", "evaluators: []\n"])
def test_evaluators_may_be_missing_or_empty(tmp_path: Path, key: str) -> None:
    write_task(tmp_path, EXPERIMENT + key)
    done = invoke(tmp_path, "run", MLFLOW_TRACKING_URI="none")
    header, first, second, note, *_ = done.stdout.splitlines()
    assert (done.returncode, header.split(), first.split(), second.split()) == (
        *(0, ["variant", "rows", "tokens", "in/out", "latency", "model", "time"]),
        *(["plain", "2", "2/2", "unknown", "0", "ms"], ["loud", "2", "2/2", "unknown", "0", "ms"]),
    )
    assert note.startswith(f"{NOTHING}; add `evaluators: [exact_match]`")


def test_runs_are_recorded_with_their_answers(unmeasured: Path) -> None:
    with sqlite3.connect(unmeasured / ".workbench" / "mlflow.db") as store:
        names = {name for (name,) in store.execute("SELECT DISTINCT key FROM metrics")}
        traces = store.execute("SELECT COUNT(*) FROM trace_info").fetchone()
    assert (traces, "exact_match/mean" in names) == ((4,), False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["show", "1"], "row 1, "),
        (["compare"], f"  {NOTHING}; 2 of 2 answers differ"),
        (["compare"], "'yes' is now 'YES'"),
        (["compare", "--markdown"], "- nothing is measured"),
        (["history"], "no metric: the runs, and what changed between them"),
        (["plan"], f"{NOTHING}; answers are stored and shown"),
    ],
)
def test_what_reads_answers_shows_them_without_verdicts(
    unmeasured: Path, words: list[str], expected: str
) -> None:
    done = invoke(unmeasured, *words)
    assert (done.returncode, expected in done.stdout) == (0, True), done.stdout
    assert "verdict" not in done.stdout


@pytest.mark.parametrize("words", ["run", "compare", "history"])
def test_json_has_no_metric(unmeasured: Path, words: str) -> None:
    done = invoke(unmeasured, words, "--json")
    document = json.loads(done.stdout)
    metrics = [variant.get("metrics", {}) for variant in document["variants"]]
    assert (done.returncode, metrics) == (0, [{}, {}])


def test_the_page_is_written_and_kept_with_the_run(unmeasured: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert invoke(unmeasured, "compare", "--html", str(page)).returncode == 0
    artifacts = [file.name for file in (unmeasured / ".workbench").rglob("comparison.html")]
    assert (len(artifacts), '"metrics":[]' in page.read_text()) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ["gate"],
        ["gate", "--grow", "--max-calls", "4"],
        ["decide"],
        ["run", "--race"],
        ["run", "--race-on", "exact_match"],
        ["plan", "--power", "0.05"],
        ["compare", "--factors"],
        ["compare", "--by", "label"],
        ["promote", "plain", "--to", "production"],
    ],
)
def test_what_needs_evidence_asks_for_an_evaluator(unmeasured: Path, words: list[str]) -> None:
    done = invoke(unmeasured, *words)
    assert (done.returncode, FIX in done.stderr) == (2, True), done.stderr
    assert f"needs a metric, but {NOTHING}" in done.stderr


@pytest.mark.parametrize("key", ["gate: {exact_match: {min: 0.5}}", "margin: {exact_match: 0.1}"])
def test_rules_of_metrics_need_them(tmp_path: Path, key: str) -> None:
    write_task(tmp_path, f"{EXPERIMENT}{key}\n")
    done = invoke(tmp_path, "run")
    name = key.partition(":")[0]
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        f"  fix: add `evaluators: [exact_match]`, or leave `{name}:` out",
    )


def test_evaluators_that_are_added_score_the_stored_answers(tmp_path: Path) -> None:
    write_task(tmp_path, EXPERIMENT)
    assert invoke(tmp_path, "run", MLFLOW_TRACKING_URI="none").returncode == 0
    file = tmp_path / "prompts" / "qa" / "experiment.yaml"
    file.write_text(f"{EXPERIMENT}evaluators: [exact_match]\n")
    done = invoke(tmp_path, "run", "--json", MLFLOW_TRACKING_URI="none")
    document = json.loads(done.stdout)
    means = {v["name"]: v["metrics"]["exact_match"]["mean"] for v in document["variants"]}
    assert (document["requests"]["sent"], means) == (0, {"plain": 0.5, "loud": 0.0})


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of calls from Python."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "MLFLOW_TRACKING_URI", "none")
    return tmp_path


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("keywords", [{}, {"evaluators": []}])
def test_python_shows_answers_without_verdicts(keywords: dict[str, list[str]]) -> None:
    results = wb.run(
        prompts={"short": "{{ text }}", "loud": "{{ text | upper }}"},
        models="echo:last",
        data=pd.DataFrame({"text": ["yes", "no"]}),
        progress=False,
        **keywords,
    )
    comparison, calls = results.compare(), [results.decide, lambda: results.compare(by="text")]
    assert results.leaderboard[["variant", "metric", "n", "rows"]].values.tolist() == [
        ["short", "", 0, 2],
        ["loud", "", 0, 2],
    ]
    assert results.to_pandas()["output"].tolist() == ["yes", "no", "YES", "NO"]
    assert (comparison.verdict, len(comparison.to_pandas()), len(comparison.changes)) == ("", 0, 0)
    assert "→ YES" in repr(results.show(0))
    for text in (repr(results), results._repr_html_(), repr(comparison)):
        assert NOTHING in text
    for call in calls:
        _refuses(call)


def _refuses(call: Callable[[], object]) -> None:
    with pytest.raises(wb.WorkbenchError, match=NOTHING) as refused:
        call()
    assert "add `evaluators=['exact_match']`" in refused.value.fix
