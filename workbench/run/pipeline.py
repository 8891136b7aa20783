"""What follows each answer while others are still awaited: it is judged, counted, recorded.

with ScoringPipeline(plan, desk, stop, again=False) as following:
    complete(plan, Site(…, following))
    following.settled()        the tallies, once every row that was told of is judged
    following.judged()         the numbers, once every row that was answered is judged
    following.recorded()       once all of it stands in MLflow, or why it doesn't
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from workbench.comparing import ExperimentComparison, Race, add_comparisons
from workbench.completing import Listener, Stop
from workbench.model import Completion
from workbench.plan import Plan, header
from workbench.project import Project
from workbench.results.metrics import Row, VariantResult
from workbench.results.tally import Tally
from workbench.run.pending import forget, note
from workbench.scoring.stream import NumberedRow, Stream
from workbench.store import Store
from workbench.tracking.protocol import (
    Recorded,
    Recorder,
    RecordingJob,
    Results,
    RowRecord,
)
from workbench.tracking.row_records import RowRecords

LARGEST_COMPARISON = 100_000  # rows of all variants of which a page is made
TIDYING = 3.0  # seconds for saying in MLflow that runs were ended before their time


def no_pages(found: ExperimentComparison) -> Mapping[str, str]:  # noqa: ARG001
    """For whoever keeps no comparison beside the runs."""
    return {}


@dataclass(frozen=True)
class Desk:
    """Where the answers are, and who records them.

    Attributes:
        pages: makes the files of a comparison, by name.
    """

    project: Project
    store: Store
    recorder: Recorder
    pages: Callable[[ExperimentComparison], Mapping[str, str]] = no_pages


class ScoringPipeline(Listener):
    """One invocation's answers on their way to its numbers and its record.

    Args:
        plan: the invocation.
        desk: where it happens.
        stop: asked again and again whether to end.
        again: make new runs though the same invocation is recorded.

    Attributes:
        variants: the numbers, once there are any.
    """

    def __init__(self, plan: Plan, desk: Desk, stop: Stop, *, again: bool) -> None:
        self.variants: list[VariantResult] = []
        self._plan = plan
        self._desk = desk
        self._again = again
        self._stop = stop
        self._entries = RowRecords(plan, desk.project.file.traces)
        self._stream = Stream(plan, desk.store, self._taken, self._stopped)
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._begun and error is not None:
            self._desk.recorder.stop(0.0 if self._stop.now else TIDYING)
            self._stream.__exit__(kind, error, trace)

    def begun(self) -> None:
        """See `Listener`: MLflow is imported while the first calls are under way."""
        self._begun = True
        desk = self._desk
        note(desk.project, self._plan, desk.recorder.tracking_uri)
        desk.recorder.begin(
            RecordingJob(
                header(self._plan),
                rows=len(self._plan.cells[0]),
                traces=desk.project.file.traces,
                again=self._again,
                # Of a race that is recorded nothing is left to be sent, though it was planned.
                sends_requests=self._plan.to_send > 0 and not self._plan.race,
                refetches=bool(self._plan.anew),
            )
        )
        self._stream.__enter__()

    def answered(self, completions: Sequence[Completion]) -> None:
        """See `Listener`."""
        self._stream.add(completions)

    def settled(self) -> Sequence[Tally]:
        """Waits until all that was told so far is judged, and gives what came of it."""
        self._stream.wait()
        return self._stream.tallies

    def judged(self, race: Race | None = None) -> list[VariantResult]:
        """Waits for the last row, and gives what every variant came to.

        Args:
            race: says who dropped out.

        Raises:
            Stopped: somebody asked for the end.
            WorkbenchError: the store can't be written, or an evaluator was changed meanwhile.
        """
        self._stream.finish()
        prices = self._desk.project.prices
        tallies = self._stream.tallies
        found = [
            tally.result(variant, prices.get(variant.model.model.ref))
            for tally, variant in zip(tallies, self._plan.variants, strict=True)
        ]
        if race:
            for number in race.eliminated:
                if tallies[number].not_run:
                    found[number] = replace(found[number], stopped=race.reason(number))
        self.variants = add_comparisons(found, tallies, self._plan)
        return self.variants

    def recorded(self) -> Recorded:
        """Waits until MLflow has all of it.

        Raises:
            Stopped: somebody asked for the end.
        """
        tallies, desk = self._stream.tallies, self._desk
        not_run = [self._missing(number) for number in range(len(tallies))]
        digests = [tally.digest() for tally in tallies]
        results = Results(
            self.variants,
            digests,
            not_run,
            self._again_from_the_first,
            self._comparison,
        )
        found = desk.recorder.finish(results, self._stopped)
        if not found.problems:
            forget(desk.project, self._plan.digest, desk.recorder.tracking_uri)
        return found

    def _comparison(self) -> Mapping[str, str]:
        """What is kept beside the runs where variants are compared; not of a very large run."""
        compares = any(one.comparisons for one in self.variants)
        if not compares or self._plan.planned > LARGEST_COMPARISON:
            return {}
        return self._desk.pages(
            ExperimentComparison(self._plan, self.variants, self._stream.tallies, self._stream.rows)
        )

    def not_run(self) -> Iterator[str]:
        """The ids of rows that a variant that was run to the end has no answer to."""
        for variant, tally in enumerate(self._stream.tallies):
            cells = self._plan.cells[variant]
            if not self.variants[variant].stopped:
                yield from (cells[number].example.id for number in tally.missing())

    def _stopped(self) -> bool:
        return bool(self._stop.signal)

    def _taken(self, variant: int, rows: Sequence[NumberedRow]) -> None:
        """Judged rows. A variant that needs no request may stand in MLflow already."""
        if self._plan.requests[variant]:
            self._desk.recorder.add(variant, self._entries.build(rows))

    def _missing(self, variant: int) -> list[RowRecord]:
        if self.variants[variant].stopped:
            return []
        cells = self._plan.cells[variant]
        numbers = self._stream.tallies[variant].missing()
        made = self._entries.build((number, Row(cells[number], None)) for number in numbers)
        return [entry for entry in made if entry.sampled]

    def _again_from_the_first(self, variant: int) -> Iterator[Sequence[RowRecord]]:
        return (self._entries.build(rows) for rows in self._stream.rows(variant))
