"""What `run --json` prints: one object whose shape `schema_version` names."""

from dataclasses import asdict

from workbench.canonical import JSON
from workbench.results import VariantResult, metric_json
from workbench.run import Invocation

SCHEMA_VERSION = 1


def invocation_json(invocation: Invocation, *, currency: str) -> dict[str, JSON]:
    """The invocation; counts as docs/counts.md defines them."""
    return {
        "schema_version": SCHEMA_VERSION,
        "experiment": invocation.plan.experiment.name,
        "plan_digest": invocation.plan.digest,
        "parent_run_id": invocation.parent_run_id,
        "tracking_uri": invocation.tracking_uri,
        "experiment_id": invocation.experiment_id,
        "recorded_before": invocation.known,
        "requests": asdict(invocation.requests),
        "variants": [_variant(variant, currency) for variant in invocation.variants],
        "notes": list(invocation.plan.notes),
        "problems": [
            {"where": p.where, "message": p.message, "fix": p.fix} for p in invocation.problems
        ],
        "exit_code": int(invocation.exit_code),
    }


def _variant(result: VariantResult, currency: str) -> dict[str, JSON]:
    variant = result.variant
    return {
        "name": variant.name,
        "prompt": variant.prompt.ref,
        "version": variant.prompt.version,
        "digest": variant.prompt.digest,
        "model": variant.model.model.ref,
        "parameters": dict(variant.parameters),
        "choice_method": variant.choice_method,
        "run_id": result.run_id,
        "rows": asdict(result.rows),
        "metrics": {name: metric_json(metric) for name, metric in result.metrics.items()},
        "usage": {"input_tokens": result.input_tokens, "output_tokens": result.output_tokens},
        "cost": result.cost,
        "currency": currency,
        "seconds": result.seconds,
    }
