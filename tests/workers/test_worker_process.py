"""A child process that is started when needed, and ended when it is late."""

import json
import os
import sys
from pathlib import Path

import pytest
from processes import children, gone

from workbench.errors import Stopped
from workbench.workers.worker_process import EndedError, LateError, WorkerProcess

# Answers with its process number and the request; "exit" and "hang" are obeyed.
CODE = """
import json, os, sys, time
print(flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request == "exit":
        os._exit(3)
    if request == "hang":
        time.sleep(600)
    print(json.dumps([os.getpid(), request]), flush=True)
"""

READY = "import json, os, subprocess, sys, time\nprint(flush=True)\n"
ECHO = READY + "for line in sys.stdin: print(line, end='', flush=True)\n"


def worker(code: str = CODE, **limits: float) -> WorkerProcess:
    return WorkerProcess([sys.executable, "-P", "-c", code], env={}, **limits)


def ask(process: WorkerProcess, request: str) -> tuple[int, str]:
    process.send(json.dumps(request))
    pid, answer = process.receive(60)
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
    with worker("import time; time.sleep(600)", start_s=0.2) as process:
        with pytest.raises(LateError, match=r"^took longer than 0\.2 s$"):
            process.start()
        assert (process.is_running, children(os.getpid())) == (False, before)


def test_child_that_ends_instead_of_getting_ready_is_an_error():
    with worker("raise SystemExit(5)") as process, pytest.raises(EndedError, match="exit code 5"):
        process.start()


def test_answers_come_in_the_order_of_the_requests():
    with worker(ECHO) as echo:
        echo.send('{"a": 1}')
        echo.send('["é"]')
        assert [echo.receive(60), echo.receive(60)] == [{"a": 1}, ["é"]]


def test_request_larger_than_a_pipe_does_not_lock_up():
    with worker(ECHO) as echo:
        large = "x" * 5_000_000
        echo.send(f'"{large}"')
        echo.send(f'"{large}"')
        assert [echo.receive(60), echo.receive(60)] == [large, large]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("os.kill(os.getpid(), 40)", "signal 40"),
        ("os.close(1); time.sleep(600)", "closed its pipe"),
        ("print('no JSON', flush=True); time.sleep(600)", "wrote a line that is not JSON"),
        ("subprocess.Popen(['sleep', '600'], stdout=1); os._exit(4)", "exit code 4"),
    ],
)
def test_error_names_how_the_child_ended(code, expected):
    with worker(READY + code) as process:
        process.start()
        with pytest.raises(EndedError, match=f"^{expected}$"):
            process.receive(60)


def test_answer_without_end_is_cut():
    endless = READY + "while True: sys.stdout.write('x' * 1048576)"
    with worker(endless) as process:
        process.start()
        with pytest.raises(EndedError, match="answered more than 64 MB"):
            process.receive(60)


def test_processes_that_the_child_started_end_with_it():
    code = (
        "print([os.getpid(), subprocess.Popen(['sleep', '600']).pid], flush=True)\ntime.sleep(600)"
    )
    with worker(READY + code) as process:
        process.start()
        pid, grandchild = process.receive(60)
        assert Path(f"/proc/{grandchild}").exists()
    assert gone(grandchild)
    assert gone(pid)


def test_end_may_be_called_twice():
    with worker() as process:
        pid, _ = ask(process, "a")
        process.end()
    assert gone(pid)
