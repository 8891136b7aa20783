"""`workbench store repair`: every row that SQL or SQLite's own recovery reads is kept."""

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from kept_store import MODEL, call, fill, key_of, said
from processes import wait_for

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import FailedCall
from workbench.store import Store
from workbench.store.repair import repair

pytestmark = pytest.mark.slow
PAGE = 4096
COUNT = 60
ANSWERS = [key_of(n) for n in range(COUNT)]
SCORES = [key_of(n, "score") for n in range(COUNT)]
REPAIR = """
import pathlib, sys
from workbench.store.repair import repair
repair(pathlib.Path(sys.argv[1]))
"""


def has_recover() -> bool:
    command = ["sqlite3", "-batch", ":memory:", ".recover"]
    return (
        shutil.which("sqlite3") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


needs_recover = pytest.mark.skipif(not has_recover(), reason="no sqlite3 shell with .recover")


@pytest.fixture
def no_shell(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(scope="session")
def intact(tmp_path_factory):
    """A store with completions of every size, scores and an unanswered call; without a log."""
    folder = tmp_path_factory.mktemp("intact")
    fill(folder, range(COUNT))
    with Store(folder) as store, store.leases.session("a plan"):
        store.leases.claim(key_of(99), MODEL, 0.5)
        store.leases.record_failed_call(
            key_of(99), FailedCall("unknown", "the connection was lost")
        )
        for number, good in ((1, True), (2, True), (1, False)):
            completion = store.completions([key_of(number)])[key_of(number)]
            store.ratings.add(completion, "ann", good=good, comment=f"comment {number}")
    return folder


@pytest.fixture(scope="session")
def logged(tmp_path_factory):
    """A store of a killed process: the second half of the completions is in the log."""
    live, folder = (tmp_path_factory.mktemp(name) for name in ("live", "logged"))
    fill(live, range(COUNT // 2))
    with Store(live):
        for number in range(COUNT // 2, COUNT):
            fill(live, [number])
        for part in ("store.db", "store.db-wal", "acknowledged"):
            shutil.copy(live / part, folder / part)
    return folder


@pytest.fixture
def damaged(tmp_path):
    """Copies a store and changes its file or its log."""

    def make(source: Path, change, part: str = "store.db") -> Path:
        folder = tmp_path / "store"
        folder.mkdir()
        for name in ("store.db", "store.db-wal", "acknowledged"):
            if (source / name).exists():
                shutil.copy(source / name, folder / name)
        content = bytearray((folder / part).read_bytes())
        content = change(content) or content
        (folder / part).write_bytes(content)
        return folder

    return make


def read(folder: Path) -> tuple[dict, dict]:
    """All completions and scores of a store that passes its check."""
    with Store(folder) as store:
        store.check()
        completions, scores = store.completions(ANSWERS), store.scores(SCORES)
    assert all(completions[key].text == f"answer {ANSWERS.index(key)}" for key in completions)
    return completions, scores


def readable(folder: Path) -> tuple[set[str], set[str]]:
    """Keys of the valid rows that plain queries, one for each row, read from a copy."""
    copy = folder.with_name("oracle")
    shutil.copytree(folder, copy)
    keys: tuple[set[str], set[str]] = set(), set()
    with sqlite3.connect(copy / "store.db") as db:
        db.create_function("crc", -1, _crc)
        crcs = ("crc(key, state, completion, request)", "crc(key, evaluator, score)")
        for number in range(1, COUNT + 1):
            query = f"SELECT key FROM completions WHERE number = ? AND sum = {crcs[0]}"
            keys[0].update(_keys(db, query, number))
        for key in SCORES:
            keys[1].update(
                _keys(db, f"SELECT key FROM scores WHERE key = ? AND sum = {crcs[1]}", key)
            )
    db.close()
    return keys


def _keys(db: sqlite3.Connection, query: str, value: int | str) -> list[str]:
    try:
        return [key for (key,) in db.execute(query, (value,))]
    except sqlite3.Error:
        return []


def _crc(*values: object) -> int:
    from zlib import crc32

    return crc32("\0".join(map(str, values)).encode())


def blank(*pages: int):
    def change(content: bytearray) -> None:
        for page in pages:
            content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)

    return change


def garbage(content: bytearray) -> None:
    content[:100] = b"\xee" * 100


@pytest.mark.parametrize("change", [garbage, blank(0)], ids=["header", "first page"])
@pytest.mark.parametrize("vacuumed", [False, True])
def test_nothing_is_lost_with_the_first_page(damaged, intact, tmp_path, change, vacuumed, no_shell):
    source = intact
    if vacuumed:
        source = Path(shutil.copytree(intact, tmp_path / "vacuumed"))
        with Store(source) as store:
            store.database.shrink()
    folder = damaged(source, change)
    recovered = repair(folder).recovered
    assert (recovered.answers, recovered.scores, recovered.calls) == (COUNT, COUNT, 1)
    assert (recovered.lost, recovered.lost_scores) == ((), ())
    assert read(folder) == read(intact)


def test_unanswered_calls_are_recovered(damaged, intact):
    folder = damaged(intact, garbage)
    repair(folder)
    with Store(folder) as store:
        (lost_call,) = store.leases.unanswered_calls()
    assert (lost_call.key, lost_call.outcome, lost_call.reason, lost_call.cost) == (
        key_of(99),
        "unknown",
        "the connection was lost",
        0.5,
    )


def test_ratings_are_recovered_with_their_order(damaged, intact):
    folder = damaged(intact, garbage)
    assert repair(folder).recovered.ratings == 3
    with Store(folder) as store, Store(intact) as before:
        store.check()
        assert store.ratings.entries(ANSWERS) == before.ratings.entries(ANSWERS)
        current = store.ratings.current(ANSWERS)
    assert [(r.good, r.comment) for key in ANSWERS[1:3] for r in current[key]] == [
        (False, "comment 1"),
        (True, "comment 2"),
    ]


def test_columns_without_a_checksum_are_recovered(damaged, intact):
    folder = damaged(intact, garbage)
    repair(folder)
    columns = "key, model, size, input_tokens, output_tokens, latency_s, kept_at"
    rows = []
    for store in (intact, folder):
        with sqlite3.connect(store / "store.db") as db:
            query = f"SELECT {columns} FROM completions ORDER BY key"
            rows.append(db.execute(query).fetchall())
        db.close()
    assert rows[0] == rows[1]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_rows_of_a_cut_file_are_recovered(damaged, intact, share):
    folder = damaged(intact, lambda content: content[: int(len(content) * share)])
    recovered = repair(folder).recovered
    completions, _ = read(folder)
    assert 0 < len(completions) == recovered.answers
    assert not set(recovered.lost) & completions.keys()


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_sql_reads_are_recovered_after_bit_flips(damaged, intact, seed):
    chance = random.Random(seed)

    def flip(content: bytearray) -> None:
        for _ in range(6):
            content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)

    folder = damaged(intact, flip)
    expected = readable(folder)
    repair(folder)
    completions, scores = read(folder)
    assert completions.keys() >= expected[0]
    assert scores.keys() >= expected[1]


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_sql_reads_are_recovered_beside_blank_pages(damaged, intact, seed):
    pages = (intact / "store.db").stat().st_size // PAGE
    folder = damaged(intact, blank(*random.Random(seed).sample(range(1, pages), 3)))
    expected = readable(folder)
    recovered = repair(folder).recovered
    completions, scores = read(folder)
    assert completions.keys() >= expected[0]
    assert scores.keys() >= expected[1]
    assert set(recovered.lost) <= set(ANSWERS) - completions.keys()


def root_page(folder: Path, name: str) -> int:
    with sqlite3.connect(folder / "store.db") as db:
        ((page,),) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,))
    db.close()
    return page - 1


@needs_recover
def test_rows_below_a_blank_root_page_are_recovered_by_the_shell(damaged, intact):
    folder = damaged(
        intact, blank(*(root_page(intact, name) for name in ("completions", "scores")))
    )
    recovered = repair(folder).recovered
    assert recovered.used_shell
    assert recovered.answers == COUNT
    assert COUNT / 2 < recovered.scores < COUNT  # the root page holds some scores itself
    assert read(folder)[0] == read(intact)[0]


def test_without_the_shell_lost_completions_are_named_by_the_index(damaged, intact, no_shell):
    folder = damaged(intact, blank(root_page(intact, "completions")))
    recovered = repair(folder).recovered
    assert not recovered.used_shell
    assert recovered.lost == tuple(sorted(ANSWERS))
    assert (recovered.answers, recovered.scores) == (0, COUNT)


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_shell_that_does_not_work_changes_nothing(
    damaged, intact, tmp_path, monkeypatch, exit_code
):
    shell = tmp_path / "bin" / "sqlite3"
    shell.parent.mkdir()
    shell.write_text(f"#!/bin/sh\necho 'no such command'\nexit {exit_code}\n")
    shell.chmod(0o755)
    monkeypatch.setenv("PATH", str(shell.parent))
    folder = damaged(intact, blank(0))
    assert repair(folder).recovered.used_shell == (exit_code == 0)
    assert read(folder) == read(intact)


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not end children")
def test_shells_that_hang_end_with_a_killed_repair(damaged, intact, tmp_path):
    shell = tmp_path / "bin" / "sqlite3"
    shell.parent.mkdir()
    shell.write_text('#!/bin/sh\necho $$ > "$0.$#"\nexec /bin/sleep 100\n')
    shell.chmod(0o755)
    folder = damaged(intact, garbage)
    command = [sys.executable, "-c", REPAIR, str(folder)]
    with subprocess.Popen(command, env={**os.environ, "PATH": str(shell.parent)}) as repairing:
        wait_for(lambda: len(shell_pids(shell)) == 2)
        repairing.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in shell_pids(shell)))
    shell.unlink()
    repair(folder)
    assert read(folder) == read(intact)


def shell_pids(shell: Path) -> list[int]:
    texts = [path.read_text() for path in shell.parent.glob("sqlite3.*")]
    return [int(text) for text in texts if text]


def test_a_store_without_a_readable_row_is_not_replaced(damaged, intact, no_shell):
    folder = damaged(intact, lambda content: bytes(len(content)))
    before = contents(folder)
    with pytest.raises(WorkbenchError) as caught:
        repair(folder)
    assert caught.value.message == "the store can't be repaired: no row of it is readable"
    assert caught.value.fix == (
        "install a `sqlite3` that has `.recover`, or move the file away: a new store is created"
    )
    assert caught.value.exit_code == ExitCode.STORAGE
    assert contents(folder) == before
    assert not (folder / "repairing").exists()


def change_a_text(content: bytearray) -> None:
    start = content.index(b'"text": "answer 7"')
    content[start + 9 : start + 15] = b"ANSWER"


def test_a_row_with_a_wrong_checksum_is_lost_and_named(damaged, intact):
    folder = damaged(intact, change_a_text)
    result = repair(folder)
    assert result.findings == (
        f"the store is damaged: the row {key_of(7)} does not match its checksum",
    )
    assert result.damaged_folder
    assert (result.recovered.lost, (result.damaged_folder / "lost.txt").read_text()) == (
        (key_of(7),),
        f"{key_of(7)}\n",
    )
    assert read(folder)[0].keys() == set(ANSWERS) - {key_of(7)}


@pytest.mark.parametrize("place", [0, 0.25, 0.5, 0.9])
def test_a_damaged_log_is_detected_and_read_up_to_the_damage(damaged, logged, place):
    def change(content: bytearray) -> None:
        frame = int((len(content) - 32) // (24 + PAGE) * place)
        content[32 + frame * (24 + PAGE) + 24 + 2000] ^= 1

    folder = damaged(logged, change, "store.db-wal")
    (finding,) = repair(folder).findings
    assert finding.startswith("the store is damaged: its last ")
    assert finding.endswith(" changes are missing")
    completions, _ = read(folder)
    assert completions.keys() == set(ANSWERS[: len(completions)])
    assert COUNT * (1 + place) / 2 - 2 <= len(completions) < COUNT


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.77, 0.999])
def test_a_cut_log_is_read_up_to_the_cut(damaged, logged, share):
    folder = damaged(logged, lambda content: content[: int(len(content) * share)], "store.db-wal")
    repair(folder)
    completions, _ = read(folder)
    assert completions.keys() == set(ANSWERS[: len(completions)])
    assert len(completions) >= COUNT // 2


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_store_of_a_killed_process_is_not_damaged(damaged, logged):
    folder = damaged(logged, bytes)
    before = contents(folder)
    assert repair(folder).findings == ()
    assert contents(folder) == before


def test_a_replaced_completion_stays_replaced(tmp_path):
    fill(tmp_path, range(3), text="the first")
    expected = fill(tmp_path, range(3), text="the second")
    content = bytearray((tmp_path / "store.db").read_bytes())
    garbage(content)
    (tmp_path / "store.db").write_bytes(content)
    repair(tmp_path)
    with Store(tmp_path) as store:
        requests = store.database.read("SELECT request FROM completions")
        assert store.completions(list(expected)) == expected
    assert ["the second" in text for (text,) in requests] == [True] * 3


def test_the_command_prints_the_result_and_keeps_the_damaged_files(home, intact, monkeypatch):
    monkeypatch.setenv("PATH", os.fspath(home))
    file = home / ".workbench" / "store.db"
    shutil.copy(intact / "store.db", file)
    assert call(home, "store", "repair").stdout == "the store is not damaged; nothing was changed\n"
    content = bytearray(file.read_bytes())
    garbage(content)
    file.write_bytes(content)
    assert call(home, "store", "stats").returncode == 5
    lines = call(home, "store", "repair").stdout.splitlines()
    damaged_folder = home / ".workbench" / lines[-1].rpartition("/")[2]
    assert lines == [
        "damaged: the store can't be opened: file is not a database",
        f"recovered {COUNT} completions, {COUNT} scores, 3 ratings and 1 unanswered call",
        "SQL only: no `sqlite3` with `.recover`, which can read more, was found",
        "no loss is known",
        f"the damaged store is kept in {damaged_folder}",
    ]
    assert (damaged_folder / "store.db").read_bytes() == content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not (home / ".workbench" / "repairing").exists()
    assert said(home, "store", "repair") == {
        "schema_version": 2,
        "damaged": False,
        "findings": [],
        "put_by": None,
    }


def test_nothing_is_repaired_without_a_store(home):
    done = call(home, "store", "repair")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {home / '.workbench' / 'store.db'}: there is no store yet\n",
    )


@pytest.mark.parametrize(("number", "code"), [(99, ExitCode.USER), (3, ExitCode.STORAGE)])
def test_a_store_of_another_format_is_not_changed(tmp_path, number, code):
    fill(tmp_path, [1])
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute(f"PRAGMA user_version={number}")
    db.close()
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(WorkbenchError, match=f"the store has format {number}") as caught:
        repair(tmp_path)
    assert (caught.value.where, caught.value.exit_code) == (str(tmp_path / "store.db"), code)
    assert (tmp_path / "store.db").read_bytes() == before


def test_a_store_in_use_is_not_repaired_though_it_is_damaged(home):
    folder = home / ".workbench"
    fill(folder, [1])
    with Store(folder) as store, store.leases.session("a plan"):
        (owner,) = store.leases.owners()
        done = call(home, "store", "repair")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            7,
            f"error: the store is in use: {owner}",
        )
        (folder / "store.db").write_bytes(b"nothing that names an owner" * 1000)
        (folder / "store.db-wal").unlink()
        done = call(home, "store", "repair")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            7,
            f"error: the store is in use: the process that holds owners/{owner.id}.lock",
        )


def test_the_unfinished_store_of_a_killed_repair_is_read_too(damaged, intact):
    folder = damaged(intact, blank(*range(3, 40)))
    unfinished = folder / "repairing" / "new-0"
    unfinished.mkdir(parents=True)
    shutil.copy(intact / "store.db", unfinished / "store.db")
    assert "an earlier repair was interrupted" in repair(folder).findings
    assert read(folder) == read(intact)
    assert not (folder / "repairing").exists()


KILLED = [("link", 1), ("link", 2), ("unlink", 1), ("rename", 1), ("fsync", 1), ("fsync", 4)]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")
@pytest.mark.parametrize(("system_call", "when"), [*KILLED, ("unlinkat", 1), ("fdatasync", 5)])
def test_a_killed_repair_loses_nothing_and_can_be_repeated(damaged, logged, system_call, when):
    folder = damaged(logged, change_a_text)
    inject = [
        "-e",
        f"trace={system_call}",
        "-e",
        f"inject={system_call}:signal=SIGKILL:when={when}",
    ]
    killed = subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            os.devnull,
            *inject,
            sys.executable,
            "-c",
            REPAIR,
            str(folder),
        ],
        timeout=250,
        check=False,
    )
    assert killed.returncode == -9
    repair(folder)
    assert read(folder)[0].keys() == set(ANSWERS) - {key_of(7)}
    assert not (folder / "repairing").exists()
