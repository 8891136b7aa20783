"""Stored completions and scores are read back unchanged; a damaged store is not used."""

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.canonical import digest
from workbench.dataset import Example
from workbench.errors import ExitCode, WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion, Request, Usage
from workbench.plan import Cell
from workbench.results.types import Row
from workbench.scoring.row_arguments import score_keys
from workbench.secrets import Redactor, Secret
from workbench.store import RETRIABLE, Store
from workbench.store.database import checksum
from workbench.store.schema import OLDEST, VERSION
from workbench.store.watermark import Watermark

STATES = ("ok", "truncated", "refused", "filtered", "empty_output", "invalid_response", "rejected")
ODD = "naïve \x00 \ud800 \u2028 😀 \r\n \ufeff '; DROP TABLE completions; --"

texts = st.text(st.characters(exclude_categories=()))  # lone surrogates among them
counts = st.none() | st.integers(0, 2**53)
floats = st.floats(allow_nan=False)
completions = st.builds(
    Completion,
    key=st.text("0123456789abcdef", min_size=64, max_size=64),
    state=st.sampled_from(STATES),
    text=texts,
    prefill=texts,
    error=texts,
    finish_reason=texts,
    usage=st.builds(Usage, counts, counts),
    latency_s=st.none() | floats,
    choice_scores=st.none() | st.dictionaries(texts, floats),
    raw=st.none() | texts,
    model=texts,
    attempts=st.integers(1, 9),
)
bodies = st.dictionaries(
    texts,
    st.recursive(
        texts | counts | st.floats(allow_nan=False, allow_infinity=False), st.lists, max_leaves=5
    ),
)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path) as opened:
        yield opened


def done(key: str, state: str = "ok", **fields) -> Completion:
    return Completion(key, state, **fields)


def keep(store: Store, *saved: Completion) -> None:
    store.save_completions((Request.from_body(c.key, {"model": "m"}), c) for c in saved)


def refusal(folder: Path) -> WorkbenchError:
    def read() -> None:
        with Store(folder) as store:
            store.completions(["a"])
            store.scores(["a"])

    with pytest.raises(WorkbenchError) as caught:
        read()
    return caught.value


@settings(max_examples=50)
@given(st.lists(completions, unique_by=lambda completion: completion.key, max_size=4), bodies)
def test_completion_comes_back_as_it_was(tmp_path, saved, body):
    wanted = {c.key: replace(c, stored=True) for c in saved}
    with Store(tmp_path) as store:
        store.save_completions((Request.from_body(c.key, body), c) for c in saved)
    with Store(tmp_path) as store:
        assert store.completions(wanted.keys()) == wanted
        assert store.stored_keys(wanted.keys()) == wanted.keys()


def test_odd_text_comes_back_as_it_was(store):
    keep(store, done("a", text=ODD, raw=ODD, choice_scores={ODD: float("-inf")}))
    (completion,) = store.completions(["a"]).values()
    assert (completion.text, completion.raw, completion.choice_scores) == (
        ODD,
        ODD,
        {ODD: float("-inf")},
    )


def test_keys_that_are_not_there_are_left_out(store):
    keep(store, done("a"))
    assert store.completions(["a", "b"]).keys() == {"a"}
    assert store.stored_keys(["b"]) == set()
    assert store.completions([]) == {}


def test_more_keys_than_fit_into_one_question_are_found(store):
    keys = [f"{n:064x}" for n in range(1201)]
    keep(store, *map(done, keys))
    assert store.completions(keys).keys() == set(keys)
    assert store.stored_keys([*keys, "other"]) == set(keys)


def test_answers_worth_another_try_can_be_left_out(store):
    keep(store, *(done(state, state) for state in STATES))
    assert store.stored_keys(STATES) == set(STATES)
    assert store.stored_keys(STATES, except_states=RETRIABLE) == {"ok", "truncated", "refused"}


def test_later_answer_takes_the_place_of_the_earlier(store):
    keep(store, done("a", "empty_output"))
    keep(store, done("a", text="4"), done("b", text="5"))
    assert {key: completion.text for key, completion in store.completions(["a", "b"]).items()} == {
        "a": "4",
        "b": "5",
    }
    assert store.stored_keys(["a"], except_states=RETRIABLE) == {"a"}


def test_answers_can_be_asked_for_while_others_are_read(store):
    keep(store, done("a"), done("b"))
    found = [store.stored_keys([key]) for key in store.completions(["a", "b"])]
    assert found == [{"a"}, {"b"}]


def test_threads_and_processes_share_a_store(tmp_path, store):
    def write(number: int) -> None:
        with Store(tmp_path) as own_store:
            for n in range(20):
                keep(own_store, done(f"{number}-{n}"))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join(120)
    assert len(store.stored_keys([f"{a}-{b}" for a in range(4) for b in range(20)])) == 80


def test_scores_come_back_as_they_were(tmp_path, store):
    judge = load_evaluator(Spec("exact_match", {}, tmp_path))
    scores = {
        "a": Score(True, reason=ODD),
        "b": Score(0.5),
        "c": Score("category", label="x"),
        "d": Score(None, error="no idea"),
        "e": Score(7),
    }
    store.save_scores(judge, scores)
    assert store.scores([*scores, "f"]) == scores
    assert {type(score.value) for score in store.scores("ae").values()} == {bool, int}


def test_score_is_known_by_the_data_its_evaluator_declares(tmp_path):
    judge = load_evaluator(Spec("exact_match", {}, tmp_path))
    loose = load_evaluator(Spec("exact_match", {"ignore_case": True}, tmp_path))
    expected = {"expected_response": "x"}
    rows = [
        Row(Cell(Example("row", inputs, expected), 0, "k"), Completion("k", "ok", text=text))
        for inputs, text in (({"a": 1}, "x"), ({}, "x"), ({}, "y"))
    ]
    keys = score_keys([judge, replace(loose, name="loose")], rows)
    data = {"outputs": "x", "expectations": expected}
    assert keys["exact_match"][:2] == [digest([judge.digest, data])] * 2
    assert len({*keys["exact_match"], *keys["loose"]}) == 4


def test_store_is_for_its_owner_only(tmp_path):
    with Store(tmp_path) as store:
        keep(store, done("a"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    files = ("store.db", "store.db-wal", "store.db-shm", "acknowledged")
    assert modes == dict.fromkeys(files, 0o600)


@pytest.mark.parametrize(
    ("number", "exit_code", "fix"),
    [
        (
            VERSION + 1,
            ExitCode.USER,
            "use the version of Workbench that wrote it, or move the file away",
        ),
        (
            OLDEST - 1,
            ExitCode.STORAGE,
            "use the version of Workbench that wrote it, or move the file away: a new store is "
            "created, and every completion must be paid for again",
        ),
        (1, ExitCode.STORAGE, None),
    ],
)
def test_store_of_another_format_is_refused_and_not_changed(tmp_path, number, exit_code, fix):
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={number}")
        db.execute("CREATE TABLE answers (key TEXT)")
    db.close()
    before = path.read_bytes()
    error = refusal(tmp_path)
    assert error.message == f"the store has format {number}, this version reads {VERSION}"
    assert (error.where, error.exit_code) == (str(path), exit_code)
    assert fix in (None, error.fix)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"this is no database" * 100, b"SQLite format 3\0" + b"x" * 500]
)
def test_file_that_is_no_store_is_a_storage_fault(tmp_path, content):
    (tmp_path / "store.db").write_bytes(content)
    error = refusal(tmp_path)
    assert error.message.startswith("the store can't be opened: ")
    assert (error.where, error.exit_code) == (str(tmp_path / "store.db"), ExitCode.STORAGE)
    assert (tmp_path / "store.db").read_bytes() == content


def test_folder_that_is_not_there_is_a_storage_fault(tmp_path):
    assert refusal(tmp_path / "gone").exit_code == ExitCode.STORAGE


def test_store_that_is_a_folder_is_a_storage_fault(tmp_path):
    (tmp_path / "store.db").mkdir()
    assert refusal(tmp_path).exit_code == ExitCode.STORAGE


def test_damaged_page_is_a_storage_fault(tmp_path):
    with Store(tmp_path) as store:
        keep(store, *(done(f"{n:064x}", text="x" * 500) for n in range(200)))
    path = tmp_path / "store.db"
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 200] = b"\xff" * 200
    path.write_bytes(content)
    error = refusal(tmp_path)
    assert (error.where, error.exit_code) == (str(path), ExitCode.STORAGE)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "{}", '{"usage": {}, "colour": 1, "state": "ok"}']
)
def test_row_that_is_no_completion_is_a_storage_fault(tmp_path, text):
    with Store(tmp_path) as store:
        keep(store, done("a"))
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.create_function("crc", -1, checksum)
        db.execute("UPDATE completions SET completion = ?", (text,))
        db.execute("UPDATE completions SET sum = crc(key, state, completion, request)")
    db.close()
    error = refusal(tmp_path)
    assert error.message.startswith("the store is damaged: the row a: ")
    assert error.exit_code == ExitCode.STORAGE


@pytest.mark.parametrize("column", ["state", "completion", "request"])
def test_row_that_has_changed_is_a_storage_fault(tmp_path, column):
    with Store(tmp_path) as store:
        keep(store, done("a"))
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute(f"UPDATE completions SET {column} = {column} || ' '")
    db.close()
    error = refusal(tmp_path)
    assert error.message == "the store is damaged: the row a does not match its checksum"
    assert error.fix.endswith("`workbench store repair` repairs a damaged store")


def test_row_that_vanished_is_a_storage_fault(tmp_path):
    with Store(tmp_path) as store:
        keep(store, done("a"), done("b"))
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DROP TRIGGER completions_less")
        db.execute("DELETE FROM completions WHERE key = 'a'")
    db.close()
    message = "the store is damaged: completions: 2 rows were stored, 1 is readable"
    with Store(tmp_path) as store, pytest.raises(WorkbenchError, match=message):
        store.check()


def test_answer_that_the_index_lacks_is_missed(tmp_path):
    """A page of the index that the disk never wrote: the answer would be paid for again."""
    file = tmp_path / "store.db"
    with Store(tmp_path) as store:
        keep(store, done("a"))
    before = file.read_bytes()
    with Store(tmp_path) as store:
        keep(store, done("b"))
        ((page,),) = store.database.read(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_completions_1'"
        )
    content = bytearray(file.read_bytes())
    here = slice((page - 1) * 4096, page * 4096)
    content[here] = before[here]
    file.write_bytes(content)
    with Store(tmp_path) as store:
        assert store.stored_keys(["a", "b"]) == {"a"}
        with pytest.raises(WorkbenchError, match="the store is damaged: row 2 missing from index"):
            store.check()


def test_store_that_cannot_be_written_is_a_storage_fault(tmp_path, store):
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DROP TABLE completions")
    db.close()
    with pytest.raises(WorkbenchError, match="the store can't be written") as caught:
        keep(store, done("a"))
    assert caught.value.exit_code == ExitCode.STORAGE


def test_answers_kept_together_are_kept_all_or_none(tmp_path, store):
    def pairs():
        yield Request.from_body("a", {}), done("a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.save_completions(pairs())
    assert store.stored_keys(["a"]) == set()


def test_what_was_durable_is_never_noted_as_less(tmp_path):
    watermark = Watermark(tmp_path)
    for commits in (5, 7, 6):  # of three threads, the second of which was the last to wait
        watermark.advance("s", commits)
    assert watermark.read() == ("s", 7)
    watermark.close()


def test_an_answer_is_kept_while_others_are_and_calls_are_noted(store):
    def work(thread: int) -> None:
        for n in range(40):
            assert store.leases.claim(f"{thread}-{n}", "m", None) == "claimed"
            keep(store, done(f"{thread}-{n}", text=str(n)))

    with store.leases.session("p"), ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
        pending = store.leases.pending_calls()
    keys = [f"{thread}-{n}" for thread in range(4) for n in range(40)]
    found = store.completions(keys)
    assert [found[key].text for key in keys] == [key.split("-")[1] for key in keys]
    assert pending == []
    ((store_id, commits),) = store.database.read("SELECT id, commits FROM store")
    assert Watermark(store.database.folder).read() == (store_id, commits)


def noted(store: Store, *keys: str, reason: str = "HTTP 500: busy") -> dict[str, str]:
    store.no_replies.record((key, "openai:m", reason) for key in keys)
    return {key: note.reason for key, note in store.no_replies.read(keys).items()}


def test_request_without_a_reply_is_noted_until_it_is_answered(store):
    with store.leases.session("p"):
        assert store.leases.claim("a", "openai:m", None) == "claimed"
        assert noted(store, "a", "b") == {"a": "HTTP 500: busy", "b": "HTTP 500: busy"}
        assert store.leases.pending_calls() == []
    assert noted(store, "a", reason="no answer in 9 s") == {"a": "no answer in 9 s"}
    assert store.no_replies.by_model() == {"openai:m": 2}
    failed = Completion("b", "failed", error="HTTP 500: busy", stored=True)
    assert store.no_replies.completions(["b", "c"]) == {"b": failed}
    keep(store, done("a"))
    assert store.no_replies.read(["a", "b"]).keys() == {"b"}
    store.check()


def test_request_with_an_answer_is_not_noted(store):
    keep(store, done("a"))
    assert noted(store, "a") == {}


def test_note_is_free_of_secrets_and_odd_characters(tmp_path):
    with Store(tmp_path, Redactor([Secret("KEY", "sk-canary-4711-0815")])) as store:
        assert noted(store, "a", reason=f"no sk-canary-4711-0815 {ODD}") == {
            "a": f"no [secret KEY] {ODD}".replace("\ud800", "?")
        }
        store.check()


@pytest.mark.parametrize("change", ["SET reason = 'x'", "SET key = 'z'"])
def test_note_that_has_changed_is_a_storage_fault(tmp_path, change):
    with Store(tmp_path) as store:
        noted(store, "a")
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute(f"UPDATE no_replies {change}")
    db.close()
    with Store(tmp_path) as store, pytest.raises(WorkbenchError, match="match its checksum"):
        store.check()


def test_note_that_vanished_is_a_storage_fault(tmp_path):
    with Store(tmp_path) as store:
        noted(store, "a")
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DROP TRIGGER no_replies_less")
        db.execute("DELETE FROM no_replies")
    db.close()
    with Store(tmp_path) as store, pytest.raises(WorkbenchError, match="no_replies: 1 row was"):
        store.check()


def test_store_that_can_not_be_written_shows_what_others_write_meanwhile(tmp_path, monkeypatch):
    with Store(tmp_path) as writer:
        monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
        with Store(tmp_path) as reader:
            noted(writer, "a")
            assert reader.no_replies.read(["a"])["a"].reason == "HTTP 500: busy"
        writer.database.write([])
    (tmp_path / "store.db").write_bytes(b"")
    with pytest.raises(WorkbenchError, match="is damaged: the file is empty"):
        Store(tmp_path)
