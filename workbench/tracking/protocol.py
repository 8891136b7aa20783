"""What is handed to a recorder, and what it gives back; no MLflow is needed to say it.

recorder.begin(RecordingJob(plan, rows=150, again=False))
recorder.add(0, [RowRecord(3, row, '{"model": …}', "a joy", traced=True), …])
recorder.finish(Results(results, digests, rows))   ->  Recorded("sqlite:///…", "1", "7c0f…", …)
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple, Protocol

from workbench.errors import StopCheck, WorkbenchError
from workbench.plan import Cell, Plan
from workbench.results.metrics import Row, VariantResult
from workbench.tracking.row_labels import names

STOP = b""  # what the recording process is told, to end at once; everything else is longer


@dataclass(frozen=True)
class RecordingJob:
    """An invocation that is to be recorded.

    Attributes:
        plan: its header; see `plan.header`.
        rows: of each variant.
        traces: of each variant that are kept, beside the failed rows.
        again: make new runs though the same invocation is recorded.
        sends: whether anything is still to be asked.
        anew: whether of it something that has an answer: then what is recorded may change.
    """

    plan: Plan
    rows: int
    traces: int
    again: bool = False
    sends: bool = False
    anew: bool = False


class RowRecord(NamedTuple):
    """One row of a variant as a record needs it.

    Attributes:
        number: in the dataset's order, the repeats of a row together.
        body: of its request, as JSON.
        name: by which people know it.
        traced: whether it is one of those that get a trace whatever becomes of them.
    """

    number: int
    row: Row
    body: str
    name: str
    traced: bool

    @property
    def shown(self) -> bool:
        """Whether it gets a trace and a line in the table: chosen, failed, or not judged."""
        return (
            self.traced
            or self.row.state != "scored"
            or any(score.error for score in self.row.scores.values())
        )


@dataclass(frozen=True)
class Results:
    """What an invocation came to.

    Attributes:
        variants: the numbers.
        digests: of each variant's answers.
        not_run: of each variant, the rows without an answer that would get a trace with one.
        rows: all of a variant's rows again, some at a time and in order.
        pages: makes the comparison's files, by name; none where nothing is compared.
    """

    variants: Sequence[VariantResult]
    digests: Sequence[str]
    not_run: Sequence[Sequence[RowRecord]]
    rows: Callable[[int], Iterable[Sequence[RowRecord]]]
    pages: Callable[[], Mapping[str, str]] = dict


@dataclass(frozen=True)
class Recorded:
    """What stands in MLflow of an invocation.

    Attributes:
        run_ids: of the variants; empty where there is none.
        versions: the registry's numbers of the variants' prompts; likewise.
        known: it stood there before, and nothing was written.
        problems: why it does not stand there, or not all of it.
    """

    tracking_uri: str
    experiment_id: str = ""
    parent_run_id: str = ""
    run_ids: Sequence[str] = ()
    versions: Sequence[int | None] = ()
    known: bool = False
    problems: tuple[WorkbenchError, ...] = ()


class Recorder(Protocol):
    """Records one invocation. What goes wrong in MLflow is said at the end, and raised never.

    Attributes:
        tracking_uri: as the command line names it; empty: the project's.
    """

    tracking_uri: str

    def begin(self, order: RecordingJob) -> None:
        """The invocation; recording may begin."""

    def add(self, variant: int, entries: Sequence[RowRecord]) -> None:
        """Some rows of a variant, judged, in any order."""

    def finish(self, results: Results, stopped: StopCheck) -> Recorded:
        """All that is missing, and the numbers; read back.

        Raises:
            Stopped: `stopped` said so; a later run goes on there.
        """

    def stop(self, patience_s: float) -> None:
        """Ends it now, whatever is missing; also when it has ended.

        Args:
            patience_s: seconds for saying in MLflow that its runs were ended before their time.
        """


class RowRecords:
    """Makes a plan's rows entries.

    Args:
        plan: whose rows they are.
        most: of each variant that are traced, the same rows of every one.
    """

    def __init__(self, plan: Plan, most: int) -> None:
        self._plan = plan
        self._most = most

    def of(self, rows: Iterable[tuple[int, Row]]) -> list[RowRecord]:
        """The entries of some numbered rows of a variant."""
        return [
            RowRecord(number, _light(row), *self._about(number, row.cell)) for number, row in rows
        ]

    def _about(self, number: int, cell: Cell) -> tuple[str, str, bool]:
        traced = self._sample is None or bool(self._sample[number])
        return self._plan.bodies[cell.key].text, self._names[number], traced

    @cached_property
    def _names(self) -> Sequence[str]:
        return names(self._plan.cells[0])  # all variants have the same rows

    @cached_property
    def _sample(self) -> bytearray | None:
        """A fixed choice of rows, the same in every variant and every invocation; None: all."""
        cells = self._plan.cells[0]
        if len(cells) <= self._most:
            return None
        chosen = bytearray(len(cells))
        for number in heapq.nsmallest(
            self._most, range(len(cells)), key=lambda number: _lot(cells[number])
        ):
            chosen[number] = True
        return chosen


def _light(row: Row) -> Row:
    """Without the reply's body, which no record shows."""
    if row.completion is None or row.completion.raw is None:
        return row
    return replace(row, completion=replace(row.completion, raw=None))


def _lot(cell: Cell) -> bytes:
    return blake2b(f"{cell.example.id}\0{cell.repeat}".encode(), digest_size=8).digest()
