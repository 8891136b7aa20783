"""An invocation from the experiment file to MLflow, as `workbench run` makes it."""

from dataclasses import dataclass, field
from pathlib import Path

from bench import Bench
from mlflow import MlflowClient
from mlflow.entities import Run, Trace

from workbench.completing.budget import Budget
from workbench.completing.context import Progress, RunContext, Stop
from workbench.experiment import load_experiment
from workbench.plan import Options, plan_invocation
from workbench.project import Project
from workbench.resolvers import project_resolvers
from workbench.run.invocation import run
from workbench.run.stored_results import ResultCallbacks
from workbench.run.summary import Invocation
from workbench.store import Store
from workbench.tracking.recorder import DirectRecorder
from workbench.tracking.recording_process import RecordingProcess

RUN_ALL = Options()


@dataclass
class SilentProgress(Progress):
    """Progress that only collects its notes."""

    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(frozen=True)
class Recording:
    """A project whose runs go to a store of its own.

    Attributes:
        apart: recorded by a process of its own, as the command does.
        callbacks: get the results before they are recorded.
    """

    bench: Bench
    project: Project
    uri: str
    apart: bool = False
    progress: SilentProgress = field(default_factory=SilentProgress)
    recorder: type[DirectRecorder] = DirectRecorder
    callbacks: ResultCallbacks = field(default_factory=ResultCallbacks)

    def run(
        self,
        text: str,
        options: Options = RUN_ALL,
        stop: Stop | None = None,
        *,
        max_calls: int | None = None,
    ) -> Invocation:
        """Run an experiment file and record it."""
        file = self.bench.write("experiment.yaml", text)
        resolvers = project_resolvers(self.project, self.uri)
        experiment = load_experiment(file, self.project, self.bench.renderer, resolvers)
        with Store(self.project.store) as store:
            plan = plan_invocation(experiment, self.bench.renderer, store, options)
            ended = stop or Stop()
            recorder = (
                RecordingProcess(self.project, store.redactor, self.uri)
                if self.apart
                else self.recorder(
                    self.project, store.redactor, self.uri, lambda: bool(ended.signal)
                )
            )
            budget = Budget(self.project.prices, max_cost=None, max_calls=max_calls)
            context = RunContext(self.project, store, self.progress, ended, budget)
            return run(plan, context, recorder, options, self.callbacks)

    @property
    def client(self) -> MlflowClient:
        """MLflow's public API on the same store."""
        return MlflowClient(self.uri, self.uri)

    def runs(self) -> list[Run]:
        """Every run of every experiment, parents too."""
        ids = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return self.client.search_runs(ids)

    def traces(self, run: Run | str) -> list[Trace]:
        """The traces of a run in the dataset's order."""
        run_id = run if isinstance(run, str) else run.info.run_id
        experiment_id = self.client.get_run(run_id).info.experiment_id
        traces = self.client.search_traces(locations=[experiment_id], run_id=run_id)
        return sorted(traces, key=lambda trace: -trace.info.request_time)

    def artifact(self, run_id: str, path: str) -> str:
        """The text of an artifact."""
        folder = self.project.root / "downloads" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        return Path(self.client.download_artifacts(run_id, path, str(folder))).read_text()
