"""The record of an invocation in an MLflow store, read through MLflow's public API.

    {"parents": 1, "runs": ["plain"], "traces": 2, "spans": 4, "feedback": 2, …}

`expected_record` computes the same figures from the invocation's completions and scores.
"""

import math

from mlflow import MlflowClient
from mlflow.entities import Expectation, Feedback

from workbench.run.summary import Invocation
from workbench.tracking.record_state import plain_name
from workbench.tracking.run_data import logged_metrics
from workbench.tracking.run_names import variant_names

PLAN = "workbench.plan"


def stored_record(client: MlflowClient, done: Invocation) -> dict[str, object]:
    experiment = client.get_experiment_by_name(done.plan.experiment.name)
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    parents = [run for run in runs if run.data.tags.get(PLAN) == done.plan.digest]
    ids = {run.info.run_id for run in parents}
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") in ids]
    traces, assessments = [], []
    for run in children:
        run_traces = _traces(client, run)
        run_assessments = [each for trace in run_traces for each in trace.info.assessments]
        assert len({trace.info.trace_id for trace in run_traces}) == len(run_traces)
        assert len({each.assessment_id for each in run_assessments}) == len(run_assessments)
        traces, assessments = [*traces, *run_traces], [*assessments, *run_assessments]
    names = {variant.prompt.registered_name for variant in done.plan.variants}
    return {
        "parents": len(parents),
        "runs": sorted(map(plain_name, children)),
        "marked": sorted(plain_name(run) for run in children if run.info.run_name.startswith("✗")),
        "ended": {run.info.status for run in [*parents, *children]},
        "traces": len(traces),
        "spans": sum(len(trace.data.spans) for trace in traces),
        "feedback": sum(isinstance(each, Feedback) for each in assessments),
        "expectations": sum(isinstance(each, Expectation) for each in assessments),
        "versions": {name: len(client.search_prompt_versions(name)) for name in names},
        "metrics": {plain_name(run): _rounded(run.data.metrics) for run in children},
        "datasets": {len(run.inputs.dataset_inputs) for run in children},
    }


def expected_record(done: Invocation) -> dict[str, object]:
    rows = sum(variant.rows.planned - variant.rows.not_run for variant in done.variants)
    scored = sum(variant.rows.scored for variant in done.variants)
    names = {variant.prompt.registered_name: set() for variant in done.plan.variants}
    for variant in done.plan.variants:
        names[variant.prompt.registered_name].add(variant.prompt.digest)
    max_failed = done.plan.experiment.max_failed
    names_of_runs = variant_names([variant.variant for variant in done.variants])
    runs = dict(zip(names_of_runs, done.variants, strict=True))
    failures = {name: variant.failures for name, variant in runs.items()}
    every = [*failures.values(), sum(failures.values())]
    expectations = sum(len(example.expectations) for example in done.plan.examples)
    return {
        "parents": 1,
        "runs": sorted(runs),
        "marked": sorted(name for name, count in failures.items() if count > max_failed),
        "ended": {"FAILED" if count > max_failed else "FINISHED" for count in every},
        "traces": rows,
        "spans": 2 * rows,
        "feedback": scored * len(done.plan.experiment.evaluators),
        "expectations": expectations * len(done.variants) * done.plan.experiment.repeats,
        "versions": {name: len(digests) for name, digests in names.items()},
        "metrics": {name: _rounded(logged_metrics(v, {})) for name, v in runs.items()},
        "datasets": {1},
    }


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    """The metrics without NaN and without usual counts, which only some runs show."""
    usual_zeros = ("/errors", "/not_applicable", "/failed", "/not_run")
    scored = metrics.get("rows/scored")
    usual = ("/planned", "/n", "/scored") if metrics.get("rows/planned") == scored else ("/n",)
    return {
        name: round(value, 9)
        for name, value in metrics.items()
        if not math.isnan(value)
        and not (value == 0 and name.endswith(usual_zeros))
        and not (value == scored and name.endswith(usual))
    }


def _traces(client: MlflowClient, run: object) -> list:
    traces: list = []
    token = None
    while True:
        page = client.search_traces(
            locations=[run.info.experiment_id],
            run_id=run.info.run_id,
            max_results=200,
            page_token=token,
        )
        traces += page
        token = page.token
        if not token:
            return traces
