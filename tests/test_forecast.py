"""What a plan says is to be expected: counted where it can be, told from history elsewhere."""

from dataclasses import replace

import pytest

from workbench.model import Completion, Usage
from workbench.plan.forecast import Forecast, forecast, total
from workbench.project import Price
from workbench.store import Store

API = """\
dataset: rows.jsonl
prompts: [plain]
models: [{"openai:m": {base_url: "http://127.0.0.1:9/v1", concurrency: 2}}]
parameters: {max_tokens: 10}
evaluators: [output_tokens]
"""
PRICES = {"openai:m": Price(input=2.0, output=10.0)}
BODY = '{"model":"m","messages":[{"role":"user","content":"one"}],"max_tokens":10}'
SIZE = 2 * len(BODY)  # of two rows, `one` and `two`


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path) as opened:
        yield opened


def answered(store: Store, plan, usage: Usage, latency_s: float) -> None:
    """Keeps an answer to each request of an earlier, equal plan, under other keys."""
    requests = [replace(one, key=f"{n:064x}") for n, one in enumerate(plan.requests[0])]
    store.save_completions(
        (one, Completion(one.key, "ok", text="x", usage=usage, latency_s=latency_s))
        for one in requests
    )


def test_what_a_local_model_reads_is_counted_and_costs_nothing(bench, store):
    (found,) = forecast(bench.plan(), store, {})
    assert found == Forecast(2, 4, True, None, 0.0, 0.0, None)


def test_without_history_tokens_are_told_from_bytes_and_the_rest_is_unknown(bench, store):
    (found,) = forecast(bench.plan(API), store, {})
    assert found == Forecast(2, round(SIZE / 4), False, None, None, None, None)


def test_the_dearest_case_is_known_from_max_tokens(bench, store):
    (found,) = forecast(bench.plan(API), store, PRICES)
    assert found.high == pytest.approx((found.input_tokens * 2.0 + 2 * 10 * 10.0) / 1e6)
    assert found.low is None


def test_without_max_tokens_there_is_no_dearest_case(bench, store):
    (found,) = forecast(bench.plan(API.replace("{max_tokens: 10}", "{}")), store, PRICES)
    assert (found.low, found.high) == (None, None)


def test_history_tells_tokens_cost_and_time(bench, store):
    plan = bench.plan(API)
    answered(store, plan, Usage(30, 4), latency_s=3.0)
    (found,) = forecast(plan, store, PRICES)
    assert (found.input_tokens, found.exact, found.output_tokens) == (60, False, 8)
    assert found.low == pytest.approx((60 * 2.0 + 8 * 10.0) / 1e6)
    assert found.high == pytest.approx((60 * 2.0 + 20 * 10.0) / 1e6)
    assert found.seconds == pytest.approx(3.0)  # two requests of 3 s, two at once


def test_an_answer_is_never_expected_longer_than_it_may_be(bench, store):
    plan = bench.plan(API)
    answered(store, plan, Usage(30, 400), latency_s=3.0)
    (found,) = forecast(plan, store, PRICES)
    assert found.output_tokens == 20


def test_a_sum_is_unknown_where_a_part_of_it_is():
    one = Forecast(2, 10, True, 4, 0.5, 1.0, 3.0)
    assert total([one, one]) == Forecast(4, 20, True, 8, 1.0, 2.0, 6.0)
    assert total([one, Forecast(1, 5, False, None, None, None, None)]) == Forecast(
        3, 15, False, None, None, None, None
    )
    assert total([one, Forecast(0, 0, True, None, None, None, None)]) == one
