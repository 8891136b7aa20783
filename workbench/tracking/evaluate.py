"""A variant's scores in MLflow's table and means, through `mlflow.models.evaluate`.

text     label     output    state  id  repeat  exact_match/score  exact_match/justification
a joy    positive  positive  ok     r1  0       1.0                right
"""

import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from statistics import fmean
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.metrics import MetricValue, make_metric
from mlflow.models import EvaluationMetric

from workbench.canonical import JSON
from workbench.dataset import Dataset
from workbench.evaluator import Evaluator, Score, Spec
from workbench.evaluator.readings import PREFIX, READINGS
from workbench.results.types import MetricResult, Row, VariantResult
from workbench.scoring.adapter import adapt
from workbench.scoring.column_metric import ColumnMetric, headline
from workbench.scoring.mlflow_metric import RowMetric
from workbench.tracking.mlflow_client import silence
from workbench.tracking.row_records import rationale
from workbench.tracking.rows_parquet import CLUSTER
from workbench.tracking.run_data import round_metric
from workbench.workers.garbage import paused_gc

TABLE_FILE = "eval_results_table.json"  # the name that mlflow.models.evaluate gives it
# Columns beside inputs, expectations and scores.
TABLE_COLUMNS = ("output", "state", "id", "repeat", CLUSTER)
# MLflow handles metrics of these names as its own, and without a model it logs zeros.
RESERVED = frozenset({"latency", "token_count"})


def evaluate_run(
    dataset: Dataset, evaluators: Sequence[Evaluator], rows: Sequence[Row], result: VariantResult
) -> None:
    """Log the dataset, the table and the metrics in the active run, by `mlflow.models.evaluate`.

    MLflow gets a table of finished outputs, and computes its own metrics of numbers, labels and
    lists (rmse, f1_score, ndcg_at_k). The scores of all other evaluators were computed before and
    are finished columns of that table. It logs the table of the scored rows, `<evaluator>/mean`, or
    `<evaluator>` for one value of all rows, and the dataset input. It calls no model and no code of
    the project, and writes no trace. Failed rows are not in its table, which `write_table`
    replaces. If no row has a score, it is not called, and only the dataset is logged.

    `result` has the numbers of all rows of the variant, of which `rows` may be a sample: then every
    metric is a finished one.
    """
    scored = [row for row in rows if row.scored]
    complete = len(scored) == result.answers.scored
    metrics = [
        metric
        for evaluator in evaluators
        if evaluator.name not in RESERVED
        and (metric := _metric(evaluator, scored, result.metrics[evaluator.name], complete))
    ]
    if scored and metrics:
        import_evaluate()
        data = _dataset_input(dataset, scored)
        mlflow.models.evaluate(data=data, extra_metrics=metrics, evaluators="default")
        silence()
    else:
        log_dataset(dataset, rows)


def log_dataset(dataset: Dataset, rows: Sequence[Row]) -> None:
    """Log the dataset alone in the active run."""
    mlflow.log_input(_dataset_input(dataset, rows), context="evaluation")


@cache
def import_evaluate() -> None:
    """Import the modules that `mlflow.models.evaluate` needs, which takes a second."""
    with paused_gc():
        importlib.import_module("mlflow.models.evaluation.evaluator_registry")


def _dataset_input(dataset: Dataset, rows: Sequence[Row]) -> mlflow.data.Dataset:
    return mlflow.data.from_pandas(
        _build_table(rows),
        source=CodeDatasetSource({"path": dataset.source}),
        name=dataset.name.rpartition("/")[2].partition(".")[0] or dataset.name,
        digest=dataset.digest[:8],
        predictions="output",
    )


def _metric(
    evaluator: Evaluator, rows: Sequence[Row], metric: MetricResult, complete: bool
) -> EvaluationMetric | None:
    """The metric that MLflow computes, or finished scores as one; None: it has no value.

    `complete`: `rows` are all scored rows of the variant.
    """
    name, higher_is_better = evaluator.name, evaluator.traits.higher_is_better
    has_all_rows = complete and evaluator.coverage is None
    computed = _mlflow_metric(evaluator.spec) if has_all_rows and evaluator.spec else None
    if isinstance(computed, RowMetric):
        function = _compute_rows(computed, rows, name, metric)
    elif not evaluator.traits.by_column:
        function = _finished_scores([row.scores[name] for row in rows], metric.mean)
    elif metric.mean is None:
        return None
    elif isinstance(computed, ColumnMetric):
        function = _compute_column(computed, rows, name)
    else:
        function = _finished_value(name, metric.mean)
    return make_metric(eval_fn=_rounded(function), greater_is_better=higher_is_better, name=name)


def _rounded(function: Callable[[Any], MetricValue]) -> Callable[[Any], MetricValue]:
    def compute(predictions: Any) -> MetricValue:
        value = function(predictions)
        numbers = (value.aggregate_results or {}).items()
        rounded = {name: n if n is None else round_metric(n) for name, n in numbers}
        return replace(value, aggregate_results=rounded)

    return compute


def _mlflow_metric(spec: Spec) -> object:
    """A metric of MLflow that needs the table alone: no hub, model or transform of the project."""
    name = spec.name.removeprefix(PREFIX)
    reading = READINGS.get(name, "text") if spec.name.startswith(PREFIX) else "text"
    if reading == "text" or "transform" in spec.settings:
        return None
    settings = {key: value for key, value in spec.settings.items() if key != "name"}
    return adapt(getattr(mlflow.metrics, name), settings)


def _finished_scores(scores: Sequence[Score], mean: float | None) -> Callable[[Any], MetricValue]:
    def look_up(predictions: Any) -> MetricValue:
        requested = scores[: len(predictions)]  # MLflow calls with the first row, then with all
        return MetricValue(
            scores=[_table_value(score) for score in requested],
            justifications=[score.error or rationale(score) or "" for score in requested],
            aggregate_results={} if mean is None else {"mean": mean},
        )

    return look_up


def _finished_value(name: str, value: float) -> Callable[[Any], MetricValue]:
    def look_up(predictions: Any) -> MetricValue:  # noqa: ARG001  MLflow passes it by name
        return MetricValue(aggregate_results={name: value})

    return look_up


def _compute_column(
    metric: ColumnMetric, rows: Sequence[Row], name: str
) -> Callable[[Any], MetricValue]:
    """MLflow's metric of all rows, under the evaluator's name."""
    examples = (row.cell.example for row in rows)
    compute = metric.of_table(
        [{"inputs": e.inputs, "outputs": "", "expectations": e.expectations} for e in examples]
    )

    def compute_named(predictions: Any) -> MetricValue:
        value = headline(compute(predictions).aggregate_results or {}, metric.name)
        return MetricValue(aggregate_results={name: value})

    return compute_named


def _compute_rows(
    metric: RowMetric, rows: Sequence[Row], name: str, result: MetricResult
) -> Callable[[Any], MetricValue]:
    """MLflow's metric of the column of those rows that it can read."""

    def compute(predictions: Any) -> MetricValue:
        answers = list(predictions)
        scores = [row.scores[name] for row in rows[: len(answers)]]
        read = [number for number, score in enumerate(scores) if score.number is not None]
        values: list[float | None] = [None] * len(answers)
        computed = metric.score_column(
            [(answers[number], rows[number].cell.example.expectations) for number in read]
        )
        for number, value in zip(read, computed, strict=True):
            values[number] = value
        # With repeats a row is the mean of its answers.
        mean = fmean(computed) if 0 < len(read) == result.n else result.mean
        return MetricValue(
            scores=values,
            justifications=[score.error for score in scores],
            aggregate_results={} if mean is None else {"mean": mean},
        )

    return compute


def write_table(
    client: MlflowClient, run_id: str, rows: Sequence[Row], clusters: Sequence[int | None]
) -> None:
    """Replace MLflow's table of a run by one with all rows, failed ones included.

    mlflow.models.evaluate appends to the table of a run that is recorded again. `clusters` has
    the cluster of each row; only where rows depend on each other the table shows it.
    """
    table = _build_table(rows)
    if None not in clusters:
        table[CLUSTER] = clusters
    for name in dict.fromkeys(name for row in rows for name in row.scores):
        scores = [row.scores.get(name, Score()) for row in rows]
        table[f"{name}/score"] = [_table_value(score) for score in scores]
        table[f"{name}/justification"] = [score.error or rationale(score) or "" for score in scores]
        if any(score.error for score in scores):
            table[f"{name}/error"] = [score.error or "" for score in scores]
    client.log_text(run_id, table.to_json(orient="split", index=False), TABLE_FILE)
    artifacts = json.dumps([{"path": TABLE_FILE, "type": "table"}])
    client.set_tag(run_id, "mlflow.loggedArtifacts", artifacts)


def _table_value(score: Score) -> float | str | None:
    """The score's value: pass and fail are 1 and 0."""
    return score.value if isinstance(score.value, str | None) else float(score.value)


def _build_table(rows: Sequence[Row]) -> pd.DataFrame:
    """The table without scores."""
    return pd.DataFrame([_table_row(row) for row in rows])


def _table_row(row: Row) -> dict[str, JSON]:
    example = row.cell.example
    values = {**example.inputs, **example.expectations}
    return {
        **{
            key: v if isinstance(v, str | int | float | None) else str(v)
            for key, v in values.items()
        },
        "output": row.completion.text if row.completion else None,
        "state": row.completion.state if row.completion else "not_run",
        "id": example.id,
        "repeat": row.cell.repeat,
    }
