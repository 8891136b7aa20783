"""One variant on its way into its run: rows as they come, then the numbers; all of it read back.

sheet = VariantRun(runs, order, 0, price, redactor)
sheet.begin(provenance)
sheet.add(entries)                  again and again; traces are written and read back at once
sheet.finish(result, digest)        [] or what MLflow holds less than it should
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import mlflow

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Request
from workbench.project import Price
from workbench.results.metrics import Row, VariantResult
from workbench.secrets import Redactor
from workbench.tracking.client_settings import hardly_waiting, silence
from workbench.tracking.evaluate import evaluate_run
from workbench.tracking.evaluation_table import write_table
from workbench.tracking.protocol import RecordingJob, RowRecord
from workbench.tracking.provenance import Provenance
from workbench.tracking.row_trace import RowTrace, Source
from workbench.tracking.rows_parquet import NAME, RowsParquet
from workbench.tracking.run_data import log_numbers, log_params, wrong_numbers
from workbench.tracking.run_traces import Count, Traces, expected
from workbench.tracking.runs import RACE, ROWS, RunAttempt, Runs, begin, finish, lender, log_tags

TRACED = "workbench.traces"
AGAIN = "the same command, or workbench sync, records what is missing"


class VariantRun:
    """One variant's run.

    Attributes:
        taken: rows that were added.
    """

    def __init__(
        self, runs: Runs, order: RecordingJob, number: int, price: Price | None, redactor: Redactor
    ) -> None:
        self._runs = runs
        self._order = order
        self._variant = order.plan.variants[number]
        self._run = runs.children[number]
        self._source = Source(runs.experiment_id, self._run.info.run_id, self._variant, price)
        self._traces = Traces(runs.place, self._source)
        self._lender: Source | None = None
        self._redactor = redactor
        # Each variant's traces end before the one above begins, so that pages don't mix them, and
        # MLflow lists the newest first: so the dataset's order is the page's.
        self._begun = runs.parent.info.start_time - number * (order.rows + 1)
        self._attempt: RunAttempt | None = None
        self.clear()

    def clear(self) -> None:
        """Forgets what was added: it will all be added again."""
        self.taken = 0
        self._shown: dict[int, Row] = {}
        self._ids: set[str] = set()
        self._lent: set[str] = set()
        self._expected, self._held = Count(), Count()
        large = self._order.rows > self._order.traces
        self._whole = RowsParquet(self._order.plan.experiment.evaluators) if large else None

    def begin(self, provenance: Provenance) -> None:
        """Says in the run that it is being written."""
        found = lender(self._runs, self._variant, self._run)
        self._lender = replace(self._source, run_id=found) if found else None
        self._attempt = begin(self._runs, self._run, self._order.plan, provenance, rows="-")

    def add(self, entries: Sequence[RowRecord]) -> None:
        """Some rows: those that are shown get a trace, unless it stands there already."""
        shown = [entry for entry in entries if entry.needs_trace]
        made = self._link(shown)
        self._traces.write(made)
        self._count(self._traces, made)
        self._ids.update(one.id for one in made)
        self._shown.update((entry.number, entry.row) for entry in shown)
        if self._whole and entries:
            self._whole.add(entries)
        self.taken += len(entries)

    def finish(
        self, result: VariantResult, digest: str, not_run: Sequence[RowRecord]
    ) -> list[WorkbenchError]:
        """The numbers, the table; marked as done only where all of it is read back."""
        assert self._attempt
        place, run_id = self._runs.place, self._run.info.run_id
        result = replace(result, variant=self._variant, run_id=run_id)
        shown = self._shown | {entry.number: entry.row for entry in not_run}
        rows = [shown[number] for number in sorted(shown)]
        self._traces.tidy(self._ids)
        experiment = self._order.plan.experiment
        with _active(run_id):
            evaluate_run(experiment.dataset, experiment.evaluators, rows, result)
            silence()
        write_table(place.client, run_id, rows)
        self._keep_whole(len(self._shown))
        log_params(place, self._run, self._order.plan, self._variant)
        log_numbers(place, self._attempt, result)
        missing = list(self._missing(result))
        why = {RACE: result.stopped} if result.stopped or RACE in self._run.data.tags else {}
        finish(place, run_id, why if missing else {**why, ROWS: digest})
        return missing

    def _keep_whole(self, shown: int) -> None:
        """All rows where only some have a trace, and a tag that says so."""
        if self._whole is None:
            return
        client, run_id = self._runs.place.client, self._run.info.run_id
        with tempfile.TemporaryDirectory() as folder:
            client.log_artifact(run_id, str(self._whole.write(Path(folder))))
        said = f"{shown:,} of {self.taken:,} rows have a trace: all failures and a fixed choice. "
        log_tags(self._runs.place, run_id, {TRACED: f"{said}All rows: {NAME}"})

    def _link(self, entries: Sequence[RowRecord]) -> list[RowTrace]:
        """Shows what another run holds of just these rows, and gives those that are left."""
        made = [self._trace(entry, self._source) for entry in entries]
        if self._lender is None:
            return made
        there = self._traces.whole(made)
        lent = Traces(self._runs.place, self._lender)
        pairs = zip(entries, made, strict=True)
        twins = {  # a failed row may yet get an answer
            one.id: self._trace(entry, self._lender)
            for entry, one in pairs
            if entry.row.state == "scored"
        }
        others = [twin for own, twin in twins.items() if own not in there]
        whole = lent.whole(others)
        self._traces.link(whole)
        self._lent.update(whole)
        self._count(lent, [twin for twin in others if twin.id in whole])
        return [one for one in made if one.id not in twins or twins[one.id].id not in whole]

    def _count(self, traces: Traces, made: Sequence[RowTrace]) -> None:
        """Reads them back."""
        self._expected = self._expected.plus(expected(made))
        self._held = self._held.plus(traces.held(made))

    def _trace(self, entry: RowRecord, source: Source) -> RowTrace:
        request = Request(entry.row.cell.key, entry.body)
        if self._redactor.redact(entry.body) != entry.body:  # a body as a trace may show it
            request = Request.from_body(request.key, self._redactor.redact_json(request.body))
        return RowTrace(source, entry.row, request, entry.name, self._begun - entry.number)

    def _missing(self, result: VariantResult) -> Iterator[WorkbenchError]:
        """Where MLflow holds less than it should."""
        run_id = self._run.info.run_id
        said = [
            f"MLflow holds {found} of {wanted} {what}"
            for what, wanted, found in zip(Count._fields, self._expected, self._held, strict=True)
            if found != wanted
        ]
        if self._lent and not self._lent <= self._traces.linked():
            said.append("MLflow shows fewer traces of another run than it should")
        wrong = list(wrong_numbers(self._runs.place, run_id, result))
        said += [f"MLflow shows another {', '.join(wrong)}"] if wrong else []
        for one in said:
            yield WorkbenchError(
                f"{self._variant.name}: {one}",
                where=f"run {run_id}",
                fix=AGAIN,
                exit_code=ExitCode.NOT_RECORDED,
            )


@contextmanager
def _active(run_id: str) -> Iterator[None]:
    """The run that MLflow's evaluate writes to. One that can't be ended is left as it is."""
    mlflow.start_run(run_id=run_id, log_system_metrics=False)
    try:
        yield
    except BaseException:
        with hardly_waiting(), suppress(Exception):
            mlflow.end_run("FAILED")
        raise
    mlflow.end_run()
