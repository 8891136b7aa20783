"""A store of an older format is upgraded when it is opened, and nothing in it is lost.

The stores are those of the last commit with that format.
"""

import gzip
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.store import RETRIABLE, Store
from workbench.store.repair import repair
from workbench.store.schema import VERSION
from workbench.store.statistics import statistics

FILES = {int(file.name[13]): file for file in Path(__file__).parent.glob("store_format_*.db.gz")}
KEYS = [digit * 64 for digit in "01234567"]


@pytest.fixture(params=sorted(FILES))
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of a store of an older format."""
    (tmp_path / "store.db").write_bytes(gzip.decompress(FILES[request.param].read_bytes()))
    return tmp_path


def format_of(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "store.db")) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


def test_older_store_is_upgraded_once_and_is_complete(old: Path) -> None:
    for _ in range(2):
        with Store(old) as store:
            store.check()
            assert store.completions(KEYS).keys() == set(KEYS)
            assert store.completions(KEYS[:1])[KEYS[0]].text == "four"
            assert store.scores(["a" * 64]) == {"a" * 64: Score(True)}
            assert [call.reason for call in store.leases.unanswered_calls()] == ["no answer"]
        assert format_of(old) == VERSION
    # All tables are listed on the first page: a repair replaces it.
    assert (old / "store.db").read_bytes()[100] == 0x0D
    with Store(old) as store:
        store.no_replies.record([("c" * 64, "openai:m", "HTTP 500: busy")])
        assert store.no_replies.read(["c" * 64])["c" * 64].reason == "HTTP 500: busy"
        store.ratings.add(store.completions(KEYS)[KEYS[0]], "ann", good=True, comment="")
        assert [rating.good for rating in store.ratings.current(KEYS)[KEYS[0]]] == [True]
        store.check()


def test_older_store_that_can_not_be_written_is_read(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    before = (old / "store.db").read_bytes()
    with Store(old) as store:
        store.check()
        assert store.completions(KEYS).keys() == set(KEYS)
        store.save_scores(load_evaluator(Spec("contains", {}, old)), {"b" * 64: Score(True)})
        assert store.scores(["a" * 64, "b" * 64]) == {"a" * 64: Score(True)}
    assert (old / "store.db").read_bytes() == before


def test_damaged_older_store_is_repaired(old: Path) -> None:
    with closing(sqlite3.connect(old / "store.db")) as db, db:
        db.execute("UPDATE completions SET state = 'x' WHERE number = 1")
    done = repair(old)
    assert done.recovered is not None
    assert (done.recovered.lost, done.recovered.answers) == ((KEYS[0],), len(KEYS) - 1)
    with Store(old) as store:
        store.check()
        assert store.completions(KEYS).keys() == set(KEYS[1:])


def test_empty_answers_of_an_older_store_are_answers(old: Path) -> None:
    with Store(old) as store:
        completions = store.completions(KEYS)
        states = {key[0]: (c.state, bool(c.error), c.scored) for key, c in completions.items()}
        assert states == {
            "0": ("ok", False, True),
            "1": ("ok", False, True),
            "2": ("truncated", False, True),
            "3": ("empty_output", True, False),  # only a tool call
            "4": ("empty_output", True, False),  # no finish reason
            "5": ("ok", False, True),
            "6": ("empty_output", True, False),
            "7": ("rejected", True, False),
        }
        usable = store.stored_keys(KEYS, except_states=RETRIABLE)
        assert {key[0] for key in usable} == {"0", "1", "2", "5"}
        (by_model,) = statistics(store, {}).models
        assert by_model.states == {"empty_output": 3, "ok": 3, "rejected": 1, "truncated": 1}


def test_empty_answers_of_a_damaged_older_store_are_answers(old: Path) -> None:
    with closing(sqlite3.connect(old / "store.db")) as db, db:
        db.execute("UPDATE completions SET state = 'x' WHERE number = 1")
    repair(old)
    with Store(old) as store:
        store.check()
        states = {key[0]: completion.state for key, completion in store.completions(KEYS).items()}
    assert (states["1"], states["2"], states["3"]) == ("ok", "truncated", "empty_output")


def test_damaged_empty_answer_of_an_older_store_stays_damaged(old: Path) -> None:
    with closing(sqlite3.connect(old / "store.db")) as db, db:
        db.execute("UPDATE completions SET completion = completion || ' ' WHERE number = 2")
    with Store(old) as store, pytest.raises(WorkbenchError, match=f"the row {KEYS[1]}"):
        store.check()
