"""Requests that follow from answers: when a run is over, and where they go."""

from collections import deque
from dataclasses import dataclass, field

import pytest

from workbench.completing.follow_ups import FollowUps
from workbench.model import Model, OpenModel, Request
from workbench.providers.echo import EchoProvider

JUDGE = OpenModel(Model("echo", "last", "judge"), EchoProvider("last", {}))
OTHER = OpenModel(Model("echo", "first-word", "other"), EchoProvider("first-word", {}))


@dataclass
class Queue:
    model: OpenModel
    waiting: deque[Request] = field(default_factory=deque)
    leased_elsewhere: dict[str, Request] = field(default_factory=dict)
    is_closed: bool = False


def request(key: str, purpose: str = "judge") -> Request:
    return Request(key, "{}", purpose=purpose)  # type: ignore[arg-type]


@pytest.fixture
def queue() -> Queue:
    return Queue(JUDGE, deque([request("a", "answer"), request("b", "answer")]))


def test_a_run_is_open_until_every_answer_is_read(queue: Queue) -> None:
    follow_ups = FollowUps([JUDGE])
    assert not follow_ups.open
    follow_ups.connect([queue])
    follow_ups.settle()
    assert follow_ups.open
    follow_ups.add([(JUDGE, request("c"))])  # what follows is added before the answer is settled
    follow_ups.settle()
    assert follow_ups.open
    follow_ups.settle()
    assert not follow_ups.open


def test_without_models_nothing_follows(queue: Queue) -> None:
    follow_ups = FollowUps()
    follow_ups.connect([queue])
    assert not follow_ups.open


def test_requests_that_come_before_the_queues_are_not_lost(queue: Queue) -> None:
    added: list[int] = []
    follow_ups = FollowUps([JUDGE], added.append)
    follow_ups.expect()
    assert follow_ups.add([(JUDGE, request("c"))]) == []
    follow_ups.settle()
    assert follow_ups.open
    follow_ups.connect([queue])
    assert [each.key for each in queue.waiting] == ["a", "b", "c"]
    assert added == [1]
    follow_ups.settle(3)
    assert not follow_ups.open


def test_a_model_that_takes_no_more_gives_requests_back(queue: Queue) -> None:
    follow_ups = FollowUps([JUDGE, OTHER])
    follow_ups.connect([queue])
    follow_ups.close_queue(queue)
    assert (not queue.waiting, follow_ups.open) == (True, False)
    dropped = follow_ups.add([(JUDGE, request("c")), (OTHER, request("d"))])
    assert [each.key for each in dropped] == ["c", "d"]
    assert not follow_ups.open


def test_the_limit_of_judges_leaves_answers_in_the_queue(queue: Queue) -> None:
    follow_ups = FollowUps([JUDGE])
    follow_ups.connect([queue])
    follow_ups.add([(JUDGE, request("c"))])
    follow_ups.close_queue(queue, judges_only=True)
    assert [each.key for each in queue.waiting] == ["a", "b"]
    follow_ups.settle(2)
    assert not follow_ups.open


def test_a_reader_that_has_failed_ends_it(queue: Queue) -> None:
    follow_ups = FollowUps([JUDGE])
    follow_ups.connect([queue])
    follow_ups.close()
    assert not follow_ups.open
    assert follow_ups.add([(JUDGE, request("c"))])
