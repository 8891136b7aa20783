"""MLflow's metrics and scorers as evaluator functions.

mlflow.metrics.exact_match()  ->  judge(inputs, outputs, expectations) = Score(True)
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer
from mlflow.models import EvaluationMetric

from workbench.canonical import JSON
from workbench.evaluator import Score


def adapt(target: object, settings: Mapping[str, JSON]) -> Callable[..., Any] | None:
    """An MLflow metric or scorer, or a factory of one, as a function; None: it is neither."""
    if inspect.isclass(target) or inspect.isfunction(target):
        target = target(**settings)
    if isinstance(target, Scorer):
        return _from_scorer(target)
    if isinstance(target, EvaluationMetric):
        return _from_metric(target)
    return None


def _from_scorer(scorer: Scorer) -> Callable[..., Any]:
    def judge(inputs: Any, outputs: str, expectations: Any = None) -> Score:
        return _score(scorer.run(inputs=inputs, outputs=outputs, expectations=expectations))

    return judge


def _from_metric(metric: EvaluationMetric) -> Callable[..., Any]:
    """Call the metric with one row; a metric that only aggregates gives that row's aggregate."""
    parameters = inspect.signature(metric.eval_fn).parameters

    def judge(inputs: Any, outputs: str, expectations: Any = None) -> Score:
        columns = {
            "predictions": pd.Series([outputs]),
            "targets": pd.Series([expectations.get("expected_response")]),
            "inputs": pd.Series([inputs]),
            "metrics": {},
            **{name: pd.Series([value]) for name, value in inputs.items() if name in parameters},
        }
        value = metric.eval_fn(**{name: columns[name] for name in parameters if name in columns})
        if value.scores:
            reason = value.justifications[0] if value.justifications else ""
            return Score(value.scores[0], reason or "")
        return Score(next(iter(value.aggregate_results.values())))

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
