"""The pages of an invocation's runs in MLflow: names, descriptions, metrics, order, links.

    3 prompts · 2 models · 0.93     best/exact_match 0.91   baseline/exact_match 0.63
      luna · few_shot               the best variant is listed first

Only the parent has `best/…` and `baseline/…`, and only variants have `…/mean`, so that no search
for a metric counts an invocation twice.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.dbmodels.models import SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from workbench.comparing.history import Series, VariantRecord, build_series
from workbench.comparing.run_pairs import compare_over_time
from workbench.evaluator.row_values import first_with_row_values
from workbench.tracking.page_addresses import COMPARISON
from workbench.tracking.parent_artifacts import log_comparison, log_history
from workbench.tracking.protocol import Occasion, Overview, RecordLinks, ResultSet
from workbench.tracking.record_state import MARK, NOTE, plain_name
from workbench.tracking.recorded_rows import read_rows
from workbench.tracking.registry import LINKED_PROMPTS
from workbench.tracking.run_data import description_tags, metrics_to_log
from workbench.tracking.run_names import NAME, invocation_name, variant_names
from workbench.tracking.runs import (
    ATTEMPT,
    BASELINE,
    BEST,
    COMPARISON_FILE,
    Runs,
    child_runs,
    was_compared,
)
from workbench.tracking.tracking_store import TrackingStore

MAX_COMPARED = 12  # variants compared with the invocation before: two tables are read for each
MAX_ROWS = 20_000  # of a variant whose table is read


@dataclass(frozen=True)
class ParentPage:
    """The page of a parent run, as it was written.

    Attributes:
        name: of the run.
        best, baseline: the run ids of the variants that it compares; empty: it names none.
        has_comparison: the comparison of all variants is an artifact.
    """

    name: str
    best: str = ""
    baseline: str = ""
    has_comparison: bool = False

    def links(self) -> dict[str, Any]:
        """The runs and the artifact that it links, as fields of `Recorded`."""
        names = ("best", "baseline", "has_comparison")
        return {name: getattr(self, name) for name in names}


def log_parent_page(runs: Runs, results: ResultSet, currency: str) -> ParentPage:
    """Log the comparison and the charts of an invocation, and describe its runs.

    Names and descriptions that a user has written stay.
    """
    store, plan = runs.store, runs.job.plan
    links = RecordLinks(
        runs.experiment_id,
        runs.parent.info.run_id,
        [run.info.run_id for run in runs.children],
        [variant.prompt.version for variant in plan.variants],
    )
    has_comparison = log_comparison(runs, results, links, currency)
    records = log_history(runs)
    if results.overview is None:
        return ParentPage(plain_name(runs.parent))
    parent = store.client.get_run(runs.parent.info.run_id)
    previous, changes = _changes(runs, records)
    note = plan.note or parent.data.tags.get(NOTE, "")
    overview = results.overview(links, Occasion(note, previous, changes, has_comparison))
    name, variants = plain_name(parent), plan.variants
    if overview is None:
        return ParentPage(name)
    earlier = [invocation_name(plan), f"{len(variants)} variants", variants[0].name]
    is_ours = name.partition(" (")[0] in [text.partition(" (")[0] for text in earlier]
    if is_ours or name == parent.data.tags.get(NAME):
        name = invocation_name(plan, overview.headline)
    by_id = {run.info.run_id: run for run in child_runs(store, runs.parent)}
    children = [by_id[run.info.run_id] for run in runs.children]
    base = "" if overview.baseline is None else children[overview.baseline].info.run_id
    page = ParentPage(name, children[overview.order[0]].info.run_id, base, has_comparison)
    _log_parent(runs, parent, children, overview, page)
    _log_children(runs, children, overview)
    _list_best_first(store, parent, [children[number] for number in overview.order])
    return page


def read_parent_page(parent: Run) -> ParentPage:
    """The page of a parent run as an earlier invocation wrote it."""
    tags = parent.data.tags
    best, base = tags.get(BEST, ""), tags.get(BASELINE, "")
    return ParentPage(plain_name(parent), best, base, was_compared(parent))


def _changes(
    runs: Runs, records: Sequence[VariantRecord]
) -> tuple[VariantRecord | None, list[Series]]:
    """A variant of the invocation before, and each variant compared with it by one metric."""
    parent = runs.parent.info
    starts = {record.invocation: record.started_ms for record in records}
    earlier = [run for run in starts if starts[run] < parent.start_time and run != parent.run_id]
    metric = first_with_row_values(runs.job.plan.experiment.evaluators)
    if not metric or not earlier or parent.run_id not in starts:
        return None, []
    before = max(earlier, key=lambda run: starts[run])
    pair = [record for record in records if record.invocation in (before, parent.run_id)]
    series = build_series(pair, metric)
    if runs.job.rows <= MAX_ROWS and not runs.store.client.artifact_error:
        compared = [compare_over_time(each, read_rows) for each in series[:MAX_COMPARED]]
        series = [*compared, *series[MAX_COMPARED:]]
    return next(record for record in pair if record.invocation == before), series


def _log_parent(
    runs: Runs, parent: Run, children: Sequence[Run], overview: Overview, page: ParentPage
) -> None:
    client, tags = runs.store.client, parent.data.tags
    links = [json.loads(run.data.tags.get(LINKED_PROMPTS, "[]")) for run in children]
    unique = {json.dumps(link): link for linked in links for link in linked}
    attempt = int(tags.get(ATTEMPT, "0"))
    metrics = metrics_to_log(runs.parent, overview.metrics, parent.data.metrics, attempt)
    new_tags = description_tags(tags, client.storable_tag(overview.description))
    new_tags |= {NAME: page.name, BEST: page.best, BASELINE: page.baseline}
    new_tags[COMPARISON_FILE] = COMPARISON if page.has_comparison else "none"
    if unique:
        new_tags[LINKED_PROMPTS] = json.dumps(list(unique.values()))
    client.log_batch(
        parent.info.run_id,
        metrics=metrics,
        tags=[RunTag(key, value) for key, value in new_tags.items() if tags.get(key) != value],
    )
    inputs = [dataset for run in children if run.inputs for dataset in run.inputs.dataset_inputs]
    if inputs and not (parent.inputs and parent.inputs.dataset_inputs):
        client.log_inputs(parent.info.run_id, datasets=inputs[:1])


def _log_children(runs: Runs, children: Sequence[Run], overview: Overview) -> None:
    client, variants = runs.store.client, runs.job.plan.variants
    for variant, name, run, text in zip(
        variants, variant_names(variants), children, overview.descriptions, strict=True
    ):
        tags = run.data.tags
        new_tags = description_tags(tags, client.storable_tag(text)) | {NAME: variant.name}
        changed = [RunTag(key, value) for key, value in new_tags.items() if tags.get(key) != value]
        if changed:
            client.log_batch(run.info.run_id, tags=changed)
        if NAME not in tags and plain_name(run) == variant.name != name:  # of an older version
            mark = MARK if run.info.run_name.startswith(MARK) else ""
            client.update_run(run.info.run_id, name=mark + name)


def _list_best_first(store: TrackingStore, parent: Run, children: Sequence[Run]) -> None:
    """Give the runs start times in this order, because MLflow lists the newest run first.

    MLflow's API sets a start only when it creates a run, so it can be done in a database alone; on
    a server the runs stay in the plan's order, and the page sorts them by a click on a metric.
    """
    starts = [run.info.start_time for run in children]
    sql_store = store.client._tracking_client.store
    if not isinstance(sql_store, SqlAlchemyStore) or all(a > b for a, b in pairwise(starts)):
        return
    with (
        suppress(MlflowException, SQLAlchemyError, TypeError),  # of an unexpected version
        sql_store.ManagedSessionMaker(read_only=False) as session,
    ):
        for number, run in enumerate(children, 1):
            chosen = update(SqlRun).where(SqlRun.run_uuid == run.info.run_id)
            session.execute(chosen.values(start_time=parent.info.start_time - number))
