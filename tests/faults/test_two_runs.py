"""Runs side by side on one store pay once for what both ask, and the same plan runs once."""

import os
import re
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest
from billing import Till
from job import make_plan, write_project
from jobs import DONE, KILLED, Ended, Forge, left_behind, read_books
from openai_server import HANG, hold
from processes import completion_count, wait_for

from workbench.model import Request
from workbench.prompt import Renderer
from workbench.store import Store

ROWS = 200
TASKS = ("sums", "others")  # two plans that ask the same


@pytest.fixture
def requests(tmp_path: Path, till: Till, renderer: Renderer) -> dict[str, Request]:
    """Requests of both tasks, by key."""
    model = f'"openai:m": {{base_url: "{till.url}", concurrency: 8, backoff_s: 0.01}}'
    for task in TASKS:
        write_project(tmp_path, model, ROWS, task)
    folder = tmp_path / ".workbench"
    folder.mkdir()
    with Store(folder) as store:
        first, second = (make_plan(tmp_path, store, renderer, task=task) for task in TASKS)
    assert first.digest != second.digest
    assert first.bodies.keys() == second.bodies.keys()
    return dict(first.bodies)


def check(root: Path, requests: dict[str, Request]) -> Counter[str]:
    """Both are complete and nothing is left; gives how often a call's outcome was lost."""
    books = read_books(root / ".workbench")
    assert books.texts == {
        key: one.body["messages"][-1]["content"] for key, one in requests.items()
    }
    assert (books.intents, books.owners) == (frozenset(), 0)
    assert left_behind(root / ".workbench") == []
    return books.unknown


def test_two_plans_pay_once_for_what_both_ask(
    forge: Forge, till: Till, tmp_path: Path, requests: dict[str, Request]
) -> None:
    reply = till.server.script
    till.server.script = lambda *call: hold(reply(*call), lambda: till.server.max_in_flight > 8)
    running = [forge.start(tmp_path, task=task) for task in TASKS]
    assert [job.wait() for job in running] == [DONE, DONE]
    assert set(till.billed(requests).values()) == {1}
    assert check(tmp_path, requests) == Counter()


@pytest.mark.parametrize("after", [20, 100, 180])
def test_the_survivor_of_two_finishes_what_the_other_was_asking(
    forge: Forge, till: Till, tmp_path: Path, requests: dict[str, Request], after: int
) -> None:
    with till.holding(min(after, ROWS - 32) + 16):
        first = forge.start(tmp_path, task=TASKS[0])
        till.wait_for(1)
        second = forge.start(tmp_path, task=TASKS[1])
        till.wait_for(after)
        os.kill(first.pid, signal.SIGKILL)
    assert (first.wait(), second.wait()) == (KILLED, DONE)
    unknown = check(tmp_path, requests)
    billed = till.billed(requests)
    assert {key: n for key, n in billed.items() if n - 1 > unknown[key]} == {}
    assert min(billed.values()) == 1
    assert 1 <= unknown.total() <= 24


def test_two_fresh_runs_each_ask_what_was_stored_before(
    forge: Forge, till: Till, tmp_path: Path, requests: dict[str, Request]
) -> None:
    assert forge.run(tmp_path, task="sums") == DONE
    stored = len(till.server.requests)
    running = [forge.start(tmp_path, task=task, fresh=True) for task in TASKS]
    assert [job.wait() for job in running] == [DONE, DONE]
    assert set(till.billed(requests, since=stored).values()) == {2}
    assert check(tmp_path, requests) == Counter()


def test_the_same_plan_runs_once(
    forge: Forge, till: Till, tmp_path: Path, requests: dict[str, Request]
) -> None:
    answer, till.server.script = till.server.script, lambda *_: HANG
    first = forge.start(tmp_path)
    till.wait_for(8)
    second = forge.start(tmp_path)
    assert second.wait() == Ended(0, 7)
    who = rf"process {first.pid} on {re.escape(socket.gethostname())}"
    assert re.fullmatch(
        rf"the same plan is running already: {who}, since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n"
        "  fix: wait until it has ended; then the same command shows its runs",
        second.error,
    )
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == KILLED
    till.server.script = answer
    assert forge.run(tmp_path) == DONE
    assert check(tmp_path, requests).total() == len(till.server.requests) - ROWS == 8


def test_locks_of_a_killed_run_are_taken_over(
    forge: Forge, till: Till, tmp_path: Path, requests: dict[str, Request]
) -> None:
    with till.holding(32):
        first = forge.start(tmp_path)
        till.wait_for(40)
        wait_for(lambda: completion_count(tmp_path / ".workbench") == 32)
        os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == KILLED
    assert len(list((tmp_path / ".workbench" / "owners").iterdir())) == 1
    with Store(tmp_path / ".workbench") as store, store.leases.session("plan") as unsaid:
        assert {call.key for call in unsaid} <= requests.keys()
        assert len(unsaid) == 8
        assert {call.outcome for call in unsaid} == {"unknown"}
        assert store.leases.live_owners() == []
        reasons = {call.reason for call in store.leases.unanswered_calls()}
        assert len(reasons) == 1
        assert f"process {first.pid} on {socket.gethostname()}" in reasons.pop()
    assert forge.run(tmp_path) == DONE
    assert check(tmp_path, requests).total() == len(unsaid)


def test_a_store_is_made_by_many_at_once(forge: Forge, tmp_path: Path) -> None:
    for number in range(8):
        root = tmp_path / str(number)
        for task in ("a", "b", "c"):
            write_project(root, '"echo:last"', 4, task)
        running = [forge.start(root, task=task, from_nothing=True) for task in ("a", "b", "c")]
        assert [(job.wait(), job.error) for job in running] == [(DONE, "")] * 3
        assert len(read_books(root / ".workbench").texts) == 4
        with Store(root / ".workbench"):
            pass  # SQLite keeps its log where two processes close at the same moment
        assert left_behind(root / ".workbench") == []
