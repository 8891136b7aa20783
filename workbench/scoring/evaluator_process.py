"""The main process's side of a child process that evaluators run in.

    sent      {"judge": "0a3e…", "rows": [{"outputs": "Paris", …}], "token": "5f1c…"}
    received  ["5f1c…", 0, [true, "", "", "", ""], false]

Each request has a random token, and each message repeats it with the number of its row: so nothing
that an evaluator writes into the pipe is taken for an answer, and no answer for another row's.
"""

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from workbench.box.permission import UNSAFE_FLAG, is_unsafe_allowed
from workbench.canonical import JSON
from workbench.errors import StopCheck, WorkbenchError, not_stopped
from workbench.evaluator import Spec
from workbench.workers.model_code import REFUSED
from workbench.workers.worker_process import (
    EndedError,
    LateError,
    NoJSONError,
    WorkerProcess,
    child_command,
    import_path,
)

WORKER = "workbench.scoring.worker"
START_LIMIT_S = 30.0  # seconds until a process is ready, and seconds for importing an evaluator
NOTICE = -1  # in place of a row's number
HARMLESS_VARIABLES = frozenset(
    {
        *("PATH", "HOME", "LANG", "TMPDIR", "TZ"),
        *("XDG_CACHE_HOME", "WORKBENCH_CACHE", "HF_HOME", "HF_HUB_OFFLINE"),
    }
)
TRACKING_URI = "MLFLOW_TRACKING_URI"


class ForeignMessageError(EndedError):
    """The child was ended because something else than its answers came through the pipe."""

    def __init__(self) -> None:
        super().__init__("something else than scores came from its process: it writes into pipes")


class EvaluatorProcess(WorkerProcess):
    """One child process.

    Attributes:
        digests: of the evaluators that it has imported to judge rows.
        has_judged: it has answered a row, which may have changed it.
    """

    def __init__(self, spec: Spec, printable: int, show: Callable[[str], None]) -> None:
        super().__init__(
            child_command(WORKER, printable, *([UNSAFE_FLAG] if is_unsafe_allowed() else [])),
            env=_environment(spec.env),
            cwd=spec.root,
            stderr=None,  # a failed start may print its reason
            start_s=START_LIMIT_S,
        )
        self.digests: set[str] = set()
        self.has_judged = False
        self._show = show
        self._token = ""

    def find(self, spec: Spec) -> dict[str, JSON]:
        """Description of an evaluator, which the child imports."""
        fields = {"name": spec.name, "settings": spec.settings, "root": str(spec.root)}
        fields |= {"where": spec.where, "env": list(spec.env)}
        try:
            self.request({"find": fields})
            answer = self.answer(0, START_LIMIT_S)
        except EndedError as error:
            file = f"evaluators/{spec.name}.py"
            shown = file if (spec.root / file).is_file() else spec.name
            message = f"{shown} can't be imported: it {end_reason(error)}"
            raise WorkbenchError(message, where=spec.where) from None
        if "refused" in answer:
            raise WorkbenchError(**answer["refused"])
        description: dict[str, JSON] = answer["found"]
        return description

    def request(self, fields: Mapping[str, JSON], rows: Sequence[str] = ()) -> None:
        """Send a request; `rows` are JSON."""
        self._token = secrets.token_hex(8)
        text = json.dumps({**fields, "token": self._token})
        self.send(f'{text[:-1]}, "rows": [{", ".join(rows)}]}}' if rows else text)

    def answer(self, number: int, seconds: float, stopped: StopCheck = not_stopped) -> JSON:
        """Return the answer to a row, or to the request; the child ends if it changed itself.

        Raises:
            EndedError: as `receive`, or something else came.
            Stopped: `stopped` returned True.
        """
        try:
            message = self.receive(seconds, stopped)
        except NoJSONError:
            raise ForeignMessageError from None
        _, answered, content, is_changed = message
        if answered != number:
            self.end()
            raise ForeignMessageError
        if is_changed:
            self.end()
        return content

    def _handle_notice(self, message: JSON) -> bool:
        if not isinstance(message, list) or len(message) != 4 or message[0] != self._token:
            raise ForeignMessageError
        if message[1] != NOTICE:
            return False
        self._show(message[2].get("printed", ""))
        return True


def _environment(granted: Sequence[str]) -> dict[str, str]:
    """The harmless variables, and those that the experiment file grants by name."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in HARMLESS_VARIABLES or name in granted or name.startswith("LC_")
    }
    uri = os.environ.get(TRACKING_URI, "")
    if uri and "@" not in uri and not urlsplit(uri).query:  # no password and no token
        variables[TRACKING_URI] = uri
    # With bytecode, a second edit of a file within the same second would not be noticed.
    return {**REFUSED, **variables, **import_path(), "PYTHONDONTWRITEBYTECODE": "1"}


def end_reason(error: EndedError) -> str:
    """The end of a process as the error of a row."""
    if isinstance(error, LateError | ForeignMessageError):
        return str(error)
    return f"ended its process: {error}"
