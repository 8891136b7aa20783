"""The order in which the requests of several variants are sent."""

import json
from pathlib import Path

import pytest
from bench import Bench
from openai_server import OpenAIServer

from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.plan import Plan, batch_requests, interleave, shuffled_rows
from workbench.project import Project
from workbench.store import Store

PROMPTS = ("plain", "short", "long")
ROWS = 40
EXPERIMENT = """\
dataset: rows.jsonl
prompts: [plain, short, long]
models: [{model}]
parameters: {{temperature: 0.5}}
repeats: 2
evaluators: [output_tokens]
"""


@pytest.fixture
def store(tmp_path: Path):
    (tmp_path / ".workbench").mkdir()
    with Store(tmp_path / ".workbench") as opened:
        yield opened


def planned(bench: Bench, model: str) -> Plan:
    for name in PROMPTS:
        bench.write(f"{name}.jinja", f"user:\n{name} {{{{ text }}}}\n")
    lines = [json.dumps({"id": f"r{n}", "text": str(n)}) for n in range(ROWS)]
    bench.write("rows.jsonl", "\n".join(lines))
    return bench.plan(EXPERIMENT.format(model=model))


def api(server: OpenAIServer) -> str:
    return f'"openai:m": {{base_url: "{server.url}", concurrency: 1}}'


def order_stored(plan: Plan, store: Store, **options: object) -> list[tuple[str, int]]:
    """Prompt and row of each answer, in the order in which the answers came."""
    with store.leases.session(plan.digest):
        complete(plan, RunContext(Project(store.database.folder.parent), store), **options)  # type: ignore[arg-type]
    owners = {
        cell.key: (variant.prompt.name, number // 2)
        for variant, cells in zip(plan.variants, plan.cells, strict=True)
        for number, cell in enumerate(cells)
    }
    rows = store.database.read("SELECT key FROM completions ORDER BY number")
    return [owners[key] for (key,) in rows]


def test_an_api_is_asked_row_by_row_and_no_variant_is_always_first(
    bench: Bench, server: OpenAIServer, store: Store
) -> None:
    order = order_stored(planned(bench, api(server)), store)
    assert [row for _, row in order] == [row for row in range(ROWS) for _ in range(6)]
    firsts = [order[start][0] for start in range(0, len(order), 6)]
    assert {name: firsts.count(name) >= 5 for name in PROMPTS} == dict.fromkeys(PROMPTS, True)


def test_a_round_keeps_its_order_of_rows(bench: Bench, server: OpenAIServer, store: Store) -> None:
    plan = planned(bench, api(server))
    rows = shuffled_rows(plan)[:10]
    order = order_stored(
        plan, store, rounds=lambda plan: [batch_requests(plan, range(3), rows, set())]
    )
    assert list(dict.fromkeys(row for _, row in order)) == rows
    assert [row for _, row in order] == [row for row in rows for _ in range(6)]


def test_a_local_model_is_asked_variant_after_variant(bench: Bench, store: Store) -> None:
    order = order_stored(planned(bench, "echo:last"), store)
    assert order == [(name, row) for name in PROMPTS for row in range(ROWS)]  # repeats are equal


def test_nothing_is_lost_or_sent_twice(bench: Bench) -> None:
    plan = planned(bench, "echo:last")
    requests = [request for requests in plan.requests for request in requests]
    order = interleave(plan, requests, range(ROWS))
    assert sorted(request.key for request in order) == sorted(request.key for request in requests)
