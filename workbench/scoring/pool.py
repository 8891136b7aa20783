"""Our side of the process that evaluators run in: starts it, asks it, ends it when a row hangs.

with one_child() as judges:
    (found,) = judges.find([Spec("exact_match", {}, root)])
    judges.judge(found, [{"outputs": "Paris", "expectations": {…}}], not_stopped)   # Score(True), …

An evaluator gets its data as JSON and nothing of our process: none of its environment but what is
harmless or granted by name, none of its pipes, none of its memory.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import ExitCode, StopCheck, Stopped, WorkbenchError, not_stopped
from workbench.evaluator import Evaluator, Score, Spec
from workbench.evaluator.contract import evaluator_from_json
from workbench.evaluator.lookup import is_builtin, load_evaluator
from workbench.evaluator.spec import check_env
from workbench.scoring.environment import environment
from workbench.workers.child import Child, EndedError

START = 30.0  # seconds until it is ready, and seconds that importing an evaluator may take
SLICE = 0.25  # seconds between two looks whether to stop
FIRST, MOST = 16, 500  # rows sent at once
BATCH_SIZE = 1_000_000  # characters of JSON after which a batch is full
QUICK, SLOW = 0.1, 0.5  # seconds for a batch, below and above which the next is larger, smaller
STRIKES = 20  # rows in a row that hung or ended the process, after which no more are tried
SAID = 1_000_000  # bytes that evaluators may print, all in all
UNUSED = -1  # the number of an evaluator that is only described


@dataclass
class _Worker:
    """A child, and the numbers under which evaluators lie open in it, by their digests."""

    child: Child
    numbers: dict[str, int] = field(default_factory=dict)


class EvaluatorPool:
    """The processes of one scoring: one for all evaluators that are granted the same variables.

    Started when first needed, and again after one had to be killed. They end with the thread that
    started them.
    """

    def __init__(self) -> None:
        self._rooms: dict[tuple[Path, tuple[str, ...]], _Worker] = {}
        self._strikes: Counter[str] = Counter()
        self._left = SAID
        self._silenced = False

    def find(self, specs: Sequence[Spec]) -> list[Evaluator]:
        """The evaluators, in order; only those of the library are imported by our own process.

        Raises:
            WorkbenchError: the first that can't be found, imported or given its settings.
        """
        return [
            load_evaluator(one)
            if is_builtin(one.name, one.root)
            else evaluator_from_json(self._described(one, UNUSED), one)
            for one in specs
        ]

    def judge(
        self, evaluator: Evaluator, rows: Sequence[Mapping[str, JSON]], stopped: StopCheck
    ) -> Iterator[Score]:
        """A score for each row, in order, as they come; whatever goes wrong is an error of its row.

        Raises:
            Stopped: `stopped` said so.
            WorkbenchError: the evaluator is not what it was when the experiment was read.
        """
        if rows and evaluator.spec:
            check_env(evaluator.spec)
        done, size = 0, FIRST
        while done < len(rows):
            if stopped():
                raise Stopped
            if self._strikes[evaluator.digest] >= STRIKES:
                said = f"not judged: the {STRIKES} rows before it hung or ended their process"
                yield from [Score(error=said)] * (len(rows) - done)
                return
            began = time.monotonic()
            for score in self._batch(evaluator, _encoded(rows[done : done + size]), stopped):
                yield score
                done += 1
            took = time.monotonic() - began
            size = min(size * 2, MOST) if took < QUICK else size
            size = max(size // 4, 1) if took > SLOW else size

    def end(self) -> None:
        """Kills every process and what it started."""
        for room in self._rooms.values():
            room.child.end()
        self._rooms.clear()

    def _batch(self, evaluator: Evaluator, rows: list[str], stopped: StopCheck) -> Iterator[Score]:
        """The scores of these rows, up to and with the first that hangs or ends the process."""
        spec = evaluator.spec
        assert spec
        room = self._opened(evaluator, spec)
        number = room.numbers[evaluator.digest]
        room.child.ask(f'{{"judge": {number}, "rows": [{", ".join(rows)}]}}')
        answered = 0
        try:
            while answered < len(rows):
                answer, missing = None, f"took longer than {spec.timeout_s:g} s"
                try:
                    answer = self._receive(room.child, spec.timeout_s, stopped)
                except EndedError as error:
                    missing = f"ended its process: {error}"
                if answer is None:
                    self._strikes[evaluator.digest] += 1
                    yield Score(error=missing)
                    return
                self._strikes[evaluator.digest] = 0
                answered += 1
                yield Score(*answer)
        finally:
            if answered < len(rows):  # it owes answers that nobody will want
                self._drop(spec)

    def _opened(self, evaluator: Evaluator, spec: Spec) -> _Worker:
        """The child with this evaluator in it, known to be the one that was found before."""
        room = self._room(spec)
        if evaluator.digest in room.numbers:
            return room
        number = len(room.numbers)
        try:
            found = self._described(spec, number)
        except WorkbenchError as error:
            error.exit_code = ExitCode.NOT_RECORDED
            raise
        if found["digest"] != evaluator.digest:
            raise WorkbenchError(
                f"{evaluator.source} was changed while evaluator {evaluator.name!r} was at work",
                where=spec.where,
                fix="the answers are safe; the same command judges all of them with the new one",
                exit_code=ExitCode.NOT_RECORDED,
            )
        self._room(spec).numbers[evaluator.digest] = number
        return self._room(spec)

    def _described(self, spec: Spec, number: int) -> dict[str, JSON]:
        """What the child says of the evaluator once it has imported it."""
        child = self._room(spec).child
        asked = {"name": spec.name, "settings": spec.settings, "root": str(spec.root)}
        child.ask(json.dumps({"find": {**asked, "where": spec.where}, "as": number}))
        try:
            answer = self._receive(child, START, not_stopped)
        except EndedError as error:
            self._drop(spec)
            raise _unimportable(spec, f"it ended its process: {error}") from None
        if answer is None:
            self._drop(spec)
            raise _unimportable(spec, f"it took longer than {START:g} s")
        if "refused" in answer:
            raise WorkbenchError(**answer["refused"])
        found: dict[str, JSON] = answer["found"]
        return found

    def _receive(self, child: Child, seconds: float, stopped: StopCheck) -> JSON | None:
        """The next answer that is not what an evaluator prints; None: none came in time."""
        until = time.monotonic() + seconds
        while True:
            left = max(0.0, until - time.monotonic())
            answer = child.receive(min(SLICE, left))
            if isinstance(answer, dict) and not answer.keys() & {"found", "refused"}:
                self._show(answer.get("said", ""))
            elif answer is not None:
                return answer
            if left == 0:
                return None
            if stopped():
                raise Stopped

    def _show(self, said: str) -> None:
        """Passes on what an evaluator printed; the empty text stands for what was dropped."""
        self._left = max(0, self._left - len(said.encode("utf-8", "replace")))
        sys.stderr.write(said)
        if not said and not self._silenced:
            self._silenced = True
            sys.stderr.write(
                f"\n(evaluators printed more than {SAID:,} bytes; the rest is dropped)\n"
            )

    def _room(self, spec: Spec) -> _Worker:
        key = (spec.root, spec.env)
        if key not in self._rooms:
            command = [sys.executable, "-P", "-m", "workbench.scoring.worker"]
            child = Child(
                [*command, str(os.getpid()), str(self._left)],
                env=environment(spec.env),
                folder=spec.root,
                stderr=None,  # until it is ready it may say why it is not
            )
            self._rooms[key] = _Worker(child)
            try:
                ready = child.ready(START)
            except EndedError as error:
                self._drop(spec)
                raise WorkbenchError(f"evaluators' process ended at its start: {error}") from None
            if not ready:
                self._drop(spec)
                raise WorkbenchError(f"evaluators' process did not start in {START:g} s")
        return self._rooms[key]

    def _drop(self, spec: Spec) -> None:
        room = self._rooms.pop((spec.root, spec.env), None)
        if room:
            room.child.end()


_shared: ContextVar[EvaluatorPool | None] = ContextVar("judges", default=None)


@contextmanager
def one_child() -> Iterator[EvaluatorPool]:
    """All that is judged within it is judged by the same processes, which end with the outermost.

    Also a decorator: `@one_child()`.
    """
    shared = _shared.get()
    if shared:
        yield shared
        return
    judges = EvaluatorPool()
    token = _shared.set(judges)
    try:
        yield judges
    finally:
        _shared.reset(token)
        judges.end()


def find_evaluators(specs: Sequence[Spec]) -> list[Evaluator]:
    """As `EvaluatorPool.find`, in a child of its own."""
    with one_child() as judges:
        return judges.find(specs)


def _encoded(rows: Sequence[Mapping[str, JSON]]) -> list[str]:
    """The first of the rows as JSON: one, and more while they are not too much at once."""
    batch: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps(row)
        size += len(text)
        if batch and size > BATCH_SIZE:
            break
        batch.append(text)
    return batch


def _unimportable(spec: Spec, why: str) -> WorkbenchError:
    file = f"evaluators/{spec.name}.py"
    shown = file if (spec.root / file).is_file() else spec.name
    return WorkbenchError(f"{shown} can't be imported: {why}", where=spec.where)
