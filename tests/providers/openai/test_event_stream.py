"""Answers that a server sends in parts."""

import json

import pytest
from openai_server import Reply

from workbench.answers.reply_body import reply_reasoning, reply_tool_calls
from workbench.model import Usage


def chunk(finish=None, **delta) -> dict:
    return {"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
FOUR = [
    chunk(role="assistant", content=""),
    chunk(content="fo"),
    chunk("stop", content="ur"),
    USAGE,
]
CALL = {"index": 0, "id": "1", "type": "function", "function": {"name": "add", "arguments": ""}}


def events(chunks, *, end="data: [DONE]\n\n", newline="\n") -> Reply:
    text = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks) + end
    return Reply(
        body=f": ping\n\n{text}".replace("\n", newline).encode(),
        headers={"Content-Type": "text/event-stream"},
    )


STREAMS = {
    "text": (events(FOUR), "ok", "four"),
    "other line ends": (events(FOUR, newline="\r\n"), "ok", "four"),
    "without its last mark": (events(FOUR, end=""), "ok", "four"),
    "cut at the limit": (events([chunk(content="fo"), chunk("length")]), "truncated", "fo"),
    "ended in the middle": (events([chunk(content="fo")], end=""), "invalid_response", "fo"),
    "no stream": (Reply(body=FOUR and {"choices": [{"message": {"content": "4"}}]}), "ok", "4"),
    "no blank lines": (
        Reply(body=events(FOUR).body.replace(b"\n\n", b"\n")),
        "ok",
        "four",
    ),
    "line separators in the text": (
        Reply(
            body='data: {"choices": [{"delta": {"content": "a\u2028b\x85c"}, "finish_reason": '
            '"stop"}]}\n\n'.encode()
        ),
        "ok",
        "a\u2028b\x85c",
    ),
    "signs of life": (
        Reply(body=b"event: ping\ndata: alive\n\ndata:\n\n" + events(FOUR).body),
        "ok",
        "four",
    ),
    "damaged": (Reply(body=b"data: {\n\n"), "invalid_response", ""),
    "only a page": (Reply(body=b"<html>"), "invalid_response", ""),
}


@pytest.mark.parametrize("case", STREAMS)
def test_streamed_reply_is_read_like_one_that_came_at_once(ask, server, case):
    reply, state, text = STREAMS[case]
    server.script = lambda path, body, nth: reply
    (completion,) = ask("2+2", stream=True)
    assert (completion.state, completion.text) == (state, text)
    assert server.bodies[0]["stream"] is True


def test_usage_reasoning_and_tool_calls_of_a_stream(ask, server):
    parts = [
        chunk(reasoning_content="H"),
        chunk(reasoning_content="m."),
        chunk(tool_calls=[CALL]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
        chunk("tool_calls", tool_calls=[{"index": 0, "function": {"arguments": " 1}"}}]),
        USAGE,
    ]
    server.script = lambda path, body, nth: events(parts)
    (completion,) = ask("2+2", stream=True)
    assert (completion.usage, completion.model) == (Usage(7, 2), "m-1")
    assert reply_reasoning(completion.raw) == "Hm."
    (call,) = reply_tool_calls(completion.raw)
    assert (call["id"], call["function"]) == ("1", {"name": "add", "arguments": '{"a": 1}'})


def test_error_in_the_middle_of_a_stream_is_no_answer_and_is_asked_for_again(ask, server):
    broken = events([chunk(content="fo"), {"error": {"message": "upstream died", "code": 502}}])
    server.script = lambda path, body, nth: broken if nth == 1 else events(FOUR)
    (completion,) = ask("2+2", stream=True)
    assert (completion.state, completion.text, completion.attempts) == ("ok", "four", 2)


def test_text_completion_in_parts(ask, server):
    parts = [
        {"choices": [{"text": t, "index": 0, "finish_reason": f}]}
        for t, f in (("4", None), ("2", "stop"))
    ]
    server.script = lambda path, body, nth: events(parts)
    assert [c.text for c in ask("2+2", stream=True, api="completions")] == ["42"]


def test_stream_without_usage_sends_no_stream_options(ask, server):
    server.script = lambda path, body, nth: events(FOUR[:3])
    assert [c.text for c in ask("2+2", stream="without_usage")] == ["four"]
    assert (server.bodies[0]["stream"], "stream_options" in server.bodies[0]) == (True, False)


MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "four"}]}
DELTAS = [
    {"type": "response.created", "response": {"status": "in_progress", "output": []}},
    {"type": "response.output_text.delta", "delta": "fo"},
    {"type": "response.output_text.delta", "delta": "ur"},
]
RESPONSES = {
    "completed": (
        [
            *DELTAS,
            {
                "type": "response.completed",
                "response": {"status": "completed", "output": [MESSAGE]},
            },
        ],
        "ok",
        "four",
    ),
    "items only in events of their own": (
        [
            *DELTAS,
            {"type": "response.output_item.done", "item": MESSAGE},
            {"type": "response.completed", "response": {"status": "completed", "output": []}},
        ],
        "ok",
        "four",
    ),
    "cut at the limit": (
        [
            *DELTAS[:2],
            {
                "type": "response.incomplete",
                "response": {
                    "status": "incomplete",
                    "incomplete_details": {"reason": "max_output_tokens"},
                },
            },
        ],
        "truncated",
        "fo",
    ),
    "ended in the middle": (DELTAS, "invalid_response", "four"),
}


@pytest.mark.parametrize("case", RESPONSES)
@pytest.mark.parametrize("stream", [False, True])
def test_streamed_reply_of_the_responses_api(ask, server, case, stream):
    """Transformers' server streams unless it is told not to."""
    chunks, state, text = RESPONSES[case]
    server.script = lambda path, body, nth: events(chunks, end="")
    (completion,) = ask("2+2", api="responses", stream=stream)
    assert (completion.state, completion.text) == (state, text)
    assert server.bodies[0].get("stream", False) is stream


@pytest.mark.parametrize("stream", [False, True])
def test_error_in_the_middle_of_a_response_is_asked_for_again(ask, server, stream):
    broken = [*DELTAS[:2], {"type": "error", "message": "upstream died", "code": "502"}]
    whole, _, _ = RESPONSES["completed"]
    server.script = lambda path, body, nth: events(broken if nth == 1 else whole, end="")
    (completion,) = ask("2+2", api="responses", stream=stream)
    assert (completion.state, completion.text, completion.attempts) == ("ok", "four", 2)


def test_stream_that_was_not_requested_is_read(ask, server):
    server.script = lambda path, body, nth: events(FOUR)
    assert [(c.state, c.text) for c in ask("2+2")] == [("ok", "four")]


@pytest.mark.parametrize(
    "error",
    [
        'data: {"object": "error", "message": "engine died", "code": 400}\n\n',
        'data: {"type": "error", "error": {"type": "bad_request", "message": "engine died"}}\n\n',
        "event: error\ndata: invalid request, the engine died\n\n",
    ],
)
def test_stream_that_ends_with_an_error_is_no_answer(ask, server, error):
    body = events([chunk(content="fo")], end="").body + error.encode()
    server.script = lambda path, request_body, nth: Reply(body=body)
    (completion,) = ask("2+2", stream=True)
    assert (completion.scored, "engine died" in completion.error) == (False, True)


@pytest.mark.parametrize("number", [0, 1])
def test_calls_with_ids_of_their_own_are_apart_and_repeated_names_are_one(ask, server, number):
    call = {**CALL, "function": {"name": "add", "arguments": "{"}}
    more = {**CALL, "function": {"name": "add", "arguments": "}"}}
    other = {**CALL, "index": number, "id": "2", "function": {"name": "sub", "arguments": "{}"}}
    parts = [chunk(tool_calls=[each]) for each in (call, more, other)]
    server.script = lambda path, body, nth: events([*parts, chunk("tool_calls")])
    (completion,) = ask("2+2", stream=True)
    functions = [each["function"] for each in reply_tool_calls(completion.raw)]
    assert functions == [
        {"name": "add", "arguments": "{}"},
        {"name": "sub", "arguments": "{}"},
    ]


@pytest.mark.parametrize("ids", [[{}] * 4, [{"index": None}] * 4, [{"id": c} for c in "aaab"]])
def test_calls_without_an_index_are_continued_until_the_next_one(ask, server, ids):
    functions = [
        {"name": "add", "arguments": ""},
        {"arguments": '{"a":'},
        {"arguments": " 1}"},
        {"name": "sub", "arguments": "{}"},
    ]
    pairs = zip(ids, functions, strict=True)
    parts = [chunk(tool_calls=[{**fields, "function": function}]) for fields, function in pairs]
    server.script = lambda path, body, nth: events([*parts, chunk("tool_calls")])
    (completion,) = ask("2+2", stream=True)
    assert [each["function"] for each in reply_tool_calls(completion.raw)] == [
        {"name": "add", "arguments": '{"a": 1}'},
        {"name": "sub", "arguments": "{}"},
    ]
