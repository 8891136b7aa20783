"""The command `workbench`, as a process of its own or inside this one.

call(home, "run", "--json")       a process: for signals, streams and what a start costs
invoke(home, "compare", "--by")   `main` in this process: the same streams and exit code,
                                  without the second that a start and its imports take
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
FOREIGN = ("OPENAI", "MLFLOW", "HF_", "GITHUB")  # variables that would steer the command
TIMEOUT_S = 120


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
    with ExitStack() as stack:
        stack.enter_context(_process_state())
        os.environ.clear()
        os.environ.update(environment(**variables))
        os.chdir(home)
        sys.argv = ["workbench", *words]
        stdout, stderr = (stack.enter_context(_captured(name)) for name in ("stdout", "stderr"))
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        sys.stderr.flush()
        texts = [Path(path).read_text() for path in (stdout, stderr)]
    return subprocess.CompletedProcess(list(words), int(ended.value.code or 0), *texts)


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
def _captured(name: str) -> Iterator[str]:
    """The file that a standard stream goes to meanwhile, that of child processes too."""
    stream = getattr(sys, name)
    number = {"stdout": 1, "stderr": 2}[name]
    stream.flush()
    with tempfile.NamedTemporaryFile() as file:
        before = os.dup(number)
        os.dup2(file.fileno(), number)
        writer = os.fdopen(os.dup(number), "w", encoding="utf-8")
        setattr(sys, name, writer)
        try:
            yield file.name
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
