"""The path of each completion, while others are still awaited: scored, counted, recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Self

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.metrics import add_comparisons
from workbench.comparing.race import Race
from workbench.completing.context import RunContext
from workbench.model import UNBILLED_STATES, Completion
from workbench.plan import Plan, summarize_plan
from workbench.project import NO_TRACKING
from workbench.results.tally import Tally
from workbench.results.types import VariantResult
from workbench.results.variant_results import variant_results
from workbench.run.cut_inputs import cut_input_notes
from workbench.run.pending import finish_note, forget, note
from workbench.run.stored_results import ResultCallbacks, StoredResults
from workbench.scoring.answer_reader import NumberedRow
from workbench.scoring.judged_stream import open_stream
from workbench.store import RETRIABLE
from workbench.tracking.live_recordings import count_recordings
from workbench.tracking.protocol import Recorded, Recorder, RecordingJob, ResultSet
from workbench.tracking.row_records import RowRecords
from workbench.tracking.trace_index import TraceIndex

MAX_BACKGROUND_ROWS = 100_000  # of all variants; more are not copied into another process
MAX_RECORDINGS = 4  # of a project at the same time; each needs 200 MB and a core for some seconds
NOTHING = "not recorded: no request was answered"
CLEANUP_S = 3.0  # for marking runs in MLflow as ended early


class ScoringPipeline:
    """One invocation's completions on their way to results and records.

    With `again` new runs are made although the same invocation is recorded.

    Attributes:
        variants: results by variant, once scoring has finished.
        recording: an answer has come, so that there is something to record.
        not_reached: failed rows that this run did not reach, and that got no reply in an earlier.
    """

    def __init__(self, plan: Plan, context: RunContext, recorder: Recorder, *, again: bool) -> None:
        self._plan = plan
        self._context = context
        self._recorder = recorder
        self._again = again
        self.variants: list[VariantResult] = []
        self.not_reached = 0
        self._records = RowRecords(plan, context.project.file.traces)
        self._stream = open_stream(plan, context, self._record_rows)
        self._started = False
        self.recording = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if self._started and kind is not None:
            self._recorder.stop(0.0 if self._context.stop.immediate else CLEANUP_S)
            self._stream.__exit__(kind, *exc_info)

    def begin(self) -> None:
        """Begin to score, and to record once there is an answer; MLflow is imported meanwhile."""
        self._started = True
        plan = self._plan
        note(self._context.project, plan, self._recorder.tracking_uri)
        self._reused = self._count_reused() if plan.to_send else None
        if self._reused is None or any(self._reused):
            self._begin_recording()
        self._stream.__enter__()

    def receive(self, completions: Sequence[Completion]) -> None:
        """Score and record completions that are durable or have failed for good."""
        if not self.recording and any(c.state not in UNBILLED_STATES for c in completions):
            self._begin_recording()
        self._stream.add(completions)

    def _begin_recording(self) -> None:
        plan, project = self._plan, self._context.project
        job = RecordingJob(
            summarize_plan(plan),
            rows=len(plan.cells[0]),
            traces=project.file.traces,
            figures=project.file.mlflow_metrics,
            again=self._again,
            reused=self._reused,
        )
        self._recorder.begin(job)
        self.recording = True

    def tallies(self) -> Sequence[Tally]:
        """Wait until all received completions are scored; return each variant's tally."""
        return self._stream.wait()

    def finish_scoring(self, race: Race | None = None) -> ExperimentComparison:
        """Wait for the last score; return the variants, compared.

        Raises:
            Stopped: the invocation was interrupted.
            WorkbenchError: the store can't be written, or an evaluator has changed.
        """
        self._count_earlier_failures()
        columns = [e.name for e in self._plan.experiment.evaluators if e.traits.by_column]
        if columns and self._plan.to_send:  # it takes seconds
            self._context.progress.note(f"computing {', '.join(columns)} over all answers")
        self._stream.finish()
        tallies = self._stream.tallies
        for line in cut_input_notes(self._plan, tallies):
            self._context.progress.note(line)
        results = variant_results(self._plan, tallies, self._context.project.prices)
        if race:
            for number in race.eliminated:
                if tallies[number].not_run:
                    results[number] = replace(results[number], stopped=race.reason(number))
        self.variants = add_comparisons(results, tallies, self._plan)
        scored, prices = self._stream.scored, self._context.project.prices
        compared = ExperimentComparison(self._plan, self.variants, tallies, scored.rows)
        return replace(compared, prices=prices, scored=scored)

    def finish_recording(self, callbacks: ResultCallbacks, *, wait: bool) -> Recorded:
        """Wait until MLflow has everything; without `wait` another process goes on alone.

        Raises:
            Stopped: the invocation was interrupted.
        """
        scored, project = self._stream.scored, self._context.project
        has_reply = any(result.replies or result.answers.rejected for result in self.variants)
        if not self.recording and not has_reply:
            forget(project, self._plan.digest, self._recorder.tracking_uri)
            tracks = project.tracks(self._recorder.tracking_uri)
            return Recorded("", notes=(NOTHING,)) if tracks else Recorded(NO_TRACKING)
        if not self.recording:
            self._begin_recording()
        stored = StoredResults(scored, self.variants, project.file.traces, callbacks)
        traces = TraceIndex(project, self._recorder.tracking_uri)
        stored = replace(stored, prices=project.prices, traces=traces)
        stored = stored if wait else stored.described()
        results = ResultSet(
            self.variants,
            [tally.digest() for tally in scored.tallies],
            [stored.unanswered(number) for number in range(len(self.variants))],
            stored.rows,
            stored.files,
            stored.overview,
        )
        finished = partial(
            finish_note,
            project,
            self._plan.digest,
            self._recorder.tracking_uri,
            self._context.store.redactor,
        )
        if not wait:
            return self._recorder.hand_over(results, finished)
        recorded = self._recorder.finish(results, self._context.interrupted)
        finished(recorded)
        return recorded

    def must_wait(self) -> bool:
        """True if MLflow's part is too large, or one of too many, to go on in the background."""
        project, rows = self._context.project, self._plan.planned
        return rows > MAX_BACKGROUND_ROWS or count_recordings(project) > MAX_RECORDINGS

    def not_run(self) -> Iterator[str]:
        """Yield ids of unanswered rows of the variants that did not drop out."""
        for variant, cells, tally in zip(
            self.variants, self._plan.cells, self._stream.tallies, strict=True
        ):
            if not variant.stopped:
                yield from (cells[number].example.id for number in tally.missing())

    def _count_earlier_failures(self) -> None:
        """Count rows that were not reached as failed if their last request got no reply.

        Every other command counts them so.
        """
        missing = [
            cells[number].key
            for cells, tally in zip(self._plan.cells, self._stream.wait(), strict=True)
            for number in tally.missing()
        ]
        missing = [key for key in missing if key not in self._plan.withdrawn]
        failures = self._context.store.no_replies.completions(set(missing))
        self.not_reached = sum(key in failures for key in missing)
        self._stream.add(list(failures.values()))

    def _count_reused(self) -> list[int]:
        """Count the stored answers of each variant that are scored and not replaced."""
        plan, store = self._plan, self._context.store
        reused = store.stored_keys(plan.bodies, except_states=RETRIABLE) - plan.refetch
        return [sum(cell.key in reused for cell in cells) for cells in plan.cells]

    def _record_rows(self, variant: int, rows: Sequence[NumberedRow]) -> None:
        """Pass scored rows on; a variant without requests may be recorded already."""
        if self.recording and self._plan.requests[variant]:
            self._recorder.add(variant, self._records.build(variant, rows))
