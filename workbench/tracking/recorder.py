"""Scores one invocation and leaves it in MLflow, or finds that it is there already.

    Recorder(project, store, uri).record(plan, rows)  ->  Recorded(variants with run ids, …)

What is paid for is in the store before this begins. Whatever MLflow does here costs no answer:
the scores are then computed without it, and a later run records what is missing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import mlflow
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from workbench.canonical import digest
from workbench.errors import ExitCode, WorkbenchError
from workbench.evaluator import Evaluator
from workbench.model import Completion
from workbench.plan import Plan, Variant
from workbench.project import Project
from workbench.provenance import provenance
from workbench.quiet import silence
from workbench.results import Row, VariantResult, summarise
from workbench.scoring import evaluate_run, one_child, score_rows, write_table
from workbench.store import Store
from workbench.tracking.place import Place, connect
from workbench.tracking.registry import file_under, register
from workbench.tracking.runs import (
    RECORDED,
    ROWS,
    Runs,
    find_parent,
    finish,
    log_numbers,
    log_params,
    open_runs,
)
from workbench.tracking.trace import Source
from workbench.tracking.traces import Traces


@dataclass(frozen=True)
class Recorded:
    """What stands in MLflow of an invocation.

    Attributes:
        known: it stood there before, and nothing was written.
        problems: why it does not stand there, or not all of it.
    """

    variants: tuple[VariantResult, ...]
    tracking_uri: str
    experiment_id: str = ""
    parent_run_id: str = ""
    known: bool = False
    problems: tuple[WorkbenchError, ...] = ()


@dataclass(frozen=True)
class Recorder:
    """Records the invocations of one project in one tracking store."""

    project: Project
    store: Store
    tracking_uri: str = ""

    @one_child()
    def record(self, plan: Plan, rows: Sequence[Sequence[Row]], *, again: bool) -> Recorded:
        """Scores every row and records every variant; nothing twice.

        Args:
            plan: the invocation.
            rows: of each variant, with their completions.
            again: make new runs though the same invocation is recorded.
        """
        try:
            place = connect(self.project, self.tracking_uri)
            experiment_id = place.experiment(plan.experiment.name)
            state = provenance(self.project.root)
            plan = self._registered(place, plan, experiment_id, state.commit)
            parent = None if again else find_parent(place, experiment_id, plan)
            one = _Recording(self, plan, open_runs(place, experiment_id, plan, state, parent))
            return one.known(rows) if one.stands(rows) else one.all(rows)
        except (MlflowException, SQLAlchemyError, OSError, WorkbenchError) as error:
            return self._without_mlflow(plan, rows, error)

    def _registered(self, place: Place, plan: Plan, experiment_id: str, commit: str) -> Plan:
        """The plan with the registry's number in every prompt."""
        numbers: dict[str, int] = {}
        for variant in plan.variants:
            prompt = variant.prompt
            if prompt.digest not in numbers:
                number, _ = register(place, self.project, prompt, commit=commit)
                file_under(place, prompt.registered_name, experiment_id)
                numbers[prompt.digest] = prompt.version or number
        variants = tuple(
            replace(v, prompt=v.prompt.with_version(numbers[v.prompt.digest]))
            for v in plan.variants
        )
        return replace(plan, variants=variants)

    def _without_mlflow(
        self, plan: Plan, rows: Sequence[Sequence[Row]], error: Exception
    ) -> Recorded:
        """The numbers all the same, and what kept them out of MLflow."""
        uri = self.project.tracking_uri(self.tracking_uri)
        evaluators = plan.experiment.evaluators
        results = tuple(
            summarise(plan, variant, score_rows(evaluators, own, self.store), self.project.prices)
            for variant, own in zip(plan.variants, rows, strict=True)
        )
        problem = (
            error
            if isinstance(error, WorkbenchError)
            else WorkbenchError(
                f"MLflow holds not all of this run: {type(error).__name__}: {error}"[:500],
                where=uri,
                fix="the answers and scores are safe; the same command records what is missing",
            )
        )
        problem.exit_code = ExitCode.NOT_RECORDED
        return Recorded(results, uri, problems=(problem,))


@dataclass(frozen=True)
class _Recording:
    """One invocation on its way into its runs."""

    recorder: Recorder
    plan: Plan
    runs: Runs

    def stands(self, rows: Sequence[Sequence[Row]]) -> bool:
        """Whether all is recorded, and every run was made from just these answers."""
        return self.runs.recorded and all(
            self.runs.children[variant.digest].data.tags.get(ROWS) == _digest(own)
            for variant, own in zip(self.plan.variants, rows, strict=True)
        )

    def known(self, rows: Sequence[Sequence[Row]]) -> Recorded:
        """The numbers of runs that need nothing more."""
        results = [
            self._summary(variant, score_rows(self._evaluators, own, self.recorder.store))
            for variant, own in zip(self.plan.variants, rows, strict=True)
        ]
        return self._recorded(results, known=True)

    def all(self, rows: Sequence[Sequence[Row]]) -> Recorded:
        """Every variant that isn't recorded yet, then the parent; counted at the end."""
        results: list[VariantResult] = []
        problems: list[WorkbenchError] = []
        for variant, own in zip(self.plan.variants, rows, strict=True):
            run = self.runs.children[variant.digest]
            if run.data.tags.get(ROWS) == _digest(own):
                scored = score_rows(self._evaluators, own, self.recorder.store)
            else:
                scored = self._variant(variant, own)
                missing = list(self._missing(variant, scored))
                # Marked as done only when all of it was read back: else the next run does it again.
                finish(self.runs.place, run.info.run_id, {} if missing else {ROWS: _digest(own)})
                problems += missing
            results.append(self._summary(variant, scored))
        complete = all(r.rows.failed + r.rows.not_run == 0 for r in results) and not problems
        tags = {RECORDED: "yes" if complete else "partly"}
        finish(self.runs.place, self.runs.parent.info.run_id, tags)
        return self._recorded(results, problems=tuple(problems))

    @property
    def _evaluators(self) -> Sequence[Evaluator]:
        return self.plan.experiment.evaluators

    def _variant(self, variant: Variant, rows: Sequence[Row]) -> list[Row]:
        """One run: evaluated, its table, params and numbers, and a trace a row."""
        place, run = self.runs.place, self.runs.children[variant.digest]
        run_id = run.info.run_id
        with mlflow.start_run(run_id=run_id, log_system_metrics=False):
            scored = evaluate_run(
                self.plan.experiment.dataset, self._evaluators, rows, self.recorder.store
            )
            silence()
        write_table(place.client, run_id, scored)
        result = self._summary(variant, scored)
        log_params(place, run, self.plan, variant)
        log_numbers(place, run, result)
        self._traces(variant).write(scored, self.plan.bodies)
        return scored

    def _missing(self, variant: Variant, rows: Sequence[Row]) -> Iterator[WorkbenchError]:
        """Reads the run back and says where MLflow holds less than it should."""
        run_id = self.runs.children[variant.digest].info.run_id
        answered = [row for row in rows if row.completion]
        scores = sum(len(row.scores) for row in answered)
        traces, feedback = self._traces(variant).count()
        for what, found, expected in (
            ("traces", traces, len(answered)),
            ("scores", feedback, scores),
        ):
            if found != expected:
                yield WorkbenchError(
                    f"{variant.name}: MLflow holds {found} of {expected} {what}",
                    where=f"run {run_id}",
                    fix="the same command records what is missing",
                    exit_code=ExitCode.NOT_RECORDED,
                )

    def _traces(self, variant: Variant) -> Traces:
        run = self.runs.children[variant.digest]
        price = self.recorder.project.prices.get(variant.model.model.ref)
        source = Source(self.runs.experiment_id, run.info.run_id, variant, price)
        # Each variant's traces end before the one above begins, so that pages don't mix them.
        above = self.plan.variants.index(variant) * (len(self.plan.cells[0]) + 1)
        return Traces(self.runs.place, source, self.runs.parent.info.start_time - above)

    def _summary(self, variant: Variant, rows: Sequence[Row]) -> VariantResult:
        result = summarise(self.plan, variant, rows, self.recorder.project.prices)
        return replace(result, run_id=self.runs.children[variant.digest].info.run_id)

    def _recorded(
        self,
        results: Sequence[VariantResult],
        *,
        known: bool = False,
        problems: tuple[WorkbenchError, ...] = (),
    ) -> Recorded:
        return Recorded(
            tuple(results),
            self.runs.place.uri,
            self.runs.experiment_id,
            self.runs.parent.info.run_id,
            known,
            problems,
        )


def _digest(rows: Sequence[Row]) -> str:
    """Of which answers a run was made: changes when a failed row got one, or any got another."""
    return digest([[row.cell.key, *_answer(row.completion)] for row in rows])


def _answer(completion: Completion | None) -> list[str]:
    return [completion.state, ascii(completion.text)] if completion else []
