"""What a run shows beside its traces: parameters, metrics, tags.

label_match/mean 0.83   cost 0.12   rows/scored 149   rows/planned 150   rows/failed 1

Counts that are what one expects are left out: failed, not_run, errors, not_applicable that are 0,
planned and an evaluator's n that are the number of scored rows. `results.json` has all of them.
"""

import math
from collections.abc import Iterator, Mapping

from mlflow.entities import Metric, Param, Run, RunTag

from workbench.canonical import JSON, canonical_json
from workbench.plan import Plan, Variant
from workbench.results.metrics import VariantResult, interval_text, variant_json
from workbench.tracking.runs import RunAttempt
from workbench.tracking.tracking_store import TrackingStore

LONGEST_PARAM = 6000
NAN = float("nan")


def log_params(place: TrackingStore, run: Run, plan: Plan, variant: Variant) -> None:
    """What the variant is; what may differ when a run is continued (batch size, …) is a tag."""
    model = variant.model
    said: dict[str, JSON] = {
        "prompt": variant.prompt.ref,
        "prompt_version": variant.prompt.version,
        "model": model.model.ref,
        **{f"model.{key}": value for key, value in model.provider.identity.items()},
        **variant.parameters,
        "choice_method": variant.choice_method or None,
        "dataset": plan.experiment.dataset.name,
        "repeats": plan.experiment.repeats,
    }
    params = [
        Param(key, (value if isinstance(value, str) else canonical_json(value))[:LONGEST_PARAM])
        for key, value in said.items()
        if value is not None and key not in run.data.params
    ]
    tags = [RunTag(f"model.{key}", str(value)) for key, value in model.provider.facts.items()]
    place.client.log_batch(run.info.run_id, params=params, tags=tags)


def numbers(result: VariantResult) -> dict[str, float | None]:
    """Every metric of a variant's run by its name; None: it has no such number.

    MLflow's pages make each a column, in the order in which they were first logged: so what people
    compare comes first, and the counts after it.
    """
    rows = result.rows
    said: dict[str, float | None] = {
        f"{name}/mean": metric.mean for name, metric in result.metrics.items()
    }
    said["cost"] = result.cost
    said |= {"rows/scored": rows.scored, "rows/planned": rows.planned}
    said |= {"rows/failed": rows.failed, "rows/not_run": rows.not_run}
    for name, metric in result.metrics.items():
        said[f"{name}/n"] = metric.n
        said[f"{name}/errors"] = metric.errors
        said[f"{name}/not_applicable"] = metric.not_applicable
    return said


def _expected(name: str, result: VariantResult) -> float | None:
    """What a count is where the run shows none: nothing went wrong, every scored row has a value.

    A column of MLflow's page for each count of each evaluator would leave no room for the names.
    """
    if name in ("rows/failed", "rows/not_run") or name.endswith(("/errors", "/not_applicable")):
        return 0
    return result.rows.scored if name == "rows/planned" or name.endswith("/n") else None


def log_numbers(place: TrackingStore, attempt: RunAttempt, result: VariantResult) -> None:
    """Makes the run show these numbers, whatever it showed before.

    MLflow shows of a metric the value with the highest step, then the latest time, then the
    highest value, and deletes none. So a value that is there already is not written again, and one
    that differs is written at a step above those of every earlier attempt. Times are the run's
    start plus the step, so writing twice is writing once. A number that is no more is NaN.

    Args:
        place: the store.
        attempt: the run, and the how-manieth time that it is recorded.
        result: its numbers.
    """
    run_id, start = attempt.run.info.run_id, attempt.run.info.start_time
    held = place.client.get_run(run_id).data.metrics
    metrics: list[Metric] = []
    for name, value in metrics_of(result, held).items():
        if name not in held or not _same(held[name], value):
            step = attempt.number + (name in held)
            metrics.append(Metric(name, value, start + step, step))
    tags = [RunTag(name, interval_text(metric)) for name, metric in result.metrics.items()]
    place.client.log_batch(run_id, metrics=metrics, tags=tags)
    place.client.log_dict(run_id, variant_json(result), "results.json")


def wrong_numbers(place: TrackingStore, run_id: str, result: VariantResult) -> Iterator[str]:
    """The names of the metrics that the run doesn't show as they are."""
    held = place.client.get_run(run_id).data.metrics
    for name, value in metrics_of(result, held).items():
        if name not in held or not _same(held[name], value):
            yield name


def metrics_of(result: VariantResult, held: Mapping[str, float]) -> dict[str, float]:
    """What a run shows that shows `held` already: a number that is no more is NaN."""
    said = numbers(result)
    known = {
        name: float(value)
        for name, value in said.items()
        if value is not None and (name in held or value != _expected(name, result))
    }
    return known | {name: NAN for name in said if name in held and name not in known}


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=0) or (one != one and other != other)
