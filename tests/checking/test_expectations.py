"""Expected values that are missing, that no answer can match, or that a template shows."""

import pytest
from bench import refusal

from workbench.lint import lint_task

LABELS = "[label_match: {labels: [positive, negative]}]"
EXPRESSION = '"{{ choices[answer] }}"'


def labelled(*labels: object) -> list:
    return [{"id": n, "question": f"q{n}", "label": label} for n, label in enumerate(labels)]


TEMPLATE = "user:\n{{ question }}"


@pytest.mark.parametrize(
    ("labels", "evaluators", "more", "expected"),
    [
        (["a", "b"], "[exact_match]", "", []),
        ([0, False], "[exact_match, contains]", "", []),
        ([["a", "b"], "c"], "[exact_match]", "", []),
        ([["a", "b"], "c"], "[set_overlap: {measure: exact}, entities]", "", []),
        (['{"a": 1}', '{"a": 2}'], "[json_field: {field: a}]", "", []),
        (["2023-12-01", "2 Dec 2023"], "[date_match]", "", []),
        (["SELECT a FROM t"], "[sql_match]", "", []),
        (["positive", "Negative"], LABELS, "", []),
        (
            ["a", None, " ", []],
            "[exact_match, contains, output_tokens]",
            "",
            [
                "3 of 4 rows (first: 1, rows.jsonl:2; 2, rows.jsonl:3; 3, rows.jsonl:4) have no "
                "expected value; each is an error of exact_match, contains: fill them in or remove "
                "them"
            ],
        ),
        (["a", ""], "[output_tokens]", "", []),
        (
            ["positive", "neutral", "neutral"],
            LABELS,
            "",
            ["label_match: 2 of 3 rows (first: 1, rows.jsonl:2; 2, rows.jsonl:3) can't be right"],
        ),
        (
            ["12", "many"],
            "[numeric_answer]",
            "",
            ["numeric_answer: 1 of 2 rows (first: 1, rows.jsonl:2) can't be right with any answer"],
        ),
        (
            ["one\ntwo", "three"],
            "[exact_match]",
            'parameters: {stop: ["\\n"]}\n',
            [
                r"the expected value contains the stop text '\n' in 1 of 2 rows "
                "(first: 0, rows.jsonl:1); an answer ends before it"
            ],
        ),
        (
            ["one\ntwo", "three"],
            "[exact_match: {transform: first_line}]",
            "",
            [
                "exact_match: an answer equal to the expected value is not right in 1 of 2 rows "
                "(first: 0, rows.jsonl:1); shorten the expected value, or change the evaluator's "
                "settings"
            ],
        ),
        (["one", "two"], '[exact_match: {transform: {after: "Answer:"}}]', "", []),
        (["1.0", "many"], '[label_match: {labels: ["1", many]}]', "", []),
        (["1.5", "2.5"], "[numeric_answer]", "parameters: {stop: .}\n", []),
        (
            ["one two three four", "one"],
            "[contains]",
            "parameters: {max_tokens: 3}\n",
            [
                "max_tokens 3 is less than the words of the expected value in 1 of 2 rows "
                "(first: 0, rows.jsonl:1); raise max_tokens"
            ],
        ),
        (
            [["one two three four", "one"], ["two"]],
            "[contains]",
            "parameters: {max_tokens: 3}\n",
            [],
        ),
        (
            ["a long solution #### 4", "#### 3"],
            "[numeric_answer]",
            "parameters: {max_tokens: 2}",
            [],
        ),
    ],
)
def test_expected_values_are_noted_before_paying(notes, labels, evaluators, more, expected):
    lines = notes(TEMPLATE, labelled(*labels), evaluators=evaluators, more=more)
    lines = [line for line in lines if "'expected_response' holds" not in line]
    assert [line[: len(start)] for line, start in zip(lines, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("labels", "evaluators", "problem"),
    [
        ([None, None], "[exact_match]", "`expected: label` is null or empty in every row"),
        (["", " "], "[exact_match]", "`expected: label` is null or empty in every row"),
        (["good", "bad"], LABELS, "can't be right with any answer"),
        (["many", "few"], "[numeric_answer]", "can't be right with any answer"),
        ([{"a": 1}, {"a": 2}], "[exact_match]", "can't be right with any answer"),
    ],
)
def test_experiment_that_no_answer_can_pass_is_refused(refused, labels, evaluators, problem):
    assert problem in refused(TEMPLATE, labelled(*labels), evaluators=evaluators)


def test_evaluator_that_compares_needs_expected(refused):
    assert refused(TEMPLATE, labelled("a", "b"), expected="") == (
        "prompts/qa/experiment.yaml: the evaluator 'exact_match' needs expectations, and the "
        "dataset has none\n  fix: add `expected: COLUMN` to `dataset:`"
    )


CHOICES = '---\nchoices: [" yes", " no"]\n---\nuser:\n{{ question }}'


def test_expected_value_outside_the_choices_is_noted(notes):
    assert notes(CHOICES, labelled("yes", "no", "maybe")) == [
        "prompts/qa/plain.jinja:2:1: exact_match: none of the `choices` is right in 1 of 3 rows "
        "(first: 2, rows.jsonl:3); the choices are ' yes', ' no'"
    ]


def test_a_metric_of_a_run_judges_no_single_choice(notes):
    macro_f1 = "[{macro_f1: {labels: ['yes', 'no']}}]"
    assert notes(CHOICES, labelled("yes", "no"), evaluators=macro_f1) == []


def test_choices_that_are_never_right_are_refused(refused):
    assert refused(CHOICES, labelled("true", "false")) == (
        "prompts/qa/plain.jinja:2:1: exact_match: none of the `choices` is right in 2 of 2 rows "
        "(first: 0, rows.jsonl:1; 1, rows.jsonl:2)\n  fix: the choices are ' yes', ' no'"
    )


def test_column_that_equals_the_expected_value_is_noted(notes):
    rows = [{"id": n, "question": f"q{n}", "gold": g, "label": g} for n, g in enumerate("aba")]
    assert notes("user:\n{{ question }}\n{{ gold }}", rows) == [
        "prompts/qa/plain.jinja:3: the column 'gold' equals the expected value in all 3 rows; "
        "the template shows the answer; leave the column out"
    ]
    assert notes(TEMPLATE, rows) == []


def test_choices_from_the_row_are_shown_without_a_note(notes):
    rows = [{"id": n, "choices": ["x", f"y{n}"], "answer": n % 2} for n in range(4)]
    assert notes("user:\n{{ choices | join }}", rows, expected=EXPRESSION) == []


def test_label_of_an_expression_does_not_leak(refused):
    rows = [{"id": n, "choices": ["x", "y"], "answer": n % 2} for n in range(4)]
    template = "user:\n{{ choices | join }} {{ answer }}"
    message = refused(template, rows, expected=EXPRESSION)
    assert (
        "unknown variable 'answer' (row 0, rows.jsonl:1)\n  fix: `expected: {{ choices" in message
    )
    assert message.endswith("reads 'answer', so templates can't show it")


def test_answer_inside_a_column_that_the_template_shows_needs_its_own_column(refused):
    turns = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
    rows = [{"id": n, "messages": turns} for n in range(2)]
    message = refused(
        "user:\n{{ messages[0].content }}", rows, expected='"{{ messages[-1].content }}"'
    )
    assert message.endswith("can't show it; give the answer a column of its own")


@pytest.mark.parametrize("answer", ["contains:Paris", "not-icontains: x", "similar(0.8): Paris"])
def test_assertions_of_promptfoo_are_noted(notes, answer):
    rows = [{"id": 1, "question": "?", "context": "", "label": "4"}]
    rows += [{"id": 2, "question": "!", "context": "", "label": answer}]
    assert (
        f"expected values such as {answer!r} are promptfoo's assertions; keep the value "
        "(\"{{ __expected.split(':', 1)[-1].strip() }}\"), and name an evaluator"
    ) in notes(rows=rows)
    assert not any("promptfoo" in note for note in notes(rows=rows[:1]))


def test_lint_uses_the_words_of_plan(bench, write):
    rows = [*labelled("positive", "", "neutral"), {"id": 3, "question": "", "label": "negative"}]
    text = write("user:\nHi {{ question }}\nUser:\n", rows, evaluators=LABELS)
    notes = bench.plan(text).notes
    task = lint_task(bench.project, "qa", 0)
    assert len(notes) == 4
    assert sorted([*task.file_warnings, *task.prompts[0].warnings]) == sorted(notes)


def test_lint_refuses_as_plan_does(bench, write):
    text = write("user:\n{question}", labelled("a", "b"))
    bench.write("experiment.yaml", text)
    (error,) = lint_task(bench.project, "qa", 0).errors
    assert str(error) == refusal(bench.plan, text)


def test_lint_refuses_expected_values_as_plan_does(bench, write):
    text = write(TEMPLATE, labelled("good", "bad"), evaluators=LABELS)
    bench.write("experiment.yaml", text)
    (error,) = lint_task(bench.project, "qa", 0).file_errors
    assert str(error) == refusal(bench.plan, text)


def test_what_is_wrong_in_the_first_rows_only_is_noted(notes):
    """With `--limit`: other rows may have an expected value that is right."""
    assert notes(TEMPLATE, labelled(None, "good"), limit=1) == [
        "1 of 1 rows (first: 0, rows.jsonl:1) have no expected value; each is an error of "
        "exact_match: fill them in or remove them"
    ]
