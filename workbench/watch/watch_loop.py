"""The loop: wait for a save, plan, run what changed, show the difference; record when asked.

    short.jinja saved ─▶ load, plan (stored answers are crossed off) ─▶ complete, score ─▶ view
                         a broken file: its error is shown, and the results before it stay

A save during a run is seen after it. One budget limits the calls of the whole loop. MLflow has no
part in it until the state is recorded.
"""

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.completing.budget import Budget
from workbench.completing.context import Progress, RunContext, Stop
from workbench.completing.judge_budget import JudgeBudget
from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Plan
from workbench.project import Project
from workbench.prompt import Renderer
from workbench.run.invocation import CostLimits, continue_budget
from workbench.scoring.pool import EvaluatorPool
from workbench.store import Store
from workbench.watch.file_changes import NO_CHANGES, FileChanges
from workbench.watch.loop_state import LoopState, run_state
from workbench.watch.save_watcher import SaveWatcher
from workbench.watch.spending import require_limit
from workbench.watch.stable_files import settle
from workbench.watch.watched_files import files_of_failure, files_of_plan, files_of_project

WAIT_S = 0.1  # for a report of a save, between two looks for a key and a signal
RETRY_S = 0.5  # until a plan that another process runs is tried again
NO_LIMITS = CostLimits()
CHECK_S = 600.0  # between two checks of the whole store, which take as long as it is large
FATAL = (ExitCode.STORAGE, ExitCode.INTERRUPTED, ExitCode.TERMINATED)


class LoopView:
    """Shows the loop. The base class shows nothing."""

    def finished(self, state: LoopState) -> None:
        """A state has its results."""

    def failed(self, error: WorkbenchError, files: FileChanges) -> None:
        """The files can't be run; the results before stay."""

    def unchanged(self, files: FileChanges) -> None:
        """Files were saved, and nothing that decides an answer or a score has changed."""

    def note(self, text: str) -> None:
        """A line of text for the user."""


@dataclass(frozen=True)
class LoopContext:
    """Everything that lives as long as the loop.

    Attributes:
        experiment: its file.
        load: reads the files and returns the project and the plan.
        make_progress: of one run.
        stop: set by a signal or a key; the loop ends.
        keys: pressed keys, `r` or Enter, the oldest first.
    """

    experiment: Path
    store: Store
    renderer: Renderer
    pool: EvaluatorPool
    load: Callable[[], tuple[Project, Plan]]
    make_progress: Callable[[], Progress] = Progress
    limits: CostLimits = NO_LIMITS
    stop: Stop = field(default_factory=Stop)
    keys: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)


class WatchLoop:
    """One loop; `record` records a state in MLflow, and returns the exit code of that.

    Attributes:
        state: the last one with results.
        exit_code: of the last run, or the error before any.
    """

    def __init__(
        self,
        context: LoopContext,
        view: LoopView,
        record: Callable[[LoopState], ExitCode],
    ) -> None:
        self.state: LoopState | None = None
        self.exit_code: ExitCode = ExitCode.DONE
        self._context, self._view, self._record_state = context, view, record
        self._reports: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._watcher = SaveWatcher(self._reports.put)
        self._budget: Budget | None = None
        self._judge_budget: JudgeBudget | None = None
        self._complete: LoopState | None = None  # the last state of which every row was asked
        self._recorded: LoopState | None = None  # the last one that was recorded
        self._retry_at = float("inf")
        self._waited_for = ""
        self._problem = ""
        self._root = Path()

    def run(self, project: Project) -> ExitCode:
        """Run until `stop` is signalled; then record the last complete state.

        Raises:
            WorkbenchError: the store can't be written, or at the beginning: calls may cost money
                and nothing limits them.
        """
        self._root = project.root
        self._context.store.check_interval_s = CHECK_S
        try:
            self._watcher.follow(files_of_project(project, self._context.experiment))
            self._advance(set(), project, is_first=True)
            while not self._context.stop.signal:
                self._wait(project)
        finally:
            self._watcher.close()
        if self._complete:
            code = self._record(self._complete)
            return self.exit_code or code
        return self.exit_code

    def _wait(self, project: Project) -> None:
        """Wait a moment for a save or a key, and act on it."""
        if self._watcher.problem != self._problem:
            self._problem = self._watcher.problem
            self._view.note(f"saves are looked for every 0.3 s: {self._problem}")
        paths: set[Path] = set()
        with suppress(queue.Empty):
            paths.add(self._reports.get(timeout=WAIT_S))
        paths |= self._watcher.look()
        if paths:
            if saved := settle(paths, self._reports, self._watcher):
                self._advance(saved, project)
        elif time.monotonic() >= self._retry_at:
            self._advance(set(), project)
        else:
            with suppress(queue.Empty):
                self._press(self._context.keys.get_nowait(), project)

    def _press(self, key: str, project: Project) -> None:
        if key == "r" and self._complete:
            if self._recorded is self._complete:
                self._view.note("recorded already")
            self._record(self._complete)
        elif key == "r":
            self._view.note("there are no complete results to record yet")
        else:
            self._advance(set(), project, is_forced=True)

    def _advance(
        self, paths: set[Path], project: Project, *, is_first: bool = False, is_forced: bool = False
    ) -> None:
        """Run the files as they are now, and show the results or the error."""
        started = time.monotonic()
        paths, files = self._watcher.take_changes(paths, self._display_name)
        if is_first:
            files = NO_CHANGES
        elif paths and not files and not is_forced:
            return  # a folder
        self._retry_at = float("inf")
        if any(path.suffix == ".py" for path in paths):
            self._context.pool.end_project_code()
        is_loaded = False
        try:
            project, plan = self._context.load()
            self._watcher.follow(files_of_plan(project, self._context.experiment, plan))
            is_loaded = True
            self._limit(plan, project)
        except (WorkbenchError, OSError) as error:
            problem = error if isinstance(error, WorkbenchError) else _vanished(error)
            if problem.exit_code in FATAL or (is_first and is_loaded):
                raise problem from error
            if not is_loaded:
                self._follow_broken(project, problem)
            self._fail(problem, files)
            return
        if files and not is_forced and self._is_unchanged(plan, project):
            self._view.unchanged(files)
            return
        self._run(plan, project, (started, files))

    def _follow_broken(self, project: Project, error: WorkbenchError) -> None:
        experiment, before = self._context.experiment, self._watcher.files
        self._watcher.follow(files_of_failure(project, experiment, before, error.where))

    def _run(self, plan: Plan, project: Project, occasion: tuple[float, FileChanges]) -> None:
        started, files = occasion
        try:
            if plan.to_send:
                self._context.pool.start(plan.experiment.evaluators)
            state = run_state(plan, self._run_context(project), self._complete)
        except WorkbenchError as error:
            if error.exit_code == ExitCode.ALREADY_RUNNING:
                self._wait_for_other(error, plan)
                return
            if error.exit_code in FATAL:
                self.exit_code = error.exit_code
                if self._context.stop.signal:
                    self._view.failed(error, NO_CHANGES)
                    return
                raise
            self._fail(error, files)
            return
        self._waited_for = ""
        seconds = time.monotonic() - started
        self.state = replace(state, files=files, seconds=seconds)
        self.exit_code = state.invocation.exit_code
        self._view.finished(self.state)
        if state.is_complete:
            self._complete = self.state
        self._warm_up(plan)

    def _limit(self, plan: Plan, project: Project) -> None:
        """Check that the calls of a plan are limited, and hold the loop's budget to its prices.

        Raises:
            WorkbenchError: they may cost money without a limit, or the limit can't be enforced.
        """
        limits = self._context.limits
        has_limit = limits.max_cost is not None or limits.max_calls is not None
        require_limit(plan, project.prices, has_limit=has_limit)
        self._budget = continue_budget(self._budget, plan, project.prices, limits)
        self._judge_budget = self._judge_budget or JudgeBudget(self._budget)

    def _run_context(self, project: Project) -> RunContext:
        """The context of one run; its budget is what the runs before have left."""
        context = self._context
        context.stop.requested = False
        if context.stop.signal:  # it came meanwhile
            context.stop.requested = True
        return RunContext(
            project,
            context.store,
            context.make_progress(),
            context.stop,
            self._budget or Budget(),
            self._judge_budget,
            renderer=context.renderer,
        )

    def _is_unchanged(self, plan: Plan, project: Project) -> bool:
        state = self.state
        return (
            state is not None
            and state.is_complete
            and not plan.to_send
            and plan.digest == state.plan.digest
            and plan.baselines == state.plan.baselines
            and plan.experiment.content == state.plan.experiment.content
            and project.file == state.project.file
        )

    def _fail(self, error: WorkbenchError, files: FileChanges) -> None:
        if self.state is None:
            self.exit_code = error.exit_code
        self._view.failed(error, files)

    def _wait_for_other(self, error: WorkbenchError, plan: Plan) -> None:
        """Try again soon: another process runs the same plan, and its answers will be stored."""
        if self._waited_for != plan.digest:
            self._view.note(f"waiting: {error.message}")
        self._waited_for, self._retry_at = plan.digest, time.monotonic() + RETRY_S

    def _warm_up(self, plan: Plan) -> None:
        """Start, in the time until the next save, whatever a run needs."""
        with suppress(WorkbenchError):  # shown by the next run
            self._context.pool.start(plan.experiment.evaluators)
            for variant in plan.variants:
                if variant.model.provider.concurrent:
                    variant.model.provider.check_ready()

    def _record(self, state: LoopState) -> ExitCode:
        if self._recorded is state:
            return ExitCode.DONE
        code = self._record_state(state)
        if code == ExitCode.DONE:
            self._recorded = state
        return code

    def _display_name(self, path: Path) -> str:
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)


def _vanished(error: OSError) -> WorkbenchError:
    """The error for a file that was there and can't be read any more."""
    return WorkbenchError(
        f"can't be read: {error.strerror or error}",
        where=str(error.filename or ""),
        fix="save it again",
    )
