"""Ratings in the store: each person's last word about the stored answer counts, none is lost."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion, Request
from workbench.secrets import Redactor, Secret
from workbench.store import Store
from workbench.store.access import exclusive_access
from workbench.store.ratings import MAX_COMMENT, MAX_PERSON

ODD = "naïve \x00 \u2028 😀 \r\n '; DROP TABLE ratings; --"


def save(store: Store, key: str, text: str) -> Completion:
    completion = Completion(key, "ok", text=text, raw="{}")
    store.save_completions([(Request.from_body(key, {"model": "m"}), completion)])
    return completion


def words(store: Store, *keys: str) -> dict[str, list[tuple[str, bool | None, str]]]:
    """The ratings that count: person, value and comment by key."""
    current = store.ratings.current(keys)
    return {key: [(r.person, r.good, r.comment) for r in current[key]] for key in current}


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path) as opened:
        yield opened


def test_last_word_of_each_person_counts_and_earlier_ones_are_kept(store):
    first, _ = save(store, "a", "yes"), save(store, "b", "no")
    store.ratings.add(first, "ann", good=True, comment="short")
    store.ratings.add(first, "bob", good=False, comment=ODD)
    store.ratings.add(first, "ann", good=False, comment="wrong")
    assert words(store, "a", "b") == {"a": [("ann", False, "wrong"), ("bob", False, ODD)]}
    store.ratings.add(first, "bob", good=None, comment="")
    assert words(store, "a") == {"a": [("ann", False, "wrong")]}
    entries = store.ratings.entries(["a"])
    assert [(entry.person, entry.good) for entry in entries] == [
        ("ann", True),
        ("bob", False),
        ("ann", False),
        ("bob", None),
    ]
    assert store.ratings.counts() == {
        "ann": {"good": 1, "bad": 1, "removed": 0},
        "bob": {"good": 0, "bad": 1, "removed": 1},
    }
    store.check()


def test_rating_belongs_to_the_answer_that_was_seen(store):
    seen = save(store, "a", "yes")
    store.ratings.add(seen, "ann", good=True, comment="")
    save(store, "a", "no")
    assert words(store, "a") == {"a": []}
    save(store, "a", "yes")
    assert words(store, "a") == {"a": [("ann", True, "")]}
    for raw in ('{"tool": 1}', '{"tool": 2}'):  # answers without a text differ by their reply
        called = replace(seen, text="", raw=raw)
        store.save_completions([(Request.from_body("a", {"model": "m"}), called)])
        assert words(store, "a") == {"a": []}
        store.ratings.add(called, "ann", good=True, comment="")
        assert words(store, "a") == {"a": [("ann", True, "")]}


def test_keys_of_later_entries_are_listed(store):
    first, second = save(store, "a", "yes"), save(store, "b", "no")
    assert store.ratings.since(0) == (set(), 0)
    for seen in (first, second, first):
        store.ratings.add(seen, "ann", good=True, comment="")
    assert store.ratings.since(0) == ({"a", "b"}, 3)
    assert store.ratings.since(2) == ({"a"}, 3)
    assert store.ratings.since(3) == (set(), 3)


def test_rating_is_free_of_secrets_and_of_no_other_length(tmp_path):
    with Store(tmp_path, Redactor([Secret("KEY", "sk-canary-4711-0815")])) as store:
        seen = save(store, "a", "yes")
        secret = "sk-canary-4711-0815"
        store.ratings.add(seen, f"ann {secret}", good=True, comment=f"see {secret} \ud800")
        assert words(store, "a") == {"a": [("ann [secret KEY]", True, "see [secret KEY] ?")]}
        for person, comment, message in (
            ("ann", "x" * (MAX_COMMENT + 1), "the comment has 10,001 characters"),
            ("x" * (MAX_PERSON + 1), "", "the name has 201 characters"),
        ):
            with pytest.raises(WorkbenchError, match=message):
                store.ratings.add(seen, person, good=True, comment=comment)


@pytest.mark.parametrize(
    "change", ["value = 'true'", "person = 'bob'", "comment = 'x'", "key = 'b'"]
)
def test_rating_that_has_changed_is_a_storage_fault(tmp_path, change):
    with Store(tmp_path) as store:
        store.ratings.add(save(store, "a", "yes"), "ann", good=False, comment="")
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute(f"UPDATE ratings SET {change}")
    db.close()
    with Store(tmp_path) as store:
        with pytest.raises(WorkbenchError, match="does not match its checksum"):
            store.check()
        with pytest.raises(WorkbenchError, match="does not match its checksum"):
            store.ratings.current("ab")


def test_rating_that_vanished_is_a_storage_fault(tmp_path):
    with Store(tmp_path) as store:
        store.ratings.add(save(store, "a", "yes"), "ann", good=False, comment="")
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("DELETE FROM ratings")
    db.close()
    with Store(tmp_path) as store, pytest.raises(WorkbenchError, match="ratings: 1 row was stored"):
        store.check()


def test_nothing_is_rated_while_the_store_is_repaired(tmp_path, store):
    seen = save(store, "a", "yes")
    with exclusive_access(tmp_path), pytest.raises(WorkbenchError) as caught:
        store.ratings.add(seen, "ann", good=True, comment="")
    assert caught.value.exit_code == ExitCode.ALREADY_RUNNING
    store.ratings.add(seen, "ann", good=True, comment="")
    with exclusive_access(tmp_path):
        pass  # a finished rating keeps nothing out


def test_several_raters_and_a_run_write_at_once(tmp_path):
    with Store(tmp_path) as store:
        seen = [save(store, f"{number}", "yes") for number in range(10)]

    def rate(person: str) -> None:
        with Store(tmp_path) as own_store:
            for completion in seen:
                own_store.ratings.add(completion, person, good=True, comment=person)
                save(own_store, f"{person}-{completion.key}", "no")

    people = [threading.Thread(target=rate, args=(person,)) for person in ("ann", "bob", "cem")]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    with Store(tmp_path) as store:
        store.check()
        current = store.ratings.current([completion.key for completion in seen])
    assert {key: sorted(r.person for r in ratings) for key, ratings in current.items()} == {
        completion.key: ["ann", "bob", "cem"] for completion in seen
    }


RATE = """
import sys
from pathlib import Path
from workbench.store import Store
with Store(Path(sys.argv[1])) as store:
    (seen,) = store.completions(["a"]).values()
    for number in range(int(sys.argv[2]), 10**6):
        store.ratings.add(seen, "ann", good=True, comment=str(number))
        print(number, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_no_rating_is_lost(tmp_path: Path) -> None:
    chance = random.Random(18)
    with Store(tmp_path) as store:
        save(store, "a", "yes")
    noted: list[int] = []
    for _ in range(5):
        command = [sys.executable, "-c", RATE, str(tmp_path), str(len(noted))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            noted += [int(process.stdout.readline()) for _ in range(chance.randrange(1, 20))]
            os.kill(process.pid, signal.SIGKILL)
            noted += [int(line) for line in process.stdout]
        with Store(tmp_path) as store:
            store.check()
            stored = [int(entry.comment) for entry in store.ratings.entries(["a"])]
        assert stored[: len(noted)] == noted
        noted = stored  # the last one may be stored and not printed
    assert stored == list(range(len(stored)))
