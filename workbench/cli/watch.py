"""`workbench run --watch`: the experiment again after each save, with the difference from before.

$ workbench run sentiment --watch
variant  exact_match  …
watching sentiment; r: record in MLflow, Enter: run again, q: quit
prompts/sentiment/short.jinja saved: 50 sent, 150 stored, 0.8 s
…
"""

import os
import queue
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from rich.console import Console

from workbench.cli.keyboard import Keyboard
from workbench.cli.output import print_lines, print_styled, terminal_width
from workbench.cli.results import PIPED_WIDTH, TerminalResults
from workbench.cli.setup import (
    experiment_file,
    keep_private,
    load_opened,
    make_recorder,
    open_project,
    open_root,
    open_store,
)
from workbench.cli.signals import STOPPING, handle_signals, note_on_stderr
from workbench.completing.context import Progress, RunContext
from workbench.errors import ExitCode, WorkbenchError
from workbench.experiment.types import Resolvers
from workbench.plan import Options, Plan
from workbench.project import Project, find_root
from workbench.prompt import Renderer
from workbench.report.progress import Bar, Notes
from workbench.report.run import record_lines
from workbench.report.safe_text import escape_commands
from workbench.report.watch import changes_text, state_blocks, state_lines, state_table, title
from workbench.resolvers import project_resolvers
from workbench.run.invocation import CostLimits
from workbench.run.invocation import run as run_plan
from workbench.scoring.pool import shared_pool
from workbench.store import Store
from workbench.watch.file_changes import FileChanges
from workbench.watch.loop_state import LoopState
from workbench.watch.watch_loop import LoopContext, LoopView, WatchLoop

SINGLE_RUN = (  # flags that don't go with a loop
    *("--race", "--check-batch", "--dry-run", "--fresh", "--retry-failed", "--again"),
    *("--show", "--output", "--json"),
)


@dataclass(frozen=True)
class WatchCall:
    """The words of a command line about a loop."""

    target: str
    options: Options
    limits: CostLimits
    tracking_uri: str = ""


def watch_task(call: WatchCall, single: Sequence[object]) -> ExitCode:
    """Run the loop until a key or a signal ends it; then record the results in MLflow.

    Args:
        call: what to watch.
        single: values of the flags in SINGLE_RUN.

    Raises:
        WorkbenchError: one of these flags is given, or there is nothing to watch.
    """
    for flag in (flag for flag, value in zip(SINGLE_RUN, single, strict=True) if value):
        fix = f"leave {flag} out: it belongs to a single run"
        raise WorkbenchError(f"--watch and {flag} don't go together", fix=fix)
    project = open_project(call.tracking_uri)
    keep_private(project, call.tracking_uri)
    path = Path(os.path.abspath(experiment_file(call.target, project)))  # noqa: PTH100
    keys: queue.SimpleQueue[str] = queue.SimpleQueue()

    def press(key: str) -> None:
        if key == "q":
            stop.request(signal.SIGINT)
        elif key in ("r", "\n"):
            keys.put(key)

    keyboard = Keyboard(press)
    tracks = project.tracks(call.tracking_uri)
    view = TerminalLoop(path.parent, _keys_text(has_keys=keyboard.is_available, tracks=tracks))
    with (
        shared_pool() as pool,
        Renderer() as renderer,
        open_store(project) as store,
        handle_signals(project, announce=view.stopping, before_exit=keyboard.restore) as stop,
        keyboard,
    ):
        files = _ExperimentFiles(path, store, renderer, call)
        context = LoopContext(
            path, store, renderer, pool, files.load, view.progress, call.limits, stop, keys
        )
        loop = WatchLoop(context, view, lambda state: _record(state, store, call))
        return loop.run(project)


def _keys_text(*, has_keys: bool, tracks: bool) -> str:
    if has_keys:
        return ("r: record in MLflow, " if tracks else "") + "Enter: run again, q: quit"
    return "Ctrl-C ends the loop" + (" and records the results in MLflow" if tracks else "")


class _ExperimentFiles:
    """The files of an experiment, read again for each run; MLflow is asked once."""

    def __init__(self, path: Path, store: Store, renderer: Renderer, call: WatchCall) -> None:
        self._path, self._store, self._renderer, self._call = path, store, renderer, call
        self._resolvers: tuple[Project, Resolvers] | None = None

    def load(self) -> tuple[Project, Plan]:
        """Read workbench.yaml, the experiment and all that it names; plan it."""
        root = find_root(self._path.parent)
        project = open_root(root, self._call.tracking_uri)
        options = self._call.options
        opened = load_opened(
            self._path, project, self._store, self._renderer, self._resolve(project), options
        )
        return opened.project, replace(opened.plan(), note=options.note)

    def _resolve(self, project: Project) -> Resolvers:
        if self._resolvers is None or self._resolvers[0] != project:
            resolvers = project_resolvers(project, self._call.tracking_uri)
            registry, dataset = cache(resolvers.registry), cache(resolvers.mlflow_dataset)
            self._resolvers = project, replace(resolvers, registry=registry, mlflow_dataset=dataset)
        return self._resolvers[1]


class TerminalLoop(LoopView):
    """Prints the loop: results on stdout, errors and notes on stderr."""

    def __init__(self, folder: Path, keys: str) -> None:
        self._folder, self._keys = folder, keys
        self._is_running = self._has_begun = False
        self._notes: tuple[str, ...] = ()

    def progress(self) -> Progress:
        """The progress of a run that begins."""
        self._is_running = True
        return Bar() if sys.stderr.isatty() else Notes()

    def stopping(self) -> str:
        """The line that a signal prints; empty while nothing runs."""
        return STOPPING if self._is_running else ""

    def finished(self, state: LoopState) -> None:
        """See `LoopView`."""
        self._is_running = False
        for line in (note for note in state.plan.notes if note not in self._notes):
            note_on_stderr(f"note: {line}")
        self._notes = state.plan.notes
        if self._has_begun:
            print_lines([title(state)])
            table = state_table(state)
            fits = Console(width=10_000).measure(table).maximum <= terminal_width(PIPED_WIDTH)
            print_styled(table if fits else state_blocks(state))
            print_lines([*state_lines(state), ""])
        else:
            TerminalResults(state.project, quiet=False).print_results(state.compared)
            print_lines([*state_lines(state)])
            self._begin()
        sys.stdout.flush()
        for problem in state.invocation.problems:
            _print_problem(problem)

    def failed(self, error: WorkbenchError, files: FileChanges) -> None:
        """See `LoopView`."""
        self._is_running = False
        if files:
            note_on_stderr(f"{changes_text(files)}:")
        _print_problem(error)
        self._begin()

    def unchanged(self, files: FileChanges) -> None:
        """See `LoopView`."""
        print_lines([f"{changes_text(files)}: nothing that decides an answer or a score changed"])
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """See `LoopView`."""
        note_on_stderr(text)

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            note_on_stderr(f"watching {self._folder.name}; {self._keys}")


def _record(state: LoopState, store: Store, call: WatchCall) -> ExitCode:
    """Record a state in MLflow; nothing is sent."""
    project = state.project
    plan = replace(state.plan, requests=tuple(() for _ in state.plan.variants))
    try:
        with handle_signals(project) as stop:
            context = RunContext(project, store, Notes(), stop)
            recorder = make_recorder(context, call.tracking_uri)
            results = TerminalResults(project, quiet=True)
            invocation = run_plan(plan, context, recorder, call.options, results)
    except WorkbenchError as error:
        _print_problem(error)
        return error.exit_code
    print_lines(record_lines(invocation))
    sys.stdout.flush()
    for problem in invocation.problems:
        _print_problem(problem)
    return ExitCode.NOT_RECORDED if invocation.problems else ExitCode.DONE


def _print_problem(error: WorkbenchError) -> None:
    sys.stderr.write(f"error: {escape_commands(str(error))}\n")
    sys.stderr.flush()
