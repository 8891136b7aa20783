"""The outbox: sampling, feedback, its bound, its lock, and disks that take nothing."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from served_calls import call, request_id

from workbench.errors import WorkbenchError
from workbench.secrets import Redactor
from workbench.serving.traces.folder_outbox import MAX_RECENT, FolderOutbox
from workbench.serving.traces.segments import Position, read_records
from workbench.serving.traces.sent_state import SentState, write_state
from workbench.serving.traces.trace_settings import TraceSettings, is_sampled
from workbench.serving.traces.types import ServedFeedback


class Bench:
    """Outboxes in one folder, without a sender, and what they report."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages: list[str] = []

    def open(self, **settings: Any) -> FolderOutbox:
        traces = TraceSettings(self.folder, "http://127.0.0.1:9", "triage production", **settings)
        return FolderOutbox(traces, Redactor(), self.messages.append)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(r.payload) for r in read_records(self.folder, Position())]

    def ids(self) -> list[str]:
        return [record["request_id"] for record in self.records()]


@pytest.fixture
def box(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "new" / "outbox")


def test_a_share_of_requests_is_sampled_the_same_everywhere() -> None:
    ids = [request_id(number) for number in range(10_000)]
    sampled = {each for each in ids if is_sampled(each, 0.1)}
    assert 900 < len(sampled) < 1_100
    assert sampled < {each for each in ids if is_sampled(each, 0.2)}  # a higher rate keeps them
    assert not any(is_sampled(each, 0.0) for each in ids)
    assert all(is_sampled(each, 1.0) for each in ids)


def test_calls_that_are_not_sampled_leave_nothing_unless_they_fail(box: Bench) -> None:
    outbox = box.open(rate=0.0)
    outbox.add(call(1))
    outbox.add(call(2, failed=True))
    outbox.add(replace(call(3), status=422))  # the client's mistake
    assert box.ids() == [request_id(2)]
    assert box.records()[0]["failed"] is True


def test_feedback_brings_the_trace_of_a_recent_call(box: Bench) -> None:
    outbox = box.open(rate=0.0)
    outbox.add(call(1))
    assert outbox.add_feedback(ServedFeedback(request_id(1), False))
    assert outbox.add_feedback(ServedFeedback(request_id(1), True))
    assert [record["kind"] for record in box.records()] == ["call", "feedback", "feedback"]
    assert set(box.ids()) == {request_id(1)}


def test_feedback_to_a_request_that_has_no_trace_is_refused(box: Bench) -> None:
    outbox = box.open(rate=0.0)
    for number in range(MAX_RECENT + 1):
        outbox.add(call(number))
    assert not outbox.add_feedback(ServedFeedback(request_id(0), True))  # too long ago
    assert not outbox.add_feedback(ServedFeedback(request_id(-1), True))  # there was none
    assert outbox.add_feedback(ServedFeedback(request_id(1), True))


def test_feedback_to_a_sampled_request_is_taken_after_a_restart(box: Bench) -> None:
    outbox = box.open(rate=0.5)
    sampled = next(n for n in range(100) if is_sampled(request_id(n), 0.5))
    outbox.add(call(sampled))
    outbox.close(0)
    assert box.open(rate=0.5).add_feedback(ServedFeedback(request_id(sampled), 4))
    assert [record["kind"] for record in box.records()] == ["call", "feedback"]


def test_a_restart_continues_the_outbox(box: Bench) -> None:
    first = box.open()
    first.add(call(1))
    first.close(0)
    second = box.open()
    second.add(call(2))
    assert box.ids() == [request_id(1), request_id(2)]
    assert second.counts().backlog == 2
    write_state(box.folder, SentState(Position(1, 0, 1), written=1))
    assert (second.counts().backlog, second.counts().written) == (1, 1)


def test_a_folder_has_one_server(box: Bench) -> None:
    outbox = box.open()
    with pytest.raises(WorkbenchError) as caught:
        box.open()
    assert str(caught.value) == (
        f"{box.folder}: another server uses this outbox of traces: process {os.getpid()}\n"
        "  fix: give each server a folder of its own"
    )
    outbox.close(0)
    box.open()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="the outbox of traces can't be used: "):
        Bench(tmp_path / "file").open()


def test_the_folder_is_for_this_user_alone(box: Bench) -> None:
    outbox = box.open()
    outbox.add(call(1))
    assert box.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in box.folder.iterdir()} == {0o600}


def test_a_full_outbox_drops_what_is_new_and_says_so_once(box: Bench) -> None:
    outbox = box.open(max_size=2_000, segment_size=500)
    for number in range(20):
        outbox.add(call(number))
    kept = len(box.records())
    assert 1 < kept < 20
    assert box.ids() == [request_id(number) for number in range(kept)]
    assert outbox.counts().dropped == 20 - kept
    assert len(box.messages) == 1
    assert box.messages[0].startswith(
        "traces are lost, 1 so far: the outbox is full (2.0 kB): MLflow takes less than is served"
    )


def test_room_that_the_sender_made_is_used(box: Bench) -> None:
    outbox = box.open(max_size=2_000, segment_size=500)
    for number in range(20):
        outbox.add(call(number))
    for segment in sorted(box.folder.glob("*.log"))[:-1]:
        segment.unlink()
    before = len(box.records())
    outbox._rescanned_s = 0.0  # a second later
    outbox.add(call(20))
    assert len(box.records()) == before + 1


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Files of this process can't grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, 700, 1_500])
def test_a_full_disk_costs_traces_and_no_answer(box: Bench, size: int) -> None:
    outbox = box.open()
    with full_disk(size):
        for number in range(5):
            outbox.add(call(number))
    lost = outbox.counts().dropped
    assert lost > 0
    assert box.messages[0].startswith("traces are lost, 1 so far: the outbox can't be written: ")
    outbox.add(call(5))
    assert len(box.records()) == 6 - lost  # nothing that was counted as kept is damaged
    assert box.ids()[-1] == request_id(5)
    assert len(box.messages) == 1


def test_a_call_that_is_odd_costs_its_trace_and_no_answer(box: Bench) -> None:
    outbox = box.open()
    odd = call(1).answers[0]
    outbox.add(replace(call(1), answers=(replace(odd, inputs={"a": {1, 2}}),)))
    outbox.add(call(2))
    assert box.ids() == [request_id(2)]
    assert outbox.counts().dropped == 1
    assert box.messages[0].startswith(
        "traces are lost, 1 so far: a request can't be written as a trace: "
    )
