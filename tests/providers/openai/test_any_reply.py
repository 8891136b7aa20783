"""Replies that a server gets wrong: each is a state of its row, and none ends the command."""

import gzip
import json
import random
from dataclasses import replace

import pytest
from draws import draws_of
from openai_server import Reply, refuse, say

from workbench.answers.reply_body import (
    parse_reply,
    reply_content,
    reply_reasoning,
    reply_tool_calls,
)
from workbench.model import Request
from workbench.providers.openai.event_stream import join_events
from workbench.providers.openai.model_names import read_names
from workbench.providers.openai.reply import read_reply
from workbench.providers.openai.reply_errors import find_error, wait_s
from workbench.providers.openai.responses_api import chat_reply

BUSY = refuse(400, "the words")
CHARSETS = (
    *("utf-16", "utf-32", "base64", "zip", "rot13", "idna", "undefined", "unknown", "cp037"),
    *("punycode", "utf-7", "unicode_escape", "\xff", ""),
)


def typed(reply: Reply, charset: str) -> Reply:
    return replace(reply, headers={"Content-Type": f"text/html; charset={charset}"})


def packed(reply: Reply, encoding: str) -> Reply:
    return replace(reply, headers={"Content-Encoding": encoding})


def encoded(reply: Reply, encoding: str) -> Reply:
    return replace(reply, body=reply.payload().decode().encode(encoding))


REFUSED = {
    **{f"charset {name!r}": typed(BUSY, name) for name in CHARSETS},
    "utf-16": encoded(BUSY, "utf-16"),
    "utf-16 from the other end": replace(
        BUSY, body=b"\xfe\xff" + BUSY.payload().decode().encode("utf-16-be")
    ),
    "utf-32": encoded(BUSY, "utf-32"),
    "gzip that is none": packed(BUSY, "gzip"),
    "too many packings": packed(BUSY, "gzip, " * 9),
    "an unknown packing": packed(BUSY, "zstd"),
    "longer than it is": replace(BUSY, headers={"Content-Length": "9999"}, close=True),
    "an odd cookie": replace(BUSY, headers={"Set-Cookie": "\xff=[; expires=\xfe"}),
    "an odd wait": replace(BUSY, headers={"Retry-After": "\xb2", "retry-after-ms": "\xb3"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_words_of_a_refusal_are_read_whatever_its_headers_say(ask, server, case):
    server.script = lambda path, body, nth: REFUSED[case]
    (completion,) = ask("a")
    assert (completion.state, completion.error) == ("rejected", "HTTP 400: the words")


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
@pytest.mark.parametrize("status", [101, 418, 503, 600, 999])
def test_any_status_is_a_failed_row(ask, server, api, status):
    server.script = lambda path, body, nth: replace(typed(BUSY, "base64"), status=status)
    (completion,) = ask("a", api=api, backoff_s=0.001)
    assert completion.state == "failed"
    assert completion.error.startswith(f"HTTP {status}: ")


BINARY = b"\x80\x81\x00\xff\xd8odd"
ODD_BODIES = {
    "binary": (Reply(body=BINARY), "the reply is not JSON: "),
    "a packing of its own": (
        packed(Reply(body=BINARY), "br"),
        "the reply is packed as 'br', though the request asks for none",
    ),
    "plain under gzip": (packed(say("4"), "gzip"), "the reply can't be unpacked: "),
    "nested": (Reply(body=b"[" * 99_999), "the reply is not JSON: it is nested too deeply"),
    "nested a bit": (
        Reply(body={"choices": [json.loads("[" * 150 + "]" * 150)]}),
        "the reply is not JSON: it is nested too deeply",
    ),
    "a number": (Reply(body=b"9" * 5000), "the reply is not JSON: "),
}


@pytest.mark.parametrize("case", ODD_BODIES)
def test_reply_that_is_no_answer_is_kept_and_says_why(ask, server, case):
    reply, words = ODD_BODIES[case]
    server.script = lambda path, body, nth: reply
    (completion,) = ask("a")
    assert completion.state == "invalid_response"
    assert completion.error.startswith(words)
    assert completion.raw == reply.payload().decode("utf-8", "replace")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_answer_with_a_byte_order_mark_is_read(ask, server, encoding):
    server.script = lambda path, body, nth: typed(encoded(say("4"), encoding), "latin-1")
    assert ask("a")[0].text == "4"


def test_answer_in_a_packing_that_was_not_asked_for_is_read(ask, server):
    body = gzip.compress(say("4").payload())
    server.script = lambda path, body_, nth: packed(Reply(body=body), "gzip")
    assert ask("a")[0].text == "4"


def test_numbers_that_json_lacks_are_none():
    reply = parse_reply('{"a": NaN, "b": [-Infinity, 1e999, 1.5, 10]}')
    assert reply == {"a": None, "b": [None, None, 1.5, 10]}


FIELDS = """
choices message delta content text index finish_reason native_finish_reason usage type error
provider_specific_fields prompt_tokens completion_tokens total_tokens prompt_tokens_details
reasoning_content tool_calls function name arguments id errors code status detail details
retryDelay retry_after metadata headers Retry-After raw output summary refusal response item
data models incomplete_details reason object base_resp function_call thinking
"""
KEYS = FIELDS.split()
LEAVES = (
    *(None, True, 0, -1, 429, 10**30, 1.5, float("nan"), float("inf"), "", "4", "\ud800", "[1]"),
    *("stop", "length", "error", "message", "reasoning", "function_call", '{"error": 5}', "30s"),
    *("response.output_text.delta", "response.completed", "completed"),
)


def odd_value(draw: random.Random, depth: int = 0):
    kind = draw.random()
    if depth > 4 or kind < 0.3:
        return draw.choice(LEAVES)
    if kind < 0.55:
        return [odd_value(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    return {draw.choice(KEYS): odd_value(draw, depth + 1) for _ in range(draw.randint(0, 5))}


def odd_body(draw: random.Random):
    message = {"message": odd_value(draw, 2), "delta": odd_value(draw, 2), "text": odd_value(draw)}
    more = {draw.choice(KEYS): odd_value(draw, 1) for _ in range(2)}
    response = {"output": [odd_value(draw, 2)], "type": "response.x", "response": odd_value(draw)}
    return draw.choice([odd_value(draw), {"choices": [message], **more}, response])


def test_no_reply_of_any_shape_raises():
    draw = random.Random(7)
    for _ in range(draws_of(2_000)):
        raw = json.dumps(odd_body(draw))
        if draw.random() < 0.5:
            raw = "".join(f"data: {json.dumps(odd_body(draw))}\n\n" for _ in range(3))
        joined = join_events(raw)
        for reply in (joined, chat_reply(joined, {"max_output_tokens": 8}, is_openai=False)):
            completion = read_reply(Request("k", "{}"), reply)
            reply_content(reply)
            reply_reasoning(reply)
            calls = reply_tool_calls(reply)
            error = find_error(reply)
            fields = error.fields if error else {}
            wait_s(fields)
            json.dumps([calls, fields], allow_nan=False)
            f"{completion.text}{completion.error}{completion.model}{read_names(reply)}".encode()
