"""The result of `workbench run` beside its leaderboard: the summary, `--check-batch` and `--json`.

4 requests, 2 stored, 2 sent
recorded in sqlite:///…/mlflow.db, run 7c0f…
compare: workbench ui
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.completing.check_batch import BatchCheck
from workbench.errors import cost_text, list_first, pluralize
from workbench.plan import Plan
from workbench.project import NO_TRACKING
from workbench.report.safe_text import NAME_WIDTH, shorten
from workbench.results.serialize import variant_json
from workbench.results.types import VariantResult
from workbench.run.summary import Invocation
from workbench.tracking.live_recordings import LOG
from workbench.tracking.page_addresses import ExperimentPages, server_address

REQUEST_COUNTS = ("stored", "shared", "sent", "failed", "not_run", "verdicts")
MAX_REASONS = 5
MAX_CHANGES = 3  # of a variant
MAX_ROWS = 10


def summary(invocation: Invocation, *, currency: str) -> list[str]:
    """Lines under the leaderboard: requests, race, failures, missing rows, the MLflow run."""
    requests = invocation.requests
    counts = [(name, getattr(requests, name)) for name in REQUEST_COUNTS]
    words = {} if invocation.plan.experiment.judges else {"verdicts": "for scores"}
    parts = [
        f"{count:,} {words.get(name, name.replace('_', ' '))}" for name, count in counts if count
    ]
    lines = [
        ", ".join([pluralize(requests.planned, "request"), *parts]),
        *_race_lines(invocation, currency),
        *_price_lines(invocation),
        *_limit_lines(invocation.plan),
        *_failure_lines(invocation),
        *_reasoning_lines(invocation.variants),
        *_tie_lines(invocation.variants),
    ]
    if invocation.not_run:
        names = [shorten(row, 40) for row in invocation.not_run]
        lines.append(f"  not run: {list_first(names, MAX_ROWS)}")
    return [*lines, *record_lines(invocation)]


def _price_lines(invocation: Invocation) -> Iterator[str]:
    """The date of the prices that come with Workbench, if a cost is by one of them."""
    listed = invocation.plan.experiment.listed_prices
    priced = {each.variant.model.model.ref for each in invocation.variants if each.cost}
    if names := sorted(priced & listed.prices.keys()):
        yield f"cost: {list_first(names, MAX_ROWS)} at prices of {listed.as_of}"


def record_lines(invocation: Invocation) -> Iterator[str]:
    """Lines about the run in MLflow, and the process that still records it."""
    uri, run_id = invocation.tracking_uri, invocation.parent_run_id
    process = f"process {invocation.recording_process}, .workbench/{LOG}"
    if uri == NO_TRACKING:
        yield "not recorded: tracking is off (tracking_uri: none)"
    if invocation.recorded_before:
        yield "this invocation is recorded already: these are its runs (--again: new ones)"
    if run_id and (invocation.recorded_before or not invocation.recording_process):
        yield f"recorded in {uri}, run {run_id}"
        if invocation.recording_process:
            yield f"MLflow's part is checked in the background: {process} (--wait waits for it)"
    elif invocation.recording_process:
        run = f"in {uri}, run {run_id}," if run_id else f"in {uri}"
        name = "" if run_id else " and names the run"
        yield f"recording {run} goes on in the background: {process} (--wait waits for it{name})"
    if invocation.traced is not None and run_id:
        yield (
            f"traces: {pluralize(invocation.traced, 'row')} of each variant, and all failures; "
            "every row is in the artifact rows.parquet (`traces:` in workbench.yaml sets how many)"
        )
    if invocation.recording_process:
        yield "compare: workbench ui, which waits for it"
    elif run_id:
        yield from _compare_lines(invocation)


def _compare_lines(invocation: Invocation) -> Iterator[str]:
    """A server's pages with the best variant and its baseline, or the command that serves them."""
    server = server_address(invocation.tracking_uri)
    if not server:
        yield "compare: workbench ui"
        return
    pages = ExperimentPages(server, invocation.experiment_id)
    yield f"leaderboard: {pages.run(invocation.parent_run_id)}"
    best, baseline = invocation.best_run_id, invocation.baseline_run_id
    if best and baseline:
        yield f"best and baseline: {pages.row_by_row(best, baseline)}"
        if invocation.has_comparison:
            yield f"comparison: {pages.comparison(invocation.parent_run_id)}"
        else:
            yield f"comparison: workbench view {shlex.quote(invocation.plan.experiment.path)}"


def _limit_lines(plan: Plan) -> list[str]:
    """A limited run is a look: several looks make more false verdicts than one."""
    flags = [name for name in ("sample", "limit") if name in plan.scope]
    if not flags or len(plan.variants) < 2:
        return []
    look = f"a sample of {pluralize(plan.rows, 'row')}"
    if "limit" in flags:
        look = f"the first {plan.rows:,} of {plan.experiment.dataset.rows:,} rows"
    options = " ".join(f"--{name} {plan.scope[name]}" for name in flags)
    return [
        f"a look at {look}: looking again after more rows raises the 5% of false verdicts; "
        f"workbench compare --anytime {options} shows verdicts that hold at every look"
    ]


def _race_lines(invocation: Invocation, currency: str) -> list[str]:
    race = invocation.race
    if race is None:
        return []
    if race.disabled:
        return [f"race: {race.disabled}"]
    cost = f", about {currency} {cost_text(race.cost)}" if race.cost else ""
    dropped = f"{len(race.dropped)} of {pluralize(len(invocation.variants), 'variant')} dropped out"
    complete = {result.variant.name for result in invocation.variants if not result.stopped}
    return [
        f"race by {race.metric}: {dropped}, {pluralize(race.spared, 'request')} saved{cost}",
        *(
            f"  {shorten(name, NAME_WIDTH)}: {shorten(reason, 100)}"
            + (" (all its rows were stored)" if name in complete else "")
            for name, reason in race.dropped.items()
        ),
    ]


def _failure_lines(invocation: Invocation) -> list[str]:
    """The most frequent reasons of failed rows, and how to retry them."""
    reasons: Counter[str] = Counter()
    for result in invocation.variants:
        reasons.update(result.reasons)
    lines = [
        f"  {count:,} × {shorten(reason, 200)}"
        for reason, count in reasons.most_common(MAX_REASONS)
    ]
    if len(reasons) > MAX_REASONS:
        lines.append(f"  and {pluralize(len(reasons) - MAX_REASONS, 'other reason')}")
    failed_rows = sum(result.answers.failed for result in invocation.variants)
    useless = failed_rows - invocation.requests.failed
    if useless > 0:
        lines.append(f"{pluralize(useless, 'useless answer')} stored: --retry-failed asks again")
    return lines


def _reasoning_lines(variants: Sequence[VariantResult]) -> list[str]:
    stripped = [v for v in variants if v.variant.model.model.reasoning != "keep"]
    count = sum(variant.reasoning for variant in stripped)
    if not count:
        return []
    answers = sum(variant.answers.scored for variant in stripped)
    return [
        f"reasoning: {count:,} of {pluralize(answers, 'answer')} had some, which is no part of the "
        "text that was scored (`reasoning: keep` on a model leaves it in)"
    ]


def _tie_lines(variants: Sequence[VariantResult]) -> list[str]:
    count = sum(variant.ties for variant in variants)
    answers = pluralize(sum(variant.answers.scored for variant in variants), "answer")
    text = f"ties: in {count:,} of {answers} two choices were equally likely, and the first counts"
    return [text] if count else []


def invocation_json(invocation: Invocation, *, currency: str) -> dict[str, JSON]:
    """The invocation as one object; docs/counts.md defines the counts."""
    race = invocation.race
    return {
        "experiment": invocation.plan.experiment.name,
        "plan_digest": invocation.plan.digest,
        "parent_run_id": invocation.parent_run_id,
        "best_run_id": invocation.best_run_id,
        "baseline_run_id": invocation.baseline_run_id,
        "tracking_uri": invocation.tracking_uri,
        "experiment_id": invocation.experiment_id,
        "recorded_before": invocation.recorded_before,
        "requests": asdict(invocation.requests),
        "currency": currency,
        "variants": [variant_json(variant) for variant in invocation.variants],
        "notes": list(invocation.plan.notes),
        "problems": [problem.as_json() for problem in invocation.problems],
        "not_run": list(invocation.not_run),
        "race": race
        and {
            "metric": race.metric,
            "out": dict(race.dropped),
            "spared_requests": race.spared,
            "spared_cost": race.cost,
            "note": race.disabled,
        },
        "exit_code": int(invocation.exit_code),
    }


def check_lines(samples: Sequence[BatchCheck]) -> Iterator[str]:
    """The rows of `--check-batch` whose answer changes at batch size 1, a line per variant."""
    if not samples:
        yield "checked at batch 1: no model of this run answers in batches"
    for sample in samples:
        failed = f" ({pluralize(sample.failed, 'row')} failed at batch 1)" if sample.failed else ""
        yield (
            f"checked at batch 1: {sample.variant}: {len(sample.changes)} of "
            f"{pluralize(sample.rows, 'answer')} change{failed}"
        )
        for change in sample.changes[:MAX_CHANGES]:
            batched, single = shorten(change.batched, 60), shorten(change.alone, 60)
            yield f"  {shorten(change.row, 60)}: {batched!r} in the batch, {single!r} alone"
