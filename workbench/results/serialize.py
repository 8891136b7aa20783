"""Results as JSON: in `run --json`, `compare --json`, `results.json` and the comparison page.

{"name": "few_shot", "rows": {"planned": 150, …}, "metrics": {"exact_match": {"mean": 0.83, …}}}
"""

from dataclasses import asdict

from workbench.canonical import JSON
from workbench.results.types import MetricComparison, MetricResult, VariantResult
from workbench.stats.blocks import BlockDifference, SignedRanks
from workbench.stats.pairs import Difference


def variant_json(result: VariantResult) -> dict[str, JSON]:
    """Return a variant as in `run --json` and in its run's `results.json`."""
    variant, finishes = result.variant, result.unknown_finishes
    return {
        "name": variant.name,
        "prompt": variant.prompt.ref,
        "version": variant.prompt.version,
        "digest": variant.prompt.digest,
        "model": variant.model.model.ref,
        "parameters": dict(variant.parameters),
        **({"tools": tools} if (tools := variant.prompt.settings.tool_names) else {}),
        "choice_method": variant.choice_method,
        "run_id": result.run_id,
        "rows": asdict(result.rows),
        "answers": asdict(result.answers),
        "metrics": {
            name: _metric_json(metric) | {"flaky": list(result.flaky.get(name, ()))}
            for name, metric in result.metrics.items()
        },
        "usage": {
            "input_tokens": result.input_tokens,
            "output_tokens": result.output_tokens,
            **({"cached_tokens": result.cached_tokens} if result.cached_tokens else {}),
        },
        "cost": result.cost,
        "seconds": result.seconds,
        "latency": asdict(result.latency) if result.latency else None,
        "reasons": dict(result.reasons),
        "reasoning": result.reasoning,
        **({"unknown_finish_reasons": finishes} if finishes else {}),
        **({"ties": result.ties} if result.ties else {}),
        **({"model_note": result.model_note} if result.model_note else {}),
        "stopped": result.stopped,
        "comparisons": {
            name: comparison_json(comparison) for name, comparison in result.comparisons.items()
        },
    }


def _metric_json(metric: MetricResult) -> dict[str, JSON]:
    fields = asdict(metric)
    fields["worst_case"] = fields.pop("worst")
    fields["worst_case_unknown"] = fields.pop("worst_unknown")
    if metric.corrected is None:
        del fields["corrected"]
    if not metric.slice_of:
        del fields["slice_of"]
    return fields


def comparison_json(comparison: MetricComparison) -> dict[str, JSON]:
    """Return a comparison as JSON; differences are this variant minus its baseline."""
    verdict, worst = comparison.verdict, None
    if comparison.worst and comparison.worst_verdict:
        worst = {
            "verdict": comparison.worst_verdict.outcome,
            **difference_json(comparison.worst),
            "p_adjusted": comparison.worst_verdict.p,
        }
    return {
        "baseline": comparison.baseline,
        "verdict": verdict.outcome,
        "reason": verdict.reason,
        "verdict_alone": verdict.alone,
        **difference_json(comparison.difference),
        "p_adjusted": verdict.p,
        "margin": comparison.margin,
        "p_equivalence": verdict.p_equivalence,
        "rows_needed": verdict.rows_needed,
        "rows_needed_low": verdict.rows_needed_low,
        "least_shown": verdict.detectable,
        "left_out": comparison.left_out,
        "not_applicable": comparison.not_applicable,
        "worst_case": worst,
        "worst_case_unknown": comparison.worst_unknown,
        "imputed": comparison.imputed,
    }


def difference_json(difference: Difference) -> dict[str, JSON]:
    """Return a difference as JSON, with its interval and its test."""
    names = (
        "before",
        "after",
        "mean",
        "low",
        "high",
        "p",
        "test",
        "rows",
        "clusters",
        "tail_unknown",
        "up",
        "down",
    )
    fields = {name: getattr(difference, name) for name in names}
    fields["median"] = asdict(difference.median) if difference.median else None
    if difference.corrected:
        judged = difference.after - difference.before
        fields["corrected"] = asdict(difference.corrected) | {"judged": judged}
    if isinstance(difference, BlockDifference):
        fields["p95"] = _tail_json(difference.tail) if difference.tail else None
    return {"difference": fields.pop("mean"), **fields}


def _tail_json(tail: SignedRanks) -> dict[str, JSON]:
    low, high = tail.interval()
    return {"difference": tail.centre, "low": low, "high": high, "p": tail.p}
