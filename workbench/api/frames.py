"""Results as data frames of pandas.

leaderboard_frame    a line per variant and metric, best first: mean, interval, verdict
comparison_frame     a line per compared variant and metric: difference, interval, verdict
slices_frame         a line per slice, compared variant and metric
changes_frame        a line per row whose score differs from the baseline's
judges_frame         a line per judge that a plan may ask
candidates_frame     a line per variant that could be taken, the best supported first
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Ranking
from workbench.comparing.slices import Slice
from workbench.plan import Plan
from workbench.plan.forecast import Forecast
from workbench.report.leaderboard import rank_variants
from workbench.report.row_names import TOKENS
from workbench.results.types import MetricComparison, VariantResult
from workbench.scoring.judge_forecast import JudgeForecast

SLICE_NAMES = {
    *("variant", "baseline", "metric", "rows", "before", "after", "difference"),
    *("mean", "low", "high", "p", "verdict", "n"),
}


def leaderboard_frame(results: Sequence[VariantResult]) -> pd.DataFrame:
    """A line per variant and metric, the best variant first, as the command's leaderboard.

    Without evaluators a line per variant.
    """
    return pd.DataFrame(
        {
            "variant": result.variant.name,
            "metric": name,
            "mean": metric.mean if metric else None,
            "low": metric.low if metric else None,
            "high": metric.high if metric else None,
            "n": metric.n if metric else 0,
            "verdict": comparison.verdict.conclusion if comparison else None,
            "baseline": comparison.baseline if comparison else None,
            "difference": comparison.difference.mean if comparison else None,
            "difference_low": comparison.difference.low if comparison else None,
            "difference_high": comparison.difference.high if comparison else None,
            "p": comparison.verdict.p if comparison else None,
            "rows": result.rows.planned,
            "failed": result.rows.failed,
            "not_run": result.rows.not_run,
            "cost_of_1000": result.cost_of_1000,
            "latency_s": result.latency_s,
        }
        for result in rank_variants(results)
        for name, metric in result.metrics.items() or [("", None)]
        for comparison in [result.comparisons.get(name)]
    )


def comparison_frame(compared: ExperimentComparison) -> pd.DataFrame:
    """A line per compared variant and metric; differences are variant minus baseline."""
    names = [variant.name for variant in compared.plan.variants]
    return pd.DataFrame(
        {
            "variant": names[number],
            "baseline": names[base],
            "metric": metric,
            **_numbers(comparison),
        }
        for number, base in compared.pairs
        for metric, comparison in compared.results[number].comparisons.items()
    )


def slices_frame(compared: ExperimentComparison, columns: Sequence[str]) -> pd.DataFrame:
    """A line per slice, compared variant and metric; without a baseline per variant and metric."""
    names = [f"inputs.{column}" if column in SLICE_NAMES else column for column in columns]
    return pd.DataFrame(
        {**dict(zip(names, part.key, strict=True)), "rows": len(part.rows), **line}
        for part in compared.slices
        for line in _slice_lines(compared, part)
    )


def _slice_lines(compared: ExperimentComparison, part: Slice) -> Iterator[dict[str, Any]]:
    names = [variant.name for variant in compared.plan.variants]
    for number, name in enumerate(names):
        base = compared.plan.baselines[number]
        if base is None and compared.pairs:
            continue
        for metric, value in part.values[number].items():
            line = {"variant": name, "metric": metric}
            if base is None:
                measured = {key: getattr(value, key, None) for key in ("mean", "low", "high")}
                yield {**line, **measured, "n": value.n if value else 0}
            elif comparison := part.comparisons.get(number, {}).get(metric):
                yield {**line, "baseline": names[base], **_numbers(comparison)}


def _numbers(comparison: MetricComparison) -> dict[str, Any]:
    difference, verdict = comparison.difference, comparison.verdict
    return {
        "before": difference.before,
        "after": difference.after,
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "p": verdict.p,
        "verdict": verdict.conclusion,
        "n": difference.rows,
    }


def changes_frame(compared: ExperimentComparison) -> pd.DataFrame:
    """A line per row (and repeat) whose score differs from the baseline's, with both answers."""
    names = [variant.name for variant in compared.plan.variants]
    numbers = {example.id: number for number, example in enumerate(compared.plan.examples)}
    columns = ("variant", "metric", "before", "after", "gain", "baseline_output", "output")
    repeated = compared.plan.experiment.repeats > 1
    return pd.DataFrame(
        (
            (
                *(numbers[change.row], change.row, *([change.repeat] if repeated else [])),
                *(names[change.variant], change.metric, change.before, change.after),
                *(change.gain, *change.answers),
            )
            for change in compared.changes
        ),
        columns=["row", "id", *(["repeat"] if repeated else []), *columns],
    )


def plan_frame(plan: Plan, forecasts: Sequence[Forecast]) -> pd.DataFrame:
    """A line per variant: rows, requests to send, expected tokens, cost and seconds."""
    return pd.DataFrame(
        {
            "variant": variant.name,
            "rows": plan.rows,
            "to_send": forecast.requests,
            **{name: getattr(forecast, name) for name in TOKENS},
            "cost_low": forecast.low,
            "cost_high": forecast.high,
            "seconds": forecast.seconds,
        }
        for variant, forecast in zip(plan.variants, forecasts, strict=True)
    )


def judges_frame(forecasts: Sequence[JudgeForecast]) -> pd.DataFrame:
    """A line per judge: verdicts stored, the most requests and tokens, cost; empty without any."""
    columns = ["judge", "models", "stored", "to_send", *TOKENS, "cost_low", "cost_high"]
    return pd.DataFrame(
        (
            (
                *(forecast.name, ", ".join(forecast.models), forecast.stored, forecast.requests),
                *(getattr(forecast, name) for name in TOKENS),
                *(forecast.low, forecast.high),
            )
            for forecast in forecasts
        ),
        columns=columns,
    )


def candidates_frame(plan: Plan, ranking: Ranking) -> pd.DataFrame:
    """A line per variant that could be taken, those within the limits first."""
    return pd.DataFrame(
        {
            "variant": plan.variants[candidate.variant].name,
            ranking.metric: candidate.quality,
            "low": candidate.low,
            "high": candidate.high,
            "n": candidate.rows,
            "cost_of_1000": candidate.cost,
            "latency_s": candidate.latency_s,
            "within_limits": not candidate.against,
            "may_be_best": candidate.as_good,
            "support": candidate.support,
            "against": "; ".join(candidate.against),
        }
        for candidate in ranking.candidates
    )
