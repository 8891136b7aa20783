"""What waits for MLflow keeps its order, in memory and in a file."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from workbench.tracking.backlog import Backlog

STEPS = st.lists(st.one_of(st.none(), st.binary(max_size=40)), max_size=60)


@given(STEPS, st.integers(0, 80))
def test_what_is_put_first_comes_first(steps: list[bytes | None], most: int) -> None:
    """None takes one, if there is one."""
    backlog, wanted, found = Backlog(most), [], []
    for step in steps:
        if step is not None:
            backlog.put(step)
            wanted.append(step)
        elif not backlog.empty():
            found.append(backlog.get())
    while not backlog.empty():
        found.append(backlog.get())
    assert found == wanted


def test_whoever_takes_waits_for_the_first() -> None:
    backlog = Backlog()
    threading.Timer(0.05, backlog.put, [b"late"]).start()
    assert backlog.get() == b"late"


def test_little_is_held_in_memory() -> None:
    backlog = Backlog(most=10_000)
    for number in range(1_000):
        backlog.put(number.to_bytes(4, "big") * 250)
    assert sum(map(len, backlog._waiting)) <= 10_000
    assert [backlog.get()[:4] for _ in range(1_000)] == [n.to_bytes(4, "big") for n in range(1_000)]
    assert backlog.empty()
