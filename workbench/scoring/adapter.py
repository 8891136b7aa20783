"""MLflow's metrics and scorers as evaluator functions.

adapt(mlflow.metrics.exact_match, {})  ->  a function of inputs, outputs, expectations
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
    """An MLflow metric or scorer, or what makes one, as an evaluator function; None: neither."""
    made = target
    if inspect.isclass(target) or inspect.isfunction(target):
        made = target(**settings)
    if isinstance(made, Scorer):
        return _from_scorer(made)
    if isinstance(made, EvaluationMetric):
        return _from_metric(made)
    return None


def _from_scorer(scorer: Scorer) -> Callable[..., Any]:
    def judged(inputs: Any, outputs: str, expectations: Any = None) -> Score:
        return _score(scorer.run(inputs=inputs, outputs=outputs, expectations=expectations))

    return judged


def _from_metric(metric: EvaluationMetric) -> Callable[..., Any]:
    """Calls the metric with one row; one that only aggregates gives the aggregate of that row."""
    wanted = inspect.signature(metric.eval_fn).parameters

    def judged(inputs: Any, outputs: str, expectations: Any = None) -> Score:
        given = {
            "predictions": pd.Series([outputs]),
            "targets": pd.Series([expectations.get("expected_response")]),
            "inputs": pd.Series([inputs]),
            "metrics": {},
            **{name: pd.Series([value]) for name, value in inputs.items() if name in wanted},
        }
        value = metric.eval_fn(**{name: given[name] for name in wanted if name in given})
        if value.scores:
            reason = value.justifications[0] if value.justifications else ""
            return Score(value.scores[0], reason or "")
        return Score(next(iter(value.aggregate_results.values())))

    return judged


def _score(said: Any) -> Score:
    if isinstance(said, list):
        said = said[0] if said else None
    if isinstance(said, Feedback):
        if said.error:
            return Score(error=str(said.error))
        return replace(_score(said.value), reason=said.rationale or "")
    if said in ("yes", "no"):  # how MLflow's judges say pass and fail
        return Score(said == "yes")
    return Score(said)
