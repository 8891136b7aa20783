"""Faults of the folder and the system that a command is started in: an exit code and a cure."""

import errno
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import WORKBENCH, environment, invoke

from workbench.cli.environment import environment_error, raise_file_limit
from workbench.errors import ExitCode, WorkbenchError
from workbench.project import Project
from workbench.prompt import renderer

EXPERIMENT = (
    "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [output_tokens]\n"
)


def write_project(root: Path) -> Path:
    task = root / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "rows.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    (task / "experiment.yaml").write_text(EXPERIMENT)
    return root


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink(missing_ok=True)
    make(path)


FAULTS = {
    ".env:2: the character NUL is not allowed\n  fix: remove it": (
        lambda root: (root / ".env").write_bytes(b"A=b\nC=d\0e\n")
    ),
    ".env: 300,000 bytes, more than the 250,000 it may have\n"
    "  fix: keep only what is used: one NAME=value per line": (
        lambda root: (root / ".env").write_bytes(b"A=b\n" * 75_000)
    ),
    ".env: a name is not one of a variable\n  fix: one NAME=value per line": (
        lambda root: (root / ".env").write_text("'A=B'=c\n")
    ),
    "{root}/.workbench: is not a folder\n"
    "  fix: rename or remove it: the store's folder gets its name": (
        lambda root: (root / ".workbench").write_text("mine")
    ),
    "{root}/.workbench: is a link to no folder\n"
    "  fix: rename or remove it: the store's folder gets its name": (
        lambda root: (root / ".workbench").symlink_to("/nonexistent/folder")
    ),
    "workbench.yaml: is a folder, not a file\n  fix: put a file there": (
        lambda root: (root / "workbench.yaml").mkdir()
    ),
    "workbench.yaml: is a pipe, not a file\n  fix: put a file there": (
        lambda root: os.mkfifo(root / "workbench.yaml")
    ),
    "prompts/qa/experiment.yaml: is a pipe, not a file\n  fix: put a file there": (
        lambda root: replace(root / "prompts/qa/experiment.yaml", os.mkfifo)
    ),
}


@pytest.mark.parametrize(("message", "break_it"), FAULTS.items())
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, message: str, break_it: Callable[[Path], object]
) -> None:
    root = write_project(tmp_path)
    break_it(root)
    done = invoke(root, "run")
    assert (done.returncode, done.stderr.replace(str(root), "{root}")) == (2, f"error: {message}\n")


STORE_ADDRESSES = {
    "sqlite:///{root}/.workbench/store.db": "--tracking-uri",
    "sqlite:///.workbench/../.workbench/store.db?timeout=5": "--tracking-uri",
    "sqlite:///file:{root}/link.db?uri=true": "MLFLOW_TRACKING_URI (of the environment or .env)",
    "sqlite:///{root}/hard.db": ".env",
    "sqlite:///{root}/.workbench/store.db-wal": "tracking_uri: in workbench.yaml",
}


@pytest.mark.parametrize(("address", "source"), STORE_ADDRESSES.items())
def test_the_store_of_completions_is_no_tracking_store(
    tmp_path: Path, address: str, source: str
) -> None:
    root = write_project(tmp_path)
    (root / "workbench.yaml").write_text("tracking_uri: none\n")
    assert invoke(root, "run").returncode == 0
    (root / "workbench.yaml").unlink()
    (root / "link.db").symlink_to(root / ".workbench" / "store.db")
    (root / "hard.db").hardlink_to(root / ".workbench" / "store.db")
    address, variables, words = address.format(root=root), {}, ["run"]
    if source == "--tracking-uri":
        words += [source, address]
    elif source == ".env":
        (root / ".env").write_text(f"MLFLOW_TRACKING_URI={address}\n")
    elif "yaml" in source:
        (root / "workbench.yaml").write_text(f'tracking_uri: "{address}"\n')
    else:
        variables["MLFLOW_TRACKING_URI"] = address
    before = (root / ".workbench" / "store.db").read_bytes()
    shown = "MLFLOW_TRACKING_URI (of the environment or .env)" if source == ".env" else source
    for command in (words, ["history", *words[1:]]):
        done = invoke(root, *command, **variables)
        assert (done.returncode, done.stderr) == (
            2,
            f"error: {address!r} is this project's store of completions, not an MLflow store\n"
            f"  fix: leave {shown} out: the project has an MLflow store, mlflow.db beside it; "
            "or name another file\n",
        )
    assert (root / ".workbench" / "store.db").read_bytes() == before


@pytest.mark.parametrize("name", ['it\'s "so"', "what?", "a%20b"])
def test_a_path_that_mlflow_can_not_open_is_refused_before_anything_is_sent(
    tmp_path: Path, name: str
) -> None:
    root = write_project(tmp_path / name)
    done = invoke(root, "run")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {root}: MLflow can't open a file whose path has a ?, %20 or both kinds of quotes\n"
        "  fix: rename the folder, or name another store: tracking_uri: in workbench.yaml\n",
    )
    (root / "workbench.yaml").write_text("tracking_uri: none\n")
    assert invoke(root, "run").returncode == 0


@pytest.mark.parametrize(
    ("code", "limit_s", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 60, "SIGKILL"),
        ("import time; time.sleep(60)", 0.5, "took longer than 0.5 s"),
        ("raise MemoryError", 60, "exit code 1"),
    ],
)
def test_a_renderer_that_does_not_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, limit_s: float, reason: str
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(code)
    monkeypatch.setattr(renderer, "WORKER", worker)
    monkeypatch.setattr(renderer, "START_LIMIT_S", limit_s)
    done = invoke(write_project(tmp_path / "p"), "plan")
    assert (done.returncode, done.stderr) == (
        5,
        "error: prompts/qa/experiment.yaml:2:11: the process that renders templates did not start: "
        f"{reason}\n"
        "  fix: run the same command again; the system may lack memory, or end processes\n",
    )


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    command = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(tmp_path / "gone"), *WORKBENCH]
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        [*command, "plan"], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: the current folder no longer exists\n  fix: cd to the project's folder\n",
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/prompts"),
            "/a/prompts: Permission denied\n  fix: chmod -R u+rwX /a/prompts, or work on a copy",
        ),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files\n  fix: ulimit -n"),
        (OSError(errno.ENOSPC, "No space left on device", "/a"), "/a: No space left on device\n"),
        (BlockingIOError(errno.EAGAIN, "Try again"), "Try again\n  fix: raise the limits: ulimit"),
        (MemoryError(), "out of memory\n  fix: raise the limits: ulimit -u, ulimit -v"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "{here}/prompts/qa/a"),
            "{here}/prompts/qa/a: No such file or directory\n  fix: cd to the project's folder",
        ),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "{here}/named.yaml"),
            "{here}/named.yaml: Not a directory\n  fix: cd to the project's folder",
        ),
    ],
)
def test_an_error_of_the_system_has_a_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, message: str
) -> None:
    monkeypatch.chdir(write_project(tmp_path))
    monkeypatch.setattr("sys.argv", ["workbench", "run", "named.yaml"])
    if "{here}" in str(getattr(error, "filename", None)):
        error.filename = error.filename.replace("{here}", str(tmp_path))
    shown = environment_error(error)
    message = message.replace("{here}", str(tmp_path))
    assert shown
    assert (str(shown)[: len(message)], shown.exit_code) == (message, ExitCode.STORAGE)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "worker.py"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/usr/lib/page.html"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        TimeoutError("timed out"),
        OSError("odd"),
        KeyError("sk-proj-a1b2c3d4e5f6g7h8i9"),
    ],
)
def test_an_error_of_our_own_code_is_internal_and_leaves_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_project: Project) -> None:
        raise error

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(Project, "tasks", fail)
    done = invoke(write_project(tmp_path / "p"), "plan")
    (file,) = (tmp_path / "temporary").glob("*.traceback.txt")
    assert (done.returncode, file.name in done.stderr) == (70, True)
    assert f"workbench failed: {type(error).__name__}: " in done.stderr
    assert "in experiment_file" in file.read_text()
    assert "a1b2c3d4" not in file.read_text() + done.stderr


@pytest.mark.parametrize(
    ("limits", "may_raise", "expected"),
    [
        ((20, 4096), False, (1024, 4096)),
        ((20, resource.RLIM_INFINITY), False, (1024, resource.RLIM_INFINITY)),
        ((20, 500), False, (500, 500)),
        ((20, 20), True, (1024, 1024)),
        ((20, 20), False, None),
        ((4096, 4096), False, (4096, 4096)),
    ],
)
def test_few_open_files_are_made_more_or_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
    limits: tuple[int, int],
    may_raise: bool,
    expected: tuple[int, int] | None,
) -> None:
    state = [limits]

    def set_limits(_kind: int, new: tuple[int, int]) -> None:
        hard = state[-1][1]
        if hard not in (resource.RLIM_INFINITY, new[1]) and new[1] > hard and not may_raise:
            raise ValueError("not allowed to raise maximum limit")
        state.append(new)

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: state[-1])
    monkeypatch.setattr(resource, "setrlimit", set_limits)
    if expected is None:
        with pytest.raises(WorkbenchError) as caught:
            raise_file_limit()
        message = "only 20 files may be open; a command needs 64\n  fix: ulimit -n 1024"
        assert str(caught.value) == message
    else:
        raise_file_limit()
        assert state[-1] == expected
