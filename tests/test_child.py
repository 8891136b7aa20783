"""A child process that is asked in JSON lines, whatever becomes of it."""

import sys
from pathlib import Path

import pytest
from processes import gone

from workbench.workers.child import Child, EndedError

READY = "import json, os, subprocess, sys, time\nprint(flush=True)\n"
ECHO = READY + "for line in sys.stdin: print(line, end='', flush=True)\n"


def child(code: str) -> Child:
    return Child([sys.executable, "-P", "-c", code], env={})


def test_answers_come_in_the_order_of_the_questions():
    with child(ECHO) as one:
        assert one.ready(10)
        one.ask('{"a": 1}')
        one.ask('["é"]')
        assert [one.receive(10), one.receive(10), one.receive(0.1)] == [{"a": 1}, ["é"], None]


def test_question_larger_than_a_pipe_does_not_lock_up():
    with child(ECHO) as one:
        assert one.ready(10)
        large = "x" * 5_000_000
        one.ask(f'"{large}"')
        one.ask(f'"{large}"')
        assert [one.receive(10), one.receive(10)] == [large, large]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("os.kill(os.getpid(), 40)", "signal 40"),
        ("os.close(1); time.sleep(60)", "closed its pipe"),
        ("print('no JSON', flush=True); time.sleep(60)", "wrote what is no answer"),
        ("subprocess.Popen(['sleep', '60'], stdout=1); os._exit(4)", "exit code 4"),
    ],
)
def test_how_it_ended_is_said(code, expected):
    with child(READY + code) as one:
        assert one.ready(10)
        with pytest.raises(EndedError, match=f"^{expected}$"):
            one.receive(10)


def test_answer_without_end_is_cut():
    with child(READY + "while True: sys.stdout.write('x' * 1048576)") as one:
        assert one.ready(10)
        with pytest.raises(EndedError, match="answered more than 64 MB"):
            one.receive(10)


def test_what_it_started_ends_with_it():
    code = "print(subprocess.Popen(['sleep', '60']).pid, flush=True)\ntime.sleep(60)"
    with child(READY + code) as one:
        assert one.ready(10)
        started = one.receive(10)
        assert Path(f"/proc/{started}").exists()
    assert gone(started)
    assert gone(one.pid)


def test_end_may_come_twice():
    one = child(READY)
    one.end()
    one.end()
    assert gone(one.pid)
