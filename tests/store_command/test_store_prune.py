"""`workbench store prune`: its filters, its preview, and its exclusive access."""

import sqlite3
from datetime import UTC, datetime

import pytest
from kept_store import call, fill, key_of, said

from workbench.errors import ExitCode, WorkbenchError
from workbench.store import Store
from workbench.store.access import exclusive_access
from workbench.store.prune import cutoff_time, remove
from workbench.store.selection import Selection

NUMBERS = range(4)
KEYS = [key_of(n) for n in NUMBERS]

NO_CONDITION = "no condition selects what to remove"


@pytest.fixture
def kept(home):
    """Completions 0 and 1 of two models; 2 and 3 were stored long ago."""
    folder = home / ".workbench"
    fill(folder, [0, 2])
    fill(folder, [1, 3], model="openai:other")
    with sqlite3.connect(folder / "store.db") as db:
        db.execute(
            "UPDATE completions SET kept_at = '2020-01-01T00:00:00.000Z' WHERE key IN (?, ?)",
            (key_of(2), key_of(3)),
        )
    db.close()
    return home


def left(home):
    with Store(home / ".workbench") as store:
        store.check()
        return [n for n in NUMBERS if store.stored_keys([key_of(n)])]


@pytest.mark.parametrize(
    ("words", "stay"),
    [
        (["--older-than", "30d"], [0, 1]),
        (["--model", "openai:o*"], [0, 2]),
        (["--model", "none*"], [0, 1, 2, 3]),
        (["--older-than", "1w", "--model", "openai:gpt*"], [0, 1, 3]),
        (["--state", "ok", "--state", "truncated"], []),
        (["--state", "refused"], [0, 1, 2, 3]),
    ],
)
def test_what_meets_every_condition_goes(kept, words, stay):
    assert call(kept, "store", "prune", *words, "--yes").returncode == 0
    assert left(kept) == stay


def test_without_yes_it_is_only_said_what_would_go_and_what_it_costs(kept):
    done = call(kept, "store", "prune", "--older-than", "30d")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        "sending them again would cost about USD 0.0012",
        "no price for: openai:other",
        "--yes removes them",
    ]
    assert done.stdout.startswith("would remove 2 completions, ")
    assert left(kept) == [0, 1, 2, 3]


def test_json_says_what_was_removed_and_freed(kept):
    found = said(kept, "store", "prune", "--model", "*", "--yes")
    sizes = (found.pop("freed"), found.pop("size"))
    assert found == {
        "schema_version": 2,
        "removed": True,
        "currency": "USD",
        "answers": 4,
        "scores": 0,
        "ratings": 0,
        "input_tokens": 4000,
        "output_tokens": 400,
        "cost": 0.0024,
        "unpriced": ["openai:other"],
        "uncounted": 0,
    }
    assert min(sizes) > 50_000


def test_nothing_removed_is_left_in_the_file(kept):
    assert b"answer 2" in (kept / ".workbench" / "store.db").read_bytes()
    call(kept, "store", "prune", "--older-than", "30d", "--yes")
    content = (kept / ".workbench" / "store.db").read_bytes()
    assert (b"answer 2" in content, b"answer 0" in content) == (False, True)


def test_scores_go_by_their_evaluator_and_answers_stay(kept):
    done = call(kept, "store", "prune", "--scores", "--evaluator", "exact*", "--yes")
    assert done.stdout.startswith("removed 4 scores, ")
    with Store(kept / ".workbench") as store:
        assert store.scores([key_of(n, "score") for n in NUMBERS]) == {}
    assert left(kept) == [0, 1, 2, 3]


def test_ratings_go_by_their_person_and_stay_with_pruned_answers(kept):
    folder = kept / ".workbench"
    with Store(folder) as store:
        completions = store.completions(KEYS)
        for person in ("ann", "bob"):
            store.ratings.add(completions[KEYS[0]], person, good=True, comment="canary " + person)
    call(kept, "store", "prune", "--model", "openai:gpt*", "--yes")
    done = call(kept, "store", "prune", "--ratings", "--person", "b*", "--yes")
    assert done.stdout.startswith("removed 1 rating, ")
    with Store(folder) as store:
        store.check()
        assert store.ratings.current(KEYS[:1]) == {KEYS[0]: []}  # of no stored answer
        assert [rating.person for rating in store.ratings.entries(KEYS)] == ["ann"]
    content = (folder / "store.db").read_bytes()
    assert (b"canary ann" in content, b"canary bob" in content) == (True, False)


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        ([], NO_CONDITION, "--older-than 30d, --model GLOB or --state STATE"),
        (["--yes", "--scores"], NO_CONDITION, "--older-than 30d, --evaluator GLOB"),
        (["--evaluator", "x"], "--evaluator goes with --scores", "add --scores"),
        (
            ["--scores", "--model", "x"],
            "--model and --state select completions, --scores removes scores",
            "--scores --evaluator GLOB, or without --scores",
        ),
        (["--yes", "--ratings"], NO_CONDITION, "--older-than 30d, --person GLOB"),
        (["--person", "x"], "--person goes with --ratings", "add --ratings"),
        (
            ["--ratings", "--state", "ok"],
            "--model and --state select completions, --ratings removes ratings",
            "--ratings --person GLOB, or without --ratings",
        ),
        (["--ratings", "--scores"], "--scores and --ratings exclude each other", "use one of them"),
        (
            ["--older-than", "soon"],
            "--older-than 'soon' is not an age",
            "12h, 30d or 4w: hours, days or weeks",
        ),
    ],
)
def test_a_pruning_that_names_nothing_sensible_is_refused(home, words, message, fix):
    done = call(home, "store", "prune", *words)
    assert (done.returncode, done.stderr) == (2, f"error: {message}\n  fix: {fix}\n")


@pytest.mark.parametrize(
    ("age", "then"), [("12h", "2025-01-30T12"), ("30d", "2025-01-01T00"), ("1w", "2025-01-24T00")]
)
def test_an_age_is_a_moment(age, then):
    assert cutoff_time(age, datetime(2025, 1, 31, tzinfo=UTC)) == f"{then}:00:00.000Z"


def test_a_store_that_is_in_use_is_not_pruned(kept):
    with Store(kept / ".workbench") as store, store.leases.session("a plan"):
        done = call(kept, "store", "prune", "--older-than", "30d", "--yes")
        (owner,) = store.leases.owners()
    assert (done.returncode, done.stderr) == (
        7,
        f"error: the store is in use: {owner}\n"
        "  fix: wait until it has ended, then run the same command again\n",
    )
    assert left(kept) == [0, 1, 2, 3]


def test_a_run_that_begins_while_it_is_pruned_is_refused(home):
    folder = home / ".workbench"
    with Store(folder) as store:
        with exclusive_access(folder):
            with pytest.raises(WorkbenchError) as caught, store.leases.session("a plan"):
                pass
            with pytest.raises(WorkbenchError, match="the store is in use"):
                remove(store, Selection())
        assert caught.value.message == "the store is in use: `workbench store prune` or `repair`"
        assert caught.value.exit_code == ExitCode.ALREADY_RUNNING
        assert store.leases.owners() == []


def test_runs_are_at_work_together(home):
    folder = home / ".workbench"
    with (
        Store(folder) as one,
        Store(folder) as two,
        one.leases.session("a"),
        two.leases.session("b"),
    ):
        assert len(one.leases.owners()) == 2


def test_a_pruned_store_goes_on(home):
    folder = home / ".workbench"
    fill(folder, NUMBERS)
    with Store(folder) as store:
        assert remove(store, Selection(["*"])) > 0
        assert remove(store, Selection(table="scores")) >= 0
    assert fill(folder, NUMBERS).keys() == set(KEYS)
    assert left(home) == [0, 1, 2, 3]
