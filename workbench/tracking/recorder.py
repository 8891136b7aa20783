"""Recording of one invocation in MLflow, in this process.

    recorder.begin(job)                      creates the runs, registers the prompts
    recorder.add(0, records)                 traces, while other requests are in flight
    recorder.finish(results, not_stopped)    the rest, read back    ->  Recorded(…)

Completions and scores are in the project's own store before they get here, so no error of MLflow
loses them. What fails on the way is tried once more at the end. Then a later run or `workbench
sync` records the rest.
"""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from workbench.errors import ExitCode, StopCheck, Stopped, WorkbenchError, not_stopped
from workbench.plan import Plan
from workbench.project import Project
from workbench.secrets import Redactor, mask_url
from workbench.tracking.bulk import slow_writer_note
from workbench.tracking.mlflow_client import reply_timeout_s, short_timeout
from workbench.tracking.protocol import (
    Recorded,
    Recorder,
    RecordingJob,
    Results,
    RowRecord,
    not_recorded_error,
)
from workbench.tracking.provenance import read_environment
from workbench.tracking.recorded_runs import read_recorded_runs
from workbench.tracking.registry import list_in_experiment, register
from workbench.tracking.runs import (
    RECORDED,
    ROWS,
    Runs,
    begin_recording,
    finish_run,
    open_runs,
    was_completed,
)
from workbench.tracking.tracking_store import TrackingStore, connect
from workbench.tracking.variant_run import VariantRun

MAX_INVOCATIONS = 50  # in the charts of an experiment's history
BATCH = 100  # rows between two stop checks


class DirectRecorder(Recorder):
    """A recorder that works in this process; `stopped` is checked while rows are added."""

    def __init__(
        self,
        project: Project,
        redactor: Redactor,
        tracking_uri: str = "",
        stopped: StopCheck = not_stopped,
    ) -> None:
        self._project = project
        self._redactor = redactor
        self.tracking_uri = tracking_uri
        self._stopped = stopped
        self._job: RecordingJob | None = None
        self._runs: Runs | None = None
        self._variant_runs: dict[int, VariantRun] = {}
        self._failed_variants: set[int] = set()
        self._recorded_rows = 0

    def begin(self, job: RecordingJob) -> None:
        """See `Recorder`."""
        self._job = job
        with suppress(Exception):  # tried again at the end, and reported if it fails again
            self._open_runs()

    def add(self, variant: int, records: Sequence[RowRecord]) -> None:
        """See `Recorder`."""
        if self._runs is None or self._failed_variants:
            return
        try:
            self._add(self._runs, variant, records, self._stopped)
        except Stopped:
            return
        except Exception:  # the rest waits for the end, so MLflow is waited for only once more
            self._failed_variants.add(variant)

    def finish(self, results: Results, stopped: StopCheck = not_stopped) -> Recorded:
        """See `Recorder`."""
        try:
            return self._finish(self._runs or self._open_runs(), results, stopped)
        except Stopped:
            raise
        except Exception as error:  # of MLflow, of SQLAlchemy, or caused by an unexpected reply
            return self._not_recorded(results, error)

    def stop(self, timeout_s: float) -> None:
        """See `Recorder`: runs that are no longer written don't stay at `running`."""
        if self._runs is None or not timeout_s:
            return
        begun = [self._runs.children[number] for number in self._variant_runs]
        begun += [run for run in self._runs.children if ROWS not in run.data.tags]
        if begun or RECORDED not in self._runs.parent.data.tags:
            begun.append(self._runs.parent)
        for run_id in {run.info.run_id for run in begun}:
            with short_timeout(), suppress(Exception):
                self._runs.store.client.set_terminated(run_id, "KILLED")

    def _open_runs(self) -> Runs:
        assert self._job
        store = connect(
            self._project, self.tracking_uri, timeout_s=reply_timeout_s(), redactor=self._redactor
        )
        experiment_id = store.experiment(self._job.plan.experiment.name)
        environment = read_environment(self._project.root)
        commit = str(environment["git_commit"] or "")
        plan = _register_prompts(store, self._job.plan, experiment_id, commit)
        job = replace(self._job, plan=plan)
        self._runs = open_runs(store, experiment_id, job, environment)
        return self._runs

    def _add(
        self, runs: Runs, variant: int, records: Sequence[RowRecord], stopped: StopCheck
    ) -> None:
        for start in range(0, len(records), BATCH):
            if stopped():
                raise Stopped
            self._variant_run(runs, variant).add(records[start : start + BATCH])

    def _variant_run(self, runs: Runs, variant: int) -> VariantRun:
        if variant not in self._variant_runs:
            if not self._variant_runs:
                begin_recording(runs, runs.parent)
            price = self._project.prices.get(runs.job.plan.variants[variant].model.model.ref)
            variant_run = VariantRun(runs, variant, price, self._redactor)
            variant_run.begin()
            self._variant_runs[variant] = variant_run
        return self._variant_runs[variant]

    def _finish(self, runs: Runs, results: Results, stopped: StopCheck) -> Recorded:
        recorded = Recorded(
            runs.store.masked_uri,
            runs.experiment_id,
            runs.parent.info.run_id,
            [run.info.run_id for run in runs.children],
            [variant.prompt.version for variant in runs.job.plan.variants],
        )
        unchanged = [
            run.data.tags.get(ROWS) == digest
            for run, digest in zip(runs.children, results.digests, strict=True)
        ]
        if was_completed(runs.parent) and all(unchanged) and not self._variant_runs:
            return replace(recorded, recorded_before=True)
        problems: list[WorkbenchError] = []
        for number, result in enumerate(results.variants):
            if stopped():
                raise Stopped
            errors: list[WorkbenchError] = []
            if not unchanged[number] or number in self._variant_runs:
                self._add_missing_rows(runs, number, results, stopped)
                errors = self._variant_runs[number].finish(
                    result, results.digests[number], results.not_run[number]
                )
            self._recorded_rows += 0 if errors else result.answers.answered
            problems += errors
        self._log_comparison(runs, results)
        self._log_history(runs)
        if not self._variant_runs:
            begin_recording(runs, runs.parent)
        complete = not problems and not any(result.missing for result in results.variants)
        finish_run(runs.store, runs.parent.info.run_id, {RECORDED: "yes" if complete else "partly"})
        wrote_traces = any(run.trace_count for run in self._variant_runs.values())
        notes = slow_writer_note(runs.store) if wrote_traces else ()
        return replace(recorded, problems=tuple(problems), notes=notes)

    def _log_comparison(self, runs: Runs, results: Results) -> None:
        """Log the comparison of all variants in the parent run; MLflow's page compares two."""
        pages = results.pages()
        if not pages:
            return
        from workbench.tracking.charts import draw_charts  # importing matplotlib is slow

        with tempfile.TemporaryDirectory() as folder:
            for name, text in pages.items():
                Path(folder, name).write_text(text, encoding="utf-8")
            draw_charts(results.variants, Path(folder) / "figures")
            runs.store.client.log_artifacts(runs.parent.info.run_id, folder)

    def _log_history(self, runs: Runs) -> None:
        """Log charts of the experiment's last invocations in the parent run."""
        recorded = read_recorded_runs(runs.store, runs.experiment_id, MAX_INVOCATIONS)
        if len({record.invocation for record in recorded.variants}) < 2:
            return
        from workbench.tracking.history_charts import draw_history  # importing matplotlib is slow

        with tempfile.TemporaryDirectory() as folder:
            draw_history(recorded.variants, Path(folder) / "history")
            runs.store.client.log_artifacts(runs.parent.info.run_id, folder)

    def _add_missing_rows(
        self, runs: Runs, number: int, results: Results, stopped: StopCheck
    ) -> None:
        """Add all rows of a variant again, unless every row was added."""
        variant_run = self._variant_runs.get(number)
        if variant_run:
            complete = variant_run.row_count == results.variants[number].answers.answered
            if complete and number not in self._failed_variants:
                return
            variant_run.reset()
        self._failed_variants.discard(number)
        self._variant_run(runs, number)
        for records in results.rows(number):
            self._add(runs, number, records, stopped)

    def _not_recorded(self, results: Results, error: Exception) -> Recorded:
        uri = mask_url(self._project.tracking_uri(self.tracking_uri))
        rows = results.row_count
        message = f"{rows - self._recorded_rows:,} of {rows:,} rows are not recorded in MLflow"
        if isinstance(error, WorkbenchError):
            error.exit_code = ExitCode.NOT_RECORDED
            return Recorded(uri, problems=(error, not_recorded_error(message, where=uri)))
        expected = isinstance(error, MlflowException | SQLAlchemyError | OSError)
        kind = "" if expected else f"{type(error).__name__}: "
        message = f"{message}: {kind}{error}"[:500]
        return Recorded(uri, problems=(not_recorded_error(message, where=uri),))


def _register_prompts(store: TrackingStore, plan: Plan, experiment_id: str, commit: str) -> Plan:
    """The plan with the registry's version of every prompt."""
    versions: dict[str, int] = {}
    for variant in plan.variants:
        prompt = variant.prompt
        if prompt.digest not in versions:
            version, _ = register(store, prompt, commit=commit)
            list_in_experiment(store, prompt.registered_name, experiment_id)
            versions[prompt.digest] = prompt.version or version
    variants = tuple(
        replace(v, prompt=replace(v.prompt, version=versions[v.prompt.digest]))
        for v in plan.variants
    )
    return replace(plan, variants=variants)
