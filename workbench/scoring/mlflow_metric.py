"""MLflow's metrics with their settings, and what they read of a row.

    mlflow.metrics:ndcg_at_k: {k: 3}                 a value of each answer: RowMetric
    mlflow.metrics:f1_score: {pos_label: positive}   one value of all answers: ColumnMetric

Regression metrics read numbers, classification metrics labels without surrounding spaces, retrieval
metrics JSON lists. Every other metric gets the text of the answer and the expected value unchanged.
"""

import inspect
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
from mlflow.metrics import MetricValue
from mlflow.models import EvaluationMetric

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, check_names, unknown_name
from workbench.evaluator import Score, Traits
from workbench.evaluator.readings import (
    LISTS,
    TEXTS,
    UnreadError,
    read_expected,
    read_label,
    read_list,
    read_number,
)

# Functions of MLflow's metrics, by what they read.
READS = {
    **dict.fromkeys(("mae", "mse", "rmse", "r2_score", "max_error", "mape"), "number"),
    **dict.fromkeys(("recall", "precision", "f1_score", "accuracy"), "label"),
    **dict.fromkeys(LISTS, "list"),
    **dict.fromkeys(TEXTS, "text"),
}
AVERAGES = ("binary", "micro", "macro", "weighted")
DATA = ("predictions", "targets", "metrics", "inputs", "sample_weight")  # not settings
# In the source of a metric: scores of rows, and not aggregates alone.
ROW_VALUES = re.compile(
    r"\bMetricValue\(\s*(?!aggregate_results\b|justifications\b|\))|\bMetricValue\([^)]*\bscores\s*="
)
NOT_LOADED = "Failed to "  # the beginning of MLflow's warning if a package or a hub is missing


class BoundMetric:
    """A metric of MLflow with a user's settings.

    Attributes:
        parameters: of its function that are data, by name.
        reads: `number`, `label`, `list`, `text` with an expected one; empty: text.

    Raises:
        WorkbenchError: a setting is unknown or invalid, or the metric needs a model.
    """

    def __init__(self, metric: EvaluationMetric, settings: Mapping[str, JSON]) -> None:
        function, self.metric = metric.eval_fn, metric
        parameters = inspect.signature(function).parameters
        optional = [n for n, p in parameters.items() if n not in DATA and p.default is not p.empty]
        check_names(f"setting of metric {metric.name!r}:", settings, optional)
        average = settings.get("average", "binary")
        if "average" in optional and average not in AVERAGES:
            raise unknown_name(f"average of metric {metric.name!r}:", str(average), AVERAGES)
        module, kind = function.__module__, function.__qualname__.partition("_eval_fn")[0][1:]
        if module == "mlflow.metrics" and metric.name == "latency":
            raise WorkbenchError(
                "MLflow measures latency only where it calls the model itself",
                fix="use the evaluator `latency`",
            )
        self.reads = READS.get(kind, "") if module == "mlflow.metrics.metric_definitions" else ""
        self.settings = dict(settings)
        self.average = str(average) if "average" in optional else ""
        if self.reads == "label" and "pos_label" in optional:  # labels are text
            self.settings["pos_label"] = read_label(settings.get("pos_label", 1), "pos_label")
        self.parameters = {
            name: parameter
            for name, parameter in parameters.items()
            if name not in self.settings and parameter.kind not in (2, 4)  # *args, **kwargs
        }

    @property
    def has_row_values(self) -> bool:
        """True if it gives a value of each row; metrics that call a model are taken to."""
        function = self.metric.eval_fn
        if self.metric.genai_metric_args or function.__module__.startswith("mlflow.metrics.genai"):
            return True
        try:
            return bool(ROW_VALUES.search(inspect.getsource(function)))
        except (OSError, TypeError):  # a function without source
            return False

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """Exceptions of MLflow's own metrics that every row would raise: no package, no hub."""
        is_mlflows = self.metric.eval_fn.__module__.startswith("mlflow.")
        return (ImportError, OSError) if is_mlflows else ()

    @property
    def signature(self) -> inspect.Signature:
        """The signature as an evaluator: data arguments alone."""
        kind, names = inspect.Parameter.POSITIONAL_OR_KEYWORD, ["outputs"]
        if self.parameters.keys() - DATA or "inputs" in self.parameters or self.has_row_values:
            names = ["inputs", "outputs"]
        arguments = [inspect.Parameter(name, kind) for name in names]
        optional = inspect.Parameter("expectations", kind, default=None)
        required = inspect.Parameter("expectations", kind)
        return inspect.Signature([*arguments, required if self.reads else optional])

    def traits(self, *, by_column: bool) -> Traits:
        """Its traits as an evaluator."""
        higher = self.metric.greater_is_better
        limits = (0.0, 1.0) if by_column and self.reads == "label" else None
        return Traits(higher_is_better=higher is not False, range=limits, by_column=by_column)

    def read(self, output: str, expectations: Mapping[str, JSON] | None) -> tuple[JSON, JSON]:
        """Return the answer and the expected value as the metric reads them.

        Raises:
            UnreadError: one of them is no number, or no single value.
        """
        expected = (expectations or {}).get("expected_response")
        if not self.reads:
            return output, expected
        if self.reads == "list":
            return read_list(output), read_list(expected)
        answer: JSON = output
        if self.reads != "text":
            read = read_number if self.reads == "number" else read_label
            answer = read(output, "the answer")
        return answer, read_expected(expected, self.reads)

    def call(self, columns: Mapping[str, Any], **settings: JSON) -> Any:
        """Call the metric's function with columns by name; `settings` replace its own.

        Raises:
            UnreadError: the function needs a column that is missing.
        """
        positional: list[Any] = []
        keywords: dict[str, Any] = {**self.settings, **settings}
        skipped = False  # the arguments after one that keeps its default are keywords
        for name, parameter in inspect.signature(self.metric.eval_fn).parameters.items():
            if name not in columns or name not in self.parameters:
                if name in self.parameters and parameter.default is parameter.empty:
                    raise UnreadError(f"the metric needs a column {name!r}")
                skipped = True
            elif skipped or parameter.kind is parameter.KEYWORD_ONLY:
                keywords[name] = columns[name]
            else:
                positional.append(columns[name])
        return self.metric.eval_fn(*positional, **keywords)


class RowMetric:
    """A metric with a value of each row, as an evaluator function."""

    def __init__(self, metric: BoundMetric) -> None:
        self.__signature__ = metric.signature
        self.__workbench_traits__ = metric.traits(by_column=False)
        self._metric = metric
        self._failure = ""  # of a package or a hub, which every row would repeat

    def __call__(self, inputs: Any, outputs: str, expectations: Any = None) -> Score:
        """The score of one row; MLflow's own reason where it gives none."""
        if self._failure:
            return Score(error=self._failure)
        try:
            answer, expected = self._metric.read(outputs, expectations)
        except UnreadError as error:
            return Score(error=error.message)
        columns = {
            **{name: pd.Series([value]) for name, value in inputs.items()},
            "predictions": pd.Series([answer]),
            "targets": pd.Series([expected]),
            "inputs": pd.Series([inputs]),
            "metrics": {},
        }
        with mlflow_reasons() as reasons:
            try:
                value = self._metric.call(columns)
            except UnreadError as error:
                return Score(error=error.message)
            except self._metric.failures as error:
                self._failure = f"{type(error).__name__}: {error}"
                return Score(error=self._failure)
        if not isinstance(value, MetricValue) or not value.scores:
            reason = reasons[0] if reasons else "MLflow's metric has no value of this row"
            self._failure = reason if reason.startswith(NOT_LOADED) else ""
            return Score(error=reason)
        justifications = value.justifications or [""]
        return Score(value.scores[0], justifications[0] or "")

    def score_column(
        self, answers: Sequence[tuple[str, Mapping[str, JSON] | None]]
    ) -> Sequence[float]:
        """The scores of answers with their expectations, by one call with the whole column."""
        if not answers:
            return []
        pairs = [self._metric.read(output, expectations) for output, expectations in answers]
        columns = {"predictions": pd.Series([answer for answer, _ in pairs])}
        columns["targets"] = pd.Series([expected for _, expected in pairs])
        return list(self._metric.call({**columns, "metrics": {}}).scores)


@contextmanager
def mlflow_reasons() -> Iterator[list[str]]:
    """Collect the warnings of MLflow and its libraries, which are then not printed."""
    reasons: list[str] = []
    handler, logger = logging.Handler(logging.WARNING), logging.getLogger("mlflow")
    handler.emit = lambda record: reasons.append(_reason(record.getMessage()))  # type: ignore[method-assign]
    handlers, propagate, level = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield reasons
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
    relevant = (w for w in caught if issubclass(w.category, UserWarning))  # not of deprecations
    reasons += [str(warning.message) for warning in relevant]


def _reason(message: str) -> str:
    """MLflow's warning without the row and its text, so that equal reasons count as one."""
    message = re.sub(r" on row \d+(, value .*)?\. Skipping", ". Skipping", message, flags=re.DOTALL)
    message = re.sub(r"[.,;]? *[Ss]kipping metric logging\.?", "", message)
    return " ".join(message.split())
