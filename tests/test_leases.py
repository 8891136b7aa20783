"""Leases: an intent is a lease while its owner lives, and an unknown call afterwards."""

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
    """Another process with three leases, until it is told to exit."""
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


def unanswered(store: Store) -> list[tuple[str, str, str, float | None]]:
    return [
        (call.key, call.outcome, call.reason, call.cost) for call in store.leases.unanswered_calls()
    ]


def test_a_request_leased_by_a_live_process_is_taken(store, other):
    with store.leases.session("plan-2") as expired:
        assert expired == []
        assert store.leases.claim("sent", "openai:m", 0.1) == "taken"
        assert store.leases.claim("free", "openai:m", 0.1) == "claimed"
        assert store.leases.leased_elsewhere(["sent", "free", "unknown"]) == {"sent"}
        assert [owner.pid for owner in store.leases.live_owners()] == [other.pid]


def test_sent_requests_of_a_dead_process_are_unknown_and_waiting_ones_are_not(store, other):
    other.communicate("x")
    with store.leases.session("plan-2") as expired:
        assert sorted((call.key, call.outcome, call.cost) for call in expired) == [
            ("other", "unknown", 0.25),
            ("sent", "unknown", 0.25),
        ]
        assert all(f"process {other.pid} on " in call.reason for call in expired)
        assert store.leases.claim("sent", "openai:m", 0.1) == "claimed"
    with store.leases.session("plan-2") as expired:
        assert expired == []


def test_leases_of_a_process_that_dies_meanwhile_expire(store, other):
    with store.leases.session("plan-2"):
        assert store.leases.claim("sent", "openai:m", 0.1) == "taken"
        other.communicate("x")
        while store.leases.leased_elsewhere(
            ["sent"]
        ):  # an owner seen alive is not checked again for a second
            pass
        assert store.leases.claim("sent", "openai:m", 0.1) == "claimed"
    assert ("sent", "unknown") in [
        (call.key, call.outcome) for call in store.leases.unanswered_calls()
    ]


def test_a_completion_stored_meanwhile_is_not_requested(store):
    store.save_completions([(Request.from_body("a", {}), Completion("a", "ok", text="4"))])
    with store.leases.session("plan"):
        assert store.leases.claim("a", "openai:m", None) == "answered"
        assert store.leases.claim("a", "openai:m", None, refetch=True) == "claimed"


def test_a_completion_deletes_its_lease(store):
    with store.leases.session("plan"):
        store.leases.claim("a", "openai:m", None)
        assert [call.key for call in store.leases.pending_calls()] == ["a"]
        store.save_completions([(Request.from_body("a", {}), Completion("a", "ok", text="4"))])
        assert store.leases.pending_calls() == []
    assert unanswered(store) == []


def test_failed_calls_are_recorded_by_outcome(store):
    with store.leases.session("plan"):
        store.leases.claim("a", "openai:m", 0.5)
        store.leases.record_failed_call("a", FailedCall("possibly_billed", "HTTP 500 \ud800"))
        assert store.leases.pending_calls() == []
        store.leases.start_retry("a")
        store.leases.record_failed_call("a", FailedCall("unknown", "reset"))
        store.leases.release(["a"])
    assert unanswered(store) == [
        ("a", "possibly_billed", "HTTP 500 ?", 0.5),
        ("a", "unknown", "reset", 0.5),
    ]


def test_a_call_pending_at_the_end_of_a_session_is_unknown(store):
    with store.leases.session("plan"):
        store.leases.claim("a", "openai:m", 0.5)
    assert unanswered(store) == [("a", "unknown", "the run ended before the call did", 0.5)]


def test_no_lock_remains_when_a_session_or_its_process_has_ended(store, tmp_path, other):
    with store.leases.session("plan-2"):
        assert len(list((tmp_path / "owners").iterdir())) == 2
        other.communicate("x")
    with store.leases.session("plan-3"):
        pass
    assert list((tmp_path / "owners").iterdir()) == []
    assert json.dumps(store.leases.owners()) == "[]"
