"""A disk that is full, read-only or taken away: what had arrived is kept, nothing more is paid."""

import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from billing import Till
from command import add_mlflow_store, environment, invoke
from job import write_project
from jobs import DONE, JOB, Ended, Forge, read_books
from openai_server import Reply, say
from tracing import fail, needs_strace

ROOM = re.compile(r"\((\d+) MB are free\)")
MAY_MOUNT = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
mounts = pytest.mark.skipif(MAY_MOUNT.returncode != 0, reason="this user may not mount anything")


@dataclass
class Project:
    """Rows to be sent to a till."""

    root: Path
    till: Till

    def write(self, *, rows: int, concurrency: int, delay_s: float, answer: str = "") -> None:
        settings = f'base_url: "{self.till.url}", concurrency: {concurrency}, backoff_s: 0.01'
        write_project(self.root, f'"openai:m": {{{settings}}}', rows)
        self.folder.mkdir()
        chance = random.Random(1)

        def script(path: str, body: dict, nth: int) -> Reply:
            said = answer or body["messages"][-1]["content"]
            return replace(say(said), delay_s=delay_s * chance.uniform(0.5, 1.5))

        self.till.server.script = script

    @property
    def folder(self) -> Path:
        return self.root / ".workbench"

    def mounted(self, mount: str) -> "subprocess.CompletedProcess[str]":
        """One job with something mounted on the store's folder; a copy of it stays in `after`."""
        order = json.dumps({"root": str(self.root)})
        script = (
            f'store="{self.folder}"\n{mount}\n"$@"; code=$?\n'
            f'cp -r "$store" "{self.root}/after"; exit $code'
        )
        command = ["unshare", "-rm", "bash", "-c", script, "job", sys.executable, str(JOB), order]
        return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)

    @property
    def error(self) -> str:
        (file,) = self.root.glob("error-*")
        return file.read_text()


@pytest.fixture
def project(tmp_path: Path, till: Till) -> Project:
    return Project(tmp_path, till)


@mounts
def test_disk_that_fills_up_ends_the_run_with_all_that_was_under_way_kept(project: Project) -> None:
    project.write(rows=400, concurrency=32, delay_s=0.05, answer="a long answer " * 1500)
    done = project.mounted('mount -t tmpfs -o size=8m none "$store"')
    where, _, said = project.error.partition(": ")
    assert (done.returncode, where) == (5, str(project.folder / "store.db")), project.error
    assert said.startswith("the store is full; no completion was lost: ")
    assert ROOM.search(said)
    kept = read_books(project.root / "after")
    assert 32 <= len(project.till.server.requests) < 200
    assert len(kept.texts) == len(project.till.server.requests)
    assert (kept.unknown.total(), kept.intents, kept.owners) == (0, frozenset(), 0)
    assert not (project.root / "after" / "reserve").exists()


@mounts
def test_disk_that_is_too_small_is_said_before_anything_is_sent(project: Project) -> None:
    project.write(rows=400, concurrency=4, delay_s=0.0)
    done = project.mounted('mount -t tmpfs -o size=3m none "$store"')
    said = project.error.splitlines()
    assert (done.returncode, said[1]) == (2, "  fix: free some space, or `--limit` the rows")
    found = re.fullmatch(
        rf"{project.folder}: the completions need about (\S+) MB, and (\S+) MB are free", said[0]
    )
    assert found
    assert (float(found[1]) > 4.5, 2.0 < float(found[2]) < 3.2) == (True, True)
    assert project.till.server.requests == []
    assert not (project.root / "after" / "reserve").exists()


@mounts
def test_folder_that_is_read_only_is_named(project: Project, forge: Forge) -> None:
    project.write(rows=4, concurrency=4, delay_s=0.0)
    assert forge.run(project.root) == DONE
    project.till.server.requests.clear()
    shutil.rmtree(project.root / "prompts")
    write_project(project.root, f'"openai:n": {{base_url: "{project.till.url}"}}', 4)
    done = project.mounted('mount --bind "$store" "$store"; mount -o remount,ro,bind "$store"')
    (lock,) = set(re.findall(r"[^ ':]+\.lock", project.error))
    assert (done.returncode, project.error) == (
        2,
        f"{lock}: can't be written: [Errno 30] Read-only file system: '{lock}'\n"
        "  fix: make the folder writable for this user, or work on a copy of the project",
    )
    assert project.till.server.requests == []


@pytest.mark.parametrize("instead", ["nothing", "a copy", "another store"])
def test_store_that_is_taken_away_ends_the_paying(
    project: Project, forge: Forge, tmp_path_factory: pytest.TempPathFactory, instead: str
) -> None:
    project.write(rows=60, concurrency=4, delay_s=0.06)
    other = tmp_path_factory.mktemp("other")
    with project.till.holding(40):
        job = forge.start(project.root)
        project.till.wait_for(10)
        if instead == "a copy":
            subprocess.run(["cp", "-r", project.folder, other / "store"], check=True)
        elif instead == "another store":
            write_project(other, '"echo:last"', 3)
            assert forge.run(other) == DONE
            (other / ".workbench").rename(other / "store")
        project.folder.rename(project.root / "away")
        if instead != "nothing":
            (other / "store").rename(project.folder)
            before = read_books(project.folder)
        sent = len(project.till.server.requests)
        shutil.rmtree(project.root / "away")
    assert job.wait() == Ended(0, 5)
    assert job.error.startswith(f"{project.folder}/store.db: the store is gone: ")
    assert len(project.till.server.requests) <= sent + 4
    if instead != "nothing":
        assert read_books(project.folder) == before


@needs_strace
@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("ENOLCK", "[Errno 37] No locks available"),
        ("EOPNOTSUPP", "[Errno 95] Operation not supported"),
        ("ENOSYS", "the file system has no flock"),
    ],
)
def test_folder_that_cannot_be_locked_is_refused(
    project: Project, forge: Forge, number: str, said: str
) -> None:
    project.write(rows=4, concurrency=4, delay_s=0.0)
    job = forge.start(project.root, strace=fail("flock", number))
    assert job.wait() == Ended(0, 2)
    where, _, rest = job.error.partition(": ")
    assert Path(where).parent == project.folder
    assert rest == (
        f"files can't be locked here: {said}\n"
        "  fix: keep the project on a local disk: here two runs could pay for the same completion"
    )
    assert project.till.server.requests == []
    assert [file.name for file in project.folder.rglob("*.lock")] in ([], [Path(where).name])


READING = (
    *("plan", "compare", "compare ask@1 ask@2", "compare RUN", "gate", "decide", "history"),
    *("prompts list", "prompts lint", "prompts show ask", "prompts show ask@1", "evaluators"),
    *("store stats", "store export", "store explain abcdef", "store prune --older-than 1d"),
)
WRITING = dict.fromkeys(("run", "store prune --older-than 1d --yes", "store repair"), 2)
MLFLOW = dict.fromkeys(("ui", "prompts push"), 5)  # which writes when it opens a store
UNUSED = ("plan", "prompts list", "store stats", *MLFLOW)  # in a project that never ran
COMMANDS = """
import sys
from pathlib import Path
from command import invoke
for line in sys.stdin:
    folder, *words = line.split()
    done = invoke(Path(folder), *words)
    print(folder, *words, done.returncode)
    sys.stderr.write(done.stderr)
"""


@mounts
def test_commands_that_only_read_work_where_nothing_can_be_written(
    tmp_path: Path, empty_store: Path
) -> None:
    root = tmp_path / "used"
    for folder in (root, tmp_path / "unused"):
        write_project(folder, "echo:last", 3)
    experiment = root / "prompts" / "sums" / "experiment.yaml"
    add_mlflow_store(root, empty_store)
    done = invoke(root, "run", "--json")
    assert done.returncode == 0, done.stderr
    (root / "prompts" / "sums" / "ask.jinja").write_text("user:\nWhat is {{ question }}?\n")
    with closing(sqlite3.connect(root / ".workbench" / "store.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM store")  # keeps the log of what follows
        assert invoke(root, "run").returncode == 0
        moved = tmp_path.with_name(f"{tmp_path.name}-moved")
        shutil.copytree(tmp_path, moved, ignore=shutil.ignore_patterns("*-shm"))
    assert (moved / "used" / ".workbench" / "store.db-wal").stat().st_size
    text = experiment.read_text().replace("[exact_match]", "[exact_match, output_tokens]")
    text = text.replace("[ask]", "[ask, ask@1]") + "gate: {exact_match: {min: 0}}\n"
    (moved / experiment.relative_to(tmp_path)).write_text(text)  # with scores that aren't stored
    run = json.loads(done.stdout)["parent_run_id"]
    lines = [f"used {words}".replace("RUN", run) for words in (*READING, *WRITING, *MLFLOW)]
    lines += [f"unused {words}" for words in UNUSED]
    before = {file: file.read_bytes() for file in moved.rglob("*") if file.is_file()}
    script = 'mount --bind . "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script, str(moved), sys.executable, "-c", COMMANDS],
        input="\n".join(lines),
        cwd=moved,
        env=environment(PYTHONPATH=str(Path(__file__).parents[1])),
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    codes = WRITING | MLFLOW
    expected = [f"{line} {codes.get(line.partition(' ')[2], 0)}" for line in lines]
    assert done.stdout.splitlines() == expected, done.stderr
    for folder in (moved / "used" / ".workbench", moved / "unused"):
        said = (
            "mlflow.db: the MLflow store can't be written, and MLflow writes when it opens one\n"
            f"  fix: chmod -R u+rwX {folder}, work on a copy of the project, or name"
        )
        assert done.stderr.count(said) == len(MLFLOW)
    assert {file: file.read_bytes() for file in moved.rglob("*") if file.is_file()} == before
