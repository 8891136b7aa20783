"""The most tokens that a model bills, learned beside other threads and from stored bills."""

import json
import sys
import threading

import pytest

from workbench.completing.budget import Budget
from workbench.completing.token_bounds import TokenBounds
from workbench.model import Completion, Request, Usage
from workbench.project import Price
from workbench.store import Store
from workbench.store.bills import large_bills

MODEL = "openai:m"
IMAGE = {"type": "image_url", "image_url": {"url": "sha256:1a2b", "bytes": 9}}


def request(size: int) -> Request:
    return Request("k", "x" * size, max_output_tokens=8)


def test_bounds_are_learned_while_other_threads_reserve():
    interval = sys.getswitchinterval()
    requests = [request(1 << bits) for bits in range(20)]
    done, errors = threading.Event(), list[Exception]()
    budgets = [Budget({MODEL: Price(input=1, output=1)}, max_cost=1.0) for _ in range(20)]

    def reserve() -> None:
        try:
            while not done.is_set():
                for budget in budgets:
                    budget.worst_case(MODEL, requests[9])
        except RuntimeError as error:
            errors.append(error)

    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=reserve)
    try:
        thread.start()
        for sent in requests:
            for budget in budgets:
                budget.measure(MODEL, sent, Completion("k", "ok", usage=Usage(5, 5)))
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert errors == []


def test_the_bounds_of_a_model_are_those_of_an_endpoint():
    budget = Budget({MODEL: Price(input=1, output=1)}, max_cost=1.0)
    reply = Completion("k", "ok", usage=Usage(500, 5))
    budget.measure(MODEL, request(100), reply, "http://a/v1")
    assert [budget.most_calls(MODEL, f"http://{host}/v1") for host in "ab"] == [1, 1]
    for _ in range(7):
        budget.measure(MODEL, request(100), reply, "http://a/v1")
    assert [budget.most_calls(MODEL, f"http://{host}/v1") for host in "ab"] == [3, 1]
    assert budget.worst_case(MODEL, request(100), "http://a/v1") == pytest.approx(508e-6)
    assert budget.worst_case(MODEL, request(100), "http://b/v1") == pytest.approx(108e-6)


@pytest.mark.parametrize(("tokens", "bills"), [(9_000, 0), (60_000, 1)])
def test_stored_bill_of_an_image_is_large_beyond_what_images_have(tmp_path, tokens, bills):
    body = {"model": "m", "messages": [{"role": "user", "content": [IMAGE]}]}
    text = json.dumps(body, separators=(",", ":"))
    sent = Request("k", text, key_fields={"model": MODEL})
    with Store(tmp_path) as store:
        store.save_completions([(sent, Completion("k", "ok", text="a", usage=Usage(tokens, 1)))])
        assert len(list(large_bills(store, MODEL, 8))) == bills


@pytest.mark.parametrize(
    ("limit", "tokens", "bound"), [(1_000, 800, 8), (None, 900, 8), (8, 8, 8), (8, 319, 638)]
)
def test_answers_within_their_limit_reserve_nothing_for_others(limit, tokens, bound):
    bounds = TokenBounds()
    bounds.learn(400, limit, Usage(100, tokens))
    assert bounds.output_tokens(8) == bound
