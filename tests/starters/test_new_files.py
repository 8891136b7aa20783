"""New files of a project: each is there in full or not at all, whatever stops the process."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.project.new_files import new_files, write_new_files

KILLED = """\
import os, signal, sys
from pathlib import Path
from workbench.project.new_files import new_files
with new_files(Path(sys.argv[1]), ["a", "b"]) as staging:
    (staging / "a").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
FULL = """\
import resource, sys
from pathlib import Path
from workbench.errors import WorkbenchError
from workbench.project.new_files import write_new_files
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_new_files(Path(sys.argv[1]), {"a": b"whole", "sub/b": b"x" * 1_000})
except WorkbenchError as error:
    print(error.message)
"""


def run_script(script: str, folder: Path) -> str:
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_killed_process_leaves_no_file_and_the_next_one_clears_up(tmp_path: Path) -> None:
    run_script(KILLED, tmp_path)
    (staging,) = tmp_path.iterdir()
    assert names(staging) == ["a"]
    assert write_new_files(tmp_path, {"a": b"whole"}) == ["a"]
    assert names(tmp_path) == ["a"]


def test_a_folder_of_a_running_process_stays(tmp_path: Path) -> None:
    with new_files(tmp_path, ["a"]) as staging:
        (staging / "a").write_bytes(b"1")
        write_new_files(tmp_path, {"b": b"2"})
        assert staging.is_dir()
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_leaves_nothing(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "new"
    if exists:
        folder.mkdir()
    message = run_script(FULL, folder)
    assert message == "can't be written: File too large; nothing was written\n"
    assert folder.exists() is exists
    assert names(tmp_path) == (["new"] if exists else [])


TAKEN: dict[str, Callable[[Path], object]] = {
    "file": lambda path: path.write_text("mine"),
    "folder": Path.mkdir,
    "link": lambda path: path.symlink_to("nowhere"),
}


def write_three(root: Path, taken: Callable[[Path], object]) -> None:
    with new_files(root, ["a", "b", "c"]) as staging:
        for name in "abc":
            (staging / name).write_text("new")
        taken(root / "b")


@pytest.mark.parametrize("taken", TAKEN)
def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, taken: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        write_three(tmp_path, TAKEN[taken])
    assert caught.value.message == "can't be written: File exists; written: a; not written: b, c"
    assert caught.value.where == str(tmp_path / "b")
    assert names(tmp_path) == ["a", "b"]
    assert taken != "file" or (tmp_path / "b").read_text() == "mine"


def test_a_folder_comes_with_all_its_files_or_not_at_all(tmp_path: Path) -> None:
    def write_task(root: Path) -> None:
        with new_files(root, ["prompts/qa"]) as staging:
            (staging / "prompts/qa").mkdir(parents=True)
            (staging / "prompts/qa/a.jinja").write_text("new")

    write_task(tmp_path)
    assert names(tmp_path) == ["prompts", "prompts/qa", "prompts/qa/a.jinja"]
    (tmp_path / "prompts/qa/a.jinja").write_text("mine")
    with pytest.raises(WorkbenchError, match="nothing was written"):
        write_task(tmp_path)
    assert (tmp_path / "prompts/qa/a.jinja").read_text() == "mine"


def test_an_error_of_the_writer_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no row"):
        write_three(tmp_path / "new", lambda _: int("no row"))
    assert names(tmp_path) == []
