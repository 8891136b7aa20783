"""Recording of one invocation in MLflow, in this process.

    recorder.begin(job)                      creates the runs, registers the prompts
    recorder.add(0, records)                 traces, while other requests are in flight
    recorder.finish(results, not_stopped)    the rest, read back    ->  Recorded(…)

Completions and scores are in the project's own store before they get here, so no error of MLflow
loses them. What fails on the way is tried once more at the end. Then a later run or `workbench
sync` records the rest.
"""

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial

from mlflow.exceptions import MlflowException

from workbench.errors import StopCheck, Stopped, WorkbenchError, not_stopped, pluralize
from workbench.project import Project
from workbench.secrets import Redactor
from workbench.tracking.human_feedback import HumanFeedback
from workbench.tracking.live_recordings import is_abandoned
from workbench.tracking.mlflow_client import (
    lost_files_error,
    reply_timeout_s,
    short_timeout,
)
from workbench.tracking.parent_page import log_parent_page, read_parent_page
from workbench.tracking.protocol import (
    Recorded,
    Recorder,
    RecordingJob,
    ResultSet,
    RowRecord,
    not_recorded_error,
)
from workbench.tracking.provenance import read_environment
from workbench.tracking.record_state import (
    FAILED,
    KILLED,
    ROWS,
    EndState,
    end_run,
    end_states,
    failed_record,
    loses_answers,
    scored_count,
)
from workbench.tracking.registry import RefusedPromptError, register_prompts
from workbench.tracking.run_data import EVALUATORS, evaluators_tag
from workbench.tracking.runs import (
    RECORDED,
    Runs,
    begin_recording,
    end_abandoned,
    log_tags,
    open_runs,
)
from workbench.tracking.trace_writers import slow_writer_note
from workbench.tracking.tracking_store import connect
from workbench.tracking.variant_run import VariantRun, count_traces

CLEANUP_S = 3.0  # for marking runs as ended early
BATCH = 100  # rows between two stop checks


class DirectRecorder(Recorder):
    """A recorder that works in this process; `stopped` is checked while rows are added.

    Attributes:
        runs: in MLflow; None until they are open.
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
        self._job: RecordingJob | None = None
        self.runs: Runs | None = None
        self._variant_runs: dict[int, VariantRun] = {}
        self._failed_variants: set[int] = set()
        self._recorded_rows = 0
        self._feedback: HumanFeedback | None = None
        self._refused_prompts: Mapping[str, RefusedPromptError] = {}  # by digest

    def begin(self, job: RecordingJob) -> None:
        """See `Recorder`."""
        self._job = job
        with suppress(Exception):  # tried again at the end, and reported if it fails again
            self._open_runs()

    def add(self, variant: int, records: Sequence[RowRecord]) -> None:
        """See `Recorder`."""
        if self.runs is None or self._failed_variants or scored_count(self.runs.children[variant]):
            return  # a recorded run is compared with all answers, at the end
        try:
            self._add(self.runs, variant, records, self._stopped)
        except Stopped:
            return
        except Exception:  # the rest waits for the end, so MLflow is waited for only once more
            self._failed_variants.add(variant)

    def finish(self, results: ResultSet, stopped: StopCheck = not_stopped) -> Recorded:
        """See `Recorder`."""
        try:
            recorded = self._finish(self.runs or self._open_runs(), results, stopped)
            notes = self._feedback.finish(self.runs.store) if self._feedback and self.runs else ()
            return replace(recorded, notes=(*recorded.notes, *notes))
        except Stopped:
            raise
        except Exception as error:  # of MLflow, of SQLAlchemy, or caused by an unexpected reply
            self._end_begun(FAILED)
            uri = self._project.tracking_uri(self.tracking_uri)
            counts = (results.row_count - self._recorded_rows, results.row_count)
            return failed_record(uri, counts, error, self._job)

    def stop(self, timeout_s: float) -> None:
        """See `Recorder`."""
        if timeout_s:
            self._end_begun(KILLED)

    def _end_begun(self, status: str) -> None:
        """End the runs that are no longer written, so that they don't stay at `running`."""
        if self.runs is None:
            return
        begun = {
            number: run
            for number, run in enumerate(self.runs.children)
            if run.data.tags.get(ROWS, "-") == "-" or number in self._variant_runs
        }
        for number, variant_run in self._variant_runs.items():
            if variant_run.finished:
                del begun[number]
        runs = list(begun.values())
        if runs or RECORDED not in self.runs.parent.data.tags:
            runs.append(self.runs.parent)
        for run in runs:
            with short_timeout(), suppress(Exception):
                end_run(self.runs.store, run, status)

    def _open_runs(self, *, again: bool = False) -> Runs:
        """Open the runs of the job; with `again` new ones, in which nothing is recorded yet."""
        assert self._job
        self._variant_runs.clear()
        self._failed_variants.clear()
        store = connect(
            self._project, self.tracking_uri, timeout_s=reply_timeout_s(), redactor=self._redactor
        )
        self._feedback = HumanFeedback(self._project, self._redactor, self.tracking_uri)
        experiment_id = store.experiment(self._job.plan.experiment.name)
        environment = read_environment(self._project.root)
        commit = str(environment["git_commit"] or "")
        prefix = self._project.file.registry_prefix
        plan, self._refused_prompts = register_prompts(
            store, self._job.plan, experiment_id, commit, prefix
        )
        job = replace(self._job, plan=plan, again=again or self._job.again)
        self.runs = open_runs(store, experiment_id, job, environment)
        with suppress(MlflowException):
            end_abandoned(self.runs, partial(is_abandoned, self._project.store))
        return self.runs

    def _add(
        self, runs: Runs, variant: int, records: Sequence[RowRecord], stopped: StopCheck
    ) -> None:
        for start in range(0, len(records), BATCH):
            if stopped():
                raise Stopped
            batch = records[start : start + BATCH]
            if self._feedback:
                self._feedback.note_recorded(batch)
            self._variant_run(runs, variant).add(batch)

    def _variant_run(self, runs: Runs, variant: int) -> VariantRun:
        if variant not in self._variant_runs:
            if not self._variant_runs:
                begin_recording(runs, runs.parent)
            price = self._project.prices.get(runs.job.plan.variants[variant].model.model.ref)
            variant_run = VariantRun(runs, variant, price, self._redactor)
            variant_run.begin()
            self._variant_runs[variant] = variant_run
        return self._variant_runs[variant]

    def _finish(self, runs: Runs, results: ResultSet, stopped: StopCheck) -> Recorded:
        variants = [
            replace(result, variant=variant)  # with the registry's version of the prompt
            for result, variant in zip(results.variants, runs.job.plan.variants, strict=True)
        ]
        results = replace(results, variants=variants)
        if any(map(loses_answers, runs.children, variants, results.digests)):
            self.stop(CLEANUP_S)
            runs = self._open_runs(again=True)
        recorded = Recorded(
            runs.store.masked_uri,
            runs.experiment_id,
            runs.parent.info.run_id,
            [run.info.run_id for run in runs.children],
            [variant.prompt.version for variant in runs.job.plan.variants],
        )
        project = self._project
        states = end_states(runs.job, results, project.prices, project.file.currency)
        reached = map(EndState.is_reached, states, [*runs.children, runs.parent])
        numbers = range(len(variants))
        if all(reached) and all(self._is_recorded(runs, n, results, states[n]) for n in numbers):
            page = read_parent_page(runs.parent)
            return replace(recorded, recorded_before=True, **page.links())
        problems = self._record_variants(runs, results, states, stopped)
        unregistered = {v.prompt.digest for v in runs.job.plan.variants if v.prompt.version is None}
        problems += [e for digest, e in self._refused_prompts.items() if digest in unregistered]
        page = log_parent_page(runs, results, project.file.currency)
        if not self._variant_runs:
            begin_recording(runs, runs.parent)
        if error := runs.store.client.artifact_error:
            problems.append(lost_files_error(error, runs.parent, runs.job.plan.experiment.name))
        complete = not problems and not any(result.missing for result in variants)
        tags = {RECORDED: "yes" if complete else "partly"}
        tags[EVALUATORS] = evaluators_tag(runs.job.plan)
        tags |= {} if problems else states[-1].tags
        log_tags(runs.store, runs.parent.info.run_id, tags)
        end_run(runs.store, runs.parent, states[-1].status, page.name)
        notes = self._notes(runs, unregistered)
        return replace(recorded, problems=tuple(problems), notes=notes, **page.links())

    def _is_recorded(self, runs: Runs, number: int, results: ResultSet, state: EndState) -> bool:
        """True if nothing is to be written: the run's tags say so, and nobody deleted traces."""
        if number in self._variant_runs or not state.matches(runs.children[number]):
            return False
        result, job = results.variants[number], runs.job
        if job.rows <= job.traces:
            least = result.answers.answered
        else:  # of a variant that dropped out, the sampled rows without an answer are not known
            least = 0 if result.stopped else job.traces - len(results.not_run[number])
        return count_traces(runs, number) >= least

    def _notes(self, runs: Runs, unregistered: Set[str]) -> tuple[str, ...]:
        """Remarks on what MLflow does slowly or can't show; `unregistered`: digests of prompts."""
        variant_runs = self._variant_runs.values()
        traced = any(run.trace_count for run in variant_runs)
        slow = slow_writer_note(runs.store, runs.job.plan.variants[0]) if traced else ()
        unlisted = [
            f"{error.message}: it is not listed on the experiment's page"
            for digest, error in self._refused_prompts.items()
            if digest not in unregistered
        ]
        return tuple(dict.fromkeys([*slow, *unlisted, *(n for r in variant_runs for n in r.notes)]))

    def _record_variants(
        self, runs: Runs, results: ResultSet, states: Sequence[EndState], stopped: StopCheck
    ) -> list[WorkbenchError]:
        """Record what the variants' runs lack, and end them; return what MLflow lacks then."""
        problems: list[WorkbenchError] = []
        for number, result in enumerate(results.variants):
            if stopped():
                raise Stopped
            errors: list[WorkbenchError] = []
            run, state = runs.children[number], states[number]
            if not self._is_recorded(runs, number, results, state):
                self._add_missing_rows(runs, number, results, stopped)
                errors = self._variant_runs[number].finish(result, state, results.not_run[number])
            elif run.info.status != state.status:
                end_run(runs.store, run, state.status)
            self._recorded_rows += 0 if errors else result.answers.answered
            problems += errors
        return problems

    def _add_missing_rows(
        self, runs: Runs, number: int, results: ResultSet, stopped: StopCheck
    ) -> None:
        """Add all rows of a variant again, unless every row was added."""
        variant_run = self._variant_runs.get(number)
        if variant_run:
            complete = variant_run.has_each_row_once(results.variants[number].answers.answered)
            if complete and number not in self._failed_variants:
                return
            variant_run.reset()
        self._failed_variants.discard(number)
        self._variant_run(runs, number)
        for records in results.rows(number):
            self._add(runs, number, records, stopped)
        result, added = results.variants[number], self._variant_runs[number].row_count
        if added < result.answers.answered:
            rows = pluralize(result.answers.answered, "row")
            raise not_recorded_error(
                f"{result.variant.name}: the store has answers to {added:,} of {rows}: the others "
                "were removed while the run was recorded",
                fix="workbench run sends them again",
            )
