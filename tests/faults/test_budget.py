"""A limit of cost or of calls holds, whatever the server does, and the rest can be had later."""

import json
import random
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from billing import Till
from command import invoke
from draws import MAX_DRAWS
from job import make_plan, write_project
from listening import CollectedOutcome, complete_and_collect
from openai_server import HANG, RESET, Reply, answer, refuse

from workbench.completing.budget import Budget
from workbench.completing.context import RunContext
from workbench.errors import cost_text
from workbench.model import Completion, Request, Usage
from workbench.project import Price, Project
from workbench.prompt import Renderer
from workbench.store import Store

ROWS, CONCURRENCY, MOST_TOKENS = 150, 64, 8
PRICE = Price(input=100, output=400)
MODEL = "openai:m"


def paid(path: str, body: Any, nth: int) -> Reply:
    """As dear as it can be: each byte that was sent a token, and as many out as were allowed."""
    usage = {
        "prompt_tokens": len(json.dumps(body, separators=(",", ":"))),
        "completion_tokens": MOST_TOKENS,
    }
    return Reply(body=answer(body["messages"][-1]["content"], usage=usage), delay_s=0.01)


def faulty(seed: int, timeout: bool) -> Callable[[str, Any, int], Reply]:
    """One in three goes wrong, as often as it is tried."""
    chance = random.Random(seed)
    wrong = [
        lambda _: refuse(500, "oops"),
        lambda _: RESET,
        lambda good: replace(good, cut_after=20),
        lambda _: refuse(503, "later", {"Retry-After": "0.05"}),
        lambda _: refuse(429, "slowly", {"Retry-After": "0.05"}),
        *([lambda _: HANG] if timeout else []),
    ]

    def script(path: str, body: Any, nth: int) -> Reply:
        good = paid(path, body, nth)
        return chance.choice(wrong)(good) if chance.random() < 0.33 else good

    return script


class Buyer:
    """A project whose model has a price, and a till that says what was billed."""

    def __init__(self, root: Path, till: Till, renderer: Renderer) -> None:
        self.root, self.till, self.renderer = root, till, renderer
        self.statuses: list[int] = []
        (root / ".workbench").mkdir()
        self.write(ROWS)
        self.sell(paid)

    def write(self, rows: int, concurrency: int = CONCURRENCY, timeout_s: float = 60) -> None:
        settings = f'base_url: "{self.till.url}", concurrency: {concurrency}, backoff_s: 0.01'
        write_project(self.root, f'"{MODEL}": {{{settings}, timeout_s: {timeout_s}}}', rows)

    def sell(self, script: Callable[[str, Any, int], Reply]) -> None:
        """Answers with a script, and writes down the status of each reply."""

        def noted(path: str, body: Any, nth: int) -> Reply:
            reply = script(path, body, nth)
            self.statuses.append(reply.status)
            return reply

        self.till.server.script = noted

    def buy(
        self, *, max_cost: float | None = None, max_calls: int | None = None
    ) -> CollectedOutcome:
        self.budget = Budget({MODEL: PRICE}, max_cost=max_cost, max_calls=max_calls)
        with Store(self.root / ".workbench") as store:
            self.plan = make_plan(self.root, store, self.renderer)
            with store.leases.session(self.plan.digest):
                context = RunContext(Project(self.root), store, budget=self.budget)
                return complete_and_collect(self.plan, context)

    @property
    def bill(self) -> float:
        """The server's bill: everything that it received and did not refuse."""
        # A call that timed out may be arriving right now, and has no status yet.
        received = zip(self.till.server.requests, self.statuses, strict=False)
        return sum(
            PRICE.cost(len(one.raw), MOST_TOKENS)
            for one, status in received
            if status not in (429, 503)
        )

    @property
    def dearest(self) -> float:
        return max(PRICE.cost(one.size, MOST_TOKENS) for one in self.plan.bodies.values())


@pytest.fixture
def buyer(tmp_path: Path, till: Till, renderer: Renderer) -> Buyer:
    return Buyer(tmp_path, till, renderer)


@pytest.mark.parametrize("max_cost", [0.0, 0.001, 0.2, 0.5])
def test_what_is_billed_is_never_above_the_limit_and_close_to_it(
    buyer: Buyer, max_cost: float
) -> None:
    outcome = buyer.buy(max_cost=max_cost)
    assert buyer.bill <= max_cost < buyer.bill + buyer.dearest
    assert (outcome.exhausted, outcome.model_errors) == (True, [])
    assert outcome.sent == len(buyer.till.server.requests) == len(outcome.completions) < ROWS
    assert buyer.budget.spent == pytest.approx(buyer.bill)


def test_the_rest_is_sent_with_a_limit_of_its_own(buyer: Buyer) -> None:
    first = buyer.buy(max_cost=0.3)
    spent = buyer.bill
    second = buyer.buy(max_cost=10)
    assert first.sent + second.sent == ROWS == len(second.completions)
    assert (second.exhausted, len(buyer.till.server.requests)) == (False, ROWS)
    assert set(buyer.till.bills().values()) == {1}
    assert buyer.budget.spent == pytest.approx(buyer.bill - spent)


@pytest.mark.parametrize("timeout", [False, True], ids=["fast", "timeouts"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_limit_holds_when_calls_fail_and_may_be_billed_twice(
    buyer: Buyer, seed: int, timeout: bool
) -> None:
    buyer.sell(faulty(seed, timeout))
    buyer.write(ROWS, timeout_s=0.7 if timeout else 60)
    outcome = buyer.buy(max_cost=0.5)
    spent = buyer.budget.spent
    assert buyer.bill <= spent + 1e-9
    assert spent <= 0.5 < spent + 2 * buyer.dearest
    assert outcome.exhausted
    # A call that times out before a busy server has read it counts, and is not on its bill.
    assert timeout or spent == pytest.approx(buyer.bill)
    assert (buyer.budget.reserved, buyer.budget.in_flight) == (pytest.approx(0), 0)


def test_an_answer_without_usage_costs_what_it_may_have(buyer: Buyer) -> None:
    buyer.sell(lambda *said: Reply(body=answer("yes", usage=None)))
    outcome = buyer.buy(max_cost=0.3)
    assert buyer.bill <= 0.3 < buyer.bill + buyer.dearest
    assert outcome.exhausted
    assert buyer.budget.spent == pytest.approx(buyer.bill)


def test_the_limit_holds_where_reasoning_is_not_limited(buyer: Buyer) -> None:
    usage = {
        "prompt_tokens": 14,
        "completion_tokens": 2,
        "total_tokens": 333,
        "completion_tokens_details": {"reasoning_tokens": 317},
    }
    buyer.sell(lambda *said: Reply(body=answer("yes", usage=usage), delay_s=0.01))
    outcome = buyer.buy(max_cost=1.0)
    billed = outcome.sent * PRICE.cost(14, 319)
    assert buyer.budget.spent == pytest.approx(billed)
    assert (outcome.exhausted, outcome.sent) == (True, 6)
    assert 0.5 < billed <= 1.0


def hidden(beyond: Callable[[int], int], output: int = MOST_TOKENS):
    """A server that bills more input tokens than a body has bytes, by a rule."""

    def script(path: str, body: Any, nth: int) -> Reply:
        size = len(json.dumps(body, separators=(",", ":")))
        usage = {"prompt_tokens": beyond(size), "completion_tokens": output}
        return Reply(body=answer("yes", usage=usage), delay_s=0.005)

    return script


HIDDEN = {
    "a hidden text": lambda size: size + 3_000,
    "a tokenizer of its own": lambda size: 9 * size,
    "images": lambda size: 2_000 + 4 * size,
}


@pytest.mark.parametrize("case", HIDDEN)
def test_the_limit_holds_where_more_is_billed_than_was_sent(buyer: Buyer, case: str) -> None:
    buyer.sell(hidden(HIDDEN[case]))

    def costs(since: int) -> list[float]:
        """The bills of the calls from a number on."""
        sizes = (len(received.raw) for received in buyer.till.server.requests[since:])
        return [PRICE.cost(HIDDEN[case](size), MOST_TOKENS) for size in sizes]

    outcome = buyer.buy(max_cost=4.0)
    billed = costs(0)
    assert 2.5 < sum(billed) <= 4.0
    assert (outcome.exhausted, outcome.sent) == (True, len(billed))
    assert buyer.budget.spent == pytest.approx(sum(billed))
    later = buyer.buy(max_cost=1.5 * max(billed))  # the bound comes back from the stored answers
    assert sum(costs(len(billed))) <= 1.5 * max(billed)
    assert later.exhausted
    buyer.buy(max_cost=0.9 * min(billed))
    assert len(buyer.till.server.requests) == len(billed) + later.sent


def test_labels_of_a_model_have_one_first_call(buyer: Buyer) -> None:
    buyer.sell(hidden(lambda size: size + 30_000))
    settings = f'base_url: "{buyer.till.url}"'
    labels = [f'"{MODEL}": {{{settings}, as: m{n}, parameters: {{seed: {n}}}}}' for n in range(4)]
    write_project(buyer.root, "\n  - ".join(labels), 5)
    outcome = buyer.buy(max_cost=1.0)
    assert (outcome.sent, outcome.exhausted, buyer.budget.spent > 3) == (1, True, True)


def test_a_cheaper_answer_leaves_room_for_another(buyer: Buyer) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 1}
    buyer.sell(lambda *said: Reply(body=answer("yes", usage=usage)))
    outcome = buyer.buy(max_cost=0.3)
    assert (outcome.sent, outcome.exhausted) == (ROWS, False)
    assert buyer.budget.spent == pytest.approx(ROWS * PRICE.cost(10, 1))


@pytest.mark.parametrize("number", [0, 1, 40])
def test_calls_are_never_more_than_the_limit(buyer: Buyer, number: int) -> None:
    outcome = buyer.buy(max_calls=number)
    assert len(buyer.till.server.requests) == outcome.sent == number
    assert outcome.exhausted


def test_repeated_calls_count(buyer: Buyer) -> None:
    buyer.sell(faulty(3, timeout=False))
    buyer.write(ROWS, concurrency=4)
    outcome = buyer.buy(max_calls=60)
    assert len(buyer.till.server.requests) == buyer.budget.calls == outcome.attempts == 60
    assert outcome.exhausted
    assert outcome.sent < 60


def test_a_last_row_that_may_not_be_repeated_was_stopped_by_the_limit(buyer: Buyer) -> None:
    buyer.sell(lambda path, body, nth: refuse(500, "oops"))
    buyer.write(1)
    outcome = buyer.buy(max_calls=1)
    assert len(buyer.till.server.requests) == 1
    assert [one.state for one in outcome.completions.values()] == ["failed"]
    assert outcome.exhausted


def call(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return invoke(home, *words, MLFLOW_TRACKING_URI="none")


def test_command_stops_at_its_budget_and_says_what_is_left(buyer: Buyer) -> None:
    prices = f'prices: {{"{MODEL}": {{input: {PRICE.input}, output: {PRICE.output}}}}}\n'
    (buyer.root / "workbench.yaml").write_text(prices)
    done = call(buyer.root, "run", "--max-cost", "0.3", "--json")
    said = json.loads(done.stdout)
    sent = len(buyer.till.server.requests)
    assert (done.returncode, said["exit_code"]) == (4, 4), done.stderr
    assert said["requests"] == {
        "planned": ROWS,
        "stored": 0,
        "shared": 0,
        "sent": sent,
        "failed": 0,
        "not_run": ROWS - sent,
        "attempts": sent,
        "verdicts": 0,
    }
    assert 0 < sent < ROWS
    assert buyer.bill <= 0.3
    assert f"stopped at the budget after {sent} calls, USD {cost_text(buyer.bill)}: " in done.stdout
    assert f"{ROWS - sent} rows are not run" in done.stdout
    again = call(buyer.root, "run", "--max-calls", str(ROWS - sent), "--json")
    assert (again.returncode, len(buyer.till.server.requests)) == (0, ROWS), again.stderr
    assert json.loads(again.stdout)["requests"]["stored"] == sent


def test_limit_of_cost_needs_a_price(buyer: Buyer) -> None:
    done = call(buyer.root, "run", "--max-cost", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: workbench.yaml: --max-cost can't be enforced: {MODEL} has no price\n"
        f'  fix: prices: {{"{MODEL}": {{input: 0.15, output: 0.60}}}}, per million tokens '
        "(0 and 0 for a server of your own), or leave --max-cost out\n"
    )
    assert buyer.till.server.requests == []


def test_models_that_nobody_bills_need_no_price(buyer: Buyer) -> None:
    write_project(buyer.root, '"echo:last"', 4)
    done = call(buyer.root, "run", "--max-cost", "0", "--json")
    assert (done.returncode, json.loads(done.stdout)["requests"]["sent"]) == (0, 4), done.stderr


@pytest.mark.parametrize("seed", range(20))
def test_spending_exceeds_the_limit_by_the_calls_before_the_first_reply_at_most(seed: int) -> None:
    """Random bills: a model's text beside the request, tokens per byte, and answers vary."""
    draw = random.Random(seed)
    for _ in range(max(1, MAX_DRAWS // 20)):
        hidden, factor = draw.choice([0, draw.uniform(0, 9_000)]), draw.uniform(0.1, 9.0)
        reasoning = draw.choice([0, draw.randint(0, 900)])
        limit, width = draw.uniform(0.1, 30), draw.randint(1, 64)
        spent, first = simulate(draw, (hidden, factor, reasoning), limit, width)
        assert spent <= limit + first


def simulate(
    draw: random.Random, rule: tuple[float, float, int], limit: float, width: int
) -> tuple[float, float]:
    """The bill of a model with random replies, and that of the calls before the first reply."""
    hidden, factor, reasoning = rule
    budget = Budget({MODEL: PRICE}, max_cost=limit)
    in_flight: list[tuple[Request, float]] = []
    billed = first = 0.0
    steps = 400
    while steps or in_flight:
        steps = max(0, steps - 1)
        request = Request("k", "x" * draw.randint(50, 3_000), max_output_tokens=MOST_TOKENS)
        budget.bounds[MODEL, ""].calls = len(in_flight)
        worst_case = budget.worst_case(MODEL, request) or 0.0
        is_free = steps and len(in_flight) < min(width, budget.most_calls(MODEL))
        if is_free and budget.reserve(worst_case):
            in_flight.append((request, worst_case))
        elif not in_flight:
            break
        if not is_free or draw.random() < 0.3:
            sent, reserved = in_flight.pop(draw.randrange(len(in_flight)))
            tokens = round((hidden + factor * sent.size) * draw.uniform(0.5, 1.0))
            usage = Usage(tokens, MOST_TOKENS + reasoning)
            completion = Completion("k", "ok", usage=usage)
            cost = budget.cost(MODEL, completion)
            assert cost
            budget.measure(MODEL, sent, completion)
            budget.settle(reserved, cost)
            billed, first = billed + cost, first or cost
    return billed, first
