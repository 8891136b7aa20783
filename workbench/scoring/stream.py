"""Rows scored in a thread while other rows are still being answered.

    variant 0, rows [(0, Row(…, scores={"exact_match": Score(True)})), (1, …)]

Stored answers come first, some rows at a time; new answers are scored between them. Only a few
waiting answers are held in memory; the others are read from the store.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import Self

from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.model import Completion
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.results.types import Row
from workbench.scoring.answer_reader import AnswerReader, NumberedRow
from workbench.scoring.cells import score_rows
from workbench.scoring.column_scores import score_columns
from workbench.scoring.pool import shared_pool
from workbench.scoring.scored_rows import BATCH_SIZE, ScoredRows
from workbench.scoring.tally_process import TallyProcess
from workbench.store import Store

MAX_WAITING = 2_000  # answers held in memory
POLL_INTERVAL_S = 0.2  # seconds between two checks that the thread is alive
HEAD_START_S = 1.0  # seconds at most in which scoring takes no time from the first requests
OnRows = Callable[[int, Sequence[NumberedRow]], None]


def ignore_rows(variant: int, rows: Sequence[NumberedRow]) -> None:
    """Callback for a caller that needs only the tallies."""


class Stream:
    """The rows of a plan, each scored once it has an answer.

    Args:
        plan: of the rows.
        store: of answers and scores.
        on_rows: called with the number of a variant and some of its rows with their scores.

    Attributes:
        tallies: of the rows scored so far, by variant.
        scored: reads these rows again.
    """

    def __init__(
        self, plan: Plan, store: Store, on_rows: OnRows, stopped: StopCheck = not_stopped
    ) -> None:
        evaluators, repeats = plan.experiment.evaluators, plan.experiment.repeats
        self.tallies = [
            Tally(evaluators, len(cells), repeats, plan.clusters((variant,)))
            for variant, cells in enumerate(plan.cells)
        ]
        self.scored = ScoredRows(plan, store, AnswerReader(plan, store), self.tallies)
        self._tally_process = TallyProcess(self.scored)
        self._plan = plan
        self._store = store
        self._on_rows = on_rows
        self._stopped = stopped
        # A completion, the key of one that is in the store, a waiting caller, or None: the end.
        self._queue: queue.SimpleQueue[Completion | str | threading.Event | None]
        self._queue = queue.SimpleQueue()
        self._waiting_callers: list[threading.Event] = []
        self._cells_by_key: dict[str, list[tuple[int, int]]] = {}  # variant and row
        self._error: BaseException | None = None
        self._has_work = threading.Event()
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._run,), name="scoring", daemon=True
        )

    def __enter__(self) -> Self:
        self._cells_by_key = _unanswered_cells(self._plan)
        if self._on_rows is ignore_rows and not self._asks:
            self._tally_process.start()  # before the thread: a fork copies a single one
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is not None:
            self._error = self._error or Stopped()
        self._end()
        self._tally_process.end()

    def add(self, completions: Sequence[Completion]) -> None:
        """Queue completions that are stored, and failures, which are not."""
        if self._error:
            return  # raised by `finish`; answers in flight are paid for and still arrive
        for completion in completions:
            is_full = self._queue.qsize() >= MAX_WAITING
            by_key = is_full and completion.state != "failed"
            self._queue.put(completion.key if by_key else completion)
        self._has_work.set()

    def wait(self) -> Sequence[Tally]:
        """Return the tallies when all completions added so far are scored, or scoring has ended.

        Raises:
            WorkbenchError: the store can't be written, or an evaluator has changed.
        """
        scored = threading.Event()
        self._queue.put(scored)
        self._has_work.set()
        while not scored.wait(POLL_INTERVAL_S) and self._thread.is_alive():
            pass
        if self._error and not isinstance(self._error, Stopped):
            raise self._error
        self._read_times()
        return self.tallies

    def finish(self) -> None:
        """Return when all completions are scored and passed to `on_rows`.

        Raises:
            Stopped: `stopped` returned True; the scores so far are stored.
            WorkbenchError: the store can't be written, or an evaluator has changed.
        """
        self._end()
        if self._error:
            raise self._error
        self._read_times()

    def rows(self, variant: int) -> Iterator[list[NumberedRow]]:
        """All scored rows of a variant again, some at a time, in order."""
        return self.scored.rows(variant)

    def _read_times(self) -> None:
        """Tell the tallies of API models when answers were stored, if a metric measures time."""
        if not any(e.traits.measures_time for e in self._plan.experiment.evaluators):
            return
        plan = self._plan
        for variant, cells, tally in zip(plan.variants, plan.cells, self.tallies, strict=True):
            if variant.model.provider.concurrent:
                stored_at = self._store.stored_at({cell.key for cell in cells})
                tally.set_stored_at([stored_at.get(cell.key) for cell in cells])

    def _end(self) -> None:
        self._queue.put(None)
        self._has_work.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            if self._cells_by_key:
                self._has_work.wait(HEAD_START_S)
            with shared_pool():
                shared = self._tally_process.variants
                for variant in range(len(self._plan.cells) - len(shared)):
                    self._score_stored(variant)
                if shared and not self._take_tallies():
                    for variant in shared:
                        self._score_stored(variant)
                self._stored_done()
                self._release_callers()
                while self._score_queued(block=True):
                    self._release_callers()
                self._score_ambiguous()
                self._all_done()
                score_columns(self.scored, lambda: self._error is not None or self._stopped())
        except BaseException as error:  # raised again in the thread that waits for this one
            self._error = error
            self._failed()

    def _score_stored(self, variant: int) -> None:
        cells = self._plan.cells[variant]
        unsent = {n for n, cell in enumerate(cells) if cell.key in self._cells_by_key}
        for rows in self.scored.answered(variant, skipped=unsent):
            self._score_received(variant, rows)
            self._score_queued(block=False)

    def _take_tallies(self) -> bool:
        """Take over what the other process has tallied; False if it could not."""
        tallied = self._tally_process.receive(lambda: self._error is not None)
        if tallied:
            for variant, tally in tallied.tallies.items():
                self.tallies[variant] = tally
            self.scored.failed.update(tallied.failed)
        return tallied is not None

    def _score_queued(self, *, block: bool) -> bool:
        """Score a batch of the queue; False at its end."""
        batch: list[Completion | str] = []
        at_end = False
        try:
            while len(batch) < BATCH_SIZE:
                entry = self._queue.get(block=block and not batch)
                if entry is None:
                    at_end = True
                    break
                if isinstance(entry, threading.Event):
                    self._waiting_callers.append(entry)
                    break
                batch.append(entry)
        except queue.Empty:
            pass
        for variant, rows in self._rows_of(batch).items():
            self._score_received(variant, rows)
        self._batch_done(batch)
        if at_end and not block:  # stored rows are scored before the end
            self._queue.put(None)
            return True
        return not at_end

    def _release_callers(self) -> None:
        if self._waiting_callers:
            self._score_ambiguous()
        while self._waiting_callers:
            self._waiting_callers.pop().set()

    def _rows_of(self, batch: Sequence[Completion | str]) -> dict[int, list[NumberedRow]]:
        """The rows of these completions, by variant."""
        completions = [entry for entry in batch if isinstance(entry, Completion)]
        stored = self._store.completions([entry for entry in batch if isinstance(entry, str)])
        completions += [replace(completion, stored=False) for completion in stored.values()]
        by_variant: dict[int, list[NumberedRow]] = {}
        for completion in completions:
            for variant, number in self._cells_by_key.get(completion.key, ()):
                cell = self._plan.cells[variant][number]
                by_variant.setdefault(variant, []).append((number, Row(cell, completion)))
        return by_variant

    def _score_received(self, variant: int, rows: Sequence[NumberedRow]) -> None:
        if readable := self.scored.reader.receive(variant, rows):
            self._score(variant, readable)

    def _score_ambiguous(self) -> None:
        """Score the rows that waited for later replies, by all that have come so far."""
        for variant, numbers in self.scored.reader.take_ambiguous().items():
            others = set(range(len(self._plan.cells[variant]))) - numbers
            for rows in self.scored.answered(variant, skipped=others):
                self._score(variant, self.scored.reader.read(variant, rows))

    def _score(self, variant: int, rows: Sequence[NumberedRow]) -> None:
        if self._error:
            raise self._error
        evaluators = self._plan.experiment.evaluators
        rows = self.scored.paired(variant, rows)
        scored = score_rows(
            evaluators, [row for _, row in rows], self._store, stopped=self._stopped
        )
        numbered = [(number, row) for (number, _), row in zip(rows, scored, strict=True)]
        uncached = {e.name for e in evaluators if not e.traits.cache}
        combined = {e.name for e in evaluators if e.combination}
        failed = self.scored.failed
        for number, row in numbered:
            failed.pop((variant, number), None)
            if row.completion and row.completion.state == "failed":
                failed[variant, number] = row.completion
            scores = [pair for pair in row.scores.items() if pair[0] not in combined]
            if unstored := {name: s for name, s in scores if s.error or name in uncached}:
                self.scored.unstored_scores[variant, number] = unstored
        self._count(variant, numbered)

    def _count(self, variant: int, rows: Sequence[NumberedRow]) -> None:
        """Tally rows that have all their scores, and pass them on."""
        for number, row in rows:
            self.tallies[variant].add(number, row)
        if rows:
            self._on_rows(variant, rows)

    # Stages at which judged_stream.py asks, and reads replies.
    _asks = False

    def _stored_done(self) -> None: ...  # stored rows are scored
    def _batch_done(self, batch: Sequence[Completion | str]) -> None: ...
    def _all_done(self) -> None: ...  # no completion will come
    def _failed(self) -> None: ...  # scoring has ended with an error


def _unanswered_cells(plan: Plan) -> dict[str, list[tuple[int, int]]]:
    """Variant and row of the cells that each request answers, by the request's key."""
    cells_by_key: dict[str, list[tuple[int, int]]] = {
        request.key: [] for requests in plan.requests for request in requests
    }
    if cells_by_key:
        for variant, cells in enumerate(plan.cells):
            for number, cell in enumerate(cells):
                if cell.key in cells_by_key:
                    cells_by_key[cell.key].append((variant, number))
    return cells_by_key
