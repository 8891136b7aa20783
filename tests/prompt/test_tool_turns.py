"""Calls of tools and their results in templates, and tools in the front matter."""

import json

import pytest
from bench import Bench, refusal

from workbench.plan.forecast import Forecast
from workbench.prompt.write import template_text
from workbench.report.plan import plan_lines

FILE = "prompts/qa/one.jinja"
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
TOOLS = f"---\ntools: {json.dumps([WEATHER])}\n---\n"
CALL = "assistant:\n{% tool_call get_weather(city=city) %}\n"
ROW = {"city": "Oslo"}
NOTHING = Forecast(0, 0, True, 0, 0.0, 0.0, 0.0)


def call(name: str, arguments: str, call_id: str = "call00001") -> dict:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict, content: str | None = None) -> dict:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(content: str, call_id: str = "call00001") -> dict:
    return {"role": "tool", "content": content, "tool_call_id": call_id}


FROM_ROW = "{% messages history %}"
HISTORY = [
    {"role": "user", "content": "2+2?"},
    {**calling(call("add", '{"a": 2}', "x1")), "refusal": None, "annotations": []},
    {"role": "tool", "tool_call_id": "x1", "name": "add", "content": "4"},
    {
        "role": "assistant",
        "content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "4."}],
    },
]
HISTORY_SENT = [
    {"role": "user", "content": "2+2?"},
    calling(call("add", '{"a": 2}', "x1")),
    {**result("4", "x1"), "name": "add"},
    {"role": "assistant", "content": "It is 4."},
]


def sent(bench: Bench, text: str, **row: object) -> list[dict]:
    (conversation,) = bench.rendered(bench.prompt(text), row)
    return [message.as_json() for message in conversation.messages]


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        (
            f"{CALL}tool:\n4\n",
            ROW,
            [calling(call("get_weather", '{"city": "Oslo"}')), result("4")],
        ),
        (
            "assistant:\nI look.\n\n  {% tool_call get_weather({'a': 1}, b=c) -%}\n\n"
            '{%- tool_call "get-time"() %}\n\ntool:\n4\n\ntool:\n{{ c }}\n',
            {"c": "%} é"},
            [
                calling(
                    call("get_weather", '{"a": 1, "b": "%} é"}'),
                    call("get-time", "{}", "call00002"),
                    content="I look.",
                ),
                result("4"),
                result("%} é", "call00002"),
            ],
        ),
        (
            "{% for c in cities %}\nassistant:\n{% tool_call f(c=c) %}\ntool:\n{{ c }}\n"
            "{% endfor %}",
            {"cities": ["a", "b"]},
            [
                calling(call("f", '{"c": "a"}')),
                result("a"),
                calling(call("f", '{"c": "b"}', "call00002")),
                result("b", "call00002"),
            ],
        ),
        (FROM_ROW, {"history": HISTORY}, HISTORY_SENT),
        (
            "system:\nBe brief.\n\n{% messages history | fromjson %}\n\nuser:\nAnd 3+3?\n",
            {"history": json.dumps(HISTORY)},
            [
                {"role": "system", "content": "Be brief."},
                *HISTORY_SENT,
                {"role": "user", "content": "And 3+3?"},
            ],
        ),
        (
            "{% messages [{'role': 'assistant', 'tool_calls': [{'name': 'f', 'arguments': "
            "{'a': city}}]}, {'role': 'tool', 'content': 'r'}] %}",
            ROW,
            [calling(call("f", '{"a": "Oslo"}')), result("r")],
        ),
        (
            "{% raw %}{% tool_call f() %}{% endraw %}",
            {},
            [{"role": "user", "content": "{% tool_call f() %}"}],
        ),
        ("{# {% messages x %} #}Hi", {}, [{"role": "user", "content": "Hi"}]),
    ],
)
def test_turns_of_tools_are_sent_in_the_form_of_a_chat(bench, text, row, expected):
    assert sent(bench, text, **row) == expected


@pytest.mark.parametrize(
    ("text", "history", "expected"),
    [
        ("tool:\n4\n", [], "a turn of a tool without a call before it (row 1)"),
        (CALL, [], "the call 'call00001' has no result, and the conversation ends (row 1)"),
        (
            f"{CALL}user:\nHi\n",
            [],
            "the call 'call00001' has no result, and a turn of the user follows",
        ),
        (f"user:\n{CALL.partition(chr(10))[2]}", [], "`tool_call` in a turn of the user (row 1)"),
        ("user:\nHi {% tool_call f %}", [], "Encountered unknown tag 'tool_call'."),
        (
            "---\nchat: false\n---\n{% messages history %}",
            [],
            "Encountered unknown tag 'messages'.",
        ),
        ("{% messages history %}\nHi", HISTORY, "text outside of a turn: 'Hi' (row 1)"),
        (FROM_ROW, "Hi", "`messages` gives 'Hi', not a message (row 1)"),
        (FROM_ROW, [{"from": "human"}], '`messages` gives \'{"from": "human"}\''),
        (FROM_ROW, [{"role": "function"}], "a message has the role 'function'"),
        (FROM_ROW, [{"role": "user", "content": 1}], "the content of a message is 1"),
        (FROM_ROW, [{"role": "user", "foo": 1}], "a message of the user has the key 'foo'"),
        (FROM_ROW, [{"role": "user", "content": [{"type": "audio"}]}], "part of type 'audio'"),
        (FROM_ROW, [result("4", "x")], "has the unknown tool_call_id 'x' (row 1)"),
        (
            FROM_ROW,
            [calling(call("f", "{}", "a")), result("", "a"), result("", "a")],
            "a turn of a tool has a second result of the call 'a' (row 1)",
        ),
        (
            FROM_ROW,
            [calling(call("f", "{}", "a"), call("g", "{}", "a"))],
            "two calls with the id 'a' (row 1)",
        ),
        (FROM_ROW, [calling(call("get weather", "{}"))], "a call of the tool 'get weather'"),
        (FROM_ROW, [{"role": "user", "tool_calls": [1]}], "a turn of the user has `tool_calls`"),
        (FROM_ROW, [{"role": "user", "tool_call_id": "a"}], "the user has a `tool_call_id`"),
    ],
)
def test_history_that_no_api_takes_is_refused(bench, text, history, expected):
    act = lambda: sent(bench, text, city="Oslo", history=history)  # noqa: E731
    message = refusal(act)
    assert expected in message
    assert message.startswith(FILE)
    assert "\n  fix: " in message


def test_tools_are_read_from_front_matter_and_files(bench):
    bench.write("weather.json", json.dumps([{"type": "function", "function": WEATHER}]))
    inline, named, listed = (
        bench.prompt(f"---\ntools: {tools}\n---\nHi")
        for tools in (json.dumps([WEATHER]), "weather.json", "[weather.json]")
    )
    assert inline.settings.tools == (WEATHER,)
    assert inline.digest == named.digest == listed.digest != bench.prompt("Hi").digest
    assert bench.prompt(template_text(named), "two").digest == named.digest


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ("tools.txt", "'tools.txt' is no file with tools"),
        ("../tools.json", "'../tools.json' is no file with tools"),
        ("nothing.json", "no file 'nothing.json'"),
        ("broken.json", "not JSON: Expecting ',' delimiter"),
        ("[{description: x}]", "{'description': 'x'} is no tool: it has no name"),
        ("[{name: get weather}]", "no API takes a tool with the name 'get weather'"),
        (f"[{{name: {'x' * 65}}}]", "no API takes a tool with the name 'xxx"),
        ("[{name: a}, {name: a}]", "two tools are called 'a'"),
        ("[{name: a, argments: {}}]", "unknown key of the tool 'a': 'argments'"),
        ("[{name: a, strict: 1}]", "strict of the tool 'a' is 1"),
        ("[{type: web_search, name: a}]", "the tool 'a' has the type 'web_search'"),
        ("[{name: a, parameters: {type: string}}]", "type: 'string' is not 'object'"),
        (
            "[{name: a, parameters: {type: object, properties: {b: {type: text}}}}]",
            "properties.b.type: 'text' is no type of JSON",
        ),
        (
            "[{name: a, parameters: {type: object, properties: [b]}}]",
            "properties: ['b'] is not a mapping",
        ),
        (
            "[{name: a, parameters: {type: object, required: b}}]",
            "required: 'b' is not a list of names",
        ),
        ("[{name: a}]\nchoices: ['x', 'y']", "`choices` and `tools` are both set"),
        ("[{name: a}]\nchat: false", "a raw text (`chat: false`) can't have tools"),
    ],
)
def test_tools_that_no_api_takes_are_refused(bench, tools, expected):
    bench.write("broken.json", "[1")
    message = refusal(bench.prompt, f"---\ntools: {tools}\n---\nHi")
    assert expected in message
    assert message.startswith("prompts/qa/")
    assert "\n  fix: " in message


def test_a_schema_of_answers_that_is_no_schema_is_refused(bench):
    message = refusal(bench.prompt, "---\nresponse_schema: {type: objekt}\n---\nHi")
    assert message == (
        f"{FILE}:2:1: `response_schema`: type: 'objekt' is no type of JSON\n"
        "  fix: write a JSON schema"
    )


def test_plan_and_requests_have_the_tools_of_the_prompt(bench):
    bench.write("plain.jinja", f"{TOOLS}{{{{ text }}}}")
    plan = bench.plan()
    bodies = [request.body for request in plan.bodies.values()]
    assert [body["tools"] for body in bodies] == [[WEATHER]] * len(bodies)
    assert plan_lines(plan, [NOTHING], "USD")[1] == "plain has the tools get_weather"


@pytest.mark.parametrize(
    ("tools", "parameters", "expected"),
    [
        (
            TOOLS,
            "{tool_choice: get_wether}",
            "unknown tool_choice 'get_wether'\n  fix: did you mean",
        ),
        (TOOLS, "{tool_choice: any}", "unknown tool_choice 'any'"),
        ("", "{tool_choice: auto}", "tool_choice is set, and the prompt has no tools"),
        ("", "{parallel_tool_calls: true}", "parallel_tool_calls is set, and the prompt has no"),
    ],
)
def test_choice_of_a_tool_is_checked(bench, tools, parameters, expected):
    bench.write("plain.jinja", f"{tools}{{{{ question }}}}")
    text = (
        "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [output_tokens]\n"
    )
    assert expected in refusal(bench.plan, f"{text}parameters: {parameters}\n")
