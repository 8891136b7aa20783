"""`workbench store stats`."""

import pytest
from kept_store import MODEL, answer, call, fill, key_of, request, said

from workbench.model import FailedCall
from workbench.store import Store


@pytest.fixture
def used(home):
    """Two models, a useless answer, calls that were lost and one under way."""
    folder = home / ".workbench"
    completions = fill(folder, [0, 1])
    with Store(folder) as store:
        for good in (True, False):
            store.ratings.add(completions[key_of(0)], "ann", good=good, comment="")
        store.save_completions(
            [(request(2, model="openai:other"), answer(2, state="empty_output"))]
        )
        with store.leases.session("a plan"):
            for number, (outcome, cost) in enumerate(
                [("refused", 0.5), ("unknown", 0.25), ("unknown", None)], 10
            ):
                store.leases.claim(key_of(number), MODEL, cost)
                store.leases.record_failed_call(
                    key_of(number), FailedCall(outcome, f"reason {number}")
                )
            store.no_replies.record([(key_of(12), MODEL, "reason 12")])
            yield home


def test_everything_is_counted(used):
    found = said(used, "store", "stats")
    sizes = [found.pop("size"), *(one.pop("size") for one in found["models"])]
    unknown, running = found.pop("unknown"), found.pop("running")
    assert found == {
        "schema_version": 2,
        "currency": "USD",
        "models": [
            {
                "model": MODEL,
                "states": {"ok": 2},
                "input_tokens": 2000,
                "output_tokens": 200,
                "uncounted": 0,
                "cost": 0.0024,
            },
            {
                "model": "openai:other",
                "states": {"empty_output": 1},
                "input_tokens": 1000,
                "output_tokens": 100,
                "uncounted": 0,
                "cost": None,
            },
        ],
        "scores": {"exact_match": 2},
        "calls": [
            {"outcome": "refused", "count": 1, "most": 0.5, "unpriced": 0},
            {"outcome": "unknown", "count": 2, "most": 0.25, "unpriced": 1},
        ],
        "no_replies": {MODEL: 1},
        "ratings": {"ann": {"good": 1, "bad": 1, "removed": 0}},
    }
    assert min(sizes) > 0
    assert {one["key"] for one in unknown} == {key_of(11), key_of(12)}
    assert [one["plan"] for one in running] == ["a plan"]


def test_the_table_names_unknown_calls_and_who_is_at_work(used):
    lines = [line.rstrip() for line in call(used, "store", "stats").stdout.splitlines()]
    assert [line.split()[:3] for line in lines[:3]] == [
        ["model", "answers", "tokens"],
        [MODEL, "ok", "2"],
        ["openai:other", "empty_output", "1"],
    ]
    assert lines[1].split()[3:6] == ["2,000", "200", "0.0024"]
    assert [line.split()[2:] for line in lines if "reason 11" in line] == [
        [key_of(11)[:12], "0.25", "reason", "11"]
    ]
    assert "calls without an answer: 1 refused, at most USD 0.50" in lines
    assert "calls without an answer: 2 unknown, at most USD 0.25, 1 without a price" in lines
    assert f"requests without a reply, sent again by the next run: {MODEL} 1" in lines
    assert "ratings by ann: good 1, bad 1" in lines
    assert [line[:18] for line in lines if line.startswith("in use")] == ["in use by: process"]


def test_at_most_twenty_unknown_calls_are_shown_and_json_has_all(home):
    with Store(home / ".workbench") as store, store.leases.session("a plan"):
        for number in range(25):
            store.leases.claim(key_of(number), MODEL, None)
            store.leases.record_failed_call(key_of(number), FailedCall("unknown", "lost"))
    shown = call(home, "store", "stats").stdout
    assert (shown.count(" lost"), len(said(home, "store", "stats")["unknown"])) == (20, 25)
    assert "5 more of unknown outcome: --json lists them all" in shown


def test_an_empty_store_is_nothing_special(home):
    done = call(home, "store", "stats")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "scores: none")
