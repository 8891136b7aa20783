"""Messages that wait for MLflow keep their order, in memory and in a file."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from workbench.tracking.backlog import Backlog

STEPS = st.lists(st.one_of(st.none(), st.binary(max_size=40)), max_size=60)


@given(STEPS, st.integers(0, 80))
def test_messages_leave_in_the_order_they_came(steps: list[bytes | None], limit: int) -> None:
    """None takes a message, if there is one."""
    backlog, sent, received = Backlog(limit), [], []
    for step in steps:
        if step is not None:
            backlog.put(step)
            sent.append(step)
        elif not backlog.empty():
            received.append(backlog.get())
    while not backlog.empty():
        received.append(backlog.get())
    assert received == sent


def test_the_reader_waits_for_the_first_message() -> None:
    backlog = Backlog()
    threading.Timer(0.05, backlog.put, [b"late"]).start()
    assert backlog.get() == b"late"


def test_memory_holds_no_more_than_its_limit() -> None:
    backlog = Backlog(max_in_memory=10_000)
    for number in range(1_000):
        backlog.put(number.to_bytes(4, "big") * 250)
    assert backlog._file._rolled
    assert [backlog.get()[:4] for _ in range(1_000)] == [n.to_bytes(4, "big") for n in range(1_000)]
    assert backlog.empty()
