"""What `run --json` prints: one object whose shape `schema_version` names."""

from dataclasses import asdict

from workbench.canonical import JSON
from workbench.results.metrics import variant_json
from workbench.run.invocation import Invocation

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
        "currency": currency,
        "variants": [variant_json(variant) for variant in invocation.variants],
        "notes": list(invocation.plan.notes),
        "problems": [
            {"where": p.where, "message": p.message, "fix": p.fix} for p in invocation.problems
        ],
        "not_run": list(invocation.not_run),
        "race": _race(invocation),
        "exit_code": int(invocation.exit_code),
    }


def _race(invocation: Invocation) -> dict[str, JSON] | None:
    race = invocation.race
    if race is None:
        return None
    return {
        "metric": race.metric,
        "out": dict(race.out),
        "spared_requests": race.spared,
        "spared_cost": race.cost,
        "note": race.off,
    }
