"""The process group of MLflow's server ends with the process that started it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from processes import gone, wait_for

import workbench

GROUP = Path(workbench.__file__).parent / "tracking" / "server_group.py"
# A server that ignores SIGTERM if it is told to, with a worker that holds its port.
SERVER = """
import os, signal, socket, sys, time
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listening = socket.create_server(("127.0.0.1", 0))
worker = os.fork()
if worker:
    with open(sys.argv[1] + "~", "w") as file:
        file.write(f"{os.getpid()} {worker} {listening.getsockname()[1]}")
    os.rename(sys.argv[1] + "~", sys.argv[1])
time.sleep(600)
"""
PARENT = """
import subprocess, sys
subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True).wait()
"""


@pytest.mark.parametrize("manner", ["obedient", pytest.param("stubborn", marks=pytest.mark.slow)])
def test_server_ends_when_its_parent_is_killed(tmp_path: Path, manner: str) -> None:
    note = tmp_path / "pids"
    server = [sys.executable, "-c", SERVER, str(note), manner]
    command = [sys.executable, "-c", PARENT, sys.executable, "-P", str(GROUP), *server]
    parent = subprocess.Popen(command)
    wait_for(note.exists)
    *pids, port = map(int, note.read_text().split())
    socket.create_connection(("127.0.0.1", port)).close()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert [gone(pid) for pid in pids] == [True, True]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_group_ends_with_the_code_of_its_server() -> None:
    command = [sys.executable, "-P", str(GROUP), sys.executable, "-c", "raise SystemExit(3)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as group:
        assert group.wait(60) == 3
