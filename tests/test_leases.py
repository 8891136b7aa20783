"""Who asks what: intents are leases while their owner lives, and unknown calls when it is gone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.model import Completion, FailedCall, Request
from workbench.store import Store

DIES = """
import os, pathlib, sys
from workbench.store import Store
with Store(pathlib.Path(sys.argv[1])) as store, store.leases.session("plan-1"):
    for key in ("sent", "waiting", "other"):
        store.leases.claim(key, "openai:m", 0.25)
    from workbench.model import FailedCall
    store.leases.record_failed_call("waiting", FailedCall("refused", "HTTP 429"))
    print(os.getpid(), flush=True)
    sys.stdin.read(1)
    os._exit(9)
"""


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path, store: Store):
    """Another process that asks three things, until it is told to die."""
    process = subprocess.Popen(
        [sys.executable, "-c", DIES, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().strip() == str(process.pid)
    yield process
    process.kill()
    process.communicate()


def lost(store: Store) -> list[tuple[str, str, str, float | None]]:
    return [
        (call.key, call.outcome, call.reason, call.cost) for call in store.leases.unanswered_calls()
    ]


def test_a_request_that_a_living_process_asks_is_taken(store, other):
    with store.leases.session("plan-2") as unsaid:
        assert unsaid == []
        assert store.leases.claim("sent", "openai:m", 0.1) == "taken"
        assert store.leases.claim("free", "openai:m", 0.1) == "claimed"
        assert store.leases.leased_elsewhere(["sent", "free", "nobody"]) == {"sent"}
        assert [one.pid for one in store.leases.live_owners()] == [other.pid]


def test_what_a_dead_process_had_sent_is_unknown_and_what_waited_is_not(store, other):
    other.communicate("x")
    with store.leases.session("plan-2") as unsaid:
        assert sorted((call.key, call.outcome, call.cost) for call in unsaid) == [
            ("other", "unknown", 0.25),
            ("sent", "unknown", 0.25),
        ]
        assert all(f"process {other.pid} on " in call.reason for call in unsaid)
        assert store.leases.claim("sent", "openai:m", 0.1) == "claimed"
    with store.leases.session("plan-2") as unsaid:
        assert unsaid == []


def test_a_process_that_dies_meanwhile_gives_its_requests_up(store, other):
    with store.leases.session("plan-2"):
        assert store.leases.claim("sent", "openai:m", 0.1) == "taken"
        other.communicate("x")
        while store.leases.leased_elsewhere(
            ["sent"]
        ):  # seen alive a moment ago, it is believed to be
            pass
        assert store.leases.claim("sent", "openai:m", 0.1) == "claimed"
    assert ("sent", "unknown") in [
        (call.key, call.outcome) for call in store.leases.unanswered_calls()
    ]


def test_an_answer_that_came_meanwhile_is_not_asked_for(store):
    store.save_completions([(Request.from_body("a", {}), Completion("a", "ok", text="4"))])
    with store.leases.session("plan"):
        assert store.leases.claim("a", "openai:m", None) == "answered"
        assert store.leases.claim("a", "openai:m", None, refetch=True) == "claimed"


def test_an_answer_ends_its_intent(store):
    with store.leases.session("plan"):
        store.leases.claim("a", "openai:m", None)
        assert [call.key for call in store.leases.pending_calls()] == ["a"]
        store.save_completions([(Request.from_body("a", {}), Completion("a", "ok", text="4"))])
        assert store.leases.pending_calls() == []
    assert lost(store) == []


def test_calls_that_brought_nothing_are_kept_by_outcome(store):
    with store.leases.session("plan"):
        store.leases.claim("a", "openai:m", 0.5)
        store.leases.record_failed_call("a", FailedCall("possibly_billed", "HTTP 500 \ud800"))
        assert store.leases.pending_calls() == []
        store.leases.start_retry("a")
        store.leases.record_failed_call("a", FailedCall("unknown", "reset"))
        store.leases.release(["a"])
    assert lost(store) == [
        ("a", "possibly_billed", "HTTP 500 ?", 0.5),
        ("a", "unknown", "reset", 0.5),
    ]


def test_what_is_under_way_at_the_end_of_a_session_is_unknown(store):
    with store.leases.session("plan"):
        store.leases.claim("a", "openai:m", 0.5)
    assert lost(store) == [("a", "unknown", "the run ended before the call did", 0.5)]


def test_no_lock_stays_when_a_session_or_its_process_has_ended(store, tmp_path, other):
    with store.leases.session("plan-2"):
        assert len(list((tmp_path / "owners").iterdir())) == 2
        other.communicate("x")
    with store.leases.session("plan-3"):
        pass
    assert list((tmp_path / "owners").iterdir()) == []
    assert json.dumps(store.leases.owners()) == "[]"
