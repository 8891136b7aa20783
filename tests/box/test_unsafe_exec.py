"""Generated code on a machine that makes no boxes: refused, unless the command line allows it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from box_machine import boxes_missing
from command import WORKBENCH, environment

from workbench.box.method import UNSAFE_NOTE, execution_note, is_unsafe_allowed
from workbench.box.permission import unsafe_execution

ROWS = [
    {"id": "a", "code": "def double(x): return 2 * x", "tests": "assert double(4) == 8"},
    {"id": "b", "code": "def double(x): return 2 + x", "tests": "assert double(4) == 8"},
]
EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: tests}
prompts: [plain]
models: [echo:last]
evaluators: [python_tests]
"""
# Namespaces of its own, in which no others can be made; 0 of each kind.
NO_NAMESPACES = """\
for limit in /proc/sys/user/max_*_namespaces; do echo 0 > $limit; done
exec "$@"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    (task / "plain.jinja").write_text("user:\n{{ code }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT)
    return tmp_path


def run(home: Path, *words: str, boxes: bool) -> "subprocess.CompletedProcess[str]":
    """`workbench run qa` with these words, on a machine with or without boxes."""
    prefix = ["unshare", "--user", "--map-root-user", "sh", "-c", NO_NAMESPACES, "sh"]
    return subprocess.run(
        [*([] if boxes else prefix), *WORKBENCH, "run", "qa", *words],
        cwd=home,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def need_unshare() -> None:
    if sys.platform != "linux" or not shutil.which("unshare"):
        pytest.skip("namespaces can't be forbidden here")
    tried = subprocess.run(["unshare", "--user", "--map-root-user", "true"], check=False)
    if tried.returncode:
        pytest.skip("this machine has no user namespaces to begin with")


@pytest.mark.slow
def test_code_runs_in_a_box(home: Path) -> None:
    if reason := boxes_missing():
        pytest.skip(reason)
    ended = run(home, "--json", boxes=True)  # recorded in the project: new files are private
    assert ended.returncode == 0, ended.stderr
    metric = json.loads(ended.stdout)["variants"][0]["metrics"]["python_tests"]
    assert (metric["mean"], metric["n"]) == (0.5, 2)


@pytest.mark.slow
def test_without_boxes_nothing_is_sent(home: Path) -> None:
    need_unshare()
    ended = run(home, "--tracking-uri", "none", boxes=False)
    assert ended.returncode == 2
    assert "generated code can't be run safely here: " in ended.stderr
    assert "namespaces: " in ended.stderr
    assert "sysctl -w user.max_user_namespaces=10000" in ended.stderr
    assert "workbench run --unsafe-exec" in ended.stderr
    database = home / ".workbench" / "store.db"
    if database.exists():
        with sqlite3.connect(database) as db:
            assert db.execute("SELECT count(*) FROM completions").fetchone()[0] == 0


@pytest.mark.slow
def test_the_command_line_allows_it_and_the_record_says_so(home: Path) -> None:
    need_unshare()
    ended = run(home, "--unsafe-exec", "--json", "--wait", boxes=False)
    assert ended.returncode == 0, ended.stderr
    metric = json.loads(ended.stdout)["variants"][0]["metrics"]["python_tests"]
    assert metric["mean"] == 0.5
    with sqlite3.connect(home / ".workbench" / "mlflow.db") as db:
        notes = db.execute("SELECT value FROM tags WHERE key = 'workbench.note'").fetchall()
    assert notes == [(UNSAFE_NOTE,)]


def test_a_file_does_not_allow_it(home: Path) -> None:
    """Neither a setting nor a variable: only `--unsafe-exec`."""
    (home / ".env").write_text("WORKBENCH_UNSAFE_EXEC=1\n")
    assert not is_unsafe_allowed()
    with unsafe_execution(True):
        assert is_unsafe_allowed()
    assert not is_unsafe_allowed()


def test_a_note_is_kept_where_a_box_can_be_made() -> None:
    if reason := boxes_missing():
        pytest.skip(reason)
    with unsafe_execution(True):
        assert execution_note("try again") == "try again"
