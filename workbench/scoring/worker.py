r"""The child process that imports and calls evaluators, so that one can harm only its own row.

It writes an empty line when it is ready, reads one JSON object per line, and answers with lines

    ["5f1c…", 0, CONTENT, false]

of the request's token, the number of a row, and true if an evaluator has changed the process:

    {"find": {"name": "exact_match", "settings": {}, "root": "/project", …}}
        -> {"found": {"name": "exact_match", "digest": "0a3e…", …}}
        -> {"refused": {"message": "…", "where": "", "fix": "…"}}
    {"judge": "0a3e…", "rows": [{"outputs": "Paris", "expectations": {…}}]}
        -> [true, "", "", "", ""]  the fields of a Score, one line per row, in order
    {"measure": "0a3e…", "rows": [{"outputs": "3.5", "expectations": {…}}], "clusters": [0], …}
        -> {"measured": {"value": 0.671, …}}       the fields of a ColumnScore
    and whenever an evaluator prints, with the number -1
        -> {"printed": "hello\n"}  {"cut": true} once it has printed too much

Run as `python -m workbench.scoring.worker PARENT PRINTABLE [--unsafe-exec]`: the parent's process
number, the bytes that may still be printed, and the permission to run programs without a box.
"""

import builtins
import importlib
import io
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from workbench.box.permission import UNSAFE_FLAG, allow_unsafe_execution
from workbench.canonical import JSON, plain_json
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator, Spec
from workbench.evaluator.as_json import evaluator_as_json
from workbench.evaluator.errors import exception_message
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion, Usage
from workbench.results.column_score import ColumnScore
from workbench.scoring.evaluator_process import NOTICE
from workbench.workers.garbage import paused_gc
from workbench.workers.parent_pipe import ParentPipe, die_with

LIMITS = [
    getattr(resource, f"RLIMIT_{name}")
    for name in ("AS", "CPU", "DATA", "FSIZE", "NOFILE", "NPROC", "STACK")
]
# As `signal.getsignal`, which makes an enumeration's members of its results, and is slow.
get_handler = importlib.import_module("_signal").getsignal
SIGNALS = (signal.SIGALRM, signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)


class PrintedOutput(io.RawIOBase):
    """Output of evaluators, sent to the parent up to a limit."""

    def __init__(self, send: Callable[[int, JSON], None], bytes_left: int) -> None:
        self._send = send
        self.bytes_left = bytes_left

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """File descriptor for processes that the evaluator starts; it leads to /dev/null."""
        return 1

    def write(self, output: Any, /) -> int:
        """Accept all bytes; those beyond the limit are dropped."""
        content = bytes(output)
        if self.bytes_left >= 0:
            shown, self.bytes_left = content[: self.bytes_left], self.bytes_left - len(content)
            if shown:
                self._send(NOTICE, {"printed": shown.decode("utf-8", "replace")})
            if self.bytes_left < 0:
                self._send(NOTICE, {"cut": True})
        return len(content)


class EvaluatorWorker:
    """The imported evaluators by digest, and the state of the process before a row was judged.

    Attributes:
        token: of the request.
    """

    def __init__(self, parent: ParentPipe, bytes_left: int) -> None:
        self._parent = parent
        self.token = ""
        self._open_output(bytes_left)
        self._evaluators: dict[str, Evaluator] = {}
        self._pid = os.getpid()
        self._folder = os.open(".", os.O_RDONLY)
        self._restore(SavedEnvironment())

    def find(self, spec: Mapping[str, JSON]) -> None:
        """Send the evaluator's description, or the reason for which there is none."""
        try:
            fields = {**spec, "root": Path(spec["root"]), "env": tuple(spec["env"])}
            evaluator = load_evaluator(Spec(**fields), partial(_adapt, granted=spec["env"]))
            answer = {"found": evaluator_as_json(evaluator)}
            json.dumps(answer)
            self._evaluators[evaluator.digest] = evaluator
        except WorkbenchError as error:
            answer = {"refused": error.as_json()}
        except BaseException as error:  # importing the user's module may raise anything
            message = f"evaluator {spec['name']!r}: {exception_message(error, Path(spec['root']))}"
            answer = {"refused": {"message": message, "where": spec["where"], "fix": ""}}
        self._restore(SavedEnvironment())
        self._send(0, answer)

    def judge(self, digest: str, rows: list[dict[str, Any]]) -> None:
        """Send a score for each row; each row starts from the same state of the process."""
        evaluator = self._evaluators[digest]
        environment, state = SavedEnvironment(), process_state()
        for number, row in enumerate(rows):
            read_completion(row)
            try:
                score = evaluator.call(row)
                fields = [score.value, score.reason, score.label, score.error, score.parsed]
                answer = plain_json(fields)
            except BaseException as error:  # even KeyboardInterrupt: no keyboard is attached
                root = evaluator.spec.root if evaluator.spec else None
                answer = plain_json([None, "", "", exception_message(error, root), ""])
            self._restore(environment)
            is_changed = process_state() != state
            self._parent.send_line(
                f'["{self.token}", {number}, {answer}, {"true" if is_changed else "false"}]'
            )
            if is_changed:
                return  # another process judges the next rows

    def measure(
        self, digest: str, rows: list[dict[str, Any]], clusters: list[int], limit_s: float
    ) -> None:
        """Send the score of a column of answers."""
        evaluator, environment = self._evaluators[digest], SavedEnvironment()
        root = evaluator.spec.root if evaluator.spec else None
        for row in rows:
            read_completion(row)
            try:
                row |= evaluator.transformed(row)[0]
            except BaseException as error:  # of the project's function
                row["error"] = exception_message(error, root)
        try:
            measure = getattr(evaluator.function, "measure", None) or _run_measure(evaluator)
            score = measure(rows, clusters, limit_s)
        except BaseException as error:  # as of one row
            score = ColumnScore(None, error=exception_message(error, root))
        self._restore(environment)
        self._send(0, {"measured": score.as_json()})

    def _send(self, number: int, content: JSON) -> None:
        self._parent.send([self.token, number, content, False])

    def _restore(self, environment: "SavedEnvironment") -> None:
        """Undo a row's changes to the current directory, the environment and the output."""
        if os.getpid() != self._pid:
            os._exit(0)  # a copy of this process, which an evaluator forked and left running
        os.fchdir(self._folder)
        environment.restore()
        try:
            self._text_output.flush()
        except ValueError:  # the evaluator closed or detached it
            self._open_output(self._printed.bytes_left)
        sys.stdout = sys.stderr = self._text_output

    def _open_output(self, bytes_left: int) -> None:
        self._printed = PrintedOutput(self._send, bytes_left)
        self._text_output = io.TextIOWrapper(
            io.BufferedWriter(self._printed),
            "utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )


class SavedEnvironment:
    """The variables of the process, to be put back after each row."""

    def __init__(self) -> None:
        self._variables = dict(os.environ)
        self._encoded = dict(_encoded_variables())

    def restore(self) -> None:
        """Put the variables back, if any has changed."""
        if _encoded_variables() != self._encoded:
            os.environ.clear()
            os.environ.update(self._variables)


def _encoded_variables() -> Mapping[Any, Any]:
    """The variables as Python keeps them: reading all takes longer than most evaluators do."""
    encoded: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
    return encoded


def read_completion(row: dict[str, Any]) -> None:
    """Turn the `completion` of a row in JSON into one."""
    if "completion" in row:
        fields = {**row["completion"], "usage": Usage(**row["completion"]["usage"])}
        fields["tool_calls"] = tuple(fields.get("tool_calls", ()))
        row["completion"] = Completion("", **fields)


def process_state() -> list[object]:
    """Limits and handlers, which a row may change for those behind it, and can't restore."""
    return [
        *map(resource.getrlimit, LIMITS),
        *map(get_handler, SIGNALS),
        sys.getrecursionlimit(),
        os.getpriority(os.PRIO_PROCESS, 0),
        *(json.dumps, json.loads, os.write, builtins.print),
    ]


def _run_measure(evaluator: Evaluator) -> Callable[..., ColumnScore]:
    """Import the statistics only for a metric of a run."""
    module = importlib.import_module("workbench.scoring.run_metric")
    return partial(module.measure_run, evaluator)


def _adapt(target: object, settings: Mapping[str, JSON], *, granted: Sequence[str]) -> Any:
    """Import MLflow only for an evaluator that is neither a plain function nor of autoevals."""
    factory = target.func if isinstance(target, partial) else target
    types = factory.__mro__ if isinstance(factory, type) else type(factory).__mro__
    if any(each.__module__.partition(".")[0] == "autoevals" for each in types):
        module = importlib.import_module("workbench.scoring.autoevals_scorer")
        return module.adapt_scorer(target, settings, granted)
    with paused_gc():
        adapter = importlib.import_module("workbench.scoring.adapter")
    return adapter.adapt(target, settings)


def _kill_group_after_parent() -> None:
    """Fork a process that kills this process group once the parent's end of stdin is closed."""
    if os.fork():
        return
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    poll = select.poll()
    poll.register(0, 0)  # mask 0: report only the hang-up, not readable input
    while not poll.poll():
        pass
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Answer until the parent ends."""
    die_with(int(sys.argv[1]))
    if UNSAFE_FLAG in sys.argv[3:]:
        allow_unsafe_execution()
    _kill_group_after_parent()  # forked before ParentPipe, whose answers it must not hold open
    parent = ParentPipe()
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    worker = EvaluatorWorker(parent, int(sys.argv[2]))
    parent.send_ready()
    for request in parent.requests():
        worker.token = request.pop("token")
        if "find" in request:
            worker.find(request["find"])
        elif "measure" in request:
            worker.measure(request.pop("measure"), **request)
        else:
            worker.judge(request["judge"], request["rows"])


if __name__ == "__main__":
    main()
