"""A child process that answers in JSON lines, and its ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import gone

from workbench.workers.child import Child, EndedError

READY = "import json, os, subprocess, sys, time\nprint(flush=True)\n"
ECHO = READY + "for line in sys.stdin: print(line, end='', flush=True)\n"


@contextmanager
def child(code: str) -> Iterator[Child]:
    process = Child([sys.executable, "-P", "-c", code], env={})
    try:
        assert process.ready(10)
        yield process
    finally:
        process.end()


def test_answers_come_in_the_order_of_the_requests():
    with child(ECHO) as echo:
        echo.send('{"a": 1}')
        echo.send('["é"]')
        assert [echo.receive(10), echo.receive(10), echo.receive(0.1)] == [{"a": 1}, ["é"], None]


def test_request_larger_than_a_pipe_does_not_lock_up():
    with child(ECHO) as echo:
        large = "x" * 5_000_000
        echo.send(f'"{large}"')
        echo.send(f'"{large}"')
        assert [echo.receive(10), echo.receive(10)] == [large, large]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("os.kill(os.getpid(), 40)", "signal 40"),
        ("os.close(1); time.sleep(60)", "closed its pipe"),
        ("print('no JSON', flush=True); time.sleep(60)", "wrote a line that is not JSON"),
        ("subprocess.Popen(['sleep', '60'], stdout=1); os._exit(4)", "exit code 4"),
    ],
)
def test_error_names_how_the_child_ended(code, expected):
    with child(READY + code) as process, pytest.raises(EndedError, match=f"^{expected}$"):
        process.receive(10)


def test_answer_without_end_is_cut():
    endless = READY + "while True: sys.stdout.write('x' * 1048576)"
    with child(endless) as process, pytest.raises(EndedError, match="answered more than 64 MB"):
        process.receive(10)


def test_processes_that_the_child_started_end_with_it():
    code = "print(subprocess.Popen(['sleep', '60']).pid, flush=True)\ntime.sleep(60)"
    with child(READY + code) as process:
        grandchild = process.receive(10)
        assert Path(f"/proc/{grandchild}").exists()
    assert gone(grandchild)
    assert gone(process.pid)


def test_end_may_be_called_twice():
    with child(READY) as process:
        process.end()
    assert gone(process.pid)
