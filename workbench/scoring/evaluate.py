"""Evaluators over the finished outputs of a variant, through `mlflow.models.evaluate`.

    evaluate_run(dataset, evaluators, rows, store)     the rows with their scores

MLflow gets a static table of finished outputs; the metrics handed to it only fetch our scores,
so that its table and its numbers are those of the leaderboard.
"""

from collections.abc import Sequence
from typing import Any

import mlflow
import pandas as pd
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.metrics import MetricValue, make_metric
from mlflow.models import EvaluationMetric

from workbench.dataset import Dataset
from workbench.evaluator import Evaluator, Score
from workbench.quiet import silence
from workbench.results import Row
from workbench.scoring.cells import score_cells, with_scores
from workbench.scoring.table import number, shown, table
from workbench.store import Store

# MLflow has metrics of its own by these names, and without a model it fills them with zeros.
RESERVED = frozenset({"latency", "token_count"})


def evaluate_run(
    dataset: Dataset, evaluators: Sequence[Evaluator], rows: Sequence[Row], store: Store
) -> list[Row]:
    """As `score_rows`, by MLflow's evaluate inside the active run.

    It logs the dataset, the table and the means. Where no row has an answer there is nothing to
    evaluate, and only the dataset is logged.
    """
    finished = [row for row in rows if row.state == "scored"]
    columns: dict[str, list[Score]] = {}
    metrics = [
        _metric(one, finished, store, columns) for one in evaluators if one.name not in RESERVED
    ]
    if finished and metrics:
        data = _input(dataset, table(finished))
        mlflow.models.evaluate(data=data, extra_metrics=metrics, evaluators="default")
        silence()
    else:
        mlflow.log_input(_input(dataset, table(rows)), context="evaluation")
    for one in evaluators:
        if one.name not in columns:
            columns[one.name] = score_cells(one, finished, store)
    return with_scores(rows, {one.name: columns[one.name] for one in evaluators})


def _input(dataset: Dataset, frame: pd.DataFrame) -> mlflow.data.pandas_dataset.PandasDataset:
    """The rows as MLflow's dataset input, under the dataset's own name and digest."""
    return mlflow.data.from_pandas(
        frame,
        source=CodeDatasetSource({"path": dataset.source}),
        name=dataset.name.rpartition("/")[2].partition(".")[0] or dataset.name,
        digest=dataset.digest[:8],
        predictions="output",
    )


def _metric(
    evaluator: Evaluator, rows: Sequence[Row], store: Store, columns: dict[str, list[Score]]
) -> EvaluationMetric:
    def fetch(predictions: Any) -> MetricValue:  # noqa: ARG001  MLflow hands over the column
        if evaluator.name not in columns:  # MLflow tries the first row, then asks for all
            columns[evaluator.name] = score_cells(evaluator, rows, store)
        scores = columns[evaluator.name]
        numbers = [float(s.value) for s in scores if isinstance(s.value, bool | float)]
        return MetricValue(
            scores=[number(score) for score in scores],
            justifications=[shown(score) for score in scores],
            aggregate_results={"mean": sum(numbers) / len(numbers)} if numbers else {},
        )

    return make_metric(
        eval_fn=fetch,
        greater_is_better=evaluator.traits.higher_is_better,
        name=evaluator.name,
    )
