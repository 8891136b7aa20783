"""One invocation on its way into its runs: scored, written, read back.

Recording(…).stands()   all of it was read back before, made from just these answers
Recording(…).all()      every variant that wasn't, then the parent
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import mlflow

from workbench.canonical import digest
from workbench.errors import ExitCode, Stopped, WorkbenchError
from workbench.evaluator import Evaluator
from workbench.model import Completion
from workbench.plan import Plan, Variant
from workbench.project import Price, Project
from workbench.provenance import Provenance
from workbench.quiet import silence
from workbench.results import Row, VariantResult, summarise
from workbench.scoring import evaluate_run, score_rows, write_table
from workbench.store import Store
from workbench.tracking.found import slices
from workbench.tracking.naming import names
from workbench.tracking.numbers import log_numbers, log_params, wrong_numbers
from workbench.tracking.patience import hardly_waiting
from workbench.tracking.runs import RECORDED, ROWS, Runs, begin, finish
from workbench.tracking.trace import RowTrace, Source
from workbench.tracking.traces import Traces, expected

ROWS_AT_ONCE = 50  # traces; `stopped` is asked between
AGAIN = "the same command, or workbench sync, records what is missing"


@dataclass
class Progress:
    """Of one recording.

    Attributes:
        rows: of each variant; with scores as soon as there are some.
        recorded: rows with an answer that stand in MLflow and were read back.
    """

    rows: list[Sequence[Row]]
    recorded: int = 0

    @property
    def answered(self) -> int:
        """Rows that MLflow is to hold."""
        return sum(map(_answered, self.rows))


@dataclass(frozen=True)
class Recording:
    """One invocation and the runs that it goes into."""

    project: Project
    store: Store
    plan: Plan
    runs: Runs
    progress: Progress

    def stands(self) -> bool:
        """Whether all is recorded, and every run was made from just these answers."""
        return self.runs.recorded and all(
            self._stands(variant, own)
            for variant, own in zip(self.plan.variants, self.progress.rows, strict=True)
        )

    def known(self, stopped: Callable[[], bool]) -> list[VariantResult]:
        """The numbers of runs that need nothing more."""
        return [
            self._summary(variant, score_rows(self._evaluators, own, self.store, stopped=stopped))
            for variant, own in zip(self.plan.variants, self.progress.rows, strict=True)
        ]

    def all(
        self, provenance: Provenance, stopped: Callable[[], bool]
    ) -> tuple[list[VariantResult], list[WorkbenchError]]:
        """Every variant that isn't recorded yet, then the parent.

        Args:
            provenance: the state of the project's files.
            stopped: asked before every variant and every fifty rows.

        Returns:
            The numbers of every variant, and what was not found when it was read back.

        Raises:
            Stopped: it said yes; the runs say that they were ended before their time.
        """
        results: list[VariantResult] = []
        problems: list[WorkbenchError] = []
        parent = self.runs.parent
        begin(self.runs, parent, self.plan, provenance, "")
        for number, variant in enumerate(self.plan.variants):
            own = self.progress.rows[number]
            missing: list[WorkbenchError] = []
            if self._stands(variant, own):
                scored: Sequence[Row] = score_rows(
                    self._evaluators, own, self.store, stopped=stopped
                )
            else:
                with self._ended_if_stopped(self.runs.children[variant.digest].info.run_id):
                    scored, missing = self._variant(number, provenance, stopped)
            self.progress.rows[number] = scored
            self.progress.recorded += 0 if missing else _answered(scored)
            results.append(self._summary(variant, scored))
            problems += missing
        complete = all(r.rows.failed + r.rows.not_run == 0 for r in results) and not problems
        tags = {RECORDED: "yes" if complete else "partly"}
        finish(self.runs.place, parent.info.run_id, tags)
        return results, problems

    @property
    def _evaluators(self) -> Sequence[Evaluator]:
        return self.plan.experiment.evaluators

    def _stands(self, variant: Variant, rows: Sequence[Row]) -> bool:
        run = self.runs.children[variant.digest]
        return bool(run.data.tags.get(ROWS) == rows_digest(rows))

    def _variant(
        self, number: int, provenance: Provenance, stopped: Callable[[], bool]
    ) -> tuple[list[Row], list[WorkbenchError]]:
        """One run: evaluated, its table, params and numbers, and a trace a row; read back."""
        if stopped():
            raise Stopped
        variant, rows = self.plan.variants[number], self.progress.rows[number]
        place, run = self.runs.place, self.runs.children[variant.digest]
        attempt = begin(self.runs, run, self.plan, provenance, rows_digest(rows))
        with _active(run.info.run_id):
            scored = evaluate_run(
                self.plan.experiment.dataset, self._evaluators, rows, self.store, stopped=stopped
            )
            silence()
        self.progress.rows[number] = scored
        write_table(place.client, run.info.run_id, scored)
        log_params(place, run, self.plan, variant)
        log_numbers(place, attempt, self._summary(variant, scored))
        traces, made = self._traces(number)
        for some in slices(made, ROWS_AT_ONCE):
            if stopped():
                raise Stopped
            traces.write(some)
        traces.tidy([one.id for one in made])
        said = _lacking(traces, made)
        missing = list(self._missing(variant, scored, said))
        # Marked as done only when all of it was read back: else the next run does it again.
        finish(place, run.info.run_id, {} if missing else {ROWS: rows_digest(rows)})
        return scored, missing

    def _missing(
        self, variant: Variant, rows: Sequence[Row], said: list[str]
    ) -> Iterator[WorkbenchError]:
        """Reads the run back and says where MLflow holds less than it should."""
        run_id = self.runs.children[variant.digest].info.run_id
        wrong = list(wrong_numbers(self.runs.place, run_id, self._summary(variant, rows)))
        said += [f"MLflow shows another {', '.join(wrong)}"] if wrong else []
        for one in said:
            yield WorkbenchError(
                f"{variant.name}: {one}",
                where=f"run {run_id}",
                fix=AGAIN,
                exit_code=ExitCode.NOT_RECORDED,
            )

    def _traces(self, number: int) -> tuple[Traces, list[RowTrace]]:
        variant, bodies = self.plan.variants[number], self.plan.bodies
        run = self.runs.children[variant.digest]
        price: Price | None = self.project.prices.get(variant.model.model.ref)
        source = Source(self.runs.experiment_id, run.info.run_id, variant, price)
        # Each variant's traces end before the one above begins, so that pages don't mix them, and
        # MLflow lists the newest first: so the dataset's order is the page's.
        begun = self.runs.parent.info.start_time - number * (len(self.plan.cells[0]) + 1)
        named = names([row.cell for row in self.progress.rows[number]])
        made = [
            RowTrace(source, row, bodies[row.cell.key], named[nth], begun - nth)
            for nth, row in enumerate(self.progress.rows[number])
            if row.completion is not None
        ]
        return Traces(self.runs.place, source), made

    def _summary(self, variant: Variant, rows: Sequence[Row]) -> VariantResult:
        result = summarise(self.plan, variant, rows, self.project.prices)
        return replace(result, run_id=self.runs.children[variant.digest].info.run_id)

    @contextmanager
    def _ended_if_stopped(self, run_id: str) -> Iterator[None]:
        """A run that is no longer written to doesn't stay at `running`."""
        try:
            yield
        except Stopped:
            for one in (run_id, self.runs.parent.info.run_id):
                with hardly_waiting(), suppress(Exception):
                    self.runs.place.client.set_terminated(one, "KILLED")
            raise


@contextmanager
def _active(run_id: str) -> Iterator[None]:
    """The run that MLflow's evaluate writes to. One that can't be ended is left as it is."""
    mlflow.start_run(run_id=run_id, log_system_metrics=False)
    try:
        yield
    except BaseException as error:
        with hardly_waiting(), suppress(Exception):
            mlflow.end_run("KILLED" if isinstance(error, Stopped) else "FAILED")
        raise
    mlflow.end_run()


def _lacking(traces: Traces, rows: Sequence[RowTrace]) -> list[str]:
    """Reads them back."""
    wanted, held = expected(rows), traces.held(rows)
    return [
        f"MLflow holds {found} of {number} {what}"
        for what, number, found in zip(wanted._fields, wanted, held, strict=True)
        if found != number
    ]


def rows_digest(rows: Sequence[Row]) -> str:
    """Of which answers a run was made: changes when a failed row got one, or any got another."""
    return digest([[row.cell.key, *_answer(row.completion)] for row in rows])


def _answer(completion: Completion | None) -> list[str]:
    return [completion.state, ascii(completion.text)] if completion else []


def _answered(rows: Sequence[Row]) -> int:
    return sum(row.completion is not None for row in rows)
