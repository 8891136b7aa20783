"""MLflow's metrics and scorers as evaluator functions.

mlflow.metrics:rmse          ColumnMetric, one value of all answers
mlflow.genai.scorers:Safety  judge(inputs, outputs, expectations) = Score(True)
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer
from mlflow.models import EvaluationMetric

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, check_names
from workbench.evaluator import Score
from workbench.scoring.column_metric import ColumnMetric
from workbench.scoring.mlflow_metric import BoundMetric, RowMetric, mlflow_reasons


def adapt(target: object, settings: Mapping[str, JSON]) -> Callable[..., Any] | None:
    """An MLflow metric or scorer, or a factory of one, as a function; None: it is neither.

    Raises:
        WorkbenchError: a setting is unknown, or MLflow refuses the metric.
    """
    if inspect.isclass(target) or inspect.isfunction(target):
        target, settings = _create(target, settings)
    if isinstance(target, Scorer):
        check_names("setting of a scorer:", settings, [])
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
    takes_all = inspect.isclass(factory) or inspect.Parameter.VAR_KEYWORD in kinds
    arguments = {k: v for k, v in settings.items() if takes_all or k in parameters}
    required = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if missing := [name for name in required if name not in arguments]:
        name = factory.__name__
        raise WorkbenchError(
            f"{name} needs the setting {' and '.join(map(repr, missing))}",
            fix=f"{name}: {{{', '.join(f'{setting}: …' for setting in missing)}}}",
        )
    with mlflow_reasons() as reasons:
        target = factory(**arguments)
        if reasons:
            raise WorkbenchError(f"MLflow: {reasons[0]}")
    return target, {k: v for k, v in settings.items() if k not in arguments}


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
