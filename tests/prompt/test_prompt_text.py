"""From a template's text to messages: what stands where, and what data can never change."""

import pytest
from bench import Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.prompt import Prompt, Template, check_templates
from workbench.prompt.source import template_source, without_last_blanks
from workbench.prompt.write import template_text

TRAPS = [
    "{{ other }}",
    "{% for x in y %}",
    "{#",
    "#}",
    "{% raw %}",
    "{%- endraw -%}",
    "user:\n",
    "\nassistant:\n",
    "\\user:\n",
    "\x02",
    "\x03",
    "\x020\x03",
    "\r\n",
    "\n\n",
    "  ",
    "\ufeff",
    "\u2028",
    "\x00",
    "\U0001f600",
    "---\n",
    '{% include "_x.jinja" %}',
]
data = st.lists(
    st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    max_size=6,
).map("".join)
quick = settings(max_examples=150)


def prompt_of(source: str) -> Prompt:
    return Prompt("qa", "one", "one", template=source, source=source)


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("{{ a }}", {"a": "x"}, [("user", "x")]),
        ("\n\nhi\n\n", {}, [("user", "hi")]),
        ("user:\nhi", {}, [("user", "hi")]),
        ("user: \t\n\n  \n  hi  \n\n \n", {}, [("user", "  hi  ")]),
        (
            "system:\na\n\nuser:\nb\n\nassistant:\nc",
            {},
            [*zip(("system", "user", "assistant"), "abc", strict=True)],
        ),
        ("developer:\na\nuser:\nb", {}, [("developer", "a"), ("user", "b")]),
        ("user:\na\n\\user:\nb", {}, [("user", "a\nuser:\nb")]),
        ("\\user:\nb", {}, [("user", "user:\nb")]),
        ("user:\n\\user:\n{% if 1 %}x{% endif %}", {}, [("user", "user:\nx")]),
        (" user:\nUser:\nuser: x", {}, [("user", " user:\nUser:\nuser: x")]),
        ("user:\n{# \nassistant:\n#}x", {}, [("user", "x")]),
        (
            "user:\n{% raw %}\nassistant:\n{{ a }}{% endraw %}",
            {},
            [("user", "\nassistant:\n{{ a }}")],
        ),
        ("user:\n{{ 'a\nassistant:\nb' }}", {}, [("user", "a\nassistant:\nb")]),
        ("{# about #}\n{% set a = 1 %}\nuser:\n{{ a }}", {}, [("user", "1")]),
        ("user:\na\n{# about #}\n\nassistant:\nb\n", {}, [("user", "a"), ("assistant", "b")]),
        ("\ufeffuser:\r\na\r\nb\r\n", {}, [("user", "a\nb")]),
        ("user:\n\nassistant:\nx", {}, [("user", ""), ("assistant", "x")]),
    ],
)
def test_role_lines_begin_messages(bench, text, row, expected):
    assert bench.said(text, **row) == expected


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        (
            "{% for t in turns %}\nuser:\n{{ t.q }}\nassistant:\n{{ t.a }}\n{% endfor %}\n"
            "user:\nend",
            {"turns": [{"q": "1\n", "a": "2"}, {"q": "\n3", "a": "4\n\n"}]},
            [
                ("user", "1\n"),
                ("assistant", "2"),
                ("user", "\n3"),
                ("assistant", "4\n\n"),
                ("user", "end"),
            ],
        ),
        (
            "{% for t in turns %}\n{% if t %}\nuser:\n{{ t }}\n{% else %}\nassistant:\n-\n"
            "{% endif %}\n{% endfor %}\nuser:\nend",
            {"turns": ["x\n", "", "y"]},
            [("user", "x\n"), ("assistant", "-"), ("user", "y"), ("user", "end")],
        ),
        (
            "user:\na\n  {% if no %}\n  b\n  {% endif %}\n\nassistant:\nc",
            {"no": False},
            [("user", "a"), ("assistant", "c")],
        ),
        (
            "user:\na\n{% if yes %}\nb\n{% endif %}\nassistant:\nc",
            {"yes": True},
            [("user", "a\n\nb"), ("assistant", "c")],
        ),
        ("user:\n{%- if 1 -%}\n\n{% if 1 %}x{% endif %}{% endif %}", {}, [("user", "x")]),
        (
            "{% macro m() %}\n{% if 0 %}x{% endif %}\n{% endmacro %}\n"
            "user:\n<{{ m()|trim }}>{{ m()|length }}",
            {},
            [("user", "<>2")],
        ),
        (
            "user:\n{% set x %}\n{% if 0 %}{% endif %}\n{% endset %}{{ x|length }}",
            {},
            [("user", "2")],
        ),
        (
            "{% macro turn(q) %}\nuser:\n{{ q }}\n{% endmacro %}{{ turn('a') }}{{ turn('b') }}",
            {},
            [("user", "a"), ("user", "b")],
        ),
    ],
)
def test_blocks_round_role_lines_leave_no_blank_lines(bench, text, row, expected):
    assert bench.said(text, **row) == expected


@pytest.mark.parametrize("value", ["a\n", "a\n\n\n", "\n a \n", "{{ x }}\nuser:\nx", "\\user:\n"])
def test_raw_text_is_sent_as_it_is(bench, value):
    prompt = bench.prompt("---\nchat: false\n---\nuser:\n\\user:\n{{ a }}\n\n")
    assert bench.rendered(prompt, {"a": value}) == [Conversation(text=f"user:\n\\user:\n{value}")]


@quick
@given(data, data)
def test_data_arrives_unchanged(renderer, first, second):
    source = (
        "system:\n{{ one }}\nuser:\nA {{ one }} B {{ two }}\n{% for x in [one, two] %}\n"
        "assistant:\n{{ x }}\n{% endfor %}\n\n"
        "user:\n{% for x in [one, two] %}<{{ x }}>{% endfor %}\n"
        "{% if one %}\n{% endif %}\nassistant:\n{{ two }}"
    )
    (conversation,) = prompt_of(source).render(renderer, [{"one": first, "two": second}], ["1"])
    assert conversation.messages == (
        Message("system", first),
        Message("user", f"A {first} B {second}"),
        Message("assistant", first),
        Message("assistant", second),
        Message("user", f"<{first}><{second}>"),
        Message("assistant", second),
    )


@quick
@given(data)
def test_data_alone_is_the_whole_message(renderer, value):
    conversations = list(
        prompt_of("{{ a }}").render(renderer, [{"a": value}, {"a": [value]}], ["1", "2"])
    )
    assert conversations == [
        Conversation((Message("user", value),)),
        Conversation((Message("user", str([value])),)),
    ]


PIECES = [
    "words",
    "{{ a }}",
    "{{ a|upper }}",
    "{% if a %}\nyes\n{% endif %}",
    "{% for t in turns %}\nuser:\n{{ t }}\nassistant:\nok {{ t }}\n{% endfor %}",
    "{% for t in turns %}{{ t }}\n{% endfor %}",
    "{%- if b -%} b {%- endif -%}",
    "\\user:",
    "\\\\user:",
    "\\assistant: ",
    "system:",
    "user:",
    "user: ",
    "assistant:",
    "{# note #}",
    "{# \nuser:\n#}",
    "{% raw %}\nuser:\n\\user:\n{{ x }}{% endraw %}",
    "{{ 'x\nuser:\ny' }}",
    "{% set c = a %}",
    "",
    "",
    "  ",
    "\t",
    "  indented",
    "ends in blanks  ",
]
sources = st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("\n".join)
sources = sources.map(without_last_blanks).filter(str.strip)  # as a file is loaded
ROW = {"a": "A\n\nuser:\n", "b": 0, "turns": ["1", "\n2\n"]}


def stored_template(renderer, source: str) -> Template:
    """The stored form, also of a source that is no template."""
    try:
        return next(check_templates([prompt_of(source)], renderer)).template
    except WorkbenchError:
        return source


@quick
@given(sources)
def test_stored_template_is_the_template(renderer, source):
    template = stored_template(renderer, source)
    assert stored_template(renderer, template_source(template)) == template


@pytest.mark.slow
@quick
@given(sources)
def test_stored_template_says_what_its_file_says(renderer, source):
    def outcome(text: str) -> object:
        try:
            return list(prompt_of(text).render(renderer, [ROW], ["1"]))
        except Exception as error:  # the same refusal is as good; lines may differ
            return str(error).split("\n")[0].split(": ", 1)[1]

    template = stored_template(renderer, source)
    assert outcome(template_source(template)) == outcome(source)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("user:\na\n", "\n\nuser:\n\n\na\n \n\n"),
        ("user:\na\nassistant:\nb", "user:\r\na\r\n\r\nassistant:\r\nb\r\n"),
        ("user:\na", "a"),
        ("user:\na", "---\ndescription: words\n---\nuser:\na"),
        ("---\nstop: x\n---\na", "---\nparameters: {stop: [x]}\n---\na"),
        (
            "---\nparameters: {seed: 1, top_p: 1}\n---\na",
            "---\nparameters: {top_p: 1, seed: 1}\n---\na",
        ),
    ],
)
def test_equal_prompts_have_one_digest(bench, first, second):
    assert bench.prompt(first).digest == bench.prompt(second).digest


@pytest.mark.parametrize(
    "text",
    [
        "user:\nb",
        "system:\na",
        "user:\na\nassistant:\n",
        "---\nchat: false\n---\na",
        "---\nparameters: {seed: 1}\n---\na",
        "---\nstop: []\n---\na",
        "---\nchoices: [x, y]\n---\na",
        "---\nresponse_schema: {type: object}\n---\na",
        " a",
    ],
)
def test_other_prompts_have_other_digests(bench, text):
    assert bench.prompt(text).digest != bench.prompt("user:\na").digest


@pytest.mark.parametrize(
    "text",
    [
        "user:\na\nassistant:\nb",
        "\\user:\na",
        "---\n---\n---\nchat: false\n---\na",
        "---\nchat: false\nstop: ' '\n---\n  {{ a }}\n",
        "---\ndescription: 'a: b # c'\nchoices: ['yes', 'no']\n---\na",
        "---\nresponse_schema: {type: object, const: null}\nparameters: {top_p: 1.0}\n---\na",
        "{% for t in turns %}\nuser:\n{{ t }}\n{% endfor %}",
    ],
)
def test_prompt_written_to_a_file_keeps_its_digest(bench, text):
    prompt = bench.prompt(text)
    assert bench.prompt(template_text(prompt), "two").digest == prompt.digest


def test_the_order_of_a_schema_is_part_of_the_digest(bench: Bench) -> None:
    schema = "---\nresponse_schema: {{properties: {{{0}: {{}}, {1}: {{}}}}}}\n---\nx\n"
    one, other = (bench.prompt(schema.format(*names)) for names in (("a", "b"), ("b", "a")))
    assert one.digest != other.digest
