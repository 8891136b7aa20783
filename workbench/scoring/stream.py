"""Rows judged while others are still being answered, in a thread of its own.

with Stream(plan, store, taken=recorder.add) as stream:
    stream.add(completions)        # again and again
    stream.wait()                     # what was told so far is judged
    stream.finish()
stream.tallies[0].result(…)

What is stored comes first, some rows at a time, and what has just been answered between them.
Answers that wait are held in memory only while they are few; the others wait in the store.
"""

import queue
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import Self

from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.evaluator import Score
from workbench.model import Completion
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.results.types import Row
from workbench.scoring.cells import kept_scores, score_rows
from workbench.scoring.pool import one_child
from workbench.store import Store

AT_ONCE = 500  # rows judged together
WAITING = 2_000  # answers held in memory
LOOK = 0.2  # seconds between two looks whether to end
HEAD_START = 1.0  # seconds at the most, in which judging takes no time from the first requests
NumberedRow = tuple[int, Row]
Taken = Callable[[int, Sequence[NumberedRow]], None]


def ignore_rows(variant: int, rows: Sequence[NumberedRow]) -> None:
    """For whoever wants only the tallies."""


class Stream:
    """The rows of a plan, each judged once it has an answer.

    Args:
        plan: whose rows they are.
        store: where scores are kept.
        taken: told of a variant's number and some of its rows with their scores.
        stopped: asked again and again whether to end.

    Attributes:
        tallies: of each variant, what it came to so far.
    """

    def __init__(
        self, plan: Plan, store: Store, taken: Taken, stopped: StopCheck = not_stopped
    ) -> None:
        evaluators, repeats = plan.experiment.evaluators, plan.experiment.repeats
        self.tallies = [Tally(evaluators, len(cells), repeats) for cells in plan.cells]
        self._plan = plan
        self._store = store
        self._taken = taken
        self._stopped = stopped
        self._queue: queue.SimpleQueue[Completion | str | threading.Event | None]
        self._queue = queue.SimpleQueue()
        self._awaited: list[threading.Event] = []  # set once all before them is judged
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._failed: dict[tuple[int, int], Completion] = {}  # the store holds none of these
        self._loose: dict[tuple[int, int], dict[str, Score]] = {}
        self._error: BaseException | None = None
        self._under_way = threading.Event()
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._work,), name="scoring", daemon=True
        )

    def __enter__(self) -> Self:
        self._places = _places(self._plan)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is not None:
            self._error = self._error or Stopped()
        self._end()

    def add(self, completions: Sequence[Completion]) -> None:
        """Takes answers that are durable, and failures, which are nowhere else."""
        if self._error:
            return  # raised by `finish`: what is paid for comes in all the same
        for one in completions:
            many = self._queue.qsize() >= WAITING
            self._queue.put(one.key if many and one.state != "failed" else one)
        self._under_way.set()

    def wait(self) -> None:
        """Returns when all that was told so far is judged, or nothing more will be.

        Raises:
            WorkbenchError: the store can't be written, or an evaluator was changed.
        """
        judged = threading.Event()
        self._queue.put(judged)
        self._under_way.set()
        while not judged.wait(LOOK) and self._thread.is_alive():
            pass
        if self._error and not isinstance(self._error, Stopped):
            raise self._error

    def finish(self) -> None:
        """Returns when all that came is judged, kept, and told of.

        Raises:
            Stopped: `stopped` said so; the scores there are by then are kept.
            WorkbenchError: the store can't be written, or an evaluator was changed.
        """
        self._end()
        if self._error:
            raise self._error

    def rows(self, variant: int) -> Iterator[list[NumberedRow]]:
        """All of a variant's rows again, as they were judged, some at a time and in order."""
        evaluators = self._plan.experiment.evaluators
        not_run = set(self.tallies[variant].missing())
        cells = self._plan.cells[variant]
        for start in range(0, len(cells), AT_ONCE):
            some = range(start, min(start + AT_ONCE, len(cells)))
            kept = self._store.completions({cells[number].key for number in some})
            rows = [
                (number, Row(cells[number], answer))
                for number in some
                if number not in not_run
                and (answer := self._failed.get((variant, number)) or kept.get(cells[number].key))
            ]
            scores = kept_scores(evaluators, [row for _, row in rows], self._store)
            told: list[NumberedRow] = []
            for (number, row), own in zip(rows, scores, strict=True):
                said = own | self._loose.get((variant, number), {})
                ordered = {one.name: said[one.name] for one in evaluators if one.name in said}
                told.append((number, replace(row, scores=ordered)))
            yield told

    def _end(self) -> None:
        self._queue.put(None)
        self._under_way.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            if self._places:
                self._under_way.wait(HEAD_START)
            with one_child():
                for number, rows in _stored(self._plan, self._store, self._places):
                    self._judge(number, rows)
                    if not self._judge_waiting(patience=False):
                        return
                self._tell_those_who_wait()
                while self._judge_waiting(patience=True):
                    self._tell_those_who_wait()
        except BaseException as error:  # raised in the thread that waits for this one
            self._error = error

    def _judge_waiting(self, *, patience: bool) -> bool:
        """Judges some of what has come; False once nothing more will."""
        found: list[Completion | str] = []
        goes_on = True
        try:
            while len(found) < AT_ONCE:
                item = self._queue.get(block=patience and not found)
                if item is None:
                    goes_on = False
                    break
                if isinstance(item, threading.Event):
                    self._awaited.append(item)
                    break
                found.append(item)
        except queue.Empty:
            pass
        for number, rows in self._placed(found):
            self._judge(number, rows)
        if not goes_on and not patience:  # what is stored is judged all the same
            self._queue.put(None)
            return True
        return goes_on

    def _tell_those_who_wait(self) -> None:
        """That all they wait for is judged."""
        while self._awaited:
            self._awaited.pop().set()

    def _placed(self, found: Iterable[Completion | str]) -> Iterator[tuple[int, list[NumberedRow]]]:
        """The rows of these answers, a variant at a time."""
        here = [one for one in found if isinstance(one, Completion)]
        kept = self._store.completions([one for one in found if isinstance(one, str)])
        own: dict[int, list[NumberedRow]] = {}
        for one in (*here, *(replace(one, stored=False) for one in kept.values())):
            for variant, number in self._places.get(one.key, ()):
                cell = self._plan.cells[variant][number]
                own.setdefault(variant, []).append((number, Row(cell, one)))
        yield from own.items()

    def _judge(self, variant: int, rows: Sequence[NumberedRow]) -> None:
        if self._error:
            raise self._error
        evaluators = self._plan.experiment.evaluators
        scored = score_rows(
            evaluators, [row for _, row in rows], self._store, stopped=self._stopped
        )
        told = [(number, row) for (number, _), row in zip(rows, scored, strict=True)]
        for number, row in told:
            self.tallies[variant].add(number, row)
            self._keep_loose((variant, number), row)
        self._taken(variant, told)

    def _keep_loose(self, place: tuple[int, int], row: Row) -> None:
        """What no store holds, so that it can be told again without being judged again."""
        if row.completion and row.completion.state == "failed":
            self._failed[place] = row.completion
        loose = {
            one.name: row.scores[one.name]
            for one in self._plan.experiment.evaluators
            if one.name in row.scores and (row.scores[one.name].error or not one.traits.cache)
        }
        if loose:
            self._loose[place] = loose


def _stored(
    plan: Plan, store: Store, without: Collection[str]
) -> Iterator[tuple[int, list[NumberedRow]]]:
    """The rows whose answers the store holds, some of a variant at a time, in order."""
    for index, cells in enumerate(plan.cells):
        for start in range(0, len(cells), AT_ONCE):
            some = list(enumerate(cells[start : start + AT_ONCE], start))
            keys = {cell.key for _, cell in some if cell.key not in without}
            kept = store.completions(keys) if keys else {}
            rows = [(n, Row(cell, kept[cell.key])) for n, cell in some if cell.key in kept]
            if rows:
                yield index, rows


def _places(plan: Plan) -> dict[str, list[tuple[int, int]]]:
    """Where the answers that are still to come belong: variant and row, by key."""
    places: dict[str, list[tuple[int, int]]] = {
        request.key: [] for requests in plan.requests for request in requests
    }
    if places:
        for variant, cells in enumerate(plan.cells):
            for number, cell in enumerate(cells):
                if cell.key in places:
                    places[cell.key].append((variant, number))
    return places
