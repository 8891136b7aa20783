"""Many requests at once: how many, how far ahead, and how they are ended."""

import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from asking import request_for
from openai_server import HANG, Reply, answer, hold, last_message
from permits import Recorded
from processes import wait_for


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("openai:")}


@pytest.mark.parametrize("concurrency", [1, 5])
def test_no_more_requests_are_under_way_than_allowed(ask, server, concurrency):
    server.script = lambda path, body, nth: hold(
        replace(last_message(path, body, nth), delay_s=0.02),
        lambda: server.max_in_flight >= concurrency,
    )
    texts = [f"row {n}" for n in range(30)]
    assert [completion.text for completion in ask(*texts, concurrency=concurrency)] == texts
    assert server.max_in_flight == concurrency


def test_every_request_is_answered_once_and_in_any_order(open_model, server):
    keys: list[str] = []
    server.script = lambda path, body, nth: hold(
        Reply(body=answer("x")), lambda: "first" not in str(body) or len(keys) == 3
    )
    provider = open_model(concurrency=2)
    requests = [request_for(provider, text) for text in ("first", "b", "c", "d")]
    keys.extend(completion.key for completion in provider.complete(requests))
    assert sorted(keys) == ["b", "c", "d", "first"]
    assert keys[-1] == "first"


def test_requests_are_pulled_only_to_be_sent(open_model, server):
    over = threading.Event()
    server.script = lambda path, body, nth: hold(Reply(body=answer("x")), over.is_set)
    provider = open_model(concurrency=3)
    pulled = []

    def pulling():
        for n in range(100):
            pulled.append(n)
            yield request_for(provider, f"row {n}")

    answers = provider.complete(pulling())
    reader = threading.Thread(target=lambda: next(answers, None), daemon=True)
    assert pulled == []
    reader.start()
    wait_for(lambda: len(server.requests) >= 3)
    time.sleep(0.1)
    assert (len(pulled), len(server.requests)) == (3, 3)
    over.set()
    reader.join(60)
    answers.close()


def test_closing_the_answers_cancels_what_is_under_way(open_model, server):
    server.script = lambda path, body, nth: (
        HANG if "hang" in str(body) else last_message(path, body, nth)
    )
    provider = open_model(concurrency=3)
    texts = ["a", "hang 1", "hang 2", "hang 3", "never"]
    answers = provider.complete(request_for(provider, text) for text in texts)
    assert next(answers).text == "a"
    begun = time.monotonic()
    answers.close()
    assert time.monotonic() - begun < 30  # of the 60 that a request may take
    assert threads() == set()
    assert len(server.requests) < len(texts)


def test_closing_ends_a_wait_for_another_try(open_model, server):
    server.script = lambda path, body, nth: (
        hold(Reply(429, b"{}", {"Retry-After": "60"}), lambda: len(server.requests) == 2)
        if "later" in str(body)
        else last_message(path, body, nth)
    )
    provider, permit = open_model(concurrency=2), Recorded()
    requests = (request_for(provider, text) for text in ("later", "a"))
    answers = provider.complete(replace(request, permit=permit) for request in requests)
    assert next(answers).text == "a"
    wait_for(lambda: permit.failed_calls)
    begun = time.monotonic()
    answers.close()
    assert time.monotonic() - begun < 30
    assert threads() == set()


def test_nothing_is_left_when_all_is_answered(ask):
    ask("a", "b")
    assert threads() == set()


def test_no_request_at_all_is_no_answer(open_model, server):
    assert list(open_model().complete([])) == []
    assert server.requests == []


def test_fault_of_the_requests_is_raised_after_what_came(open_model):
    provider = open_model(concurrency=2)

    def broken():
        yield request_for(provider, "a")
        yield request_for(provider, "b")
        raise ZeroDivisionError("of the plan")

    completions = []
    with pytest.raises(ZeroDivisionError, match="of the plan"):
        completions.extend(completion.key for completion in provider.complete(broken()))
    assert sorted(completions) == ["a", "b"]


def test_several_models_are_asked_at_once_from_one_process(server, open_model):
    """Each has a loop of its own; none waits for another."""
    server.script = lambda path, body, nth: hold(
        Reply(body=answer("x")), lambda: server.max_in_flight == 8
    )
    providers = [open_model(concurrency=2) for _ in range(4)]
    completions = []

    def run(provider):
        completions.extend(provider.complete([request_for(provider, str(n)) for n in range(2)]))

    running = [threading.Thread(target=run, args=(provider,)) for provider in providers]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert [completion.state for completion in completions] == ["ok"] * 8
    assert server.max_in_flight == 8


def test_open_files_do_not_grow_with_cancelled_requests(open_model, server):
    server.script = lambda path, body, nth: (
        HANG if "hang" in str(body) else last_message(path, body, nth)
    )

    def files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    provider = open_model(concurrency=16)

    def cancelled_once():
        texts = ["a", *(f"hang {n}" for n in range(15))]
        answers = provider.complete(request_for(provider, text) for text in texts)
        assert next(answers).text == "a"
        answers.close()

    cancelled_once()
    time.sleep(0.2)
    before = files()
    for _ in range(5):
        cancelled_once()
    wait_for(lambda: files() <= before + 5)


def test_endpoint_that_asks_to_wait_gets_no_request_until_then(open_model, server):
    """The two requests that are under way at first are there before the endpoint asks."""
    permit = Recorded()
    refusal = Reply(429, b"{}", {"Retry-After": "0.5"})
    server.script = lambda path, body, nth: (
        hold(refusal, lambda: len(server.requests) == 2)
        if "first" in str(body) and nth == 1
        else hold(Reply(body=answer("x")), lambda: bool(permit.failed_calls))
    )
    provider = open_model(concurrency=2)
    requests = (request_for(provider, text) for text in ("first", *map(str, range(20))))
    completions = provider.complete(replace(request, permit=permit) for request in requests)
    assert [completion.state for completion in completions] == ["ok"] * 21
    asked_at = max(request.at for request in server.requests[:2])
    assert min(request.at for request in server.requests[2:]) >= asked_at + 0.5


@pytest.mark.slow
def test_rows_outlast_a_server_that_takes_few_at_a_time(ask, server):
    """Five requests every 0.2 s are taken; sixteen are waiting."""
    taken: Counter[int] = Counter()

    def script(path, body, nth):
        window = int(time.monotonic() / 0.2)
        taken[window] += 1
        if taken[window] > 5:
            return Reply(429, b"{}", {"Retry-After-Ms": "200"})
        return last_message(path, body, nth)

    server.script = script
    texts = [f"row {n}" for n in range(40)]
    completions = ask(*texts, concurrency=16)
    assert [completion.text for completion in completions] == texts
    assert sum(completion.attempts for completion in completions) == len(server.requests)
