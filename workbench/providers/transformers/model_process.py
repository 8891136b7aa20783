"""The child process that holds a model, started again after it died.

    sent      {"answer": [["4f0c…", {"text": "2+2=", "max_tokens": 8}, ""]], "batch_size": 32}
    received  {"answers": [{"key": "4f0c…", "state": "ok", "text": "4"}], "peak_mb": 912}

Requests in flight at its death are sent again one by one to a new process. Only a request with
which that process dies too has failed.
"""

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from workbench.errors import WorkbenchError
from workbench.model import Completion, Request, Usage
from workbench.providers.transformers.settings import ModelSettings
from workbench.workers.worker_process import EndedError, WorkerProcess, child_command, import_path

WORKER = "workbench.providers.transformers.worker"
# Variables that a model may need; no API key is among them.
NEEDED_VARIABLES = re.compile(
    r"(PATH|HOME|LANG|LC_.*|TMPDIR|TZ|LD_LIBRARY_PATH|XDG_CACHE_HOME|WORKBENCH_CACHE|HF_HOME"
    r"|(OMP|GOMP|KMP|MKL|DNNL|ONEDNN|CUDA|NVIDIA|HIP|ROCR|TORCH|PYTORCH)_.*)$"
)
# Requests sent together, so that there is something to sort by length and to share.
WINDOW = 256
PAUSE_S = 0.02  # between two looks for a request
MAX_DEATHS = 3  # in a row, without an answer between them, after which it isn't started again
STEADY_WINDOWS = 50  # full ones, after which batches that a death has halved are doubled again


class ModelProcess(WorkerProcess):
    """A model in memory from the first line of a `with` to its end.

    Attributes:
        batch_size: rows together; fewer than the settings allow for a while after a death.
        method: of its forward passes, once it is loaded; see cache_check.py.
        peak_mb: the most memory that one of its processes has used; None before any answer.
    """

    def __init__(self, folder: Path, settings: ModelSettings, fingerprint: str = "") -> None:
        environment = {
            name: os.environ[name] for name in filter(NEEDED_VARIABLES.match, os.environ)
        }
        super().__init__(child_command(WORKER), env={**environment, **import_path()})
        self.peak_mb: int | None = None
        self.method = ""
        self._model_folder = folder
        self._fingerprint = fingerprint
        self._settings = settings
        self.batch_size = settings.batch_size
        self._steady = 0  # full windows since the last death, or since batches were enlarged
        self._deaths = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Return once a process has loaded the model.

        Raises:
            WorkbenchError: it can't load it, or died while loading.
        """
        if self.is_running:
            return
        try:
            super().start()
            folder, settings = (
                str(self._model_folder.absolute()),
                self._settings.model_dump(mode="json"),
            )
            model = {"folder": folder, "settings": settings, "fingerprint": self._fingerprint}
            self.send(json.dumps({"load": model}))
            reply = self.receive()
        except EndedError as ended:
            raise WorkbenchError(
                f"the model's process ended while it loaded the model: {ended}",
                where=str(self._model_folder),
                fix="is there enough memory for it?",
            ) from None
        if "refused" in reply:
            self.end()
            raise WorkbenchError(**reply["refused"])
        self.method = reply["loaded"]

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """One completion per request, a batch at a time.

        When the run is stopping, the batch in flight is the last; the other requests pulled have
        failed.

        Raises:
            WorkbenchError: the process can't be kept alive.
        """
        for window in _windows(requests):
            unanswered = {request.key: request for request in window}
            is_full = len(unanswered) >= self.batch_size
            yield from self._complete_together(unanswered)
            if unanswered:  # these were in flight when the process died
                yield from self._complete_singly(unanswered)
                self.batch_size, self._steady = max(1, self.batch_size // 2), 0
            elif is_full:
                self._recover()

    def _recover(self) -> None:
        """After enough full windows, double batches that are smaller than the settings allow."""
        self._steady += 1
        if self._steady >= STEADY_WINDOWS:
            self.batch_size, self._steady = min(2 * self.batch_size, self._settings.batch_size), 0

    def _complete_together(self, unanswered: dict[str, Request]) -> Iterator[Completion]:
        """Completions, each removed from `unanswered`; after a death some requests stay there."""
        self._send_requests(unanswered, self.batch_size)
        with suppress(EndedError):
            while unanswered:
                yield from _take(unanswered, self._receive_completions())
                yield from self._give_up_if_stopping(unanswered)

    def _complete_singly(self, unanswered: dict[str, Request]) -> Iterator[Completion]:
        """Completions in batches of one, which show the request that the process dies with."""
        yield from self._give_up_if_stopping(unanswered)
        while unanswered:
            key, request = next(iter(unanswered.items()))
            try:
                self._send_requests({key: request}, 1)
                completions = self._receive_completions()
                self._deaths = 0
            except EndedError as ended:
                self._deaths += 1
                if self._deaths == MAX_DEATHS:
                    raise WorkbenchError(
                        f"the model's process ended {MAX_DEATHS} times in a row without an answer: "
                        f"{ended}",
                        where=str(self._model_folder),
                        fix="is there enough memory for it? the answers so far are kept",
                    ) from None
                error = f"the model's process ended while it answered this request: {ended}"
                completions = [_failed(request, error)]
            yield from _take(unanswered, completions)
            yield from self._give_up_if_stopping(unanswered)

    def _send_requests(self, requests: Mapping[str, Request], batch_size: int) -> None:
        rows = [[request.key, dict(request.body), request.prefill] for request in requests.values()]
        self.send(json.dumps({"answer": rows, "batch_size": batch_size}))

    def _receive_completions(self) -> list[Completion]:
        """The completions of a batch, while the process lives."""
        reply = self.receive()
        self.peak_mb = max(self.peak_mb or 0, reply["peak_mb"])
        return [Completion(**{**c, "usage": Usage(**c["usage"])}) for c in reply["answers"]]

    def _give_up_if_stopping(self, unanswered: dict[str, Request]) -> Iterator[Completion]:
        if any(request.permit.should_stop() for request in unanswered.values()):
            self.end()
            for key in list(unanswered):
                failed = _failed(unanswered.pop(key), "not answered: the run was stopped")
                yield replace(failed, attempts=0)


def _windows(requests: Iterable[Request | None]) -> Iterator[list[Request]]:
    """Requests that are answered together: as many as there are, up to a full window."""
    window: list[Request] = []
    for request in requests:
        if request:
            window.append(request)
        elif not window:
            time.sleep(PAUSE_S)
        if window and (request is None or len(window) == WINDOW):
            yield window
            window = []
    if window:
        yield window


def _take(unanswered: dict[str, Request], completions: list[Completion]) -> Iterator[Completion]:
    for completion in completions:
        del unanswered[completion.key]
        yield completion


def _failed(request: Request, error: str) -> Completion:
    return Completion(key=request.key, state="failed", prefill=request.prefill, error=error)
