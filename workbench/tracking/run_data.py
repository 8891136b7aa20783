"""Parameters, metrics and tags of a variant's run.

    exact_match/mean 0.83   cost 0.12   rows/scored 149   rows/planned 150   rows/failed 1

MLflow shows a column for every metric of any run, and soon no names. So counts with their usual
value are left out: failed, not_run, errors and not_applicable that are 0, an evaluator's n that
equals the number of scored rows, and scored and planned rows that are the same number, which is
the parameter `rows`. Of cost, latency_s and tokens the first that is known is logged, or those
that `mlflow_metrics:` names. `results.json` has all of them. A number has at most DIGITS digits, so
that 0.9487499999999999 is 0.94875.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from mlflow.entities import Metric, Param, Run, RunTag

from workbench.canonical import JSON, canonical_json, digest
from workbench.comparing.history import RecordedEvaluator, RecordedMean
from workbench.plan import Plan
from workbench.results.scores import Measure
from workbench.results.serialize import variant_json
from workbench.results.types import MetricResult, VariantResult, interval_text
from workbench.tracking.tracking_store import TrackingStore

EVALUATORS, METRICS = "workbench.evaluators", "workbench.metrics"
DESCRIPTION = "mlflow.note.content"  # on the page of a run, where its scores are
DESCRIBED = "workbench.described"  # digest of the description that Workbench wrote
DIGEST_LENGTH = 16
NAN = float("nan")
DIGITS = 12  # significant digits of a metric


def log_params(store: TrackingStore, run: Run, plan: Plan, result: VariantResult) -> None:
    """Log the variant's parameters; settings that a later recording may change become tags."""
    variant, dataset = result.variant, plan.experiment.dataset
    model, groups = variant.model, "turns" if dataset.later_turns else "vars"
    values: dict[str, JSON] = {
        "prompt": variant.prompt.ref,
        "prompt_version": variant.prompt.version,
        "model": model.model.ref,
        **{f"model.{key}": value for key, value in model.provider.identity.items()},
        **{f"model.{key}": value for key, value in model.model.reading.items()},
        **variant.parameters,
        "tools": ", ".join(variant.prompt.settings.tool_names) or None,
        "choice_method": variant.choice_method or None,
        "normalize": variant.prompt.settings.as_json().get("normalize"),
        "dataset": dataset.name,
        "rows": str(result.rows.planned),
        "repeats": plan.experiment.repeats,
        "cluster": f"{dataset.cluster or groups} {digest(list(dataset.groups))[:8]}"
        if dataset.groups
        else None,
    }
    params = [
        Param(key, value if isinstance(value, str) else canonical_json(value))
        for key, value in values.items()
        if value is not None and key not in run.data.params
    ]
    tags = [RunTag(f"model.{key}", str(value)) for key, value in model.provider.facts.items()]
    store.client.log_batch(run.info.run_id, params=params, tags=tags)


def _all_metrics(result: VariantResult, figures: Sequence[str] | None) -> dict[str, float | None]:
    """Every metric of a variant's run by its name; None: it has no value, or isn't shown.

    MLflow's pages show a column for each, in the order in which they were first logged. So the
    metrics that people compare come first, and the counts after them.
    """
    rows, answers = result.rows, result.answers
    metrics: dict[str, float | None] = {
        name if metric.kind == "column" else f"{name}/mean": metric.mean
        for name, metric in result.metrics.items()
    }
    efforts = {"cost": result.cost, "latency_s": result.latency_s, "tokens": result.tokens}
    if figures is None:
        figures = [name for name, value in efforts.items() if value is not None][:1]
    for name in (*figures, *efforts):  # an evaluator may have the name
        metrics.setdefault(name, efforts[name] if name in figures else None)
    metrics |= {"rows/scored": rows.scored, "rows/planned": rows.planned}
    metrics |= {"rows/failed": rows.failed, "rows/not_run": rows.not_run}
    for name, metric in result.metrics.items():
        metrics[f"{name}/worst_case"] = metric.worst.mean if metric.worst else None
        metrics[f"{name}/n"] = metric.n
        metrics[f"{name}/errors"] = metric.errors
        metrics[f"{name}/not_applicable"] = metric.not_applicable
    if answers.planned != rows.planned:
        metrics |= {"answers/scored": answers.scored, "answers/planned": answers.planned}
        metrics |= {"answers/failed": answers.failed, "answers/not_run": answers.not_run}
        for name, metric in result.metrics.items():
            metrics[f"{name}/answers/n"] = metric.answers.n
            metrics[f"{name}/answers/errors"] = metric.answers.errors
            metrics[f"{name}/answers/not_applicable"] = metric.answers.not_applicable
    return metrics


def _usual_value(name: str, result: VariantResult) -> float | None:
    """The value of a count that is left out: nothing failed, every scored row has a value."""
    if name.endswith(("/failed", "/not_run", "/errors", "/not_applicable")):
        return 0
    counts = result.answers if "answers/" in name else result.rows
    if name.endswith("/scored"):
        return counts.planned
    return counts.scored if name.endswith(("/planned", "/n")) else None


def log_metrics(
    store: TrackingStore,
    run: Run,
    attempt: int,
    result: VariantResult,
    figures: Sequence[str] | None,
) -> None:
    """Make the run show these metrics, whatever it showed before.

    MLflow shows the value with the highest step, then the latest time, then the highest value, and
    deletes none. So a value that is already there is not logged again, and one that differs is
    logged at a step above those of all earlier attempts. Times are the run's start plus the step,
    so logging twice changes nothing. A metric that lost its value becomes NaN. `attempt` is the
    number of earlier recordings of the run, `figures` as in `RecordingJob`.
    """
    run_id, stored = run.info.run_id, store.client.get_run(run.info.run_id).data.metrics
    metrics = metrics_to_log(run, logged_metrics(result, stored, figures), stored, attempt)
    tags = [RunTag(name, interval_text(metric)) for name, metric in result.metrics.items()]
    tags.append(RunTag(METRICS, _metrics_tag(result)))
    store.client.log_batch(run_id, metrics=metrics, tags=tags)
    store.client.log_dict(run_id, variant_json(result), "results.json")


def metrics_to_log(
    run: Run, values: Mapping[str, float], stored: Mapping[str, float], attempt: int
) -> list[Metric]:
    """The metrics of a run that stores others or none; see `log_metrics`."""
    metrics: list[Metric] = []
    for name, number in values.items():
        value = round_metric(number)
        if name not in stored or not _is_same(stored[name], value):
            step = attempt + (name in stored)
            metrics.append(Metric(name, value, run.info.start_time + step, step))
    return metrics


def round_metric(number: float) -> float:
    """A number as MLflow gets it, with DIGITS digits: its pages show all that there are.

    >>> round_metric(0.9487499999999999)
    0.94875
    """
    return float(f"{number:.{DIGITS}g}")


def description_tags(tags: Mapping[str, str], text: str) -> dict[str, str]:
    """The tags that describe a run with `tags`; none if a user has described it.

    A description is ours if its digest is in the tag DESCRIBED. Older versions have described a
    run by the note on its model, without the tag.
    """
    present = tags.get(DESCRIPTION)
    is_ours = tags.get(DESCRIBED, "") == digest(present)[:DIGEST_LENGTH]
    if present is None or is_ours or present == tags.get("model.note"):
        return {DESCRIPTION: text, DESCRIBED: digest(text)[:DIGEST_LENGTH]}
    return {}


def evaluators_tag(plan: Plan) -> str:
    """The evaluators of an invocation, as later invocations compare them with theirs."""
    experiment = plan.experiment
    evaluators = {
        evaluator.name: RecordedEvaluator(
            evaluator.metric_digest[:DIGEST_LENGTH],
            evaluator.traits.higher_is_better,
            evaluator.traits.range,
            evaluator.traits.unit,
            experiment.margin(evaluator.name),
        )
        for evaluator in experiment.evaluators
    }
    return json.dumps({name: asdict(evaluator) for name, evaluator in evaluators.items()})


def pinned_experiment(plan: Plan) -> dict[str, JSON]:
    """The experiment file with each prompt named by its digest, so that it can be run again."""
    prompts = [f"{prompt.name}@sha:{prompt.digest[:16]}" for prompt in plan.experiment.prompts]
    return {**plan.experiment.content, "name": plan.experiment.name, "prompts": prompts}


def _metrics_tag(result: VariantResult) -> str:
    """The metrics with the intervals, which are no metrics of MLflow."""
    recorded = {
        name: replace(
            _recorded_mean(metric),
            kind=metric.kind,
            worst=_recorded_mean(metric.worst) if metric.worst else None,
        )
        for name, metric in result.metrics.items()
    }
    return json.dumps({name: asdict(metric) for name, metric in recorded.items()})


def _recorded_mean(metric: MetricResult | Measure) -> RecordedMean:
    return RecordedMean(
        metric.mean,
        metric.low,
        metric.high,
        metric.n,
        metric.clusters,
        tail_unknown=metric.tail_unknown,
        median=metric.median,
    )


def wrong_metrics(
    store: TrackingStore, run_id: str, result: VariantResult, figures: Sequence[str] | None
) -> list[str]:
    """The names of the metrics that the run shows with another value or not at all."""
    run = store.client.get_run(run_id)
    stored = run.data.metrics
    metrics = logged_metrics(result, stored, figures)
    return [metric.key for metric in metrics_to_log(run, metrics, stored, attempt=0)]


def logged_metrics(
    result: VariantResult, stored: Mapping[str, float], figures: Sequence[str] | None = None
) -> dict[str, float]:
    """The metrics to show in a run that already shows `stored`."""
    metrics = _all_metrics(result, figures)
    present = {
        name: float(value)
        for name, value in metrics.items()
        if value is not None and (name in stored or value != _usual_value(name, result))
    }
    return present | {name: NAN for name in metrics if name in stored and name not in present}


def _is_same(first: float, second: float) -> bool:
    both_nan = math.isnan(first) and math.isnan(second)
    # Older versions have logged more digits.
    return both_nan or math.isclose(first, second, rel_tol=10 ** (1 - DIGITS), abs_tol=0)
