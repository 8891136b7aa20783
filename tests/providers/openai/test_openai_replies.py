"""Replies with status 200: a text, or a state with the reason for none."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Reply, answer, say

from workbench.answers.finish_reason import finish_kind, notable_finish
from workbench.answers.read import read_answer
from workbench.answers.reply_body import reply_tool_calls
from workbench.model import Request, Usage
from workbench.providers.openai.reply import read_reply


def message(**fields) -> dict:
    return {**answer(""), "choices": [{"message": fields, "finish_reason": "stop"}]}


def raw_text(text: str) -> bytes:
    """A reply whose content is `text` as it stands between the quotes."""
    return json.dumps(answer("@")).replace('"@"', f'"{text}"').encode("utf-8", "surrogatepass")


CHOICES = {"name": "workbench_choice", "schema": {"properties": {"choice": {"enum": ["yes"]}}}}
BODY = json.dumps(answer("four")).encode()

REPLIES = {
    "text": (answer("four"), "ok", "four", ""),
    "spaces": (answer(" \n"), "ok", " \n", ""),
    "length": (answer("fo", finish="length"), "truncated", "fo", ""),
    "unknown finish": (answer("four", finish="eos"), "ok", "four", ""),
    "null finish": (answer("four", finish=None), "ok", "four", ""),
    "refusal": (message(content=None, refusal="I can't."), "refused", "I can't.", ""),
    "withheld": (answer("fo", finish="content_filter"), "filtered", "fo", "withheld"),
    "null content": (answer(None), "ok", "", ""),
    "empty content": (answer(""), "ok", "", ""),
    "empty content at the end of a server's own": (answer("", finish="eos_token"), "ok", "", ""),
    "empty content at max_tokens": (answer("", finish="length"), "truncated", "", ""),
    "only reasoning": (message(reasoning_content="hm"), "ok", "", ""),
    "nothing, and no reason": (answer("", finish=None), "empty_output", "", "'missing'"),
    "nothing, for another reason": (answer("", finish="error"), "empty_output", "", "'error'"),
    "only a tool call": (message(content=None, tool_calls=[{"id": "1"}]), "ok", "", ""),
    "only a function call": (message(content=None, function_call={"name": "f"}), "ok", "", ""),
    "no tool call, though it says so": (
        answer("", finish="tool_calls"),
        "empty_output",
        "",
        "the answer is empty (finish_reason 'tool_calls')",
    ),
    "thinking part": (
        answer([{"type": "thinking", "thinking": "2+2"}, {"type": "text", "text": "four"}]),
        "ok",
        "four",
        "",
    ),
    "reasoning part with a text": (
        answer([{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "four"}]),
        "ok",
        "four",
        "",
    ),
    "refusal part with its text": (
        answer([{"type": "refusal", "text": "I can't."}]),
        "refused",
        "I can't.",
        "",
    ),
    "refusal part": (
        answer([{"type": "refusal", "refusal": "I can't."}]),
        "refused",
        "I can't.",
        "",
    ),
    "parts": (
        answer([{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}, {"text": None}]),
        "ok",
        "four",
        "",
    ),
    "number for content": (answer(4), "invalid_response", "", "the content is int"),
    "no choices": (answer("", choices=[]), "invalid_response", "", "no choices but []"),
    "null choices": (answer("", choices=None), "invalid_response", "", "no choices but null"),
    "choices no list": (answer("", choices={"a": 1}), "invalid_response", "", "no choices"),
    "null choice": (answer("", choices=[None]), "invalid_response", "", "no choices"),
    "two choices": (
        answer("", choices=answer("a")["choices"] * 2),
        "invalid_response",
        "",
        "expected 1 choice, got 2",
    ),
    "object of another kind": ({"id": 1}, "invalid_response", "", "no choices but null"),
    "a list": ([1], "invalid_response", "", "is not an object"),
    "login page": (b"<html>Log in</html>", "invalid_response", "", "begins '<html>Log in"),
    "nothing": (b"", "invalid_response", "", "is not JSON"),
    "cut JSON": (BODY[:-20], "invalid_response", "", "is not JSON"),
    "deep JSON": (b"[" * 100_000, "invalid_response", "", "is not JSON"),
    "long number": (b"9" * 5000, "invalid_response", "", "is not JSON"),
    "byte order mark": (b"\xef\xbb\xbf" + BODY, "ok", "four", ""),
    "bad UTF-8": (BODY.replace(b"four", b"fo\xffur"), "ok", "fo�ur", ""),
    "escaped lone surrogate": (raw_text(r"a\ud800b"), "ok", "a�b", ""),
    "raw lone surrogate": (raw_text("a\ud800b"), "ok", "a���b", ""),
    "surrogate pair": (raw_text(r"\ud83d\ude00"), "ok", "😀", ""),
    "NUL": (raw_text(r"a\u0000b"), "ok", "a\0b", ""),
    "line separators": (answer("a\r\n\u2028b"), "ok", "a\r\n\u2028b", ""),
}


@pytest.mark.parametrize("case", REPLIES)
def test_reply_is_told_by_its_state(ask, server, case):
    body, state, text, error = REPLIES[case]
    server.script = lambda path, request_body, nth: Reply(body=body)
    (completion,) = ask("2+2")
    assert (completion.state, completion.text) == (state, text)
    assert error in completion.error
    assert bool(completion.error) == (not completion.scored)
    assert completion.raw == Reply(body=body).payload().decode("utf-8-sig", "replace")
    assert (completion.attempts, len(server.requests)) == (1, 1)


ENDS = {  # of an answer with a text
    "ok": "stop STOP eos end_turn stop_sequence COMPLETE tool_calls null stop_str eos_found",
    "truncated": "length max_tokens MAX_TOKENS model_length model_context_window_exceeded"
    " FinishReason.MAX_TOKENS FINISH_REASON_MAX_TOKENS max_output_tokens"
    " length_limit max_total_tokens output_limit context_overflow",
    "filtered": "content_filter content-filter SAFETY RECITATION sensitive PROHIBITED_CONTENT"
    " guardrail_intervened ERROR_TOXIC IMAGE_PROHIBITED_CONTENT MODEL_ARMOR"
    " content_policy_violation safety_filter unsafe",
    "refused": "refusal",
    "invalid_response": "abort insufficient_system_resource network_error cancelled timeout OTHER"
    " error_limit engine_overloaded client_disconnect deadline_exceeded malformed_tool_use"
    " out_of_memory TOO_MANY_TOOL_CALLS NO_IMAGE",
}


@pytest.mark.parametrize(("state", "finish"), [(s, word) for s in ENDS for word in ENDS[s].split()])
def test_finish_reason_says_how_the_answer_ended(state, finish):
    completion = read_reply(Request("k", "{}"), json.dumps(answer("four", finish=finish)))
    assert (completion.state, completion.text) == (state, "four")
    assert notable_finish(completion) == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"finishReason": "MAX_TOKENS"},
        {"finish_details": {"type": "max_tokens"}},
        {"finish_reason": {"type": "length", "length": 8}},
        {"finish_reason": None, "stop_reason": "max_tokens"},
        {"message": {"content": "four", "finish_reason": "length"}},
    ],
)
def test_finish_reason_is_found_in_the_fields_of_other_servers(fields):
    choice = {"message": {"content": "four"}, **fields}
    completion = read_reply(Request("k", "{}"), json.dumps({"choices": [choice]}))
    assert (completion.state, completion.text) == ("truncated", "four")


def test_error_beside_the_choices_is_one_of_the_answer():
    for error in ({"message": "upstream died"}, "upstream died"):
        body = {**answer("fo"), "error": error}
        completion = read_reply(Request("k", "{}"), json.dumps(body))
        assert completion.state == "invalid_response"
        assert "upstream died" in completion.error


THOUGHTS = {
    "Gemini's flag": {"content": [{"text": "hm", "thought": True}, {"text": "four"}]},
    "Bedrock's key": {
        "content": [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "four"}]
    },
    "think": {"content": [{"type": "think", "think": "hm"}, {"type": "text", "text": "four"}]},
    "a summary": {"content": [{"type": "summary_text", "text": "hm"}, {"text": "four"}]},
    "LiteLLM's blocks": {
        "content": "four",
        "thinking_blocks": [{"type": "thinking", "thinking": "hm"}],
    },
    "GitHub's field": {"content": "four", "reasoning_text": "hm"},
}


@pytest.mark.parametrize("case", THOUGHTS)
def test_thoughts_are_no_part_of_the_answer(case):
    completion = read_reply(Request("k", "{}"), json.dumps(message(**THOUGHTS[case])))
    assert completion.text == "four"
    assert "hm" in read_answer(completion, "{}").reasoning or case == "a summary"


def test_finish_reason_that_nobody_knows_is_counted():
    completion = read_reply(Request("k", "{}"), json.dumps(answer("four", finish="moonset")))
    assert (completion.state, notable_finish(completion)) == ("ok", "moonset")


@pytest.mark.parametrize("shape", [{}, {"response_format": {"json_schema": CHOICES}}])
def test_answer_with_an_error_in_its_choice_is_none(shape):
    body = answer('{"choice": "yes"}')
    body["choices"][0]["error"] = {"message": "upstream died", "code": 502}
    request = Request.from_body("k", shape)
    completion = read_answer(read_reply(request, json.dumps(body)), request.text)
    assert completion.state == "invalid_response"
    assert "upstream died" in completion.error


def test_answer_with_an_error_in_its_choice_is_asked_for_again(ask, server):
    broken = answer("fo", finish=None)
    broken["choices"][0]["error"] = {"message": "upstream died", "code": 502}
    server.script = lambda path, body, nth: Reply(body=broken) if nth == 1 else say("four")
    assert [(c.state, c.text, c.attempts) for c in ask("2+2")] == [("ok", "four", 2)]


def test_tool_calls_are_read_out_of_the_reply():
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    received = read_reply(Request("k", "{}"), json.dumps(message(tool_calls=[call])))
    completion = read_answer(received, "{}")
    assert (completion.state, completion.text, completion.tool_calls) == ("ok", "", (call,))


def test_tool_calls_among_the_parts_of_the_content_are_read():
    part = {"type": "tool_use", "id": "1", "name": "add", "input": {"a": 2}}
    received = read_reply(Request("k", "{}"), json.dumps(answer([part], finish="tool_use")))
    completion = read_answer(received, "{}")
    function = {"name": "add", "arguments": '{"a": 2}'}
    call = {"id": "1", "type": "function", "function": function}
    assert (completion.state, completion.text, completion.tool_calls) == ("ok", "", (call,))


def test_answer_carries_what_the_reply_says_about_it(ask, server):
    server.script = lambda path, request_body, nth: Reply(body=answer("4"), delay_s=0.05)
    (completion,) = ask("2+2")
    assert (completion.usage, completion.finish_reason, completion.model, completion.stored) == (
        Usage(7, 2),
        "stop",
        "model-2025-01-01",
        False,
    )
    assert 0.05 <= completion.latency_s < 50


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        (None, Usage()),
        ({}, Usage()),
        ([1], Usage()),
        ({"prompt_tokens": 0, "completion_tokens": None}, Usage()),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Usage()),
        ({"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}, Usage(7, 0)),
        ({"prompt_tokens": -1, "completion_tokens": 2.5}, Usage()),
        ({"prompt_tokens": "7", "completion_tokens": True}, Usage(7)),
        ({"prompt_tokens": "7.5", "completion_tokens": "many"}, Usage()),
        ({"prompt_tokens": 10**30, "completion_tokens": 3}, Usage(None, 3)),
    ],
)
def test_tokens_that_were_not_counted_are_unknown_not_zero(ask, server, usage, read):
    server.script = lambda path, request_body, nth: say("4", usage=usage)
    assert [completion.usage for completion in ask("2+2")] == [read]


@pytest.mark.parametrize(
    ("content", "state", "text"),
    [
        ('{"choice": "yes"}', "ok", "yes"),
        ('{"choice": 4}', "invalid_response", '{"choice": 4}'),
        ('{"choice": ""}', "invalid_response", '{"choice": ""}'),
        ('{"answer": "yes"}', "invalid_response", '{"answer": "yes"}'),
        ("yes", "invalid_response", "yes"),
        ("[" * 100_000, "invalid_response", "[" * 100_000),
    ],
)
def test_choice_is_read_out_of_the_schema(content, state, text):
    shape = {"json_schema": {"name": "workbench_choice"}}
    request = Request.from_body("k", {"response_format": shape})
    completion = read_answer(read_reply(request, json.dumps(answer(content))), request.text)
    assert (completion.state, completion.text) == (state, text)


def test_text_of_a_completions_reply(ask):
    assert [completion.text for completion in ask("2+2=", api="completions")] == ["2+2="]


def test_compressed_reply_is_read(ask, server):
    packed = Reply(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"})
    server.script = lambda path, request_body, nth: packed
    assert [completion.text for completion in ask("2+2")] == ["four"]


def test_reply_that_cannot_be_unpacked_is_kept_and_not_asked_for_again(ask, server):
    server.script = lambda path, body, nth: Reply(
        body=b"not packed", headers={"Content-Encoding": "gzip"}
    )
    (completion,) = ask("2+2")
    assert (completion.state, completion.raw) == ("invalid_response", "not packed")
    assert completion.error.startswith("the reply can't be unpacked: ")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=BODY, headers={"X-Long": "a" * 100_000}),
        Reply(body=BODY, headers={"Content-Length": "many"}),
    ],
    ids=["endless header", "length that is none"],
)
def test_reply_that_is_no_http_fails_its_row_only(ask, server, reply):
    good = say("4")
    server.script = lambda path, body, nth: good if "fine" in str(body) else reply
    bad, fine = ask("bad", "fine")
    assert (bad.state, fine.state) == ("failed", "ok")
    assert bad.error


CASES_OF_USAGE = {
    "reasoning beside the answer": (
        {
            "prompt_tokens": 14,
            "completion_tokens": 2,
            "total_tokens": 333,
            "completion_tokens_details": {"reasoning_tokens": 317},
        },
        Usage(14, 319, None, 317),
    ),
    "reasoning within the answer": (
        {
            "prompt_tokens": 14,
            "completion_tokens": 319,
            "total_tokens": 333,
            "completion_tokens_details": {"reasoning_tokens": 317},
        },
        Usage(14, 319, None, 317),
    ),
    "reasoning beside, no total": (
        {"prompt_tokens": 14, "completion_tokens": 2, "reasoning_tokens": 317},
        Usage(14, 319, None, 317),
    ),
    "thoughts in the total only": (
        {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 400},
        Usage(5, 395),
    ),
    "floats": ({"prompt_tokens": 14.0, "completion_tokens": 2.0}, Usage(14, 2)),
    "strings": ({"prompt_tokens": "14", "completion_tokens": "2.0"}, Usage(14, 2)),
    "DeepSeek's cache": (
        {"prompt_tokens": 900, "completion_tokens": 8, "prompt_cache_hit_tokens": 640},
        Usage(900, 8, 640),
    ),
    "OpenAI's cache": (
        {
            "prompt_tokens": 900,
            "completion_tokens": 8,
            "total_tokens": 908,
            "prompt_tokens_details": {"cached_tokens": 640},
        },
        Usage(900, 8, 640),
    ),
    "cache beside the prompt": (
        {
            "prompt_tokens": 260,
            "completion_tokens": 8,
            "total_tokens": 908,
            "cache_read_input_tokens": 640,
        },
        Usage(900, 8, 640),
    ),
    "names of other APIs": ({"input_tokens": 14, "output_tokens": 2}, Usage(14, 2)),
    "Anthropic's cache": (
        {
            "input_tokens": 40,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 20,
            "output_tokens": 2,
        },
        Usage(70, 2, 10),
    ),
    "Anthropic's cache through LiteLLM": (
        {
            "prompt_tokens": 70,
            "completion_tokens": 2,
            "total_tokens": 72,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 20,
        },
        Usage(70, 2, 10),
    ),
    "Bedrock's cache": (
        {"inputTokens": 4, "outputTokens": 2, "totalTokens": 16, "cacheReadInputTokens": 10},
        Usage(14, 2, 10),
    ),
    "cache and reasoning beside": (
        {
            "prompt_tokens": 14,
            "completion_tokens": 2,
            "total_tokens": 343,
            "cached_tokens": 10,
            "reasoning_tokens": 317,
        },
        Usage(24, 319, 10, 317),
    ),
}
GEMINI = {
    "promptTokenCount": 14,
    "candidatesTokenCount": 2,
    "thoughtsTokenCount": 317,
    "totalTokenCount": 333,
}


@pytest.mark.parametrize(
    "fields",
    [
        {"usageMetadata": GEMINI},
        {"usage": GEMINI},
        {"usage": None, "x_groq": {"usage": CASES_OF_USAGE["reasoning beside the answer"][0]}},
    ],
)
def test_usage_is_found_where_gateways_put_it(fields):
    reply = read_reply(Request("k", "{}"), json.dumps({**answer("4", usage=None), **fields}))
    assert reply.usage == Usage(14, 319, None, 317)


@pytest.mark.parametrize("case", CASES_OF_USAGE)
def test_usage_is_what_is_billed(case):
    usage, read = CASES_OF_USAGE[case]
    assert read_reply(Request("k", "{}"), json.dumps(answer("4", usage=usage))).usage == read


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(
    choices=json_values
    | st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "message": json_values
                | st.fixed_dictionaries(
                    {}, optional={"content": json_values, "refusal": json_values}
                ),
                "text": json_values,
                "finish_reason": json_values,
            },
        ),
        max_size=2,
    ),
    rest=st.fixed_dictionaries(
        {}, optional={"usage": json_values, "model": json_values, "error": json_values}
    ),
    request_body=st.sampled_from(
        [{}, {"response_format": {"json_schema": {"name": "workbench_choice"}}}]
    ),
)
def test_no_reply_is_a_crash_or_an_empty_answer_that_did_not_end(choices, rest, request_body):
    completion = read_reply(
        Request.from_body("k", request_body), json.dumps({"choices": choices, **rest})
    )
    ended = finish_kind(completion.finish_reason) in ("ended", "cut", "refused")
    ended = ended or bool(reply_tool_calls(completion.raw))
    assert bool(completion.text) or ended or not completion.scored
    assert bool(completion.error) == (not completion.scored)
    completion.text.encode()


@pytest.mark.parametrize(
    ("reason", "native", "state"),
    [
        ("stop", "abort", "invalid_response"),
        ("stop", "insufficient_system_resource", "invalid_response"),
        ("stop", "model_length", "truncated"),
        ("stop", "SAFETY", "filtered"),
        ("stop", "end_turn", "ok"),
        ("stop", "moonset", "ok"),
        ("length", "abort", "truncated"),
    ],
)
@pytest.mark.parametrize("gateway", ["LiteLLM", "OpenRouter"])
def test_reason_that_a_gateway_calls_stop_is_the_native_one(
    ask, server, gateway, reason, native, state
):
    fields = {"native_finish_reason": native}
    fields = {"provider_specific_fields": fields} if gateway == "LiteLLM" else fields
    choice = {**answer("fo", finish=reason)["choices"][0], **fields}
    server.script = lambda path, body, nth: Reply(body=answer("", choices=[choice]))
    (completion,) = ask("2+2")
    shown = reason if state == "ok" or reason == "length" else native
    assert (completion.state, completion.finish_reason) == (state, shown)


def test_refusal_that_litellm_moves_is_a_refusal(ask, server):
    fields = {"content": None, "provider_specific_fields": {"refusal": "No."}}
    choice = {"message": fields, "finish_reason": "stop"}
    server.script = lambda path, body, nth: Reply(body=answer("", choices=[choice]))
    assert [(c.state, c.text) for c in ask("2+2")] == [("refused", "No.")]
