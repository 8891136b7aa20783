"""The command `workbench`, as a process of its own or inside this one.

call(home, "run", "--json")       a process: for signals, streams and what a start costs
invoke(home, "compare", "--by")   `main` in this process: the same streams and exit code,
                                  without the second that a start and its imports take
"""

import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.cli.output import REDACTOR
from workbench.secrets import Redactor

WORKBENCH = [sys.executable, "-c", "from workbench.cli import main; main()"]
EXPERIMENT = """\
dataset: {path: rows.csv, expected: label}
prompts: [plain, loud]
models: [echo:last]
evaluators: [exact_match]
"""
# Variables that would steer the command.
FOREIGN = ("OPENAI", "MLFLOW", "HF_", "GITHUB", "CI", "TF_BUILD", "GITLAB", "TEAMCITY", "JENKINS")
TIMEOUT_S = 250


def environment(**variables: str) -> dict[str, str]:
    """The developer's variables but for those that steer the command, and these."""
    return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)} | variables


def call(home: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """`workbench` with these words, as a process in the folder `home`."""
    return subprocess.run(
        [*WORKBENCH, *words],
        cwd=home,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def invoke(home: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """`workbench` with these words, run by its real `main` in this process."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        exit_code = _run_main(home, words, variables, [stdout.fileno(), stderr.fileno()])
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read())
    return subprocess.CompletedProcess(list(words), exit_code, *texts)


def invoke_on_terminals(
    home: Path, *words: str, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """As `invoke`, with a terminal of 200 columns for each of the two streams."""
    terminals = [Terminal(), Terminal()]
    try:
        exit_code = _run_main(home, words, variables, [each.program_end for each in terminals])
    finally:
        texts = [terminal.read() for terminal in terminals]
    return subprocess.CompletedProcess(list(words), exit_code, *texts)


class Terminal:
    """A terminal whose output is read while a program writes it."""

    def __init__(self) -> None:
        self._our_end, self.program_end = pty.openpty()
        fcntl.ioctl(self.program_end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self._output: list[bytes] = []
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def read(self) -> str:
        """Close the terminal; return all its output."""
        os.close(self.program_end)
        self._reader.join(TIMEOUT_S)
        os.close(self._our_end)
        return b"".join(self._output).decode().replace("\r\n", "\n")

    def _follow(self) -> None:
        with suppress(OSError):  # the program's end is closed
            while output := os.read(self._our_end, 65_536):
                self._output.append(output)


def _run_main(
    home: Path, words: Sequence[str], variables: Mapping[str, str], outputs: Sequence[int]
) -> int:
    """Exit code of `main`, whose standard output and error go to these descriptors."""
    with ExitStack() as stack:
        stack.enter_context(_process_state())
        os.environ.clear()
        os.environ.update(environment(**variables))
        os.chdir(home)
        sys.argv = ["workbench", *words]
        for name, output in zip(("stdout", "stderr"), outputs, strict=True):
            stack.enter_context(_redirected(name, output))
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def write_task(home: Path, experiment: str = EXPERIMENT) -> None:
    """Write a project with the task `qa`: two rows, two prompts, `echo:last`."""
    task = home / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.csv").write_text("text,label\nyes,yes\nno,yes\n")
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "loud.jinja").write_text("user:\n{{ text | upper }}\n")
    (task / "experiment.yaml").write_text(experiment)


def add_mlflow_store(home: Path, empty_store: Path) -> None:
    """Gives a project MLflow's tables, which its first run would take seconds to make."""
    folder = home / ".workbench"
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(empty_store, folder / "mlflow.db")


@contextmanager
def _redirected(name: str, output: int) -> Iterator[None]:
    """Send a standard stream to this descriptor meanwhile, that of child processes too."""
    stream = getattr(sys, name)
    number = {"stdout": 1, "stderr": 2}[name]
    stream.flush()
    before = os.dup(number)
    os.dup2(output, number)
    writer = os.fdopen(os.dup(number), "w", encoding="utf-8")
    setattr(sys, name, writer)
    try:
        yield
    finally:
        setattr(sys, name, stream)
        os.dup2(before, number)
        os.close(before)
        writer.close()


@contextmanager
def _process_state() -> Iterator[None]:
    """Puts back what a command changes of its process."""
    variables, path, folder, words = dict(os.environ), list(sys.path), Path.cwd(), sys.argv
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    secrets = dict(vars(REDACTOR))
    vars(REDACTOR).update(vars(Redactor()))
    mask = os.umask(0o022)
    os.umask(mask)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:] = path
        os.chdir(folder)
        sys.argv = words
        os.umask(mask)
        vars(REDACTOR).update(secrets)
        for number, handler in handlers.items():
            signal.signal(number, handler)
