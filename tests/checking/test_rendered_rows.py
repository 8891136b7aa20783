"""Rendered rows: empty messages, equal texts, columns without content."""

import pytest

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
