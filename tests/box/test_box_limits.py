"""Programs that use up the machine or refuse to end: each ends, with all that it has started.

On a busy machine the limit on time may come before the one on computing.
"""

import os
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from boxed_programs import METHODS, ROOT, USERS, obstacle, run_as
from processes import wait_for

from workbench.box.limits import BoxLimits

LIMITS = BoxLimits(cpu_s=1, wall_s=2, memory_mb=256, processes=8, folder_mb=8, files=100)
HEAD = """
import ctypes, os, signal, sys, threading, time
ctypes.CDLL(None).prctl(15, b"{name}", 0, 0, 0)
"""
# Each program, how it ends (`time`, `cpu`, `output`, an exit code, a signal), and its last words.
PROGRAMS: dict[str, tuple[str, str | int, bytes]] = {
    "CPU loop": ("while True: pass", "cpu or time", b""),
    "CPU loop that handles signals": (
        "for number in range(1, 32):\n"
        "    try: signal.signal(number, lambda *_: None)\n"
        "    except OSError: pass\n"
        "while True: pass",
        "cpu or time",
        b"",
    ),
    "CPU loop in one call": ("sum(range(10 ** 12))", "cpu or time", b""),
    "huge number": ("print(7 ** 7 ** 9 % 10)", "cpu or time", b""),
    "sleep": ("time.sleep(1000)", "time", b""),
    "stops itself": ("os.kill(os.getpid(), signal.SIGSTOP)", "time", b""),
    "reads stdin": ("print(len(sys.stdin.read()))", 0, b""),
    "2 GB of memory": ("x = bytearray(2 << 30)", 1, b"MemoryError"),
    "memory bit by bit": ("x = []\nwhile True: x.append(bytearray(1 << 20))", 1, b"MemoryError"),
    "large file": (
        "with open('large', 'wb') as file:\n    while True: file.write(bytes(1 << 20))",
        1,
        b"OSError: [Errno 28] No space left on device",
    ),
    "many large files": (
        "for number in range(99):\n    open(str(number), 'wb').write(bytes(1 << 20))",
        1,
        b"OSError: [Errno 28] No space left on device",
    ),
    "many files": (
        "for number in range(100_000): open(str(number), 'w').close()",
        1,
        b"OSError: [Errno 28] No space left on device: '99'",
    ),
    "many folders": (
        "for number in range(100_000): os.mkdir(str(number))",
        1,
        b"OSError: [Errno 28] No space left on device: '99'",
    ),
    "many descriptors": (
        "x = [os.dup(0) for _ in range(1000)]",
        1,
        b"OSError: [Errno 24] Too many open files",
    ),
    "flood of stdout": ("while True: os.write(1, bytes(1 << 16))", "output", b""),
    "flood of stderr": ("while True: os.write(2, b'x' * (1 << 16))", "output", b"x"),
    "deep recursion": ("def f(): f()\nf()", 1, b"RecursionError"),
    "recursion without a limit": (
        "sys.setrecursionlimit(10 ** 9)\ndef f(x): return [f(y) for y in [x]]\nf(1)",
        "signal or memory or cpu or time",
        b"",
    ),
    "forks": (
        "while True:\n    try: os.fork()\n    except OSError: pass",
        "cpu or time",
        b"",
    ),
    "threads": (
        "while True: threading.Thread(target=time.sleep, args=(99,)).start()",
        "time",
        b"RuntimeError: can't start new thread",
    ),
    "daemon": (
        "if os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(1000)",
        0,
        b"",
    ),
    "daemons that compute": (
        "for _ in range(4):\n    if not os.fork():\n        os.setsid()\n        while True: pass\n"
        "os._exit(0)",
        0,
        b"",
    ),
    "children that ignore signals": (
        "for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n"
        "for _ in range(3):\n    if not os.fork(): time.sleep(1000)\nos.wait()",
        "time",
        b"",
    ),
    "stopped children": (
        "for _ in range(3):\n    if not os.fork(): os.kill(os.getpid(), signal.SIGSTOP)\nos.wait()",
        "time",
        b"",
    ),
    "kills all it can": ("os.kill(-1, 9)\nprint('alive')", "exit or signal", b""),
    "aborts": ("os.abort()", "signal", b""),
    "segmentation fault": ("ctypes.string_at(0)", "signal", b""),
    "closes its output": ("os.close(1); os.close(2); time.sleep(1000)", "time", b""),
    "zombies": (
        "for _ in range(1000):\n    try:\n        if not os.fork(): os._exit(0)\n"
        "    except OSError: pass\nos._exit(3)",
        3,
        b"",
    ),
}


def processes_named(name: str) -> list[str]:
    """The processes of this machine that a program has given a name."""
    named = []
    for file in Path("/proc").glob("[0-9]*/comm"):
        try:
            named += [file.parent.name] if file.read_text().strip() == name else []
        except (FileNotFoundError, ProcessLookupError):
            continue
    return named


@pytest.mark.slow
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("title", PROGRAMS)
def test_a_program_ends_at_its_limit_with_all_it_started(
    title: str, method: str, user: str
) -> None:
    if reason := obstacle(user, method):
        pytest.skip(reason)
    source, end, last_words = PROGRAMS[title]
    name = f"box{uuid.uuid4().hex[:8]}"
    ends_late = "time" in str(end).split()
    limits = LIMITS if ends_late else replace(LIMITS, wall_s=40)
    result = run_as(user, method, {"main.py": HEAD.format(name=name) + source}, limits)
    ends = {"cpu", "time", "signal", "exit", "memory"}.intersection(str(end).split())
    if result.ended_by:
        shown: str | int | None = result.ended_by
    elif result.signal is not None:
        shown = "signal"
    else:
        shown = result.exit_status
    if "memory" in ends and b"MemoryError" in result.stderr:
        shown = "memory"
    elif "exit" in ends and isinstance(shown, int):
        shown = "exit"
    assert shown in (ends or {end}), result
    assert last_words in result.stderr[-300:]
    assert len(result.stdout) <= LIMITS.output_bytes
    assert len(result.stderr) <= LIMITS.output_bytes
    deadline = time.monotonic() + 1
    while (left := processes_named(name)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == []


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_box_ends_with_the_process_that_made_it(method: str) -> None:
    """Also when that is killed and can't say anything any more."""
    if reason := obstacle("root" if os.geteuid() == 0 else "ordinary user", method):
        pytest.skip(reason)
    name = f"box{uuid.uuid4().hex[:8]}"
    source = HEAD.format(name=name) + "if not os.fork(): os.setsid()\ntime.sleep(1000)"
    code = (
        "import sys\n"
        "from workbench.box.limits import BoxLimits\n"
        "from workbench.box.runner import Program, run_with\n"
        "program = Program({'main.py': sys.argv[2].encode()})\n"
        "run_with(sys.argv[1], [program], BoxLimits(wall_s=100))"
    )
    command = [sys.executable, "-c", code, method, source]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment) as maker:
        wait_for(lambda: len(processes_named(name)) == 2)
        maker.kill()
        maker.wait()
    deadline = time.monotonic() + 1
    while (left := processes_named(name)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == []
