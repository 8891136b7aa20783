"""Prices that come with Workbench: where they are used, and what is said of them."""

import json
from datetime import date

import pytest
from bench import Bench
from house import PACKAGE

from workbench.catalog.published_prices import read_published
from workbench.completing.budget import Budget
from workbench.experiment import Resolvers, load_experiment
from workbench.model import Request
from workbench.project import Price, Project
from workbench.project.project_file import ProjectFile

LUNA = "openai:gpt-6-luna"
FILE = """\
dataset: rows.jsonl
prompts: [plain]
models: [{models}]
evaluators: [output_tokens]
{more}
"""
NOTE = (
    f"{LUNA}: prices as of {read_published().as_of}, from genai-prices 0.2.3; "
    "`prices:` in workbench.yaml replaces them"
)


def listed(bench: Bench, models: str, more: str = "", **settings: object) -> tuple[dict, tuple]:
    """The listed prices of an experiment with these models, by name, and the notes."""
    file = bench.write("experiment.yaml", FILE.format(models=models, more=more))
    project = Project(bench.root, ProjectFile.model_validate(settings))
    resolvers = Resolvers(lambda *_: None, lambda _: [])  # type: ignore[arg-type, return-value]
    experiment = load_experiment(file, project, bench.renderer, resolvers)
    prices = experiment.listed_prices.prices
    return {name: price.input for name, price in prices.items()}, experiment.listed_prices.notes


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.mark.parametrize(
    "models",
    [
        LUNA,
        f"{{'{LUNA}': {{concurrency: 4}}}}",
        f"{{'{LUNA}': {{base_url: 'https://api.openai.com/v1', api_key_env: K}}}}",
        f"{LUNA}, echo:last",
    ],
)
def test_a_model_at_its_provider_s_address_has_the_listed_price(bench: Bench, models: str) -> None:
    assert listed(bench, models) == ({LUNA: 0.1}, (NOTE,))


@pytest.mark.parametrize(
    "model",
    [
        f"{{'{LUNA}': {{base_url: 'http://127.0.0.1:8000/v1'}}}}",
        f"{{'{LUNA}': {{base_url: 'https://gateway.example/v1', api_key_env: K}}}}",
        f"{{'{LUNA}': {{base_url: 'https://api.openai.com.example/v1', api_key_env: K}}}}",
        f"{{'{LUNA}': {{base_url: 'https://api.openai.com:8443/v1', api_key_env: K}}}}",
        f"{LUNA}, {{'{LUNA}': {{as: own, base_url: 'http://127.0.0.1:8000/v1'}}}}",
        "openai:gpt-6-luna-2026-09-22",  # a snapshot that the list doesn't name
        "openai:gpt-6",
        "openai:GPT-6-Luna",
        "openai:claude-sonnet-5",
        "echo:last",
    ],
)
def test_no_other_model_or_address_has_one(bench: Bench, model: str) -> None:
    assert listed(bench, model) == ({}, ())


def test_the_address_of_the_environment_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert listed(bench, LUNA) == ({}, ())


def test_another_provider_s_address_has_its_own_models(bench: Bench) -> None:
    url = "https://api.anthropic.com/v1"
    model = f"{{'openai:claude-sonnet-5': {{base_url: '{url}', api_key_env: K}}}}"
    assert listed(bench, model)[0] == {"openai:claude-sonnet-5": 2.0}


def test_a_price_of_the_file_comes_first(bench: Bench) -> None:
    assert listed(bench, LUNA, prices={LUNA: {"input": 9, "output": 9}}) == ({}, ())


def test_another_currency_has_no_listed_price(bench: Bench) -> None:
    note = f"no price for {LUNA}: published prices are in USD, not EUR (workbench.yaml)"
    assert listed(bench, LUNA, currency="EUR") == ({}, (note,))


@pytest.mark.parametrize(
    "more",
    [
        "parameters: {service_tier: flex}",
        "grid: {service_tier: [default, flex]}",
        "parameters: {extra_body: {service_tier: flex}}",
    ],
)
def test_a_service_tier_has_prices_of_its_own(bench: Bench, more: str) -> None:
    note = f"no price for {LUNA}: service_tier 'flex' has prices of its own (workbench.yaml)"
    assert listed(bench, LUNA, more) == ({}, (note,))


def test_a_model_that_scores_has_its_price_too(bench: Bench) -> None:
    more = f"  - rubric: {{rubric: Polite., model: {LUNA}}}"
    file = FILE.replace("[output_tokens]", "\n  - output_tokens")
    file = file.format(models="echo:last", more=more)
    path = bench.write("experiment.yaml", file)
    resolvers = Resolvers(lambda *_: None, lambda _: [])  # type: ignore[arg-type, return-value]
    experiment = load_experiment(path, bench.project, bench.renderer, resolvers)
    assert list(experiment.listed_prices.prices) == [LUNA]


def test_every_listed_price_is_one() -> None:
    published = read_published()
    assert date.fromisoformat(published.as_of) <= date.today()
    assert {host for host, _ in published.by_model} == set(published.pages)
    for figures in published.by_model.values():
        price = Price.model_validate(figures)
        assert price.input > 0
        if long := price.long_prompt:
            assert (long.input >= price.input, long.above >= 100_000) == (True, True)


def test_no_model_is_listed_twice() -> None:
    lines = (PACKAGE / "catalog" / "prices.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in lines.splitlines()[1:]]
    assert len({(row["host"], row["model"]) for row in rows}) == len(rows)


LONG = {"above": 1000, "input": 4, "output": 6, "cached_input": 1}
PRICE = Price.model_validate(
    {"input": 2, "output": 4, "cached_input": 0.5, "cache_write": 3, "long_prompt": LONG}
)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ((1000, 100, 0), 2400),
        ((1000, 100, 400), 1800),
        ((1001, 100, 0), 4604),
        ((1001, 100, 1001), 1601),
        ((10_000, 1000, 0, 10), 24_000),
        ((10_010, 1000, 0, 10), 46_040),
    ],
)
def test_a_long_prompt_has_a_price_of_its_own(tokens: tuple, expected: int) -> None:
    assert round(PRICE.cost(*tokens) * 1e6) == expected


def test_the_most_that_a_call_costs_counts_writing_to_the_cache() -> None:
    assert round(PRICE.most_cost(1000, 100) * 1e6) == 3400
    assert round(PRICE.most_cost(2000, 100) * 1e6) == 8600


def test_a_budget_reserves_the_price_of_a_long_prompt() -> None:
    request = Request.from_body("key", {"messages": [{"role": "user", "content": "a" * 2000}]})
    budget = Budget({"m": PRICE}, max_cost=1.0)
    size = len(request.text.encode())
    assert budget.worst_case("m", request) >= size * 4 / 1e6
