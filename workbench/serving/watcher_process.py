"""The server's side of the alias watcher: a thread that passes its messages on.

watcher = WatcherProcess(settings, received=queue.put_nowait)
watcher.start()         {"package": "/cache/…", "names": {…}}, {"checked": true}, …
watcher.restart()       it looks at the registry at once, and downloads what is missing again

A watcher that ends, or says nothing for too long, is started again.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from workbench.canonical import JSON
from workbench.errors import Stopped
from workbench.workers.worker_process import EndedError, WorkerProcess, child_command, import_path

WATCHER = "workbench.serving.alias_watcher"
START_S = 60.0  # until it is ready
SILENT_S = 120.0  # without a message, beside the time between two looks
DOWNLOAD_S = 3600.0  # without a message while it downloads
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 60.0  # until one that ended is started again


class WatcherProcess:
    """A watcher that lives until `close`.

    Args:
        settings: see alias_watcher.py.
        received: called with each message, in a thread; `{"ended": reason}` is this class's own.
    """

    def __init__(
        self, settings: Mapping[str, JSON], received: Callable[[dict[str, Any]], None]
    ) -> None:
        self._settings = settings
        self._received = received
        self._delay_s = FIRST_DELAY_S
        self._closed = threading.Event()
        self._restarts = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workbench-watcher", daemon=True)

    def start(self) -> None:
        """Start it, and return at once."""
        self._thread.start()

    def restart(self) -> None:
        """Replace the process by a new one, soon."""
        self._restarts.set()

    def close(self) -> None:
        """End thread and process."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        command, environment = child_command(WATCHER), {**os.environ, **import_path()}
        while not self._closed.is_set():
            try:
                with WorkerProcess(command, env=environment, start_s=START_S) as worker:
                    worker.send(json.dumps({"watch": self._settings}))
                    self._pass_on(worker)
            except Stopped:  # closed, or restarted
                self._restarts.clear()
                continue
            except (EndedError, OSError) as error:
                self._received({"ended": str(error)})
            self._closed.wait(self._delay_s)
            self._delay_s = min(2 * self._delay_s, LONGEST_DELAY_S)

    def _pass_on(self, worker: WorkerProcess) -> NoReturn:
        """Pass messages on until the process ends, or is ended because it is silent."""
        message: dict[str, Any] = {}
        while not self._should_stop():  # `receive` only asks while nothing comes
            silent_s = DOWNLOAD_S if "downloading" in message else SILENT_S
            message = worker.receive(silent_s + self._settings["poll_s"], self._should_stop)
            self._delay_s = FIRST_DELAY_S
            self._received(message)
        raise Stopped

    def _should_stop(self) -> bool:
        return self._closed.is_set() or self._restarts.is_set()
