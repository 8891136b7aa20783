"""MLflow's metrics and scorers as evaluator functions.

mlflow.metrics:rmse          ColumnMetric, one value of all answers
mlflow.genai.scorers:Safety  judge(inputs, outputs, expectations) = Score(True)
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer
from mlflow.models import EvaluationMetric
from pydantic import ValidationError

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, check_names
from workbench.evaluator import Score
from workbench.scoring.column_metric import ColumnMetric
from workbench.scoring.mlflow_metric import BoundMetric, RowMetric, mlflow_reasons
from workbench.scoring.required_settings import check_required

# Parameters of every scorer that are none of its settings.
SCORER_FIELDS = frozenset({"name", "description", "aggregations", "required_columns"})


def adapt(target: object, settings: Mapping[str, JSON]) -> Callable[..., Any] | None:
    """An MLflow metric or scorer, or a factory of one, as a function; None: it is neither.

    Raises:
        WorkbenchError: a setting is unknown, or MLflow refuses the metric.
    """
    parameters: Collection[str] = ()
    if inspect.isclass(target) or inspect.isfunction(target):
        parameters = inspect.signature(target).parameters.keys() - SCORER_FIELDS
        target, settings = _create(target, settings)
    if isinstance(target, Scorer):
        check_names(f"setting of scorer {target.name!r}:", settings, parameters)
        _check_rows(target)
        return _from_scorer(target)
    if isinstance(target, EvaluationMetric):
        metric = BoundMetric(target, settings)
        return RowMetric(metric) if metric.has_row_values else ColumnMetric(metric)
    return None


def _create(
    factory: Callable[..., Any], settings: Mapping[str, JSON]
) -> tuple[object, dict[str, JSON]]:
    """Call a factory with the settings that it takes; the others are left for its metric.

    MLflow warns of deprecated factories, which is not the user's concern, and of invalid arguments.
    """
    parameters = inspect.signature(factory).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    takes_all = inspect.Parameter.VAR_KEYWORD in kinds
    arguments = {k: v for k, v in settings.items() if takes_all or k in parameters}
    check_required(factory, arguments)
    with mlflow_reasons() as reasons:
        try:
            target = factory(**arguments)
        except ValidationError as error:
            raise _refusal(factory.__name__, error) from error
        if reasons:
            raise WorkbenchError(f"MLflow: {reasons[0]}")
    return target, {k: v for k, v in settings.items() if k not in arguments}


def _refusal(name: str, error: ValidationError) -> WorkbenchError:
    """The first thing that is wrong with the settings of a scorer."""
    first = error.errors()[0]
    setting = "".join(f": {part}" for part in first["loc"][:1])
    return WorkbenchError(f"{name}{setting}: {first['msg'].removeprefix('Value error, ')}")


def _check_rows(scorer: Scorer) -> None:
    """Check that a scorer judges an answer, and no trace or conversation.

    Raises:
        WorkbenchError: it does not.
    """
    columns = getattr(scorer, "required_columns", ())
    if scorer.is_session_level_scorer or "trace" in columns:
        raise WorkbenchError(
            f"the scorer {scorer.name!r} judges traces or conversations, and gets an answer only",
            fix="use one of answers, such as mlflow.genai.scorers:Correctness",
        )


def _from_scorer(scorer: Scorer) -> Callable[..., Any]:
    def judge(inputs: Any, outputs: str, expectations: Any = None) -> Score:
        return _score(scorer.run(inputs=inputs, outputs=outputs, expectations=expectations))

    return judge


def _score(result: Any) -> Score:
    if isinstance(result, list):
        result = result[0] if result else None
    if isinstance(result, Feedback):
        if result.error:
            return Score(error=str(result.error))
        return replace(_score(result.value), reason=result.rationale or "")
    if result in ("yes", "no"):  # pass and fail of MLflow's judges
        return Score(result == "yes")
    return Score(result)
