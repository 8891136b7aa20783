"""Scores one invocation and leaves it in MLflow, or finds that it is there already.

    Recorder(project, store, uri).record(plan, rows)  ->  Recorded(variants with run ids, …)

What is paid for is in the store before this begins. Whatever MLflow does here costs no answer:
the scores are then computed without it, and a later run or `workbench sync` records the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from workbench.canonical import exact
from workbench.errors import ExitCode, Stopped, WorkbenchError, never
from workbench.model import Request
from workbench.plan import Plan
from workbench.project import Project
from workbench.provenance import Provenance, provenance
from workbench.results import Row, VariantResult, summarise
from workbench.scoring import one_child, score_rows
from workbench.secrets import masked
from workbench.store import Store
from workbench.tracking.patience import timeout
from workbench.tracking.place import Place, connect
from workbench.tracking.recording import AGAIN, Progress, Recording
from workbench.tracking.registry import file_under, register
from workbench.tracking.runs import open_runs
from workbench.unrecorded import forget, note


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
    def record(
        self,
        plan: Plan,
        rows: Sequence[Sequence[Row]],
        *,
        again: bool,
        stopped: Callable[[], bool] = never,
    ) -> Recorded:
        """Scores every row and records every variant; nothing twice.

        Args:
            plan: the invocation.
            rows: of each variant, with their completions.
            again: make new runs though the same invocation is recorded.
            stopped: asked between variants and between some hundred rows.

        Raises:
            Stopped: it said yes; a later run goes on there.
            WorkbenchError: the store of answers can't be read or written (exit code 5).
        """
        note(self.project, plan, self.tracking_uri)
        plan = replace(plan, bodies=self._clean(plan.bodies))
        progress = Progress(list(rows))
        try:
            recorded = self._recorded(plan, progress, again, stopped)
        except Stopped:
            raise
        except Exception as error:  # MLflow's own, SQLAlchemy's, what an odd reply sets off
            if isinstance(error, WorkbenchError) and error.exit_code == ExitCode.STORAGE:
                raise
            return self._without_mlflow(plan, progress, error, stopped)
        if not recorded.problems:
            forget(self.project, plan.digest, self.tracking_uri)
        return recorded

    def _recorded(
        self, plan: Plan, progress: Progress, again: bool, stopped: Callable[[], bool]
    ) -> Recorded:
        place = connect(
            self.project, self.tracking_uri, wait=timeout(), redactor=self.store.redactor
        )
        experiment_id = place.experiment(plan.experiment.name)
        state = provenance(self.project.root)
        plan = self._registered(place, plan, experiment_id, state)
        runs = open_runs(place, experiment_id, plan, state, again=again)
        one = Recording(self.project, self.store, plan, runs, progress)
        known = one.stands()
        results, problems = (one.known(stopped), []) if known else one.all(state, stopped)
        parent = runs.parent.info.run_id
        uri = place.shown
        return Recorded(tuple(results), uri, experiment_id, parent, known, tuple(problems))

    def _clean(self, requests: Mapping[str, Request]) -> dict[str, Request]:
        """Bodies as traces may show them."""
        clean = self.store.redactor.clean_json
        return {key: replace(one, text=exact(clean(one.body))) for key, one in requests.items()}

    def _registered(self, place: Place, plan: Plan, experiment_id: str, state: Provenance) -> Plan:
        """The plan with the registry's number in every prompt."""
        numbers: dict[str, int] = {}
        for variant in plan.variants:
            prompt = variant.prompt
            if prompt.digest not in numbers:
                number, _ = register(place, prompt, commit=state.commit)
                file_under(place, prompt.registered_name, experiment_id)
                numbers[prompt.digest] = prompt.version or number
        variants = tuple(
            replace(v, prompt=v.prompt.with_version(numbers[v.prompt.digest]))
            for v in plan.variants
        )
        return replace(plan, variants=variants)

    def _without_mlflow(
        self, plan: Plan, progress: Progress, error: Exception, stopped: Callable[[], bool]
    ) -> Recorded:
        """The numbers all the same, what kept them out of MLflow, and how many."""
        uri = masked(self.project.tracking_uri(self.tracking_uri))
        evaluators = plan.experiment.evaluators
        results = tuple(
            summarise(
                plan,
                variant,
                own
                if any(row.scores for row in own)
                else score_rows(evaluators, own, self.store, stopped=stopped),
                self.project.prices,
            )
            for variant, own in zip(plan.variants, progress.rows, strict=True)
        )
        left = progress.answered - progress.recorded
        count = f"{left:,} of {progress.answered:,} rows are not recorded in MLflow"
        if not isinstance(error, WorkbenchError):
            known = isinstance(error, MlflowException | SQLAlchemyError | OSError)
            said = "" if known else f"{type(error).__name__}: "
            count = f"{count}: {said}{error}"[:500]
        problem = WorkbenchError(
            count,
            where=uri,
            fix=f"the answers and scores are safe; {AGAIN}",
            exit_code=ExitCode.NOT_RECORDED,
        )
        if not isinstance(error, WorkbenchError):
            return Recorded(results, uri, problems=(problem,))
        error.exit_code = ExitCode.NOT_RECORDED
        return Recorded(results, uri, problems=(error, problem))
