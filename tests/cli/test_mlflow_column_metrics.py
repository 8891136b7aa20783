"""MLflow's metrics of whole columns in every command: one number, its interval and its verdict."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command import add_mlflow_store, call, invoke
from mlflow import MlflowClient
from sklearn import metrics as sklearn_metrics

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: target}
prompts: [first, second]
models: [echo:last]
evaluators:
  - mlflow.metrics:rmse
  - mlflow.metrics:f1_score: {average: macro}
  - mlflow.metrics:rouge1
  - mlflow.metrics:ndcg_at_k: {k: 1}
  - exact_match
max_failed: 1000
"""
TARGETS = [3.5, 1.0, 4.0, 2.5, 5.0, 3.0, 1.5, 2.0, 4.5, 3.5, 2.0, 1.0]
FIRST = ["3.5", "2", "3.5", "2.5", "4", "3", "1.5", "I would say 2", "5", "3.5", "1", "1"]
SECOND = ["3.5", "1", "4.5", "2.5", "5", "3", "1.0", "2", "4.5", "3.0", "2", "1"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    home = tmp_path_factory.mktemp("columns")
    task = home / "prompts" / "marks"
    task.mkdir(parents=True)
    rows = zip(FIRST, SECOND, TARGETS, strict=True)
    lines = [json.dumps({"a": a, "b": b, "target": str(target)}) for a, b, target in rows]
    (task / "rows.jsonl").write_text("\n".join(lines) + "\n")
    (task / "first.jinja").write_text("user:\n{{ a }}\n")
    (task / "second.jinja").write_text("user:\n{{ b }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT)
    add_mlflow_store(home, empty_store)
    return home


@pytest.fixture(scope="module")
def results(home: Path) -> dict[str, Any]:
    """What `run --json` prints, of a process of its own."""
    done = call(home, "run", "--json")
    assert (done.returncode, "FutureWarning" in done.stderr) == (0, False), done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def metric(results: dict[str, Any], variant: int, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = results["variants"][variant]["metrics"][name]
    return fields


def test_rmse_is_the_rmse_of_the_rows_it_can_read(results: dict[str, Any]) -> None:
    read = [(t, float(a)) for t, a in zip(TARGETS, FIRST, strict=True) if a[0] != "I"]
    expected = sklearn_metrics.root_mean_squared_error(*zip(*read, strict=True))
    rmse = metric(results, 0, "rmse")
    assert rmse["mean"] == pytest.approx(expected)
    assert rmse["low"] < expected < rmse["high"]
    assert [rmse[name] for name in ("kind", "n", "errors", "higher_is_better")] == [
        "column",
        11,
        1,
        False,
    ]
    f1 = sklearn_metrics.f1_score([str(t) for t in TARGETS], SECOND, average="macro")
    assert metric(results, 1, "f1_score")["mean"] == pytest.approx(f1)
    comparisons = results["variants"][1]["comparisons"]
    assert comparisons["rmse"]["reason"].startswith("a metric without a range needs 350 rows")
    f1_rows = [comparisons["f1_score"][name] for name in ("rows", "left_out", "reason")]
    assert f1_rows == [12, 0, ""]


def test_a_metric_that_gives_nothing_says_why_once(results: dict[str, Any]) -> None:
    reasons = results["variants"][1]["reasons"]
    of_rouge = {name: count for name, count in reasons.items() if name.startswith("rouge1")}
    assert list(of_rouge.values()) == [12]
    assert next(iter(of_rouge)).startswith("rouge1: Failed to load 'rouge' metric")
    (of_ndcg,) = (name for name in reasons if name.startswith("ndcg_at_k"))
    assert of_ndcg.startswith("ndcg_at_k: Cannot calculate metric 'ndcg_at_k'")


def test_mlflow_computes_the_same_number_once(home: Path, results: dict[str, Any]) -> None:
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    client = MlflowClient(uri, uri)
    for number, variant in enumerate(results["variants"]):
        for name in ("rmse", "f1_score"):
            (logged,) = client.get_metric_history(variant["run_id"], name)
            assert logged.step == 0  # a corrected value would have a higher step
            assert logged.value == pytest.approx(metric(results, number, name)["mean"])


def test_compare_and_history_show_it(home: Path, results: dict[str, Any]) -> None:
    compared = invoke(home, "compare").stdout.splitlines()
    value = f"{metric(results, 1, 'rmse')['mean']:.3f}"
    (line,) = (line for line in compared if line.startswith("  rmse  "))
    assert "no verdict" in line
    assert "median" not in line
    assert value in invoke(home, "history", "--metric", "rmse").stdout


def test_a_gate_on_it_goes_by_its_interval(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "prompts", tmp_path / "prompts")
    file = tmp_path / "prompts" / "marks" / "experiment.yaml"
    file.write_text(EXPERIMENT + "gate: {f1_score: {min: 0.1, no_worse_than: baseline, by: 0.9}}\n")
    assert invoke(tmp_path, "run", "--tracking-uri", "none").returncode == 0
    done = invoke(tmp_path, "gate", "--tracking-uri", "none")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "at least 0.1" in line)
    assert line.split()[:6] == ["second", "f1_score", "at", "least", "0.1", "passed"]


def test_a_label_that_no_row_expects_is_refused_before_anything_is_sent(
    home: Path, tmp_path: Path
) -> None:
    shutil.copytree(home / "prompts", tmp_path / "prompts")
    file = tmp_path / "prompts" / "marks" / "experiment.yaml"
    file.write_text(EXPERIMENT.replace("{average: macro}", "{pos_label: good}"))
    done = invoke(tmp_path, "plan", "--tracking-uri", "none")
    assert done.returncode == 2
    assert "f1_score: no row expects 'good', the `pos_label`" in done.stderr
