"""A box is the same whatever the process is like that makes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from boxed_programs import METHODS, ROOT, obstacle

CODE = (
    "import sys\n"
    "from workbench.box.limits import BoxLimits\n"
    "from workbench.box.runner import Program, run_with\n"
    "source = b'''import os, stat\n"
    "open('written', 'w').close()\n"
    "os.mkdir('folder')\n"
    "print(os.getcwd(), oct(stat.S_IMODE(os.stat('written').st_mode)), os.listdir('folder'),"
    " dict(os.environ))'''\n"
    "result = run_with(sys.argv[1], [Program({'main.py': source})], BoxLimits())[0]\n"
    "print(result.stdout.decode(), result.stderr.decode())"
)
SURROUNDINGS: dict[str, Callable[[], object]] = {
    "files for their owner only": lambda: os.umask(0o077),
    "files for nobody": lambda: os.umask(0o777),
    "files for everybody": lambda: os.umask(0),
    "no stdin": lambda: os.close(0),
    "signals ignored": lambda: [
        signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGPIPE)
    ],
    "signals blocked": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()),
    "a session of its own": os.setsid,
    "a low priority": lambda: os.nice(5),
}


@pytest.mark.parametrize("title", SURROUNDINGS)
@pytest.mark.parametrize("method", METHODS)
def test_a_program_sees_nothing_of_what_its_maker_has_changed(method: str, title: str) -> None:
    if reason := obstacle("root" if os.geteuid() == 0 else "ordinary user", method):
        pytest.skip(reason)
    printed = subprocess.run(
        [sys.executable, "-c", CODE, method],
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "SECRET": "none"},
        cwd=ROOT,
        preexec_fn=SURROUNDINGS[title],
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.stdout.strip() == "/tmp 0o644 [] {}", printed
