r"""The child process that finds evaluators and calls them, so that one can hurt only its own row.

It writes an empty line when it is ready, reads one JSON object a line and answers in JSON lines:

    {"find": {"name": "exact_match", "settings": {}, "root": "/project", "where": ""}, "as": 0}
        -> {"found": {"name": "exact_match", "digest": "0a3e…", …}}
        -> {"refused": {"message": "…", "where": "", "fix": "…"}}
    {"judge": 0, "rows": [{"outputs": "Paris", "expectations": {"expected_response": "Paris"}}]}
        -> [true, "", "", ""]      the fields of a Score, one line a row, in order
    and whenever an evaluator prints
        -> {"said": "hello\n"}     {"silenced": true} once it has printed too much

Run as `python -m workbench.scoring.worker PARENT ROOM`: our process's number, and the bytes that
may still be printed.
"""

import importlib
import io
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator, find_evaluator
from workbench.evaluator.contract import evaluator_as_json
from workbench.evaluator.errors import exception_message
from workbench.model import Completion, Usage
from workbench.workers.child import die_with


class Line:
    """The private way back to our process; threads of an evaluator may print beside it."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: JSON) -> None:
        """Writes it whole."""
        self._write(json.dumps(message).encode() + b"\n")

    def ready(self) -> None:
        """Says that questions may come."""
        self._write(b"\n")

    def _write(self, text: bytes) -> None:
        data = memoryview(text)
        with self._lock:
            while data:
                data = data[os.write(self._pipe, data) :]


class Said(io.RawIOBase):
    """What evaluators print, sent to our process until there is no more room for it."""

    def __init__(self, line: Line, room: int) -> None:
        self._line = line
        self.room = room

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """Of what a process that the evaluator starts may write to: nobody reads it."""
        return 1

    def write(self, data: Any, /) -> int:
        """All of it is taken; what is beyond the room is dropped."""
        taken = bytes(data)
        if self.room >= 0:
            kept, self.room = taken[: self.room], self.room - len(taken)
            if kept:
                self._line.send({"said": kept.decode("utf-8", "replace")})
            if self.room < 0:
                self._line.send({"silenced": True})
        return len(taken)


class EvaluatorWorker:
    """Where evaluators lie open, and what the process was like before a row was judged."""

    def __init__(self, line: Line, room: int) -> None:
        self._line = line
        self._said = Said(line, room)
        self._out = _text(self._said)
        self._open: dict[int, Evaluator] = {}
        self._pid = os.getpid()
        self._home = os.open(".", os.O_RDONLY)
        self._mend(dict(os.environ))

    def find(self, spec: Mapping[str, JSON], number: int) -> None:
        """Answers with the evaluator's description, or why there is none."""
        try:
            found = find_evaluator(**{**spec, "root": Path(spec["root"])}, adapt=_adapt)
            answer = {"found": evaluator_as_json(found)}
            json.dumps(answer)
            self._open[number] = found
        except WorkbenchError as error:
            answer = {"refused": {"message": error.message, "where": error.where, "fix": error.fix}}
        except BaseException as error:  # whatever the user's module does while imported
            said = f"evaluator {spec['name']!r}: {exception_message(error, Path(spec['root']))}"
            answer = {"refused": {"message": said, "where": spec["where"], "fix": ""}}
        self._leave_if_forked()
        self._mend(dict(os.environ))
        self._line.send(answer)

    def judge(self, number: int, rows: list[dict[str, Any]]) -> None:
        """Answers with a score for each row; each finds the process as the first did."""
        evaluator = self._open[number]
        environment = dict(os.environ)
        for given in rows:
            if "completion" in given:
                given["completion"] = _completion(given["completion"])
            try:
                score = evaluator.call(given)
                answer = [score.value, score.reason, score.label, score.error]
                json.dumps(answer)
            except BaseException as error:  # KeyboardInterrupt is raised by no keyboard here
                root = evaluator.spec.root if evaluator.spec else None
                answer = [None, "", "", exception_message(error, root)]
            self._leave_if_forked()
            self._mend(environment)
            self._line.send(answer)

    def _leave_if_forked(self) -> None:
        """Ends a copy of this process that an evaluator made and forgot."""
        if os.getpid() != self._pid:
            os._exit(0)

    def _mend(self, environment: dict[str, str]) -> None:
        """Undoes what a row did to the process, as far as that is known."""
        os.fchdir(self._home)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        try:
            self._out.flush()
        except ValueError:  # it was closed, or taken apart
            self._said = Said(self._line, self._said.room)
            self._out = _text(self._said)
        sys.stdout = sys.stderr = self._out


def _text(said: Said) -> io.TextIOWrapper:
    raw = io.BufferedWriter(said)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _adapt(target: object, settings: Mapping[str, JSON]) -> Any:
    """MLflow is imported only where an evaluator is none of plain functions."""
    return importlib.import_module("workbench.scoring.adapter").adapt(target, settings)


def _completion(said: dict[str, Any]) -> Completion:
    return Completion(key="", **{**said, "usage": Usage(**said["usage"])})


def _watch(questions: int) -> None:
    """Forks a process that ends this group, and itself, when nobody is left to ask."""
    if os.fork():
        return
    null = os.open(os.devnull, os.O_RDWR)
    for pipe in (1, 2):
        os.dup2(null, pipe)
    poll = select.poll()
    poll.register(questions, 0)  # 0: to be told of its end, and not of what is written to it
    while not poll.poll():
        pass
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Answers until nobody asks."""
    die_with(int(sys.argv[1]))
    _watch(0)
    questions, line = os.fdopen(os.dup(0), "rb"), Line(os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    for pipe in (0, 1, 2):
        os.dup2(null, pipe)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    desk = EvaluatorWorker(line, int(sys.argv[2]))
    line.ready()
    for question in questions:
        asked = json.loads(question)
        if "find" in asked:
            desk.find(asked["find"], asked["as"])
        else:
            desk.judge(asked["judge"], asked["rows"])


if __name__ == "__main__":
    main()
