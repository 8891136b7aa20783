"""`workbench store repair`: real damage, and everything that can still be read is kept."""

import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from kept_store import MODEL, call, fill, key_of, said
from older_store import make_format_3

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import FailedCall
from workbench.store import Store
from workbench.store.repair import repair

PAGE = 4096
COUNT = 60
ANSWERS = [key_of(n) for n in range(COUNT)]
SCORES = [key_of(n, "score") for n in range(COUNT)]


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A store with answers of every size, scores and a lost call; closed, so without a log."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder, range(COUNT))
    with Store(folder) as store, store.ledger.session("a plan"):
        store.ledger.claim(key_of(99), MODEL, 0.5)
        store.ledger.lost(key_of(99), FailedCall("unknown", "the connection was lost"))
    return folder


@pytest.fixture(scope="session")
def logged(tmp_path_factory):
    """A store as a killed process leaves it: the second half of the answers in the log."""
    open_one, folder = (tmp_path_factory.mktemp(name) for name in ("open", "logged"))
    fill(open_one, range(COUNT // 2))
    with Store(open_one):
        for number in range(COUNT // 2, COUNT):
            fill(open_one, [number])
        for part in ("store.db", "store.db-wal"):
            shutil.copy(open_one / part, folder / part)
    return folder


@pytest.fixture
def damaged(tmp_path):
    """A copy of a store whose file (or log) a test has changed."""

    def make(source: Path, change, part: str = "store.db") -> Path:
        folder = tmp_path / "store"
        folder.mkdir()
        for file in source.glob("store.db*"):
            shutil.copy(file, folder / file.name)
        content = bytearray((folder / part).read_bytes())
        content = change(content) or content
        (folder / part).write_bytes(content)
        return folder

    return make


def read(folder: Path) -> tuple[dict, dict]:
    """All answers and scores of a store that is whole."""
    with Store(folder) as store:
        store.check()
        return store.completions(ANSWERS), store.scores(SCORES)


def true(answers: dict) -> bool:
    """Whether each answer is the one that was kept under its key."""
    return all(answers[key].text == f"answer {ANSWERS.index(key)}" for key in answers)


def blank(*pages: int):
    def change(content: bytearray) -> None:
        for page in pages:
            content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)

    return change


def heads(content: bytearray) -> None:
    """No page says any more what it is."""
    for start in range(0, len(content), PAGE):
        if content[start] in (2, 5, 10, 13):
            content[start : start + 12] = b"\xff" * 12


def garbage(content: bytearray) -> None:
    content[:100] = b"\xee" * 100


@pytest.mark.parametrize(
    "change", [garbage, blank(0), heads], ids=["header", "first page", "page heads"]
)
def test_nothing_is_lost_where_only_the_structure_is(damaged, whole, change):
    folder = damaged(whole, change)
    done = repair(folder)
    assert done.salvaged
    assert (done.salvaged.answers, done.salvaged.scores, done.salvaged.calls) == (COUNT, COUNT, 1)
    assert (done.salvaged.lost, done.salvaged.lost_scores) == ((), ())
    assert read(folder) == read(whole)


def test_notes_of_lost_calls_are_kept(damaged, whole):
    folder = damaged(whole, garbage)
    repair(folder)
    with Store(folder) as store:
        (call,) = store.ledger.calls()
    assert (call.key, call.outcome, call.reason, call.cost) == (
        key_of(99),
        "unknown",
        "the connection was lost",
        0.5,
    )


def test_when_answers_were_kept_is_kept(damaged, whole):
    folder = damaged(whole, garbage)
    repair(folder)
    columns = "key, model, size, input_tokens, output_tokens, latency_s, kept_at"
    rows = []
    for one in (whole, folder):
        with sqlite3.connect(one / "store.db") as db:
            query = f"SELECT {columns} FROM completions ORDER BY key"
            rows.append(db.execute(query).fetchall())
        db.close()
    assert rows[0] == rows[1]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_what_is_left_of_a_cut_file_is_kept(damaged, whole, share):
    folder = damaged(whole, lambda content: content[: int(len(content) * share)])
    done = repair(folder)
    answers, _ = read(folder)
    assert done.salvaged
    assert (len(answers), true(answers)) == (done.salvaged.answers, True)
    assert 0 < len(answers) <= COUNT
    assert not set(done.salvaged.lost) & answers.keys()


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_cost_the_rows_they_are_in_and_no_more(damaged, whole, seed):
    chance = random.Random(seed)

    def flip(content: bytearray) -> None:
        for _ in range(6):
            content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)

    folder = damaged(whole, flip)
    repair(folder)
    answers, scores = read(folder)
    assert true(answers)
    assert len(answers) >= COUNT - 6
    assert len(scores) >= COUNT - 6


@pytest.mark.parametrize("seed", range(6))
def test_blank_pages_cost_what_stood_on_them(damaged, whole, seed):
    pages = (whole / "store.db").stat().st_size // PAGE
    folder = damaged(whole, blank(*random.Random(seed).sample(range(pages), 3)))
    done = repair(folder)
    answers, _ = read(folder)
    assert done.salvaged
    assert true(answers)
    assert set(done.salvaged.lost) <= set(ANSWERS) - answers.keys()


def test_lost_answers_are_named(damaged, whole):
    def change(content: bytearray) -> None:
        at = content.index(b'"text": "answer 7"')
        content[at + 9 : at + 15] = b"ANSWER"

    folder = damaged(whole, change)
    done = repair(folder)
    assert done.findings == (f"the store is damaged: the row {key_of(7)} is not as it was kept",)
    assert done.put_by
    assert (done.salvaged.lost, (done.put_by / "lost.txt").read_text()) == (
        (key_of(7),),
        f"{key_of(7)}\n",
    )
    assert read(folder)[0].keys() == set(ANSWERS) - {key_of(7)}


def test_a_log_that_is_damaged_in_the_middle_costs_one_step(damaged, logged):
    def change(content: bytearray) -> None:
        frame = (len(content) - 32) // (24 + PAGE) // 2
        content[32 + frame * (24 + PAGE) + 24 + 2000] ^= 1

    folder = damaged(logged, change, "store.db-wal")
    done = repair(folder)
    assert re.fullmatch(r"the log is damaged at byte [0-9,]+", done.findings[0])
    answers, scores = read(folder)
    assert true(answers)
    assert len(answers) >= COUNT - 2
    assert len(scores) >= COUNT - 2


def test_a_log_without_its_header_is_read_all_the_same(damaged, logged):
    def change(content: bytearray) -> None:
        content[:24] = b"\xee" * 24

    folder = damaged(logged, change, "store.db-wal")
    done = repair(folder)
    assert done.findings[0] == "the log is damaged at its beginning"
    assert read(folder)[0].keys() == set(ANSWERS)


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.77, 0.999])
def test_a_log_that_is_cut_is_as_after_a_loss_of_power(damaged, logged, share):
    folder = damaged(logged, lambda content: content[: int(len(content) * share)], "store.db-wal")
    repair(folder)
    answers, _ = read(folder)
    assert true(answers)
    assert answers.keys() == set(ANSWERS[: len(answers)])
    assert len(answers) >= COUNT // 2


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_store_as_a_killed_process_left_it_is_whole(damaged, logged):
    folder = damaged(logged, bytes)
    before = contents(folder)
    assert repair(folder).findings == ()
    assert contents(folder) == before


def test_an_answer_that_was_replaced_stays_replaced(tmp_path):
    fill(tmp_path, range(3), text="the first")
    kept = fill(tmp_path, range(3), text="the second")
    content = bytearray((tmp_path / "store.db").read_bytes())
    garbage(content)
    (tmp_path / "store.db").write_bytes(content)
    repair(tmp_path)
    with Store(tmp_path) as store:
        requests = store.database.read("SELECT request FROM completions")
        assert store.completions(list(kept)) == kept
    assert ["the second" in text for (text,) in requests] == [True] * 3


def test_a_store_of_the_first_format_is_mended_too(tmp_path):
    fill(tmp_path / "made", range(5))
    columns = "key, state, completion, request, kept_at"
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute(
            "CREATE TABLE completions (key TEXT PRIMARY KEY, state TEXT NOT NULL, completion TEXT "
            "NOT NULL, request TEXT NOT NULL, kept_at TEXT NOT NULL) WITHOUT ROWID"
        )
        db.execute("ATTACH ? AS made", (str(tmp_path / "made" / "store.db"),))
        db.execute(f"INSERT INTO completions SELECT {columns} FROM made.completions")
        db.execute("PRAGMA user_version=1")
    db.close()
    content = bytearray((tmp_path / "store.db").read_bytes())
    content[100:112] = b"\xff" * 12
    (tmp_path / "store.db").write_bytes(content)
    repair(tmp_path)
    assert read(tmp_path)[0] == read(tmp_path / "made")[0]


def test_a_store_of_the_third_format_is_mended_too(tmp_path):
    kept = fill(tmp_path, range(COUNT))
    file = make_format_3(tmp_path)
    content = bytearray(file.read_bytes())
    assert content.count(ANSWERS[0].encode()) > 1
    garbage(content)
    file.write_bytes(content)
    found = repair(tmp_path)
    assert found.salvaged
    assert (found.salvaged.answers, found.salvaged.lost) == (COUNT, ())
    assert read(tmp_path)[0] == kept


def test_the_command_says_what_was_kept_and_where_the_rest_is(home, whole):
    file = home / ".workbench" / "store.db"
    shutil.copy(whole / "store.db", file)
    assert call(home, "store", "repair").stdout == "the store is whole; nothing was changed\n"
    content = bytearray(file.read_bytes())
    garbage(content)
    file.write_bytes(content)
    assert call(home, "store", "stats").returncode == 5
    lines = call(home, "store", "repair").stdout.splitlines()
    put_by = home / ".workbench" / lines[-1].rpartition("/")[2]
    assert lines == [
        "damaged: file is not a database",
        lines[1],
        f"kept {COUNT} answers, {COUNT} scores and 1 lost call",
        "none is known to be lost",
        f"the damaged store is in {put_by}",
    ]
    assert (put_by / "store.db").read_bytes() == content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path.name for path in (home / ".workbench").iterdir()} >= {"store.db", put_by.name}
    assert not (home / ".workbench" / "repairing").exists()
    assert said(home, "store", "repair") == {
        "schema_version": 1,
        "damaged": False,
        "findings": [],
        "put_by": None,
    }


def test_nothing_is_repaired_where_there_is_no_store(home):
    done = call(home, "store", "repair")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {home / '.workbench' / 'store.db'}: there is no store yet\n",
    )


def test_a_store_of_a_later_format_is_left_alone(tmp_path):
    fill(tmp_path, [1])
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(WorkbenchError, match="the store has format 99") as caught:
        repair(tmp_path)
    assert (caught.value.where, caught.value.exit_code) == (
        str(tmp_path / "store.db"),
        ExitCode.USER,
    )
    assert (tmp_path / "store.db").read_bytes() == before


def test_a_store_in_use_is_not_repaired_though_it_is_damaged(home):
    folder = home / ".workbench"
    fill(folder, [1])
    with Store(folder) as store, store.ledger.session("a plan"):
        (owner,) = store.ledger.owners()
        done = call(home, "store", "repair")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            7,
            f"error: the store is in use: {owner}",
        )
        (folder / "store.db").write_bytes(b"nothing that says who" * 1000)
        (folder / "store.db-wal").unlink()
        done = call(home, "store", "repair")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            7,
            f"error: the store is in use: the process that holds owners/{owner.id}.lock",
        )


def test_what_a_killed_repair_had_made_is_not_lost(damaged, whole, tmp_path):
    folder = damaged(whole, blank(*range(3, 40)))
    left = folder / "repairing" / "new-0"
    left.mkdir(parents=True)
    shutil.copy(whole / "store.db", left / "store.db")
    done = repair(folder)
    assert "an earlier repair was interrupted" in done.findings
    assert read(folder) == read(whole)
    assert not (folder / "repairing").exists()


KILLED = [("link", 1), ("link", 2), ("unlink", 1), ("rename", 1), ("fsync", 1), ("fsync", 4)]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is what kills at a system call")
@pytest.mark.parametrize(("what", "when"), [*KILLED, ("unlinkat", 1), ("fdatasync", 5)])
def test_a_repair_that_is_killed_anywhere_loses_nothing(damaged, logged, what, when):
    folder = damaged(logged, garbage)
    log = bytearray((folder / "store.db-wal").read_bytes())
    log[:24] = b"\xee" * 24  # the half that is in the log can be had from it alone
    (folder / "store.db-wal").write_bytes(log)
    code = "import sys, pathlib; from workbench.store.repair import repair; "
    code += "repair(pathlib.Path(sys.argv[1]))"
    inject = ["-e", f"trace={what}", "-e", f"inject={what}:signal=SIGKILL:when={when}"]
    killed = subprocess.run(
        ["strace", "-f", "-qq", "-o", os.devnull, *inject, sys.executable, "-c", code, str(folder)],
        timeout=60,
        check=False,
    )
    assert killed.returncode == -9
    repair(folder)
    assert read(folder)[0].keys() == set(ANSWERS)
    assert not (folder / "repairing").exists()
