"""Templates that are wrong: where, what, and what would be right."""

import pytest
from bench import refusal

OUTSIDE = (
    "is outside prompts/\n  fix: name a file beside the template or in prompts/: "
    '{% include "_style.jinja" %}'
)
SYNTAX = (
    "\n  fix: write {{ value }}, {% tag %}, {# comment #}; "
    "for literal braces {% raw %}…{% endraw %}"
)
FILE = "prompts/qa/one.jinja"
INCLUDE_FIX = '\n  fix: only {% include "_name.jinja" %} is allowed, with a literal name'
KEYS = "chat, choices, description, normalize, parameters, response_schema, scores, stop, tools"
PARAMETERS = (
    "temperature, extra_body, frequency_penalty, logit_bias, logprobs, max_completion_tokens, "
    "max_tokens, parallel_tool_calls, presence_penalty, reasoning_effort, repetition_penalty, "
    "response_format, …"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "user:\nA\n{% for x in %}\nB\n{% endfor %}",
            f"{FILE}:3:1: Expected an expression, got 'end of statement block'\n"
            "       2 | A\n  >    3 | {% for x in %}\n       4 | B" + SYNTAX,
        ),
        (
            "---\nchat: true\n---\nuser:\nA {{ a ",
            f"{FILE}:5:3: unexpected end of template, expected 'end of print statement'.\n"
            "       4 | user:\n  >    5 | A {{ a " + SYNTAX,
        ),
        (
            "user:\n{{ a|uper }}",
            f"{FILE}:2:6: No filter named 'uper'.\n       1 | user:\n  >    2 | {{{{ a|uper }}}}\n"
            "  fix: did you mean 'upper'? known: upper, abs, attr, batch, capitalize, center, "
            "count, d, default, dictsort, e, escape, …",
        ),
        (
            "user:\nA {% foo %}",
            f"{FILE}:2:6: Encountered unknown tag 'foo'.\n"
            "       1 | user:\n  >    2 | A {% foo %}\n"
            "  fix: did you mean 'for'? known: for, block, call, filter, if, image, include, "
            "macro, messages, raw, set, tool_call, with",
        ),
        ("user:\n{% extends 'a' %}", f"{FILE}:2: `extends` is not allowed here" + INCLUDE_FIX),
        ("user:\n{% import 'a' as b %}", f"{FILE}:2: `import` is not allowed here" + INCLUDE_FIX),
        ("user:\n{% include a ~ 'b' %}", f"{FILE}:2: `include` is not allowed here" + INCLUDE_FIX),
        (
            "user:\n\n{% include '_no.jinja' %}",
            f"{FILE}:3: no partial '_no.jinja'\n"
            "  fix: create it beside qa/one.jinja or in prompts/",
        ),
        (
            "{% include '../../x.jinja' %}",
            f"{FILE}:1: '../../x.jinja' {OUTSIDE}",
        ),
        ("{% include '/etc/passwd' %}", f"{FILE}:1: '/etc/passwd' {OUTSIDE}"),
        ("{% include 'a\\b' %}", f"{FILE}:1: 'a\\\\b' {OUTSIDE}"),
        ("{% include '_\0' %}", f"{FILE}:1: '_\\x00' {OUTSIDE}"),
        ("", f"{FILE}: the template is empty\n  fix: write `user:` and a text below it"),
        (" \n\t\n", f"{FILE}: the template is empty\n  fix: write `user:` and a text below it"),
        (
            "---\nchat: true\n---\n",
            f"{FILE}: the template is empty\n  fix: write `user:` and a text below it",
        ),
        (b"caf\xe9", f"{FILE}: not UTF-8 at byte 3\n  fix: save the file as UTF-8"),
        (
            b"x" * 1_000_001,
            f"{FILE}: 1,000,001 bytes, more than the 1,000,000 a template may have\n"
            "  fix: shorten it, or move the text into the rows of the dataset",
        ),
        (
            "---\nchat: yes\n---\na",
            f"{FILE}:2:1: chat: 'yes' should be a valid boolean\n  fix: write true or false",
        ),
        (
            "---\ndescription: a\nchoices: [1]\n---\na",
            f"{FILE}:3:11: choices.0: 1 should be a valid string\n  fix: write a string",
        ),
        (
            "---\nparameters:\n  temprature: 1\n---\na",
            f"{FILE}:3:3: unknown parameter 'temprature'\n"
            f"  fix: did you mean 'temperature'? known: {PARAMETERS}",
        ),
        (
            "---\nparameters: {temperature: 3}\n---\na",
            f"{FILE}:2:14: temperature: 3 is not a number from 0 to 2\n"
            "  fix: write a number from 0 to 2, or null to leave it out",
        ),
        (
            "---\nstopp: x\n---\na",
            f"{FILE}:2:1: unknown key 'stopp'\n"
            "  fix: did you mean 'stop'? known: stop, chat, choices, description, normalize, "
            "parameters, response_schema, scores, tools",
        ),
        (
            "---\nstopp: x\nresponse_schemas: {}\n---\na",
            f"{FILE}:2:1: unknown key 'stopp'\n"
            "  fix: did you mean 'stop'? known: stop, chat, choices, description, normalize, "
            "parameters, response_schema, scores, tools\n"
            f"also: {FILE}:3:1: unknown key 'response_schemas'\n"
            "  fix: did you mean 'response_schema'? known: response_schema, chat, choices, "
            "description, normalize, parameters, scores, stop, tools",
        ),
        (
            "---\nstop: x\nparameters: {stop: y}\n---\na",
            f"{FILE}:3:14: `stop` is set twice\n  fix: keep the top-level one",
        ),
        (
            "---\nwords\n---\na",
            f"{FILE}: 'words' is not a mapping\n  fix: use these keys: "
            "description, chat, parameters, stop, choices, scores, normalize, "
            "response_schema, tools",
        ),
        (
            "---\nstop: [x\n---\na",
            f"{FILE}:3:1: expected ',' or ']', but got '<stream end>'\n"
            "  fix: quote the value if it holds : # {{ [ or begins with @ % `".replace("{{", "{"),
        ),
    ],
)
def test_bad_template_is_refused_with_its_place(bench, text, expected):
    assert refusal(bench.prompt, text) == expected


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        (
            "user:\nA\nB {{ sentense }}",
            {"sentence": "x", "title": "y"},
            f"{FILE}:3:6: unknown variable 'sentense' (row 1)\n"
            "  fix: did you mean 'sentence'? known: sentence, title",
        ),
        (
            "{{ one }}\n{{ two }}",
            {"one": 1},
            f"{FILE}:2:4: unknown variable 'two' (row 1)\n  fix: known: one",
        ),
        (
            "user:\n{{ nam|tojson }}",
            {"name": 1},
            f"{FILE}:2:4: unknown variable 'nam' (row 1)\n  fix: did you mean 'name'? known: name",
        ),
        (
            "user:\n{{ user.nam }}",
            {"user": {"age": 1, "name": 2}},
            f"{FILE}:2:9: no 'nam' in this mapping (row 1)\n"
            "       1 | user:\n  >    2 | {{ user.nam }}\n"
            "  fix: it has: name, age",
        ),
        (
            "user:\n{{ user.append(1) }}",
            {"user": [1]},
            f"{FILE}:2:9: access to attribute 'append' of 'list' object is unsafe. (row 1)\n"
            "       1 | user:\n  >    2 | {{ user.append(1) }}\n"
            "  fix: use values of the row and filters, not attributes and methods of Python "
            "objects",
        ),
        (
            "user:\n{{ a + b }}",
            {"a": 1, "b": "x"},
            f"{FILE}:2:1: unsupported operand type(s) for +: 'int' and 'str' (row 1)\n"
            "       1 | user:\n  >    2 | {{ a + b }}\n"
            "  fix: the row has: a (number), b (text); check optional values with `is defined` "
            "or `default()`",
        ),
        (
            "Hello\nuser:\n{{ a }}",
            {"a": 1},
            f"{FILE}:1: text before the first role line: 'Hello' (row 1)\n"
            "  fix: put `user:` on a line of its own above it",
        ),
        (
            "{% if a %}\nuser:\nx\n{% endif %}",
            {"a": 0},
            f"{FILE}:1: the template renders to no message (row 1)\n"
            "  fix: put one role line outside `if` and `for`",
        ),
    ],
)
def test_row_that_does_not_render_is_named(bench, text, row, expected):
    assert refusal(bench.said, text, **row) == expected


def test_error_in_a_partial_has_the_place_of_the_partial(bench):
    bench.write("_p.jinja", "fine\n{{ b }}\n")
    text = "user:\n{{ a }}\n{% include '_p.jinja' %}\n{{ c }}"
    assert [
        refusal(bench.said, text, a=1, c=1).split("\n")[0],
        refusal(bench.said, text, a=1, b=1).split("\n")[0],
    ] == [
        "prompts/qa/_p.jinja:2:4: unknown variable 'b' (row 1)",
        f"{FILE}:4:4: unknown variable 'c' (row 1)",
    ]


def test_partial_is_looked_for_beside_the_template_and_then_above(bench):
    bench.write("_one.jinja", "{% include '_two.jinja' %}!\n")
    bench.write("../_two.jinja", "two\n")
    assert bench.said("user:\n<{% include '_one.jinja' %}>") == [("user", "<two!>")]


def test_role_line_in_a_partial_is_named(bench):
    bench.write("_p.jinja", "a\nuser:\nb")
    assert refusal(bench.prompt, "user:\n{% include '_p.jinja' %}") == (
        "prompts/qa/_p.jinja:2: role line 'user:' in a partial\n"
        "  fix: move it into the template, or escape it with a backslash"
    )


def test_partials_that_contain_each_other_are_named(bench):
    bench.write("_a.jinja", "{% include '_b.jinja' %}")
    bench.write("_b.jinja", "\n{% include '_a.jinja' %}")
    assert refusal(bench.prompt, "{% include '_a.jinja' %}") == (
        "prompts/qa/_b.jinja:2: circular include: qa/_a.jinja -> qa/_b.jinja -> qa/_a.jinja"
        "\n  fix: remove one of these includes"
    )


def test_include_in_a_comment_or_a_text_is_none(bench):
    text = """{# {% include '_no.jinja' %} #}{{ "{% include '_no.jinja' %}" }}"""
    assert bench.said(text) == [("user", "{% include '_no.jinja' %}")]


def test_link_out_of_the_prompts_is_refused(bench):
    (bench.root / "out.jinja").write_text("secret")
    (bench.task / "_link.jinja").symlink_to(bench.root / "out.jinja")
    (bench.task / "_loop.jinja").symlink_to(bench.task / "_loop.jinja")
    assert [
        refusal(bench.prompt, "{% include '_link.jinja' %}"),
        refusal(bench.prompt, "{% include '_loop.jinja' %}").split(":")[0],
        refusal(bench.prompt, "{% include '_" + "x" * 300 + "' %}").split(": ")[1].split("'")[0],
    ] == [
        "prompts/qa/_link.jinja: the link leads out of prompts/\n"
        "  fix: copy the file into prompts/",
        "prompts/qa/_loop.jinja",
        "no partial ",
    ]
