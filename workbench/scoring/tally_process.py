"""Half of the variants read and tallied by a forked process, while this one reads the others.

    variants 0 and 1    tallied by the main process
    variants 2 and 3    {2: Tally, 3: Tally} from its child, and their requests without a reply

The child only reads. At anything unusual (a damaged row, a score that is not stored) it ends
without an answer; the main process then reads the rows itself, and raises the error.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from workbench.errors import StopCheck
from workbench.model import Completion
from workbench.results.tally import Tally
from workbench.scoring.scored_rows import RowPlace, ScoredRows
from workbench.workers.parent_pipe import die_with

MIN_ROWS = 20_000  # of all variants; a fork takes as long as reading some thousand
POLL_INTERVAL_S = 0.2
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # end the child
ANSWER_LIMIT_S = 60.0  # seconds in which the child must end after the main process has
# Their threads may hold a lock at any time, also at a fork. Those of numpy end before it.
THREADED = frozenset({"grpc", "mlflow", "polars", "pyarrow", "ray", "torch"})


@dataclass(frozen=True)
class TalliedVariants:
    """Tallies by variant, and the requests without a reply."""

    tallies: Mapping[int, Tally]
    failed: Mapping[RowPlace, Completion]


class TallyProcess:
    """The child process; without `start` it has no variants.

    Attributes:
        variants: those that the child reads.
    """

    def __init__(self, scored: ScoredRows) -> None:
        self.variants: Sequence[int] = ()
        self._scored = scored
        self._child = 0
        self._receiver: Connection | None = None

    def start(self) -> None:
        """Fork the child, if that is safe and worth it.

        Raises:
            WorkbenchError: the store can't be opened again.
        """
        count = len(self._scored.plan.cells)
        if not self._is_worthwhile() or not _can_fork():
            return
        variants = range(count - count // 2, count)
        self._receiver, sender = Pipe(duplex=False)
        database, parent = self._scored.store.database, os.getpid()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the store is open again
        database.disconnect()  # SQLite's state must not be shared by two processes
        try:
            self._child = os.fork()
            if not self._child:
                self._answer(sender, variants, parent)
            self.variants = variants
        except OSError:
            pass  # no process or no memory: this one reads all variants
        finally:
            sender.close()
            try:
                database.connect()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def receive(self, stopped: StopCheck) -> TalliedVariants | None:
        """Return what the child has tallied; None: the main process must read the rows itself."""
        deadline = time.monotonic() + ANSWER_LIMIT_S
        assert self._receiver
        try:
            while not self._receiver.poll(POLL_INTERVAL_S):
                if stopped() or time.monotonic() > deadline:
                    return None
            tallied: TalliedVariants = self._receiver.recv()
        except (EOFError, OSError):
            return None
        return tallied

    def end(self) -> None:
        """Kill the child; may be called again."""
        if self._receiver:
            self._receiver.close()
        if self._child:
            with suppress(ProcessLookupError, ChildProcessError):  # where SIGCHLD is ignored
                os.kill(self._child, signal.SIGKILL)
                os.waitpid(self._child, 0)
            self._child = 0

    def _is_worthwhile(self) -> bool:
        plan = self._scored.plan
        return (
            len(plan.cells) > 1
            and sum(map(len, plan.cells)) >= MIN_ROWS
            and not any(plan.requests)
            and all(evaluator.traits.cache for evaluator in plan.experiment.evaluators)
            # How a prefilled answer is read depends on the answers of other variants.
            and not any(request.prefill for request in plan.bodies.values())
            and not self._scored.store.database.is_read_only
        )

    def _answer(self, sender: Connection, variants: Sequence[int], parent: int) -> None:
        """Send the tallies from the child, and end it."""
        code = 1
        try:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            die_with(parent)
            self._scored.store.database.connect()
            if tallied := tally_stored(self._scored, variants):
                sender.send(tallied)
                code = 0
        except BaseException:  # noqa: S110  the main process meets the same error, and reports it
            pass
        finally:
            os._exit(code)


def tally_stored(scored: ScoredRows, variants: Sequence[int]) -> TalliedVariants | None:
    """Tally the rows of these variants; None if a score is not stored.

    Raises:
        WorkbenchError: the store is damaged.
    """
    evaluators = scored.plan.experiment.evaluators
    scores_per_row = sum(not evaluator.traits.by_column for evaluator in evaluators)
    tallies = {variant: scored.tallies[variant] for variant in variants}
    failed: dict[RowPlace, Completion] = {}
    for variant, tally in tallies.items():
        for rows in scored.stored(variant):
            for number, row in rows:
                if row.scored and len(row.scores) < scores_per_row:
                    return None
                tally.add(number, row)
                if row.completion and row.completion.state == "failed":
                    failed[variant, number] = row.completion
    return TalliedVariants(tallies, failed)


def _can_fork() -> bool:
    """True on Linux with a second processor, if no thread may hold a lock that the child needs."""
    return (
        sys.platform == "linux"
        and len(os.sched_getaffinity(0)) > 1
        and threading.active_count() == 1
        and not any(name in sys.modules for name in THREADED)
    )
