"""Rendered rows: empty messages, equal texts, columns without content."""

import json

import pytest
from bench import EXPERIMENT, refusal

from workbench.checking import RenderedRows

PLACE = "prompts/qa/plain.jinja"


def rows(*texts: object, label: str = "x") -> list:
    return [
        {"id": str(n), "text": text, "other": f"o{n}", "label": label}
        for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("template", "texts", "expected"),
    [
        (
            "system:\nBe brief.\n\nuser:\n{{ text }}",
            ["a", "", "b", " \n"],
            [
                "2 of 4 rows (first: 1, rows.jsonl:2; 3, rows.jsonl:4) render an empty user "
                "message",
                "2 of 4 rows (first: 1, rows.jsonl:2; 3, rows.jsonl:4) have nothing in the columns "
                "that the template uses ('text')",
            ],
        ),
        (
            "user:\n{% if text %}{{ text }}{% endif %}{{ other if text == 'a' }}",
            ["a", None, "b"],
            ["1 of 3 rows (first: 1, rows.jsonl:2) render an empty user message"],
        ),
        (
            "Review: {{ text }}",
            ["a", "\u3000"],
            [
                "1 of 2 rows (first: 1, rows.jsonl:2) have nothing in the columns that the "
                "template uses ('text')"
            ],
        ),
        ("Review: {{ text }} {{ other }}", ["a", ""], []),
        (
            "Review: {{ text }} {{ other }}",
            ["", " "],
            ["the column 'text' is empty in every row"],
        ),
        (
            "user:\nAbout {{ text }}",
            ["a", None],
            [
                "1 of 2 rows (first: 1, rows.jsonl:2) render null in 'text' as None; "
                "try {{ text or '' }}",
                "1 of 2 rows (first: 1, rows.jsonl:2) have nothing in the columns that the "
                "template uses ('text')",
            ],
        ),
        (
            "user:\n{{ text | length }} letters",
            ["a", "b"],
            ["all 2 rows render to the same text"],
        ),
        (
            "---\nchat: false\n---\n{{ text }}",
            ["a", ""],
            [
                "1 of 2 rows (first: 1, rows.jsonl:2) render an empty text",
                "1 of 2 rows (first: 1, rows.jsonl:2) have nothing in the columns that the "
                "template uses ('text')",
            ],
        ),
    ],
)
def test_rows_that_are_likely_wrong_are_counted_and_named(notes, template, texts, expected):
    assert notes(template, rows(*texts)) == [f"{PLACE}: {line}" for line in expected]


def test_a_template_that_renders_nothing_is_refused(refused):
    assert refused("user:\n{{ text }}", rows("", " ")) == (
        f"{PLACE}: 2 of 2 rows (first: 0, rows.jsonl:1; 1, rows.jsonl:2) render an empty user "
        "message"
    )


def test_equal_rows_render_equal_texts_without_a_note(notes):
    equal = [{"id": n, "text": "a", "label": "x"} for n in range(3)]
    assert notes("user:\n{{ text }}", equal) == []


def choice_rows(*answers: object) -> list[dict]:
    pairs = [["Rome", "Oslo"], ["Bern", "Kiew"], [3, 4.0], ["yes", "no"]]
    return [
        {"id": n, "question": "?", "options": options, "label": answer}
        for n, (options, answer) in enumerate(zip(pairs, answers, strict=False))
    ]


FROM_ROW = '---\nchoices: "{{ options }}"\n---\n{{ question }}{{ options | length }}'


def test_expected_value_that_is_none_of_the_choices_of_its_row_is_noted(notes):
    found = notes(FROM_ROW, choice_rows(1, "bern", 4, "B"))
    assert [note for note in found if "none of the choices" in note] == [
        "prompts/qa/plain.jinja:2:1: the expected value is none of the choices in 2 of 4 rows "
        "(first: 0, rows.jsonl:1; 3, rows.jsonl:4), as 1 and 'Rome', 'Oslo'; give the text of the "
        'right choice: `expected: "{{ choices[answer] }}"`'
    ]


def test_expected_values_among_the_choices_of_their_rows_get_no_note(notes):
    found = notes(FROM_ROW, choice_rows(" oslo", ["Bern", "Bonn"], 3, True))
    assert [note for note in found if "choices" in note] == []


@pytest.mark.parametrize(
    ("end", "choices", "word"),
    [
        ("Answer:", ["yes", "no"], "Answer:yes"),
        ("Answer", [" yes", "größer als"], "Answergrößer"),
        ("Answer: ", ["yes", "no"], ""),
        ("Answer:", [" yes", " no"], ""),
        ("(", ["yes", "no"], ""),
        ("答案:", ["是", "否"], ""),
        ("答案", ["yes", "no"], ""),
    ],
)
def test_choice_that_follows_the_prompt_without_a_space_is_noted(bench, end, choices, word):
    prompt = bench.prompt(f"---\nchat: false\nchoices: {json.dumps(choices)}\n---\n{end}")
    dataset = bench.experiment().dataset
    rows = RenderedRows(prompt, dataset)
    for example in dataset.examples:
        (call,) = prompt.calls(bench.renderer, [example.inputs], [example.id])
        rows.add(example, call)
    found = [f.message for f in rows.findings(by_likelihood=True) if "a choice" in f.message]
    count = "2 of 2 rows (first: a, rows.jsonl:1; b, rows.jsonl:2)"
    message = f"a choice follows the prompt without a space in {count}: {word!r}"
    assert found == ([message] if word else [])
    assert not [f for f in rows.findings() if "a choice" in f.message]


@pytest.mark.parametrize(
    ("columns", "dataset", "fix"),
    [
        (
            {"Review Text": "Fun.", "n": 1},
            "rows.jsonl",
            "read the column 'Review Text' under this name: "
            "`columns: {review_text: 'Review Text'}`",
        ),
        (
            {" review_text ": "Fun."},
            "rows.jsonl",
            "read the column ' review_text ' under this name: "
            "`columns: {review_text: ' review_text '}`",
        ),
        (
            {"review_text": "Fun.", "n": 1},
            "{path: rows.jsonl, drop: [review_text]}",
            "`columns:` or `drop:` of the dataset leaves out 'review_text'",
        ),
    ],
)
def test_column_that_a_template_can_not_read_gets_its_fix(bench, columns, dataset, fix):
    bench.write("plain.jinja", "user:\n{{ review_text }}\n")
    bench.write("rows.jsonl", json.dumps(columns) + "\n")
    text = EXPERIMENT.replace("rows.jsonl", dataset)
    assert refusal(bench.plan, text).endswith(f"\n  fix: {fix}")
