"""Rows sent to the evaluators' processes in batches, and their scores as they come.

    batches = ScoreBatches(process_of)
    for position, scores in batches.judge([EvaluatorRows(exact_match, rows), …], stopped): …

A process gets the next batch, of the next evaluator too, once it has answered the last: the main
process takes over and stores scores while the next ones are computed.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from workbench.errors import StopCheck, Stopped, WorkbenchError
from workbench.evaluator import Evaluator, Score
from workbench.scoring.evaluator_process import EvaluatorProcess, ForeignMessageError, end_reason
from workbench.workers.worker_process import EndedError, LateError

FIRST_BATCH, MAX_BATCH = 16, 128  # rows sent at once
BATCH_SIZE = 1_000_000  # characters of JSON after which a batch is full
# Seconds for a batch, below and above which the next is larger or smaller.
FAST_S, SLOW_S = 0.1, 0.5
MAX_FAILURES = 20  # rows in a row that hung or ended the process; after them no more are tried
# Answers that are taken one by one cost both processes a switch each, far more than the answer.
LINGER_S = 0.001
LINGER_ROWS = 8  # unanswered rows; for fewer the main process does not linger

NOT_JUDGED = f"not judged: the {MAX_FAILURES} rows before it hung or ended their process"


@dataclass
class EvaluatorRows:
    """Rows in JSON that an evaluator judges; `done`: so many have their scores."""

    evaluator: Evaluator
    rows: Sequence[str]
    done: int = 0

    @property
    def are_done(self) -> bool:
        """True if all have their scores."""
        return self.done >= len(self.rows)


@dataclass
class _Batch:
    """Rows that a process has got; `was_used`: it had judged others before."""

    process: EvaluatorProcess
    rows: Sequence[str]
    was_used: bool
    answered: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def is_complete(self) -> bool:
        return self.answered == len(self.rows)


class ScoreBatches:
    """The batches of all evaluators of one pool.

    Args:
        process_of: returns the running process that has imported an evaluator.
    """

    def __init__(self, process_of: Callable[[Evaluator], EvaluatorProcess]) -> None:
        self._process_of = process_of
        self._failures: Counter[str] = Counter()  # in a row, by digest
        self._sizes: dict[str, int] = {}  # of the next batch, by digest

    def forget_failures(self) -> None:
        """Try all evaluators again."""
        self._failures.clear()

    def judge(
        self, columns: Sequence[EvaluatorRows], stopped: StopCheck
    ) -> Iterator[tuple[int, list[Score]]]:
        """Yield the number of a column with the scores of its next rows, in order.

        A failure is an error of its row.

        Raises:
            Stopped: `stopped` returned True.
            WorkbenchError: an evaluator has changed since the experiment was read.
        """
        ahead: _Batch | None = None
        try:
            for number, column in enumerate(columns):
                is_retry = False
                while not column.are_done:
                    if stopped():
                        raise Stopped
                    if self._has_failed(column):
                        scores = [Score(error=NOT_JUDGED)] * (len(column.rows) - column.done)
                        column.done = len(column.rows)
                        yield number, scores
                        break
                    batch, ahead = ahead or self._send(column, in_new_process=is_retry), None
                    before = column.done
                    for scores in self._receive(column, batch, stopped, is_last_try=is_retry):
                        column.done += len(scores)
                        if batch.is_complete:
                            ahead = self._send_ahead(columns[number:])
                        yield number, scores
                    is_retry = column.done == before
        finally:
            if ahead:  # it owes answers that are no longer wanted
                ahead.process.end()

    def _has_failed(self, column: EvaluatorRows) -> bool:
        return self._failures[column.evaluator.digest] >= MAX_FAILURES

    def _send(self, column: EvaluatorRows, *, in_new_process: bool = False) -> _Batch:
        """Send the next rows of a column."""
        evaluator = column.evaluator
        if in_new_process:
            self._process_of(evaluator).end()
        process = self._process_of(evaluator)
        rows: list[str] = []
        size = 0
        last = column.done + self._sizes.get(evaluator.digest, FIRST_BATCH)
        for row in column.rows[column.done : last]:
            size += len(row)
            if rows and size > BATCH_SIZE:
                break
            rows.append(row)
        was_used, process.has_judged = process.has_judged, True
        process.request({"judge": evaluator.digest}, rows)
        return _Batch(process, rows, was_used)

    def _send_ahead(self, columns: Sequence[EvaluatorRows]) -> _Batch | None:
        """Send the next rows of these columns before the scores of the last ones are stored."""
        column = next((each for each in columns if not each.are_done), None)
        if column is None or self._has_failed(column):
            return None
        try:
            return self._send(column)
        except (EndedError, WorkbenchError):  # its own turn raises the error
            return None

    def _receive(
        self, column: EvaluatorRows, batch: _Batch, stopped: StopCheck, *, is_last_try: bool
    ) -> Iterator[list[Score]]:
        """The scores of a batch, up to and including the first row that hangs or ends the process.

        Rows behind it are not answered: they are sent again. That row is no error yet if an earlier
        one may be the reason: it is not answered either, and tried in a new process.
        """
        spec, process = column.evaluator.spec, batch.process
        assert spec
        scores: list[Score] = []
        try:
            while not batch.is_complete and process.is_running:
                if not process.has_answer:
                    if scores:
                        yield scores
                        scores = []
                    if len(batch.rows) - batch.answered > LINGER_ROWS:
                        time.sleep(LINGER_S)
                fields = process.answer(batch.answered, spec.timeout_s, stopped)
                self._failures[column.evaluator.digest] = 0
                batch.answered += 1
                scores.append(Score(*fields))
        except EndedError as error:
            at_start = batch.was_used and not batch.answered and not isinstance(error, LateError)
            if is_last_try or not (at_start or isinstance(error, ForeignMessageError)):
                self._failures[column.evaluator.digest] += 1
                scores.append(Score(error=end_reason(error)))
        except Stopped:
            if scores:
                yield scores
            raise
        finally:
            if not batch.is_complete:  # it still owes answers that are no longer wanted
                process.end()
        self._adapt_size(column.evaluator.digest, time.monotonic() - batch.started)
        if scores:
            yield scores

    def _adapt_size(self, digest: str, duration_s: float) -> None:
        size = self._sizes.get(digest, FIRST_BATCH)
        if duration_s < FAST_S:
            self._sizes[digest] = min(size * 2, MAX_BATCH)
        elif duration_s > SLOW_S:
            self._sizes[digest] = max(size // 4, 1)
