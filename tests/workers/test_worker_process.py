"""A child process that is started when needed, and ended when it is late."""

import json
import os
import sys

import pytest
from processes import children, gone

from workbench.errors import Stopped
from workbench.workers.child import EndedError
from workbench.workers.worker_process import LateError, WorkerProcess

# Answers with its process number and the request; "exit" and "hang" are obeyed.
CODE = """
import json, os, sys, time
print(flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request == "exit":
        os._exit(3)
    if request == "hang":
        time.sleep(60)
    print(json.dumps([os.getpid(), request]), flush=True)
"""


def worker(code: str = CODE, **limits: float) -> WorkerProcess:
    return WorkerProcess([sys.executable, "-P", "-c", code], env={}, **limits)


def ask(process: WorkerProcess, request: str) -> tuple[int, str]:
    process.send(json.dumps(request))
    pid, answer = process.receive(10)
    return pid, answer


def test_child_is_started_by_the_first_request_and_ends_with_the_block():
    with worker() as process:
        assert not process.is_running
        pid, answer = ask(process, "a")
        assert (answer, ask(process, "b")) == ("a", (pid, "b"))
    assert gone(pid)
    assert not process.is_running


def test_request_after_a_death_starts_another_child():
    with worker() as process:
        first, _ = ask(process, "a")
        with pytest.raises(EndedError, match="exit code 3"):
            ask(process, "exit")
        second, answer = ask(process, "b")
    assert (answer, second != first) == ("b", True)


def test_late_child_is_killed_and_replaced():
    with worker() as process:
        first, _ = ask(process, "a")
        process.send('"hang"')
        with pytest.raises(LateError, match=r"^took longer than 0\.1 s$"):
            process.receive(0.1)
        assert gone(first)
        assert ask(process, "b")[1] == "b"


def test_stop_check_ends_a_child_that_hangs():
    with worker() as process:
        first, _ = ask(process, "a")
        process.send('"hang"')
        with pytest.raises(Stopped):
            process.receive(60, lambda: True)
        assert gone(first)


def test_child_that_is_not_ready_in_time_is_killed():
    before = children(os.getpid())
    with worker("import time; time.sleep(60)", start_s=0.2) as process:
        with pytest.raises(LateError, match=r"^took longer than 0\.2 s$"):
            process.start()
        assert (process.is_running, children(os.getpid())) == (False, before)


def test_child_that_ends_instead_of_getting_ready_is_an_error():
    with worker("raise SystemExit(5)") as process, pytest.raises(EndedError, match="exit code 5"):
        process.start()
