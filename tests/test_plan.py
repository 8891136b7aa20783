"""What an experiment comes to: which variants, which requests, and which of them are one."""

import json

import pytest
from bench import EXPERIMENT, refusal
from hypothesis import given
from hypothesis import strategies as st

from workbench.canonical import canonical_json, digest
from workbench.plan import Options, Scope, plan_invocation
from workbench.store import Store

API = """\
dataset: rows.jsonl
prompts: [plain]
models:
  - openai:m: {{base_url: "http://127.0.0.1:1/v1"{one}}}
  - openai:{name}: {{base_url: "http://127.0.0.1:{port}/v1", as: other{two}}}
evaluators: [output_tokens]
"""


ONE = API.splitlines(keepends=True)
ONE = "".join(ONE[:4] + ONE[5:]).format(one="")


def api(name: str = "m", port: int = 1, one: str = "", two: str = "") -> str:
    return API.format(name=name, port=port, one=one, two=two)


def names(plan) -> list[str]:
    return [variant.name for variant in plan.variants]


def counts(plan) -> dict[str, int]:
    return {
        "cells": plan.planned,
        "stored": plan.stored,
        "shared": plan.shared,
        "sent": plan.to_send,
    }


def test_plan_crosses_prompts_models_and_grid(bench):
    bench.write("short.jinja", "Short: {{ text }}")
    plan = bench.plan(
        "dataset: rows.jsonl\nprompts: [plain, short]\nmodels: [echo:last, echo:prompt]\n"
        "grid: {temperature: [0, 0.7], stop: [['a', 'b'], null]}\nevaluators: [output_tokens]\n"
    )
    assert (counts(plan), names(plan)[:5], names(plan)[-1]) == (
        {"cells": 32, "stored": 0, "shared": 0, "sent": 32},
        [
            "plain · last · temperature=0 · stop=['a', 'b']",
            "plain · last · temperature=0 · stop=None",
            "plain · last · temperature=0.7 · stop=['a', 'b']",
            "plain · last · temperature=0.7 · stop=None",
            "plain · prompt · temperature=0 · stop=['a', 'b']",
        ],
        "short · prompt · temperature=0.7 · stop=None",
    )


def test_request_holds_the_rendered_messages_and_the_parameters(bench):
    plan = bench.plan(EXPERIMENT + "parameters: {max_tokens: 5, top_p: null}\n")
    assert [request.body for request in plan.requests[0]] == [
        {"messages": [{"role": "user", "content": text}], "parameters": {"max_tokens": 5}}
        for text in ("one", "two")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (api(), {"cells": 4, "stored": 0, "shared": 2, "sent": 2}),
        (api(name="n"), {"cells": 4, "stored": 0, "shared": 0, "sent": 4}),
        (api(port=2), {"cells": 4, "stored": 0, "shared": 0, "sent": 4}),
        (
            api(two=", parameters: {temperature: 0.5}"),
            {"cells": 4, "stored": 0, "shared": 0, "sent": 4},
        ),
    ],
    ids=["equal", "other name", "other server", "other parameters"],
)
def test_only_equal_requests_to_one_model_are_shared(bench, text, expected):
    assert counts(bench.plan(text)) == expected


def test_equal_rows_share_a_request_unless_answers_are_sampled(bench):
    rows = "".join(f'{{"id": "{n}", "text": "same"}}\n' for n in range(3))
    bench.write("rows.jsonl", rows)
    greedy = bench.plan(ONE + "parameters: {temperature: 0}\n")
    sampled = bench.plan(ONE + "parameters: {temperature: 1}\n")
    assert [counts(bench.plan()), counts(greedy), counts(sampled)] == [
        {"cells": 3, "stored": 0, "shared": 2, "sent": 1},
        {"cells": 3, "stored": 0, "shared": 2, "sent": 1},
        {"cells": 3, "stored": 0, "shared": 0, "sent": 3},
    ]


def test_repeats_are_requests_of_their_own_unless_the_answer_is_fixed(bench):
    sampled = bench.plan(ONE + "repeats: 3\n")
    assert [counts(bench.plan(EXPERIMENT + "repeats: 3\n")), counts(sampled)] == [
        {"cells": 6, "stored": 0, "shared": 4, "sent": 2},
        {"cells": 6, "stored": 0, "shared": 0, "sent": 6},
    ]


def test_each_repeat_has_the_next_seed(bench):
    plan = bench.plan(EXPERIMENT + "repeats: 3\nparameters: {seed: 10}\n")
    assert [request.body["parameters"]["seed"] for request in plan.requests[0]] == [
        10,
        11,
        12,
        10,
        11,
        12,
    ]


def test_a_longer_experiment_keeps_the_keys_of_the_shorter(bench):
    short = bench.plan(ONE, scope=Scope(limit=1))
    bench.write("plain.jinja", "\nuser:\n{{ text }}\n\n")
    long = bench.plan(ONE + "repeats: 2\n", stored=frozenset(cell.key for cell in short.cells[0]))
    assert counts(long) == {"cells": 4, "stored": 1, "shared": 0, "sent": 3}


def test_stored_answers_are_not_sent_again(bench):
    first = bench.plan()
    keys = frozenset(request.key for request in first.requests[0])
    assert counts(bench.plan(stored=keys)) == {"cells": 2, "stored": 2, "shared": 0, "sent": 0}


def test_plan_of_a_reader_has_no_requests(bench, tmp_path):
    options = Options(sends=False, looks_up=False)
    with Store(tmp_path) as store:
        plan = plan_invocation(bench.experiment(), bench.renderer, store, options)
    assert counts(plan) == {"cells": 2, "stored": 2, "shared": 0, "sent": 0}


def test_variants_that_come_to_the_same_run_once_and_it_is_said(bench):
    bench.write("again.jinja", "\n\nuser:\n\n{{ text }}\n\n")
    plan = bench.plan(EXPERIMENT.replace("[plain]", "[plain, again]") + "grid: {seed: [1, null]}\n")
    assert (names(plan), plan.notes) == (
        ["plain · seed=1", "plain · seed=None"],
        (
            "again · seed=1 equals plain · seed=1: they are run once",
            "again · seed=None equals plain · seed=None: they are run once",
        ),
    )


def test_the_grid_wins_over_prompt_model_and_experiment(bench):
    bench.write("own.jinja", "---\nparameters: {seed: 3}\nstop: p\n---\n{{ text }}")
    plan = bench.plan(
        "dataset: rows.jsonl\nprompts: [plain, own]\n"
        "models: [echo:last: {parameters: {seed: 2, max_tokens: 2}}]\n"
        "parameters: {seed: 1, max_tokens: 1, top_p: 1}\ngrid: {top_p: [0.5, null]}\n"
        "evaluators: [output_tokens]\n"
    )
    assert [variant.parameters for variant in plan.variants] == [
        {"seed": 2, "max_tokens": 2, "top_p": 0.5},
        {"seed": 2, "max_tokens": 2},
        {"seed": 3, "max_tokens": 2, "top_p": 0.5, "stop": ["p"]},
        {"seed": 3, "max_tokens": 2, "stop": ["p"]},
    ]


TWO = "dataset: rows.jsonl\nprompts: [plain, short]\nmodels: [echo:last, echo:prompt]\n" + (
    "evaluators: [output_tokens]\n"
)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("[]", ["plain · last", "plain · prompt", "short · last", "short · prompt"]),
        ("[{prompt: short, model: 'echo:p*'}]", ["plain · last", "plain · prompt", "short · last"]),
        ("[{model: prompt}]", ["plain · last", "short · last"]),
        ("[{prompt: 'p*'}, {model: last}]", ["short · prompt"]),
    ],
)
def test_excluded_pairs_are_left_out(bench, rules, expected):
    bench.write("short.jinja", "{{ text }}!")
    assert names(bench.plan(f"{TWO}exclude: {rules}\n")) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "[{prompt: '*'}]",
            "prompts/qa/experiment.yaml: `exclude` leaves no variant\n  fix: remove a rule",
        ),
        (
            "[{model: last}, {prompt: shrt}]",
            "prompts/qa/experiment.yaml:5:26: the rule {'prompt': 'shrt'} excludes nothing\n"
            "  fix: use names among plain, short, echo:last, echo:prompt",
        ),
    ],
)
def test_rule_that_excludes_all_or_nothing_is_named(bench, rules, expected):
    bench.write("short.jinja", "{{ text }}!")
    assert refusal(bench.plan, f"{TWO}exclude: {rules}\n") == expected


def test_limit_means_the_first_rows(bench):
    plan = bench.plan(scope=Scope(limit=1))
    assert ([cell.example.id for cell in plan.cells[0]], dict(plan.scope)) == (["a"], {"limit": 1})


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["plain*"], ["plain · last", "plain · prompt"]),
        (["short · last"], ["short · last"]),
        (["*prompt"], ["plain · prompt", "short · prompt"]),
        (["short · last", "plain · p*"], ["plain · prompt", "short · last"]),
        (["plain*", "*prompt"], ["plain · last", "plain · prompt", "short · prompt"]),
        ([""], ["plain · last", "plain · prompt", "short · last", "short · prompt"]),
    ],
)
def test_only_the_variants_asked_for_are_planned(bench, only, expected):
    bench.write("short.jinja", "{{ text }}!")
    assert names(bench.plan(TWO, scope=Scope(only=only))) == expected


def test_variant_is_found_by_its_name_though_it_holds_brackets(bench):
    plan = bench.plan(
        EXPERIMENT + "grid: {stop: [[a], [b]]}\n", scope=Scope(only=["plain · stop=['b']"])
    )
    assert names(plan) == ["plain · stop=['b']"]


def test_unknown_variant_lists_those_that_are(bench):
    assert refusal(bench.plan, scope=Scope(only=["plian"])) == (
        "unknown variant 'plian'\n  fix: did you mean 'plain'? known: plain"
    )


def test_pattern_without_a_match_is_named_though_another_matches(bench):
    assert refusal(bench.plan, scope=Scope(only=["plain", "shrt"])).startswith(
        "unknown variant 'shrt'\n"
    )


def test_the_order_of_patterns_makes_no_other_plan(bench):
    bench.write("short.jinja", "{{ text }}!")
    scopes = (["short*", "plain*"], ["plain*", "short*", "plain*"])
    plans = [bench.plan(TWO, scope=Scope(only=only)) for only in scopes]
    assert plans[0].digest == plans[1].digest
    assert dict(plans[0].scope) == {"only": ["plain*", "short*"]}
    assert Scope.from_json(plans[0].scope) == Scope(only=["plain*", "short*"])
    assert Scope.from_json({"limit": 2, "only": "plain"}) == Scope(2, ["plain"])


def test_row_that_does_not_render_stops_the_plan(bench):
    bench.write("plain.jinja", "user:\n{{ text }}\n{{ titel }}")
    bench.write("rows.jsonl", '{"id": "a", "text": "x", "title": "y"}\n')
    assert refusal(bench.plan) == (
        "prompts/qa/plain.jinja:3:4: unknown variable 'titel' (row a, rows.jsonl:1)\n"
        "  fix: did you mean 'title'? known: title, id, text"
    )


def test_evaluator_without_its_expectations_is_named(bench):
    assert refusal(bench.plan, EXPERIMENT.replace("output_tokens", "exact_match")) == (
        "prompts/qa/experiment.yaml: the evaluator 'exact_match' needs expectations, "
        "and the dataset has none\n  fix: add `expected: COLUMN` to `dataset:`"
    )


def test_expected_column_is_hidden_from_templates(bench):
    bench.write("plain.jinja", "{{ text }} {{ label }}")
    bench.write("rows.jsonl", '{"id": "a", "text": "x", "label": "y"}\n')
    text = EXPERIMENT.replace("rows.jsonl", "{path: rows.jsonl, expected: label}")
    assert refusal(bench.plan, text) == (
        "prompts/qa/plain.jinja:1:15: unknown variable 'label' (row a, rows.jsonl:1)\n"
        "  fix: `expected: label` reads 'label', so templates can't show it"
    )


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("plain.jinja", "{{ text }}?"),
        ("rows.jsonl", '{"id": "a", "text": "other"}\n'),
        ("experiment.yaml", EXPERIMENT + "parameters: {seed: 1}\n"),
        ("experiment.yaml", EXPERIMENT + "repeats: 2\n"),
        ("experiment.yaml", EXPERIMENT.replace("echo:last", "echo:prompt")),
        ("experiment.yaml", EXPERIMENT.replace("output_tokens", "latency")),
        ("experiment.yaml", "name: another\n" + EXPERIMENT),
    ],
)
def test_plan_is_known_by_all_that_decides_it(bench, path, content):
    before = bench.plan().digest
    bench.write(path, content)
    text = (bench.task / "experiment.yaml").read_text()
    assert bench.plan(text).digest != before


def test_plan_is_known_again_though_its_files_are_written_otherwise(bench):
    before = bench.plan().digest
    bench.write("plain.jinja", "\r\nuser:\r\n\r\n{{ text }}\r\n")
    bench.write("rows.jsonl", '\n{"text": "one", "id": "a"}\n\n{"text":"two","id":"b"}')
    text = "# the same\n" + "\n".join(reversed(EXPERIMENT.splitlines())) + "\ndescription: words\n"
    assert bench.plan(text).digest == before


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def turned_round(value: object) -> object:
    if isinstance(value, dict):
        return {key: turned_round(value[key]) for key in reversed(value)}
    return [turned_round(item) for item in value] if isinstance(value, list) else value


@given(json_values)
def test_digest_does_not_depend_on_the_order_of_keys(value):
    assert digest(turned_round(value)) == digest(value)


@given(json_values)
def test_canonical_text_is_the_data(value):
    assert json.loads(canonical_json(value)) == value


def test_only_the_models_that_are_used_need_to_be_here(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "empty"))
    text = EXPERIMENT.replace("[echo:last]", "[echo:last, transformers:gemma-3-270m]")
    assert [v.name for v in bench.plan(text, scope=Scope(only=["*last"])).variants] == [
        "plain · last"
    ]
    assert refusal(bench.plan, text) == (
        "prompts/qa/experiment.yaml: model 'gemma-3-270m' has not been fetched\n"
        "  fix: workbench models add gemma-3-270m"
    )
