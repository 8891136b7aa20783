"""Choices that come from the rows: rendered, checked, sent, and normalized."""

import pytest
from bench import refusal

from workbench.lint.task import lint_task
from workbench.model import Completion, Usage
from workbench.prompt import choose

ROW = {
    "q": "Capital?",
    "options": ["Rom", " Paris", 7],
    "a": "A",
    "b": "B",
    "blank": " \u200b",
    "empty": [],
    "nested": {"text": ["t1", "t2"], "label": ["A", "B"]},
    "nothing": None,
}
FILE = "prompts/qa/one.jinja"
FEW = "  fix: give the row at least two choices, or remove it"
EXPERIMENT = "dataset: rows.jsonl\nprompts: [one]\nmodels: [MODEL]\nevaluators: [output_tokens]\n"


def source(choices: str, more: str = "") -> str:
    return f"---\nchoices: {choices}\n{more}---\n{{{{ q }}}}"


def calls(bench, text: str, *rows: dict) -> list:
    ids = [f"r{number}" for number in range(1, len(rows) + 1)]
    return list(bench.prompt(text).calls(bench.renderer, rows, ids))


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ('"{{ options }}"', ("Rom", " Paris", "7")),
        ('" {{- options -}} "', ("Rom", " Paris", "7")),
        ('"{{ nested.text }}"', ("t1", "t2")),
        ('"{{ [a, b] }}"', ("A", "B")),
        ('["{{ a }}", "{{ b }}"]', ("A", "B")),
        ('[" {{ a }}", " none of {{ a }} and {{ b }}"]', (" A", " none of A and B")),
        ("\"{{ options | map('string') | map('upper') }}\"", ("ROM", " PARIS", "7")),
        ('"{{ nested.keys() }}"', ("text", "label")),
        ('"{{ [1.0, 1.5, true, 10 ** 3] }}"', ("1", "1.5", "true", "1000")),
        ('["yes", "no"]', ("yes", "no")),
    ],
)
def test_choices_are_those_of_the_row(bench, choices, expected):
    (call,) = calls(bench, source(choices), ROW)
    assert (call.conversation.messages[0].content, call.choices) == ("Capital?", expected)


def test_rows_may_have_different_numbers_of_choices(bench):
    rows = [{**ROW, "options": ["a", "b"]}, {**ROW, "options": ["a", "b", "c", "d"]}]
    found = calls(bench, source('"{{ options }}"'), *rows)
    assert [call.choices for call in found] == [("a", "b"), ("a", "b", "c", "d")]


def test_variables_of_choices_are_variables_of_the_prompt(bench):
    prompt = bench.prompt(source('["{{ a }}", "{{ nested.text[0] ~ q }}"]'))
    assert prompt.all_variables == ["q", "a", "nested"]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (
            '"{{ optons }}"',
            "`choices`: unknown variable 'optons' (row r1)\n  fix: did you mean 'options'? "
            "known: options, a, b, blank, empty, nested, nothing, q",
        ),
        (
            '"{{ a }}"',
            "`choices` gives the text 'A', not a list (row r1)\n  fix: let the column hold a list "
            "(JSON Lines, Parquet), split its text: \"{{ options.split('|') }}\", or list columns: "
            '["{{ a }}", "{{ b }}"]',
        ),
        (
            '"{{ nested }}"',
            "`choices` gives a mapping of text, label, not a list (row r1)\n"
            '  fix: name the list in it, as in "{{ choices.text }}"',
        ),
        (
            '"{{ nothing }}"',
            "`choices` gives null, not a list (row r1)\n  fix: fill the row's list, or remove the "
            "row",
        ),
        ('"{{ empty }}"', f"`choices` gives an empty list (row r1)\n{FEW}"),
        ('"{{ options[:1] }}"', f"`choices` gives 1 choice, 'Rom' (row r1)\n{FEW}"),
        (
            "\"{{ [a, b, ' ' ~ a] }}\"",
            "`choices` gives 'A' twice, as choices 1 and 3 (row r1)\n"
            "  fix: remove one: two equal choices can't be told apart",
        ),
        (
            '"{{ [a, nothing] }}"',
            "`choices` gives null as choice 2, not a text (row r1)\n"
            "  fix: fill choice 2 in the row, or name the texts in the expression",
        ),
        (
            '[" {{ a }}", " {{ nothing }}"]',
            "`choices`: null (row r1)\n  fix: the row has: q (text), options (list), a (text), b "
            "(text), blank (text), empty (list), nested (mapping), nothing (null); check optional "
            "values with `is defined` or `default()`",
        ),
        (
            '["{{ nested }}", "b"]',
            "`choices` gives a mapping of text, label as choice 1, not a text (row r1)\n"
            "  fix: fill choice 1 in the row, or name the texts in the expression",
        ),
        (
            '["{{ a }}", "{{ blank }}"]',
            "`choices` gives ' \\u200b' as choice 2, which has no visible character (row r1)\n"
            "  fix: fill choice 2 in the row, or remove it",
        ),
    ],
)
def test_choices_of_a_row_are_checked(bench, choices, expected):
    assert refusal(calls, bench, source(choices), ROW) == f"{FILE}:2:1: {expected}"


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (
            '"{{ a b }}"',
            "2:1: `choices`: expected token 'end of print statement', got 'b'\n"
            '  fix: write an expression that gives a list: choices: "{{ options }}"',
        ),
        (
            "\"{% include '_x' %}\"",
            "2:1: `choices`: `include` is not allowed here\n"
            '  fix: write an expression that gives a list: choices: "{{ options }}"',
        ),
        ("{{ options }}", '2:11: a key must be a string\n  fix: quote a template: "{{ … }}"'),
        (
            '"yes"',
            "2:1: `choices` gives 1 choice, 'yes'\n"
            '  fix: write at least two texts, or an expression: choices: "{{ options }}"',
        ),
        (
            '["yes", " yes"]',
            "2:1: `choices` gives 'yes' twice, as choices 1 and 2\n"
            "  fix: remove one: two equal choices can't be told apart",
        ),
    ],
)
def test_choices_are_checked_as_far_as_no_row_is_needed(bench, choices, expected):
    assert refusal(bench.prompt, source(choices)) == f"{FILE}:{expected}"


def test_lint_names_the_row_as_plan_does(bench):
    bench.write("plain.jinja", '---\nchoices: ["{{ text }}", "two "]\n---\n{{ text }}')
    error = refusal(bench.plan)
    (findings,) = lint_task(bench.project, "qa", 0).prompts
    assert [str(found).replace(f"{bench.root}/", "") for found in findings.errors] == [error]
    assert error == (
        "prompts/qa/plain.jinja:2:1: `choices` gives 'two' twice, as choices 1 and 2 "
        "(row b, rows.jsonl:2)\n  fix: remove one: two equal choices can't be told apart"
    )


def test_normalize_needs_choices(bench):
    assert refusal(bench.prompt, "---\nnormalize: bytes\n---\na") == (
        f"{FILE}:2:1: `normalize` is set without `choices`\n  fix: remove it"
    )


def test_normalize_is_part_of_the_version_and_none_is_the_default(bench):
    digests = [
        bench.prompt(source("[a, b]", more)).digest
        for more in ("", "normalize: none\n", "normalize: bytes\n")
    ]
    assert (digests[0] == digests[1], digests[0] == digests[2]) == (True, False)


def plan_bodies(bench, model: str, more: str = "") -> list[dict]:
    bench.write("one.jinja", source('"{{ options }}"', more))
    bench.write(
        "rows.jsonl", '{"q": "1", "options": ["a", "b"]}\n{"q": "2", "options": [4, 5, 6]}\n'
    )
    plan = bench.plan(EXPERIMENT.replace("MODEL", model))
    return [request.body for request in plan.requests[0]]


def test_choices_of_each_row_are_in_its_request(bench):
    bodies = plan_bodies(bench, "echo:last")
    assert [body["choices"] for body in bodies] == [["a", "b"], ["4", "5", "6"]]


def test_a_schema_is_built_for_each_row(bench):
    bodies = plan_bodies(bench, 'openai:m: {base_url: "http://127.0.0.1:1/v1", choices: schema}')
    schemas = [body["response_format"]["json_schema"]["schema"] for body in bodies]
    enums = [schema["properties"]["choice"]["enum"] for schema in schemas]
    assert enums == [["a", "b"], ["4", "5", "6"]]


@pytest.mark.parametrize("method", ["text", "schema", "guided"])
def test_normalize_is_refused_without_log_likelihoods(bench, method):
    model = f'openai:m: {{base_url: "http://127.0.0.1:1/v1", choices: {method}}}'
    assert refusal(plan_bodies, bench, model, "normalize: characters\n") == (
        f"{FILE}:2:1: one: `normalize: characters` needs log-likelihoods, and this model answers "
        f"choices by {method!r}\n"
        "  fix: remove `normalize`, or exclude the pair; local models have log-likelihoods"
    )


# Sums favour the short one, tokens "größer", characters " 10 m", bytes the long one.
SCORES = {"kurz": -2.0, "größer": -3.0, " 10 m": -2.4, "viel zu lang": -6.5}
TOKENS = {"kurz": 1, "größer": 3, " 10 m": 2, "viel zu lang": 4}


def chosen(normalize: str, scores=SCORES, tokens=TOKENS) -> Completion:
    completion = Completion(
        "k",
        "ok",
        text="kurz",
        finish_reason="stop",
        usage=Usage(9, 1),
        choice_scores=scores,
        choice_tokens=tokens,
    )
    return choose(completion, normalize)


@pytest.mark.parametrize(
    ("normalize", "scores", "expected"),
    [
        ("none", {"ab": -3.0, "abcd": -4.0, "äöüß": -3.5}, "ab"),
        ("tokens", {"ab": -3.0, "abcd": -4.0, "äöüß": -3.5}, "äöüß"),  # 3, 4, 1.75 by tokens
        ("characters", {"ab": -3.0, "abcd": -4.0, "äöüß": -3.5}, "äöüß"),  # 1.5, 1, 0.875
        ("bytes", {"ab": -3.0, "abcd": -4.0, "äöüß": -7.0}, "äöüß"),  # 1.5, 1, 0.875
        ("characters", {"ab": -3.0, "abcd": -4.0, "äöüß": -7.0}, "abcd"),  # 1.5, 1, 1.75
        ("characters", {"ab": -3.0, "   c": -1.6}, "ab"),  # 1.5, 1.6: spaces don't count
    ],
)
def test_log_likelihoods_are_divided_by_length(normalize, scores, expected):
    tokens = {"ab": 1, "abcd": 1, "äöüß": 2, "   c": 1}
    completion = chosen(normalize, scores, {choice: tokens[choice] for choice in scores})
    assert (completion.text, completion.choice_scores) == (expected, scores)


def test_a_chosen_answer_has_its_own_number_of_tokens():
    assert chosen("tokens").usage == Usage(9, 3)


def test_of_equal_choices_the_first_is_chosen_and_the_tie_is_named():
    completion = chosen("characters", {"ab": -1.0, "abcd": -2.0, "c": -9.0}, None)
    assert (completion.text, completion.finish_reason) == ("ab", "tie")


def test_an_older_answer_without_token_counts_says_so():
    completion = chosen("tokens", SCORES, None)
    assert (completion.state, completion.text, completion.error) == (
        "invalid_response",
        "",
        "stored without the choices' token counts; --fresh computes them",
    )


def test_an_answer_without_log_likelihoods_stays_as_it_is():
    completion = Completion("k", "ok", text="yes")
    assert choose(completion, "none") is completion
