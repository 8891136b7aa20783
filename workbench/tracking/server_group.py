"""MLflow's server in a process group that ends with the main process, however that ends.

    workbench ui ──pipe──▶ server_group.py ──▶ mlflow server ──▶ its workers

The system closes the pipe when the main process ends, also after SIGKILL. That ends the group.

Run as `python server_group.py COMMAND…`, with the pipe as standard input, in a session of its own.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

GRACE_S = 3.0  # seconds between SIGTERM and SIGKILL


def _end_with_parent(server: "subprocess.Popen[bytes]", orphaned: threading.Event) -> None:
    while os.read(0, 1):
        pass
    orphaned.set()
    os.killpg(0, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.wait(GRACE_S)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Run the command until it ends, or the parent does."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # the server ends first
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    orphaned = threading.Event()
    watcher = threading.Thread(target=_end_with_parent, args=(server, orphaned), daemon=True)
    watcher.start()
    code = server.wait()
    if orphaned.is_set():
        watcher.join()
    os._exit(code & 0xFF)  # the watcher still reads standard input


if __name__ == "__main__":
    main()
