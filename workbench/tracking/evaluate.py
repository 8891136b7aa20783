"""Evaluators over the finished outputs of a variant, through `mlflow.models.evaluate`.

    evaluate_run(dataset, evaluators, rows, result)

MLflow gets a static table of finished outputs; the metrics handed to it only fetch our scores,
so that its table and its numbers are those of the leaderboard.
"""

import importlib
from collections.abc import Sequence
from typing import Any

import mlflow
import pandas as pd
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.metrics import MetricValue, make_metric
from mlflow.models import EvaluationMetric

from workbench.dataset import Dataset
from workbench.evaluator import Evaluator
from workbench.results.metrics import Row, VariantResult
from workbench.tracking.client_settings import silence
from workbench.tracking.evaluation_table import number, shown, table

# MLflow has metrics of its own by these names, and without a model it fills them with zeros.
RESERVED = frozenset({"latency", "token_count"})


def evaluate_run(
    dataset: Dataset, evaluators: Sequence[Evaluator], rows: Sequence[Row], result: VariantResult
) -> None:
    """Has MLflow's evaluate log the dataset, the table and the means inside the active run.

    Where no row has an answer there is nothing to evaluate, and only the dataset is logged.

    Args:
        dataset: where the rows come from.
        evaluators: whose scores the rows have.
        rows: those that the table is to show.
        result: the numbers of all rows of the variant.
    """
    finished = [row for row in rows if row.state == "scored"]
    metrics = [_metric(one, finished, result) for one in evaluators if one.name not in RESERVED]
    if finished and metrics:
        data = _input(dataset, table(finished))
        mlflow.models.evaluate(data=data, extra_metrics=metrics, evaluators="default")
        silence()
    else:
        mlflow.log_input(_input(dataset, table(rows)), context="evaluation")


def prepare() -> None:
    """Imports what MLflow's evaluate will need, which takes a second, while there is time."""
    importlib.import_module("mlflow.models.evaluation.evaluator_registry")


def _input(dataset: Dataset, frame: pd.DataFrame) -> mlflow.data.pandas_dataset.PandasDataset:
    """The rows as MLflow's dataset input, under the dataset's own name and digest."""
    return mlflow.data.from_pandas(
        frame,
        source=CodeDatasetSource({"path": dataset.source}),
        name=dataset.name.rpartition("/")[2].partition(".")[0] or dataset.name,
        digest=dataset.digest[:8],
        predictions="output",
    )


def _metric(evaluator: Evaluator, rows: Sequence[Row], result: VariantResult) -> EvaluationMetric:
    scores = [row.scores[evaluator.name] for row in rows]
    mean = result.metrics[evaluator.name].mean

    def fetch(predictions: Any) -> MetricValue:
        told = scores[: len(predictions)]  # MLflow tries the first row, then asks for all
        return MetricValue(
            scores=[number(score) for score in told],
            justifications=[shown(score) for score in told],
            aggregate_results={} if mean is None else {"mean": mean},
        )

    return make_metric(
        eval_fn=fetch,
        greater_is_better=evaluator.traits.higher_is_better,
        name=evaluator.name,
    )
