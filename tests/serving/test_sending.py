"""The sender's loop, with a store of traces that fails as MLflow does."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from served_calls import call, request_id

from workbench.secrets import Redactor
from workbench.serving.traces import sending
from workbench.serving.traces.segments import Position, SegmentWriter, segments
from workbench.serving.traces.sending import OutboxSender, RefusedRecordError, UnavailableError
from workbench.serving.traces.sent_state import SentState, read_state, write_state
from workbench.serving.traces.served_records import encode_call, encode_feedback
from workbench.serving.traces.trace_texts import TraceTexts
from workbench.serving.traces.types import ServedFeedback

TEXTS = TraceTexts(Redactor(), 1_000)


class Store:
    """Takes records, unless `fault` raises for them or it is down."""

    def __init__(self, fault: Callable[[str], None] = lambda request_id: None) -> None:
        self.writes: Counter[str] = Counter()
        self.order: list[str] = []
        self.fault = fault
        self.outages = 0  # calls that fail from now on

    def write_calls(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._meet_outage()
        for record in records:
            self.fault(record["request_id"])
            self._take(f"call {record['request_id']}")

    def write_feedback(self, record: Mapping[str, Any]) -> None:
        self._meet_outage()
        self.fault(record["request_id"])
        self._take(f"feedback {record['request_id']}")

    def is_healthy(self) -> bool:
        return self.outages == 0

    def _take(self, key: str) -> None:
        if key not in self.writes:
            self.order.append(key)
        self.writes[key] += 1

    def _meet_outage(self) -> None:
        if self.outages:
            self.outages -= 1
            raise ConnectionError("refused")


def fill(folder: Path, *numbers: int, feedback_to: Sequence[int] = ()) -> None:
    writer = SegmentWriter(folder, 3_000, read_state(folder).position)
    for number in numbers:
        writer.append(encode_call(call(number), TEXTS))
    for number in feedback_to:
        feedback = ServedFeedback(request_id(number), True)
        writer.append(encode_feedback(feedback, TEXTS, with_texts=True))
    writer.close()


def send(folder: Path, store: Store) -> list[str]:
    messages: list[str] = []
    ending = threading.Event()
    ending.set()
    OutboxSender(folder, store, messages.append, ending).run()
    return messages


def keys(*numbers: int) -> list[str]:
    return [f"call {request_id(number)}" for number in numbers]


def test_records_are_sent_in_order_and_their_files_deleted(tmp_path: Path) -> None:
    fill(tmp_path, *range(120), feedback_to=[7])
    store = Store()
    assert send(tmp_path, store) == []
    assert store.order == [*keys(*range(120)), f"feedback {request_id(7)}"]
    assert set(store.writes.values()) == {1}
    assert len(segments(tmp_path)) == 1
    assert read_state(tmp_path).written == 121


def test_a_sender_that_was_killed_repeats_one_batch_at_most(tmp_path: Path) -> None:
    fill(tmp_path, *range(120))
    before = read_state(tmp_path)
    store = Store()
    send(tmp_path, store)
    fill(tmp_path, *range(120, 130))
    write_state(tmp_path, SentState(before.position, written=before.written))  # as if it had died
    send(tmp_path, store)
    assert store.order == keys(*range(130))


def test_an_outage_is_waited_for_and_reported_once(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.001)
    fill(tmp_path, *range(60))
    store = Store()
    store.outages = 6
    assert send(tmp_path, store) == [
        "traces wait for MLflow, which is tried again for ever: refused",
        "traces are sent to MLflow again",
    ]
    assert store.order == keys(*range(60))
    assert not (tmp_path / "refused.jsonl").exists()


def test_a_refused_record_is_put_by_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    def refuse(request: str) -> None:
        if request == request_id(3):
            raise RefusedRecordError("INVALID_PARAMETER_VALUE: too long")

    fill(tmp_path, *range(6))
    store = Store(refuse)
    messages = send(tmp_path, store)
    assert sorted(store.order) == sorted(keys(0, 1, 2, 4, 5))
    (line,) = (tmp_path / "refused.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert entry["reason"] == "RefusedRecordError: INVALID_PARAMETER_VALUE: too long"
    assert entry["record"]["request_id"] == request_id(3)
    assert (tmp_path / "refused.jsonl").stat().st_mode & 0o777 == 0o600
    assert (read_state(tmp_path).written, read_state(tmp_path).refused) == (5, 1)
    assert len(messages) == 1


def test_a_record_at_which_mlflow_always_fails_blocks_no_other(
    tmp_path: Path, monkeypatch: Any
) -> None:
    def fail(request: str) -> None:
        if request == request_id(0):
            raise RuntimeError("500")

    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.001)
    fill(tmp_path, 0, 1)
    store = Store(fail)
    send(tmp_path, store)
    assert store.order == keys(1)
    assert read_state(tmp_path).refused == 1


def test_missing_permission_blames_no_record(tmp_path: Path, monkeypatch: Any) -> None:
    left = iter(range(8))

    def deny(request: str) -> None:
        if next(left, None) is not None:
            raise UnavailableError("403")

    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.001)
    fill(tmp_path, 0, 1)
    store = Store(deny)
    send(tmp_path, store)
    assert store.order == keys(0, 1)
    assert read_state(tmp_path).refused == 0


def test_a_record_of_another_kind_is_put_by(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, 3_000, Position())
    for payload in (b"no json", b"[]", b'{"kind": "other"}', encode_call(call(1), TEXTS)):
        writer.append(payload)
    store = Store()
    send(tmp_path, store)
    assert store.order == keys(1)
    assert len((tmp_path / "refused.jsonl").read_text().splitlines()) == 3


def test_an_unreadable_position_sends_everything_again(tmp_path: Path) -> None:
    fill(tmp_path, 0, 1)
    (tmp_path / "sent.json").write_text('{"segment": ')
    store = Store()
    send(tmp_path, store)
    assert store.order == keys(0, 1)
