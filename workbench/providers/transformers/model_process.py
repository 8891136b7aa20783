"""The parent's side of a model's process: starts it, asks it, starts it again when it died.

with ModelProcess(folder, settings) as process:
    for completion in process.complete(requests): …

It dies alone: rows that were under way are asked again one by one in a new process, and only a row
with which that one ends, too, is an error.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from workbench.errors import WorkbenchError
from workbench.model import Completion, Request
from workbench.providers.transformers.protocol import answer_from_json
from workbench.providers.transformers.settings import ModelSettings
from workbench.workers.child import Child, EndedError

WORKER = "workbench.providers.transformers.worker"
# Requests looked at together, so that there is something to sort by length and to share.
WINDOW = 256
LOOK = 0.25  # seconds between two looks whether the run is ending
DEATHS = 3  # deaths in a row, without an answer between them, after which it isn't tried again
NEEDED = re.compile(
    r"(PATH|HOME|LANG|LC_.*|TMPDIR|TZ|LD_LIBRARY_PATH|XDG_CACHE_HOME|WORKBENCH_CACHE|HF_HOME"
    r"|(OMP|GOMP|KMP|MKL|DNNL|ONEDNN|CUDA|NVIDIA|HIP|ROCR|TORCH|PYTORCH)_.*)$"
)
ROOT = Path(__file__).resolve().parents[3]  # the child must import the workbench that asks it


class ModelProcess:
    """A model in a process of its own, from the first request to the end of the `with`.

    Attributes:
        peak_mb: the most memory that one of its processes has held; None before any answer.
    """

    def __init__(self, folder: Path, settings: ModelSettings) -> None:
        self.peak_mb: int | None = None
        self._folder = folder
        self._settings = settings
        self._batch_size = settings.batch_size
        self._deaths = 0
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """One completion per request, a batch at a time.

        Where the run is ending, the batch under way is the last; the other requests pulled have
        failed.

        Raises:
            WorkbenchError: the process can't be kept alive.
        """
        waiting = iter(requests)
        while window := {request.key: request for request in islice(waiting, WINDOW)}:
            yield from self._together(window)
            if window:  # those that were under way when the process died
                yield from self._one_by_one(window)
                self._batch_size = max(1, self._batch_size // 2)

    def _together(self, left: dict[str, Request]) -> Iterator[Completion]:
        """Answers to all of them; `left` are those it died with."""
        if self._child is None:
            self._start()
        self._ask(left, self._batch_size)
        with suppress(EndedError):
            while left:
                yield from (_taken(left, one) for one in self._receive())
                if _is_ending(left):
                    yield from self._given_up(left)

    def _one_by_one(self, left: dict[str, Request]) -> Iterator[Completion]:
        """Answers in batches of one, by which it is known with which row the process dies."""
        while left:
            if _is_ending(left):
                yield from self._given_up(left)
                return
            key, request = next(iter(left.items()))
            try:
                if self._child is None:
                    self._start()
                self._ask({key: request}, 1)
                answers = self._receive()
                self._deaths = 0
            except EndedError as ended:
                self._died(ended)
                answers = [_failed(request, f"the model's process ended with it: {ended}")]
            yield from (_taken(left, one) for one in answers)

    def _ask(self, requests: Mapping[str, Request], batch_size: int) -> None:
        assert self._child
        rows = [[one.key, dict(one.body), one.prefill] for one in requests.values()]
        self._child.ask(json.dumps({"answer": rows, "batch_size": batch_size}))

    def _receive(self) -> list[Completion]:
        """The answers of a batch.

        Raises:
            EndedError: the process has died.
        """
        assert self._child
        try:
            said = None
            while said is None:
                said = self._child.receive(LOOK)
        except EndedError:
            self._end()
            raise
        self.peak_mb = max(self.peak_mb or 0, said["peak_mb"])
        return [answer_from_json(one) for one in said["answers"]]

    def _given_up(self, left: dict[str, Request]) -> Iterator[Completion]:
        self._end()
        for key in list(left):
            yield _failed(left.pop(key), "not answered: the run was ended")

    def _start(self) -> None:
        """A process that has loaded the model.

        Raises:
            WorkbenchError: it can't, or it died of it.
        """
        command = [sys.executable, "-P", "-m", WORKER, str(os.getpid())]
        self._child = Child(command, env=_environment())
        settings = self._settings.model_dump()
        asked = {"load": {"folder": str(self._folder.absolute()), "settings": settings}}
        try:
            while not self._child.ready(LOOK):  # starting may take as long as it does
                pass
            self._child.ask(json.dumps(asked))
            said = None
            while said is None:
                said = self._child.receive(LOOK)
        except EndedError as ended:
            self._end()
            raise WorkbenchError(
                f"the model's process ended while it loaded the model: {ended}",
                where=str(self._folder),
                fix="is there enough memory for it?",
            ) from None
        if "refused" in said:
            self._end()
            raise WorkbenchError(**said["refused"])

    def _died(self, ended: EndedError) -> None:
        self._deaths += 1
        if self._deaths == DEATHS:
            raise WorkbenchError(
                f"the model's process ended {DEATHS} times in a row without an answer: {ended}",
                where=str(self._folder),
                fix="is there enough memory for it? what is answered is kept",
            )

    def _end(self) -> None:
        if self._child:
            self._child.end()
            self._child = None


def _taken(left: dict[str, Request], answer: Completion) -> Completion:
    """The answer, whose request is no longer among those left."""
    del left[answer.key]
    return answer


def _failed(request: Request, error: str) -> Completion:
    return Completion(key=request.key, state="failed", prefill=request.prefill, error=error)


def _is_ending(requests: Mapping[str, Request]) -> bool:
    return any(request.permit.should_stop() for request in requests.values())


def _environment() -> dict[str, str]:
    """What a model may need of ours, and no key."""
    given = {name: value for name, value in os.environ.items() if NEEDED.match(name)}
    paths = [] if ROOT.name.endswith("-packages") else [str(ROOT)]
    paths += [path for path in [os.environ.get("PYTHONPATH", "")] if path]
    return {**given, "PYTHONPATH": os.pathsep.join(paths)} if paths else given
