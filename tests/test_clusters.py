"""Clusters of rows that are not independent."""

import json

import pytest
from bench import EXPERIMENT

from workbench.plan import Scope, summarize_plan
from workbench.plan.clusters import find_copies, number_clusters
from workbench.plan.forecast import forecast
from workbench.report.plan import plan_json, plan_lines
from workbench.store import Store

SAMPLED = """\
dataset: rows.jsonl
prompts: [plain, short]
models: [openai:m: {base_url: "http://127.0.0.1:1/v1"}]
evaluators: [output_tokens]
parameters: {temperature: 1}
"""


def write_rows(bench, *rows: dict) -> None:
    numbered = ({"id": str(number), **row} for number, row in enumerate(rows))
    bench.write("rows.jsonl", "".join(f"{json.dumps(row)}\n" for row in numbered))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [("abc", (0, 1, 2)), ("aba", (0, 1, 0)), ("abba", (0, 1, 1, 0))],
)
def test_rows_with_equal_requests_are_one_cluster(bench, texts, expected):
    write_rows(bench, *({"text": text} for text in texts))
    assert bench.plan().clusters([0]) == expected


def test_equal_rows_are_one_cluster_though_each_is_sampled(bench):
    bench.write("short.jinja", "Short: {{ text }}")
    write_rows(bench, {"text": "a"}, {"text": "b"}, {"text": "a"})
    plan = bench.plan(SAMPLED)
    assert (len({cell.key for cell in plan.cells[0]}), plan.clusters([0])) == (3, (0, 1, 0))


def test_repeats_with_seeds_of_their_own_are_no_rows(bench):
    write_rows(bench, {"text": "a"}, {"text": "b"}, {"text": "a"})
    plan = bench.plan(EXPERIMENT + "repeats: 3\nparameters: {seed: 1}\n")
    assert plan.clusters([0]) == (0, 1, 0)


def test_rows_equal_in_any_compared_variant_are_chained(bench):
    bench.write("short.jinja", "{{ topic }}")
    rows = [("a", "x"), ("b", "x"), ("b", "y"), ("c", "z")]
    write_rows(bench, *({"text": text, "topic": topic} for text, topic in rows))
    plan = bench.plan(EXPERIMENT.replace("[plain]", "[plain, short]"))
    assert {
        "plain": plan.clusters([0]),
        "short": plan.clusters([1]),
        "both": plan.clusters([0, 1]),
    } == {"plain": (0, 1, 1, 2), "short": (0, 0, 1, 2), "both": (0, 0, 0, 1)}


def test_rows_of_one_group_are_one_cluster(bench):
    rows = [("a", "x"), ("b", None), ("c", "x"), ("b", "y"), ("d", None), ("e", "y")]
    write_rows(bench, *({"text": text, "passage": passage} for text, passage in rows))
    text = EXPERIMENT.replace("rows.jsonl", "{path: rows.jsonl, cluster: passage}")
    limited = bench.plan(text, scope=Scope(limit=3))
    assert {
        "grouped": bench.plan(text).clusters([0]),
        "of no variant": bench.plan(text).clusters([]),
        "limited": limited.clusters([0]),
    } == {
        "grouped": (0, 1, 0, 1, 2, 1),
        "of no variant": (0, 1, 0, 2, 3, 2),
        "limited": (0, 1, 0),
    }


def test_a_cluster_column_changes_the_invocation_but_no_request(bench):
    write_rows(bench, {"text": "a", "passage": 1}, {"text": "b", "passage": 1})
    text = EXPERIMENT.replace("rows.jsonl", "{path: rows.jsonl, cluster: passage}")
    grouped, plain = bench.plan(text), bench.plan()
    assert (grouped.bodies, grouped.digest == plain.digest) == (plain.bodies, False)
    assert summarize_plan(grouped).digest == grouped.digest


def test_a_plan_shows_its_clusters(bench, tmp_path):
    write_rows(bench, {"text": "a"}, {"text": "b"}, {"text": "a"})
    plan = bench.plan()
    with Store(tmp_path) as store:
        forecasts = forecast(plan, store, {})
    document = plan_json(plan, forecasts, "USD")
    assert (plan_lines(plan, forecasts, "USD")[1], document["rows"], document["clusters"]) == (
        "3 rows in 2 clusters: intervals and verdicts count clusters",
        3,
        2,
    )


def test_variants_with_the_same_copies_share_their_clusters(bench):
    text = EXPERIMENT.replace("[echo:last]", "[echo:last, echo:prompt]")
    plan = bench.plan(text)
    assert plan.clusters([0]) is plan.clusters([1, 0])


def test_a_long_chain_is_one_cluster():
    rows = 100_000
    pairs = find_copies([row // 2 for row in range(rows)])
    shifted = find_copies([(row + 1) // 2 for row in range(rows)])
    assert set(number_clusters(rows, [pairs, shifted])) == {0}
