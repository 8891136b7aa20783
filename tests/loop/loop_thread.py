"""A loop in a thread of this process, with the events that its user would see.

with running(home, server) as loop:
    loop.next()                                    Event("finished", state=…)
    loop.save("plain.jinja", "user:\\n{{ text }}!\\n")
    loop.next().state.files.saved                  ("prompts/qa/plain.jinja",)
"""

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import ExitCode, WorkbenchError
from workbench.experiment import load_experiment
from workbench.plan import Options, Plan, plan_invocation
from workbench.project import Project, read_project
from workbench.prompt import Renderer
from workbench.report.watch import changes_text
from workbench.resolvers import project_resolvers
from workbench.run.invocation import CostLimits
from workbench.scoring.pool import shared_pool
from workbench.secrets import Redactor
from workbench.store import Store
from workbench.watch.loop_state import LoopState
from workbench.watch.watch_loop import LoopContext, LoopView, WatchLoop

TIMEOUT_S = 60


@dataclass(frozen=True)
class Event:
    kind: str
    text: str = ""
    state: LoopState | None = None

    @property
    def files(self) -> list[str]:
        """The saved and new files that led to the state."""
        assert self.state
        return [*self.state.files.saved, *self.state.files.new]

    @property
    def metrics(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Means before and after the save, by variant and metric."""
        assert self.state
        return {
            self.state.plan.variants[change.number].name: {
                name: (metric.comparison.difference.before, metric.comparison.difference.after)
                for name, metric in change.metrics.items()
            }
            for change in self.state.changes
        }


class Events(LoopView):
    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def finished(self, state):
        self.queue.put(Event("finished", state=state))

    def failed(self, error, files):
        self.queue.put(Event("failed", f"{changes_text(files)}: {error}"))

    def unchanged(self, files):
        self.queue.put(Event("unchanged", changes_text(files)))

    def note(self, text):
        self.queue.put(Event("note", text))


@dataclass
class RunningLoop:
    home: Path
    context: LoopContext | None = None
    events: Events = field(default_factory=Events)
    recorded: list[LoopState] = field(default_factory=list)
    exit_code: int | None = None
    error: BaseException | None = None

    def next(self, kind: str = "finished") -> Event:
        """The next event, which is of this kind."""
        event = self.events.queue.get(timeout=TIMEOUT_S)
        assert event.kind == kind, event
        return event

    def save(self, name: str, content: str) -> None:
        (self.home / "prompts" / "qa" / name).write_text(content)

    def press(self, key: str) -> None:
        assert self.context
        self.context.keys.put(key)


@contextmanager
def running(home: Path, **limits: float) -> Iterator[RunningLoop]:
    """The loop in the project `home`, ended by a signal."""
    loop = RunningLoop(home)
    begun = threading.Event()

    def run() -> None:
        try:
            with (
                shared_pool() as pool,
                Renderer() as renderer,
                Store(Project(home).store, Redactor()) as store,
            ):
                file = home / "prompts" / "qa" / "experiment.yaml"
                load = _loader(file, renderer, store)
                loop.context = LoopContext(
                    file, store, renderer, pool, load, limits=CostLimits(**limits)
                )
                begun.set()
                watch = WatchLoop(loop.context, loop.events, _recorder(loop))
                loop.exit_code = watch.run(Project(home))
        except WorkbenchError as error:
            loop.error = error
            loop.events.queue.put(Event("ended", str(error)))

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(TIMEOUT_S)
    try:
        yield loop
    finally:
        assert loop.context
        loop.context.stop.request(signal.SIGINT)
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


def _loader(file: Path, renderer: Renderer, store: Store) -> Callable[[], tuple[Project, Plan]]:
    def load() -> tuple[Project, Plan]:
        project = read_project(file.parents[2])
        resolvers = project_resolvers(project)
        experiment = load_experiment(file, project, renderer, resolvers)
        return project, plan_invocation(experiment, renderer, store, Options())

    return load


def _recorder(loop: RunningLoop) -> Callable[[LoopState], ExitCode]:
    def record(state: LoopState) -> ExitCode:
        loop.recorded.append(state)
        loop.events.queue.put(Event("recorded"))
        return ExitCode.DONE

    return record
