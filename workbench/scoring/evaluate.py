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
from workbench.errors import never
from workbench.evaluator import Evaluator, Score
from workbench.quiet import silence
from workbench.results import Row
from workbench.scoring.cells import score_cells, with_scores
from workbench.scoring.judging import Asked, one_child
from workbench.scoring.tables import number, shown, table
from workbench.store import Store

# MLflow has metrics of its own by these names, and without a model it fills them with zeros.
RESERVED = frozenset({"latency", "token_count"})


def evaluate_run(
    dataset: Dataset,
    evaluators: Sequence[Evaluator],
    rows: Sequence[Row],
    store: Store,
    *,
    stopped: Asked = never,
) -> list[Row]:
    """As `score_rows`, by MLflow's evaluate inside the active run.

    It logs the dataset, the table and the means. Where no row has an answer there is nothing to
    evaluate, and only the dataset is logged.
    """
    finished = [row for row in rows if row.state == "scored"]
    with one_child():
        columns = _Columns(finished, store, stopped)
        metrics = [_metric(one, columns) for one in evaluators if one.name not in RESERVED]
        if finished and metrics:
            data = _input(dataset, table(finished))
            try:
                mlflow.models.evaluate(data=data, extra_metrics=metrics, evaluators="default")
            finally:  # what ended our scoring is what is raised, whatever MLflow makes of it
                columns.check()
            silence()
        else:
            mlflow.log_input(_input(dataset, table(rows)), context="evaluation")
        return with_scores(rows, {one.name: columns.of(one) for one in evaluators})


class _Columns:
    """Each evaluator's scores, judged when MLflow first asks for them."""

    def __init__(self, rows: Sequence[Row], store: Store, stopped: Asked) -> None:
        self._rows = rows
        self._store = store
        self._stopped = stopped
        self._known: dict[str, list[Score]] = {}
        self._error: Exception | None = None

    def of(self, evaluator: Evaluator) -> list[Score]:
        """MLflow tries the first row, then asks for all: they are judged once."""
        if evaluator.name not in self._known:
            try:
                self._known[evaluator.name] = score_cells(
                    evaluator, self._rows, self._store, stopped=self._stopped
                )
            except Exception as error:
                self._error = error
                raise
        return self._known[evaluator.name]

    def check(self) -> None:
        """Raises what ended the judging, if anything did."""
        if self._error:
            raise self._error


def _input(dataset: Dataset, frame: pd.DataFrame) -> mlflow.data.pandas_dataset.PandasDataset:
    """The rows as MLflow's dataset input, under the dataset's own name and digest."""
    return mlflow.data.from_pandas(
        frame,
        source=CodeDatasetSource({"path": dataset.source}),
        name=dataset.name.rpartition("/")[2].partition(".")[0] or dataset.name,
        digest=dataset.digest[:8],
        predictions="output",
    )


def _metric(evaluator: Evaluator, columns: _Columns) -> EvaluationMetric:
    def fetch(predictions: Any) -> MetricValue:  # noqa: ARG001  MLflow hands over the column
        scores = columns.of(evaluator)
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
