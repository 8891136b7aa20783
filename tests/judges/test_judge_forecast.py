"""Verdicts in a plan: the most calls, tokens and cost, as those of answers are forecast."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench import Bench
from command import invoke
from judged_task import ROWS, run, write_judged_task
from openai_server import OpenAIServer, Reply, answer

from workbench.model import Completion, PreparedCall, PromptCall, Request, Usage
from workbench.plan import Plan
from workbench.project import Price
from workbench.providers.echo import EchoProvider
from workbench.scoring.judge_forecast import JudgeForecast, forecast_judges
from workbench.store import Store

EXPERIMENT = """\
dataset: rows.jsonl
prompts: [plain]
models: [echo:last]
evaluators:
  - rubric: {{rubric: "Polite.", {settings}}}
"""
API = 'model: {"openai:m": {base_url: "http://127.0.0.1:9/v1"}}'
GUIDED = 'model: {"openai:m": {base_url: "http://127.0.0.1:9/v1", choices: guided}}'
OTHER = '{"openai:n": {base_url: "http://127.0.0.1:9/v1"}}'
PANEL = f"models: [{API.removeprefix('model: ')}, {OTHER}]"
LOCAL = "model: echo:last"
PRICE = Price(input=2.0, output=10.0)
ROWS_OF_BENCH = 2

# Settings of the judge, and: requests, the most output tokens, whether low and high cost are known.
FORECASTS = {
    "an API without history": (API, 2, 2 * 1024, (False, True)),
    "its own limit": (f"{API}, parameters: {{max_tokens: 50}}", 2, 2 * 50, (False, True)),
    "no limit": (f"{API}, parameters: {{max_tokens: null}}", 2, None, (False, False)),
    "a choice alone": (GUIDED, 2, 2 * 2, (False, True)),
    "samples": (f"{API}, samples: 3", 6, 6 * 1024, (False, True)),
    "a panel without one price": (PANEL, 4, 4 * 1024, (False, False)),
    "a model that bills nothing": (LOCAL, 2, 2 * 1024, (True, True)),
}


def forecast(bench: Bench, settings: str, *, earlier: Usage | None = None) -> JudgeForecast:
    """The forecast of one judge; `earlier`: the usage of a stored reply of its model."""
    plan = bench.plan(EXPERIMENT.format(settings=settings))
    with Store(bench.project.store) as store:
        if earlier:
            store.save_completions([earlier_reply(plan, earlier)])
        (forecast,) = forecast_judges(plan, store, {"openai:m": PRICE})
    return forecast


def earlier_reply(plan: Plan, usage: Usage) -> tuple[Request, Completion]:
    request = replace(next(iter(plan.bodies.values())), key="0" * 64)
    fields = {**request.key_fields, "model": "openai:m"}
    reply = Completion(request.key, "ok", text="x", usage=usage, latency_s=1.0)
    return replace(request, key_fields=fields), reply


@pytest.mark.parametrize("case", FORECASTS)
def test_the_most_is_forecast_by_the_way_of_asking(bench: Bench, case: str) -> None:
    settings, requests, output_tokens, (has_low, has_high) = FORECASTS[case]
    judge = forecast(bench, settings)
    assert (judge.requests, judge.output_tokens) == (requests, output_tokens)
    assert (judge.low is not None, judge.high is not None) == (has_low, has_high)
    assert judge.stored == 0
    if settings == LOCAL:
        assert (judge.low, judge.high) == (0.0, 0.0)
    elif has_high:
        assert output_tokens is not None
        assert judge.high == pytest.approx(PRICE.cost(judge.input_tokens, output_tokens))


def test_history_tells_the_expected_cost(bench: Bench) -> None:
    judge = forecast(bench, API, earlier=Usage(100, 40))
    assert judge.low == pytest.approx(PRICE.cost(judge.input_tokens, ROWS_OF_BENCH * 40))
    assert judge.high == pytest.approx(PRICE.cost(judge.input_tokens, ROWS_OF_BENCH * 1024))


def test_history_expects_no_more_than_the_limit(bench: Bench) -> None:
    limited = f"{API}, parameters: {{max_tokens: 10}}"
    judge = forecast(bench, limited, earlier=Usage(100, 40))
    assert judge.low == judge.high == pytest.approx(PRICE.cost(judge.input_tokens, 20))


class Likelihoods(EchoProvider):
    """A local model: it chooses by log-likelihood."""

    def prepare(self, call: PromptCall) -> PreparedCall:
        return replace(super().prepare(call), choice_method="loglikelihood")


def test_log_likelihoods_have_no_output(bench: Bench) -> None:
    plan = bench.plan(EXPERIMENT.format(settings=LOCAL))
    (judge,) = plan.experiment.judges.values()
    model = replace(judge.models[0], provider=Likelihoods("last", {}))
    judges = {judge.name: replace(judge, models=(model,))}
    plan = replace(plan, experiment=replace(plan.experiment, scorers=judges))
    with Store(bench.project.store) as store:
        (forecast,) = forecast_judges(plan, store, {})
    assert (forecast.requests, forecast.output_tokens) == (ROWS_OF_BENCH, 0)
    assert (forecast.low, forecast.high) == (0.0, 0.0)


def planned(home: Path) -> dict:
    done = invoke(home, "plan", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_plan_shows_judges_apart(tmp_path: Path, server: OpenAIServer) -> None:
    prices = 'prices: {"openai:judge": {input: 1, output: 2}}\n'
    write_judged_task(tmp_path, server, prompts="plain, loud", settings=prices)
    document = planned(tmp_path)
    assert document["requests"]["to_send"] == 2 * ROWS
    (judge,) = document["judges"]
    assert (judge["requests"], judge["output_tokens"]) == (2 * ROWS, 2 * ROWS * 1024)
    lines = invoke(tmp_path, "plan").stdout
    assert f"judge polite on openai:judge: at most {2 * ROWS} requests, 0 verdicts stored" in lines
    assert f"up to {2 * ROWS * 1024:,} out, cost USD up to 0.0" in lines


def test_a_pair_is_asked_of_all_variants_but_the_baseline(
    tmp_path: Path, server: OpenAIServer
) -> None:
    """Also where the variant's answer is stored and the baseline's is not."""
    pair = "  - pairwise: {}"
    write_judged_task(tmp_path, server, judges=[pair], prompts="plain, loud", model="echo:last")
    server.script = lambda path, body, nth: Reply(body=answer("Verdict: first"))
    both_orders = 2 * ROWS
    (judge,) = planned(tmp_path)["judges"]
    assert (judge["requests"], judge["stored"]) == (both_orders, 0)
    write_judged_task(tmp_path, server, prompts="loud")
    server.script = lambda path, body, nth: Reply(body=answer("Verdict: yes"))
    run(tmp_path)
    write_judged_task(tmp_path, server, judges=[pair], prompts="plain, loud")
    (judge,) = planned(tmp_path)["judges"]
    assert (judge["requests"], judge["stored"]) == (both_orders, 0)
    server.script = lambda path, body, nth: Reply(body=answer("Verdict: first"))
    run(tmp_path)
    (judge,) = planned(tmp_path)["judges"]
    assert (judge["requests"], judge["stored"]) == (0, ROWS)
