"""A metric of MLflow that has one value of all answers of a variant, such as an RMSE or F1.

    metric.measure([{"outputs": "3.5", "expectations": {"expected_response": 4}}, …], …)
    ColumnScore(value=0.671, low=0.551, high=0.788, contributions={…}, unread={17: "…"})

`mlflow.models.evaluate` computes it, on a table of finished answers: no model is called, and
nothing reaches the user's tracking store, as the run is one of a store that is deleted afterwards.
The interval comes from calls of the same function without some of the rows.
"""

import inspect
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.metrics import MetricValue
from mlflow.models import EvaluationMetric

from workbench.canonical import JSON
from workbench.evaluator.errors import number_error
from workbench.evaluator.readings import UnreadError
from workbench.results.column_score import ColumnScore
from workbench.scoring.mlflow_metric import DATA, BoundMetric, mlflow_reasons
from workbench.scoring.run_metric import column_score
from workbench.stats.jackknife import RowIndexes, delete_groups

OUTPUT, EXPECTED = "workbench.output", "workbench.expected"  # columns of MLflow's table
FILE_STORE = "MLFLOW_ALLOW_FILE_STORE"
MAX_REASON = 300  # characters


class ColumnMetric:
    """A metric without values of rows, as an evaluator function that `measure` stands for."""

    def __init__(self, metric: BoundMetric) -> None:
        self.__signature__ = metric.signature
        self.__workbench_traits__ = metric.traits(by_column=True)
        self._metric = metric

    @property
    def name(self) -> str:
        """MLflow's name of it."""
        return str(self._metric.metric.name)

    def __call__(self, *_: Any, **__: Any) -> None:
        """There is no value of a row."""
        raise TypeError("this metric has one value for all rows; use measure")

    def measure(
        self, rows: Sequence[Mapping[str, JSON]], clusters: Sequence[int], limit_s: float
    ) -> ColumnScore:
        """Compute the value of these answers and its interval.

        Args:
            rows: data arguments of each answer, or the `error` for which it can't be read.
            clusters: of each answer; those of one cluster depend on each other.
            limit_s: seconds for the interval.
        """
        table, unread = self.read(rows)
        if table.empty:
            return ColumnScore(None, unread=unread)
        call = MetricCall(self._metric, len(table))
        metric = self._metric.metric
        with mlflow_reasons() as reasons:
            try:
                values = _evaluate(call, metric, table)
            except Exception as error:  # MLflow's own, or any of the metric's function
                values, reasons = {}, [_failure_reason(call.failure or error, self._metric)]
        value = headline(values, metric.name)
        if value is None or not math.isfinite(value):
            reason = reasons[0] if reasons else "it gave no value"
            return ColumnScore(None, unread=unread, error=f"MLflow: {reason}")
        if reason := number_error(value):
            return ColumnScore(None, unread=unread, error=f"MLflow: {reason}")
        read_clusters = [clusters[n] for n in range(len(rows)) if n not in unread]
        with mlflow_reasons():
            jackknife = delete_groups(call.statistic(), read_clusters, limit_s=limit_s)
        limits = self.__workbench_traits__.range
        score = column_score(replace(jackknife, value=value), read_clusters, limits)
        return replace(score, unread=unread)

    def of_table(self, rows: Sequence[Mapping[str, JSON]]) -> Callable[..., MetricValue]:
        """Return the function that computes the metric of MLflow's table of these answers.

        `rows` are as of `measure`; their outputs are those of the table.
        """

        def compute(predictions: Any) -> MetricValue:
            if len(predictions) < len(rows):  # MLflow tries the first row alone
                return MetricValue(aggregate_results={})
            outputs = zip(rows, predictions, strict=True)
            table, _ = self.read([{**row, "outputs": output} for row, output in outputs])
            columns = {"predictions": table[OUTPUT], "targets": table.get(EXPECTED), **table}
            value = self._metric.call({**columns, "metrics": {}})
            assert isinstance(value, MetricValue)
            return value

        return compute

    def read(self, rows: Sequence[Mapping[str, JSON]]) -> tuple[pd.DataFrame, dict[int, str]]:
        """Return the table of the answers that can be read, and the reason of each other one."""
        pairs: list[tuple[JSON, JSON]] = []
        unread: dict[int, str] = {}
        inputs: list[JSON] = []
        for position, row in enumerate(rows):
            try:
                if "error" in row:
                    raise UnreadError(row["error"])
                pairs.append(self._metric.read(row["outputs"], row.get("expectations")))
                inputs.append(row.get("inputs"))
            except UnreadError as error:
                unread[position] = error.message
        table = pd.DataFrame({OUTPUT: _two_labels(pairs, self._metric)})
        if any(expected is not None for _, expected in pairs):
            table[EXPECTED] = [expected for _, expected in pairs]
        if "inputs" in self._metric.parameters:
            table["inputs"] = inputs
        for name in self._metric.parameters.keys() - DATA:
            if any(name in (row or {}) for row in inputs):
                table[name] = [row.get(name) for row in inputs]
        return table, unread


class MetricCall:
    """The metric's function as MLflow calls it, with the arguments of that call.

    Attributes:
        failure: the exception that it raised; None if it raised none.
    """

    def __init__(self, metric: BoundMetric, rows: int) -> None:
        self.failure: Exception | None = None
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(name, parameter.POSITIONAL_OR_KEYWORD, default=parameter.default)
                for name, parameter in metric.parameters.items()
            ]
        )
        self._metric, self._rows = metric, rows
        self._columns: dict[str, Any] = {}

    def __call__(self, *values: Any) -> Any:
        """Call the function with all rows. MLflow first tries the first row, which is no column."""
        self._columns = dict(zip(self._metric.parameters, values, strict=True))
        if all(len(column) < self._rows for column in values if _is_column(column)):
            return MetricValue(aggregate_results={})
        try:
            return self._metric.call(self._columns)
        except Exception as error:
            self.failure = error
            raise

    def statistic(self) -> "Statistic":
        """The function of some rows of the same columns."""
        return Statistic(self._metric, self._columns)


class Statistic:
    """The metric of some of the rows.

    scikit-learn compares arrays faster than pandas columns, and numbers faster than labels.
    """

    def __init__(self, metric: BoundMetric, columns: Mapping[str, Any]) -> None:
        self._metric, self._columns = metric, dict(columns)
        self._settings: dict[str, JSON] = {}
        if not metric.reads:
            return
        pair = pd.concat([columns["predictions"], columns["targets"]], ignore_index=True)
        values = pair.to_numpy()
        if metric.reads == "label":
            values, labels = pd.factorize(pair)
            if "pos_label" in metric.settings:
                positive = metric.settings["pos_label"]
                self._settings["pos_label"] = [*labels, positive].index(positive)
        self._columns["predictions"], self._columns["targets"] = np.split(values, 2)

    def __call__(self, rows: RowIndexes) -> float:
        """The value of these rows; NaN if there is none."""
        columns = {name: _select(column, rows) for name, column in self._columns.items()}
        result = self._metric.call(columns, **self._settings)
        if isinstance(result, MetricValue):
            result = headline(result.aggregate_results or {}, self._metric.metric.name)
        return math.nan if result is None else float(result)


def headline(values: Mapping[str, Any], name: str) -> float | None:
    """The value of this name among the aggregates, else the mean, else the first; None: none."""
    for key in (name, f"{name}/{name}", f"{name}/mean", "mean", *values):
        if values.get(key) is not None:
            return float(values[key])
    return None


def _evaluate(call: MetricCall, metric: EvaluationMetric, table: pd.DataFrame) -> dict[str, float]:
    """Call `mlflow.models.evaluate` once; return its metrics."""
    renamed = EvaluationMetric(call, metric.name, metric.greater_is_better)
    with _temporary_run():
        result = mlflow.models.evaluate(
            data=table,
            predictions=OUTPUT,
            targets=EXPECTED if EXPECTED in table else None,
            extra_metrics=[renamed],
            evaluators="default",
        )
    return dict(result.metrics)


@contextmanager
def _temporary_run() -> Iterator[None]:
    """A run of a tracking store in files, which takes 0.05 s and is deleted afterwards.

    It is the active run whatever experiment or run an evaluator's module has made active.
    """
    tracking_uri, environment = mlflow.get_tracking_uri(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FILE_STORE] = "true"
        os.environ.pop("MLFLOW_RUN_ID", None)
        mlflow.set_tracking_uri(Path(folder).as_uri())
        try:
            experiment_id = MlflowClient().create_experiment("columns")
            with mlflow.start_run(
                experiment_id=experiment_id, nested=True, log_system_metrics=False
            ):
                yield
        finally:
            mlflow.set_tracking_uri(tracking_uri)
            os.environ.clear()
            os.environ.update(environment)


def _two_labels(pairs: Sequence[tuple[JSON, JSON]], metric: BoundMetric) -> list[JSON]:
    """The answers; for a metric of one label those that are another one count as not that label.

    scikit-learn refuses a third label, and a model's answer may be anything.
    """
    answers = [answer for answer, _ in pairs]
    if metric.average != "binary":
        return answers
    expected = {label for _, label in pairs}
    positive = metric.settings.get("pos_label")
    if positive not in expected or len(expected) > 2:
        return answers
    negative = next(iter(expected - {positive}), f"not {positive}")
    return [positive if answer == positive else negative for answer in answers]


def _failure_reason(error: Exception, metric: BoundMetric) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:MAX_REASON]
    if metric.average and "pos_label" in str(error):
        return f"{reason}; set pos_label to one of them, or average: macro"
    return reason


def _is_column(value: Any) -> bool:
    return isinstance(value, pd.Series | pd.DataFrame)


def _select(value: Any, rows: RowIndexes) -> Any:
    """These rows of a column; what is no column unchanged."""
    if _is_column(value):
        return value.iloc[rows].reset_index(drop=True)
    return value[rows] if isinstance(value, np.ndarray) else value
