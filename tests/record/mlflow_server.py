"""A real MLflow server on loopback that can be killed and started again.

with MLflowServer(folder, empty_store) as server:
    server.url       # http://127.0.0.1:…
    server.kill()
    server.start()
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from mlflow.server import constants
from processes import reserve_port

PATIENCE = 120  # seconds; on a busy machine a start takes half a minute
# `mlflow server` starts such a process from one that imports MLflow only for that.
SERVE = """\
import gc, sys
gc.disable()
import uvicorn
from mlflow.server.fastapi_app import app
gc.freeze()
gc.enable()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
"""


class MLflowServer:
    """The server of a store in `folder`, whose tables are copied from `empty`."""

    def __init__(self, folder: Path, empty: Path) -> None:
        self.folder = folder
        self.file = folder / "mlflow.db"
        shutil.copy(empty, self.file)
        self._reserved = reserve_port()
        self.port: int = self._reserved.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> str:
        """The URI of its store, for a client that does not go through the server."""
        return f"sqlite:///{self.file}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.begin()
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + PATIENCE
        while not self.answers():
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            assert time.monotonic() < end, "MLflow's server did not start"
            time.sleep(0.1)

    def begin(self) -> None:
        """Start it, and return at once."""
        clean = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        settings = {
            constants.BACKEND_STORE_URI_ENV_VAR: self.store,
            constants.SERVE_ARTIFACTS_ENV_VAR: "true",
            constants.ARTIFACTS_DESTINATION_ENV_VAR: str(self.folder / "artifacts"),
            constants.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        }
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(self.port)],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**clean, **settings},
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill it and all processes that it has started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._reserved.close()

    def answers(self) -> bool:
        """Return True if it answers now."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2):
                return True
        except (OSError, urllib.error.URLError):
            return False
