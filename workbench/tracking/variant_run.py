"""The run of one variant: rows as they are scored, then the metrics; everything read back.

variant_run.begin(provenance)
variant_run.add(records)           often; traces are written and read back at once
variant_run.finish(result, …)      [] or the errors that left the run incomplete
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from workbench.errors import WorkbenchError, pluralize
from workbench.images.request_images import count_images, shown_images
from workbench.model import Request
from workbench.project import Price
from workbench.results.types import Row, VariantResult
from workbench.secrets import Redactor
from workbench.tracking.client_writer import MAX_LINK, ClientTraceWriter, expected_count
from workbench.tracking.evaluate import evaluate_run, log_dataset, write_table
from workbench.tracking.mlflow_client import short_timeout, silence
from workbench.tracking.protocol import RESUME, RowRecord, not_recorded_error
from workbench.tracking.record_state import ANSWERS, EndState, end_run, scored_count
from workbench.tracking.row_records import trace_id
from workbench.tracking.row_trace import RowTrace, TraceRun
from workbench.tracking.rows_parquet import FILE_NAME, RowsParquet
from workbench.tracking.run_data import log_metrics, log_params, wrong_metrics
from workbench.tracking.runs import (
    RACE,
    TRACED,
    Runs,
    begin_recording,
    log_tags,
    share_traces,
    sharing_runs,
)
from workbench.tracking.storable_records import storable_record
from workbench.tracking.trace_index import answer_hash
from workbench.tracking.trace_writers import open_traces
from workbench.tracking.tracking_store import is_refusal

ROWS_WITH_IMAGES = 500  # first rows of a variant whose traces show images; others have digests


class VariantRun:
    """The run of one variant.

    Attributes:
        row_count: rows that were added.
        trace_count: traces that were written, not linked.
        finished: the run has its final status.
    """

    def __init__(self, runs: Runs, number: int, price: Price | None, redactor: Redactor) -> None:
        self._runs = runs
        self._job = runs.job
        self._variant = runs.job.plan.variants[number]
        self._run = runs.children[number]
        run_id, judges = self._run.info.run_id, runs.job.plan.experiment.judges
        self._trace_run = TraceRun(runs.experiment_id, run_id, self._variant, price, judges)
        self._traces = open_traces(runs.store, self._trace_run)
        self._shared_run: TraceRun | None = None
        self._redactor = redactor
        # MLflow lists the newest trace first, so the first row gets the latest start. All traces of
        # a variant start before those of the variant above, so that pages don't mix them.
        self._start_ms = runs.parent.info.start_time - number * (self._job.rows + 1)
        self._attempt = 0
        self._linked_before: Set[str] = frozenset()
        self.finished = False
        self.reset()

    def reset(self) -> None:
        """Forget the added rows: all of them will be added again."""
        self.row_count = 0
        self._numbers: set[int] = set()
        self.trace_count = 0
        self._table_rows: dict[int, Row] = {}
        self._clusters: dict[int, int | None] = {}
        self._trace_ids: set[str] = set()
        self._linked_ids: set[str] = set()
        self._answers: dict[bytes, str] = {}  # the trace of each
        self._shown_elsewhere = 0  # traces that are no longer needed here
        self._expected, self._stored = Counter[str](), Counter[str]()
        large = self._job.rows > self._job.traces
        self._parquet = RowsParquet(self._job.plan.experiment.evaluators) if large else None

    def begin(self) -> None:
        """Mark the run as being recorded."""
        shared_id = share_traces(self._runs, self._variant, self._run)
        self._shared_run = replace(self._trace_run, run_id=shared_id) if shared_id else None
        self._attempt = begin_recording(self._runs, self._run, rows="-")
        if self._shared_run and scored_count(self._run):
            self._linked_before = self._traces.linked_ids()

    def add(self, records: Sequence[RowRecord]) -> None:
        """Add rows: those that need a trace get one, unless it is stored already."""
        answers = [answer_hash(record.row) for record in records if record.needs_trace]
        records = [storable_record(record) for record in records]
        traced = [record for record in records if record.needs_trace]
        row_traces = self._link_shared(traced)
        self._note_traces(answers, traced, {trace.id for trace in row_traces})
        self._traces.write(row_traces)
        self._count(self._traces, row_traces)
        self._trace_ids.update(trace.id for trace in row_traces)
        self._table_rows.update((record.number, record.row) for record in traced)
        self._clusters.update((record.number, record.cluster) for record in traced)
        if self._parquet and records:
            self._parquet.add(records)
        self.row_count += len(records)
        self._numbers.update(record.number for record in records)
        self.trace_count += len(row_traces)

    def _note_traces(
        self, answers: Sequence[bytes], records: Sequence[RowRecord], written: Set[str]
    ) -> None:
        """Note the trace of each answer: one of this run, or a linked one of the shared run."""
        for answer, record in zip(answers, records, strict=True):
            example, repeat = record.row.cell.example, record.row.cell.repeat
            trace = trace_id(self._trace_run.run_id, example.id, repeat)
            if self._shared_run and trace not in written:
                trace = trace_id(self._shared_run.run_id, example.id, repeat)
            self._answers[answer] = trace

    def has_each_row_once(self, count: int) -> bool:
        """True if `count` rows were added, none of them twice: a row may be read again."""
        return self.row_count == len(self._numbers) == count

    def finish(
        self, result: VariantResult, state: EndState, not_run: Sequence[RowRecord]
    ) -> list[WorkbenchError]:
        """Log the metrics and the table; end the run.

        Args:
            result: the variant's numbers.
            state: the run's state if everything is read back.
            not_run: sampled rows without a completion, which the table shows.
        """
        store, run_id = self._runs.store, self._run.info.run_id
        result = replace(result, variant=self._variant, run_id=run_id)
        not_run = [storable_record(record) for record in not_run]
        table_rows = self._table_rows | {record.number: record.row for record in not_run}
        rows = [table_rows[number] for number in sorted(table_rows)]
        clusters = self._clusters | {record.number: record.cluster for record in not_run}
        refusal = self._delete_obsolete()
        experiment = self._job.plan.experiment
        with _active_run(run_id):
            if store.client.artifact_error:  # evaluate would fail when it writes its table
                log_dataset(experiment.dataset, rows)
            else:
                evaluate_run(experiment.dataset, experiment.evaluators, rows, result)
            silence()
        if not store.client.artifact_error:
            numbers = sorted(table_rows)
            write_table(store.client, run_id, rows, [clusters[number] for number in numbers])
            self._log_parquet()
        log_params(store, self._run, self._job.plan, result)
        # With its answers a later recording of the same ones continues in this run.
        log_tags(store, run_id, {ANSWERS: state.tags[ANSWERS]})
        log_metrics(store, self._run, self._attempt, result, self._job.figures)
        errors = [*self._errors(result), *refusal]
        in_race = result.stopped or RACE in self._run.data.tags
        tags = {RACE: result.stopped} if in_race else {}
        complete = not errors and not store.client.artifact_error
        tags |= state.tags if complete else {}
        log_tags(store, run_id, tags)
        end_run(store, self._run, state.status)
        if not errors:
            store.traces.add(self._variant, self._trace_run.experiment_id, self._answers)
        self.finished = True
        return errors

    def _delete_obsolete(self) -> list[WorkbenchError]:
        """Delete the traces of rows that no longer have one, but for those that other runs show."""
        obsolete = unneeded = self._traces.written_ids() - self._trace_ids
        for run_id in sharing_runs(self._runs, self._run) if obsolete else ():
            other = replace(self._trace_run, run_id=run_id)
            obsolete = obsolete - open_traces(self._runs.store, other).linked_ids()
        self._shown_elsewhere = len(unneeded) - len(obsolete)
        try:
            self._traces.delete(obsolete)
            self._runs.store.traces.remove(obsolete)
        except MlflowException as error:
            if not is_refusal(error):
                raise
            count = pluralize(len(obsolete), "trace")
            return [
                not_recorded_error(
                    f"{self._variant.name}: {count} of rows that need none now can't be deleted",
                    where=f"run {self._run.info.run_id}",
                    fix="ask for the permission MANAGE on the experiment "
                    f"{self._job.plan.experiment.name!r}, or record new runs: "
                    "workbench run --again",
                )
            ]
        return []

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the user: what the store can't show."""
        if not self._traces.link_refused:
            return ()
        name = self._variant.prompt.registered_name
        return (
            f"{name}: its name is too long for this store to find traces by it; with its version "
            f"it may have {MAX_LINK} characters",
        )

    def _log_parquet(self) -> None:
        """Log a file with all rows if only some have a trace, and a tag that explains it."""
        store, run_id = self._runs.store, self._run.info.run_id
        if self._parquet is None:
            if TRACED in self._run.data.tags:
                store.client.delete_tag(run_id, TRACED)
            return
        with tempfile.TemporaryDirectory() as folder:
            store.client.log_artifact(run_id, str(self._parquet.write(Path(folder))))
        count, elsewhere = len(self._table_rows) + self._shown_elsewhere, self._shown_elsewhere
        text = (
            f"{count:,} of {self.row_count:,} rows have a trace: all failures, a fixed choice"
            f"{', and rows that other runs show' if elsewhere else ''}. All rows: {FILE_NAME}"
        )
        log_tags(store, run_id, {TRACED: text})

    def _link_shared(self, records: Sequence[RowRecord]) -> list[RowTrace]:
        """Link traces of equal rows of the shared run; return the traces still to be written."""
        row_traces = [self._row_trace(record, self._trace_run) for record in records]
        if self._shared_run is None:
            return row_traces
        shared_traces = open_traces(self._runs.store, self._shared_run)
        stored_here = self._traces.matching_ids(row_traces)
        shared = {  # without failed rows: a later run may replace their completions
            trace.id: self._row_trace(record, self._shared_run)
            for record, trace in zip(records, row_traces, strict=True)
            if record.row.scored
        }
        wanted = [other for trace_id, other in shared.items() if trace_id not in stored_here]
        # A recorded run only gains answers, so what differs of a linked one is a score or the cost.
        linked_before = [other for other in wanted if other.id in self._linked_before]
        stored = shared_traces.read(linked_before)
        shared_traces.write([other for other in linked_before if other.id in stored])
        linked = shared_traces.matching_ids(wanted)
        self._traces.link(linked)
        self._linked_ids.update(linked)
        self._count(shared_traces, [other for other in wanted if other.id in linked])
        return [t for t in row_traces if t.id not in shared or shared[t.id].id not in linked]

    def _count(self, traces: ClientTraceWriter, row_traces: Sequence[RowTrace]) -> None:
        self._expected.update(expected_count(row_traces))
        self._stored.update(traces.count(row_traces))

    def _row_trace(self, record: RowRecord, run: TraceRun) -> RowTrace:
        request = Request(record.row.cell.key, record.body)
        if self._redactor.redact(record.body) != record.body:
            request = Request.from_body(request.key, self._redactor.redact_json(request.body))
        if count_images(request.text):
            sources, inline = self._job.plan.images.sources, record.number < ROWS_WITH_IMAGES
            body = shown_images(request.body, sources, inline=inline)
            request = Request.from_body(request.key, body)
        return RowTrace(run, record.row, request, record.name, self._start_ms - record.number)

    def _errors(self, result: VariantResult) -> Iterator[WorkbenchError]:
        """An error for everything that MLflow lacks."""
        run_id = self._run.info.run_id
        messages = [
            f"MLflow holds {self._stored[entities]} of {expected} {entities}"
            for entities, expected in self._expected.items()
            if self._stored[entities] != expected
        ]
        if self._linked_ids and not self._linked_ids <= self._traces.linked_ids():
            messages.append("MLflow shows fewer traces of another run than it should")
        if wrong := wrong_metrics(self._runs.store, run_id, result, self._job.figures):
            messages.append(f"MLflow shows another {', '.join(wrong)}")
        for message in messages:
            text = f"{self._variant.name}: {message}"
            yield not_recorded_error(text, where=f"run {run_id}", fix=RESUME)


def count_traces(runs: Runs, number: int) -> int:
    """The number of traces that a variant's run shows."""
    run_id = runs.children[number].info.run_id
    run = TraceRun(runs.experiment_id, run_id, runs.job.plan.variants[number], price=None)
    return open_traces(runs.store, run).shown_count()


@contextmanager
def _active_run(run_id: str) -> Iterator[None]:
    """The run that MLflow's evaluate writes to."""
    mlflow.start_run(run_id=run_id, log_system_metrics=False)
    try:
        yield
    except BaseException:
        with short_timeout(), suppress(Exception):
            mlflow.end_run("FAILED")
        raise
    mlflow.end_run()
