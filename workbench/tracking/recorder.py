"""Leaves one invocation in MLflow, or finds that it is there already.

recorder = DirectRecorder(project, redactor, tracking_uri)
recorder.begin(order)               its runs, its prompts' versions
recorder.add(0, entries)            traces, while others are still being answered
recorder.finish(results, never)     the rest, read back    ->  Recorded(…)

What is paid for is in the store before any of this. Whatever MLflow does here costs no answer:
what went wrong on the way is tried once more at the end, and a later run or `workbench sync` does
the rest.
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
from workbench.tracking.client_settings import hardly_waiting, timeout
from workbench.tracking.protocol import Recorded, RecordingJob, Results, RowRecord
from workbench.tracking.provenance import provenance
from workbench.tracking.registry import file_under, register
from workbench.tracking.runs import (
    RECORDED,
    ROWS,
    Runs,
    begin,
    finish,
    open_runs,
)
from workbench.tracking.tracking_store import TrackingStore, connect
from workbench.tracking.variant_run import AGAIN, VariantRun

AT_ONCE = 100  # rows between two looks whether to stop


class DirectRecorder:
    """A `Recorder` in this very process.

    Args:
        project: whose invocation it is.
        redactor: takes secrets out of all that is written.
        tracking_uri: as the command line names it; empty: the project's.
        stopped: asked between some rows while they are added, too.
    """

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
        self._order: RecordingJob | None = None
        self._runs: Runs | None = None
        self._sheets: dict[int, VariantRun] = {}
        self._broken: set[int] = set()
        self._again = False
        self._recorded = 0

    def begin(self, order: RecordingJob) -> None:
        """As `Recorder.begin`."""
        self._order = order
        self._again = order.again
        with suppress(Exception):  # tried once more at the end, and said if it fails again
            self._open()

    def add(self, variant: int, entries: Sequence[RowRecord]) -> None:
        """As `Recorder.add`."""
        if self._runs is None or self._broken:
            return
        try:
            self._put(self._runs, variant, entries, self._stopped)
        except Stopped:
            return
        except Exception:  # all that is left waits for the end, and so for MLflow only once more
            self._broken.add(variant)

    def finish(self, results: Results, stopped: StopCheck = not_stopped) -> Recorded:
        """As `Recorder.finish`."""
        try:
            return self._finished(self._runs or self._open(), results, stopped)
        except Stopped:
            raise
        except Exception as error:  # MLflow's own, SQLAlchemy's, what an odd reply sets off
            return self._without_mlflow(results, error)

    def stop(self, patience_s: float) -> None:
        """As `Recorder.stop`: a run that is no longer written to doesn't stay at `running`."""
        if self._runs is None or not patience_s:
            return
        begun = [self._runs.children[number] for number in self._sheets]
        begun += [run for run in self._runs.children if ROWS not in run.data.tags]
        if begun or RECORDED not in self._runs.parent.data.tags:
            begun.append(self._runs.parent)
        for run_id in {run.info.run_id for run in begun}:
            with hardly_waiting(), suppress(Exception):
                self._runs.place.client.set_terminated(run_id, "KILLED")

    def _open(self) -> Runs:
        assert self._order
        place = connect(self._project, self.tracking_uri, wait=timeout(), redactor=self._redactor)
        experiment_id = place.experiment(self._order.plan.experiment.name)
        state = provenance(self._project.root)
        plan = _registered(place, self._order.plan, experiment_id, state.commit)
        self._order = replace(self._order, plan=plan)
        self._runs = open_runs(place, experiment_id, self._order, state, again=self._again)
        self._again = False
        return self._runs

    def _put(
        self, runs: Runs, variant: int, entries: Sequence[RowRecord], stopped: StopCheck
    ) -> None:
        for start in range(0, len(entries), AT_ONCE):
            if stopped():
                raise Stopped
            self._sheet(runs, variant).add(entries[start : start + AT_ONCE])

    def _sheet(self, runs: Runs, variant: int) -> VariantRun:
        assert self._order
        if variant not in self._sheets:
            if not self._sheets:
                begin(runs, runs.parent, self._order.plan, provenance(self._project.root))
            price = self._project.prices.get(self._order.plan.variants[variant].model.model.ref)
            sheet = VariantRun(runs, self._order, variant, price, self._redactor)
            sheet.begin(provenance(self._project.root))
            self._sheets[variant] = sheet
        return self._sheets[variant]

    def _finished(self, runs: Runs, results: Results, stopped: StopCheck) -> Recorded:
        assert self._order
        found = Recorded(
            runs.place.shown,
            runs.experiment_id,
            runs.parent.info.run_id,
            [run.info.run_id for run in runs.children],
            [variant.prompt.version for variant in self._order.plan.variants],
        )
        stands = [runs.stands(number, said) for number, said in enumerate(results.digests)]
        if runs.recorded and all(stands) and not self._sheets:
            return replace(found, already_recorded=True)
        problems: list[WorkbenchError] = []
        for number, result in enumerate(results.variants):
            if stopped():
                raise Stopped
            missing: list[WorkbenchError] = []
            if not stands[number] or number in self._sheets:
                self._complete(runs, number, results, stopped)
                missing = self._sheets[number].finish(
                    result, results.digests[number], results.not_run[number]
                )
            self._recorded += 0 if missing else result.rows.planned - result.rows.not_run
            problems += missing
        self._keep_comparison(runs, results)
        whole = not any(one.missing for one in results.variants)
        self._close(runs, "yes" if whole and not problems else "partly")
        return replace(found, problems=tuple(problems))

    def _keep_comparison(self, runs: Runs, results: Results) -> None:
        """Beside the runs, in the one above them: what MLflow's page shows of two, of all."""
        client, run_id = runs.place.client, runs.parent.info.run_id
        with tempfile.TemporaryDirectory() as folder:
            pages = results.pages()
            for name, text in pages.items():
                Path(folder, name).write_text(text, encoding="utf-8")
            if pages:
                from workbench.tracking.charts import draw  # matplotlib takes its time

                draw(results.variants, Path(folder) / "figures")
                client.log_artifacts(run_id, folder)

    def _close(self, runs: Runs, recorded: str) -> None:
        assert self._order
        if not self._sheets:
            begin(runs, runs.parent, self._order.plan, provenance(self._project.root))
        finish(runs.place, runs.parent.info.run_id, {RECORDED: recorded})

    def _complete(self, runs: Runs, number: int, results: Results, stopped: StopCheck) -> None:
        """Sees that every row of a variant was taken; if not, takes all of them again."""
        rows = results.variants[number].rows
        sheet = self._sheets.get(number)
        if sheet and number not in self._broken and sheet.taken == rows.planned - rows.not_run:
            return
        if sheet:
            sheet.clear()
        self._broken.discard(number)
        self._sheet(runs, number)
        for entries in results.rows(number):
            self._put(runs, number, entries, stopped)

    def _without_mlflow(self, results: Results, error: Exception) -> Recorded:
        """What kept the numbers out of MLflow, and how many rows."""
        uri = mask_url(self._project.tracking_uri(self.tracking_uri))
        answered = sum(one.rows.planned - one.rows.not_run for one in results.variants)
        left = answered - self._recorded
        count = f"{left:,} of {answered:,} rows are not recorded in MLflow"
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
            return Recorded(uri, problems=(problem,))
        error.exit_code = ExitCode.NOT_RECORDED
        return Recorded(uri, problems=(error, problem))


def _registered(place: TrackingStore, plan: Plan, experiment_id: str, commit: str) -> Plan:
    """The plan with the registry's number in every prompt."""
    numbers: dict[str, int] = {}
    for variant in plan.variants:
        prompt = variant.prompt
        if prompt.digest not in numbers:
            number, _ = register(place, prompt, commit=commit)
            file_under(place, prompt.registered_name, experiment_id)
            numbers[prompt.digest] = prompt.version or number
    variants = tuple(
        replace(v, prompt=v.prompt.with_version(numbers[v.prompt.digest])) for v in plan.variants
    )
    return replace(plan, variants=variants)
