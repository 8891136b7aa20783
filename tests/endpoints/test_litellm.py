"""LiteLLM's proxy in front of the scripted server: answers and errors keep their meaning."""

import json
from typing import Any

import pytest
from openai_server import OpenAIServer, Reply, answer, last_message, refuse
from real_servers import Endpoint, ask_endpoint, call
from test_features import FEATURES, SHORT, TOOL, documented

from workbench.errors import WorkbenchError

TEXTS = [
    "4",
    " leading and trailing \n\n",
    "日本 Größe 😀",
    '{"a": [1, "b"]}',
    "# Title\n\n- one\n- two\n```py\nx = 1\n```",
    "a\x00b",
    "x" * 20_000,
    "<b>&amp;</b>",
    "",
    "Answer: 4",
    "tool_calls",
    "The sky is blue.",
    "\u202eright to left",
]


def both(endpoint: Endpoint, *calls, **settings) -> tuple[list[Any], list[Any]]:
    """The completions through the proxy, and those of the server behind it."""
    behind = Endpoint("behind", endpoint.model, endpoint.direct)
    return ask_endpoint(endpoint, *calls, **settings), ask_endpoint(behind, *calls, **settings)


def shown(completions) -> list[tuple[Any, ...]]:
    return [(c.state, c.text, c.finish_reason, c.usage, c.tool_calls) for c in completions]


def message(**fields: Any) -> Reply:
    finish = fields.pop("finish", "stop")
    return Reply(body={**answer(""), "choices": [{"message": fields, "finish_reason": finish}]})


def events(*chunks: dict[str, Any]) -> Reply:
    whole = {"id": "r", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = [f"data: {json.dumps({**whole, **chunk})}\n\n" for chunk in chunks]
    body = "".join([*lines, "data: [DONE]\n\n"]).encode()
    return Reply(body=body, headers={"Content-Type": "text/event-stream"})


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


CALL = {"id": "c1", "type": "function", "function": {"name": "sky", "arguments": '{"a": 1}'}}
CACHED = {"prompt_tokens": 900, "completion_tokens": 2, "total_tokens": 902}
ANSWERS = {
    "tool calls": message(content=None, tool_calls=[CALL], finish="tool_calls"),
    "a refusal": message(content=None, refusal="No."),
    "nothing": message(content=""),
    "thoughts beside it": message(content="4", reasoning_content="Hm."),
    **{
        reason: Reply(body=answer("fo", finish=reason))
        for reason in ("length", "content_filter", "MAX_TOKENS", "SAFETY", "abort", "sensitive")
    },
    "cached": Reply(
        body=answer("4", usage={**CACHED, "prompt_tokens_details": {"cached_tokens": 640}})
    ),
    "reasoning": Reply(
        body=answer(
            "4",
            usage={
                "prompt_tokens": 14,
                "completion_tokens": 2,
                "total_tokens": 333,
                "completion_tokens_details": {"reasoning_tokens": 317},
            },
        )
    ),
    "no usage": Reply(body=answer("4", usage=None)),
}
STREAM = events(
    delta(role="assistant", content=""),
    delta(content="fo"),
    delta(content="ur ü"),
    delta("stop"),
    {"choices": [], "usage": {**CACHED, "prompt_tokens_details": {"cached_tokens": 640}}},
)


def test_texts_come_through_unchanged(litellm, behind: OpenAIServer, notes):
    for api in ("chat", "completions"):
        behind.script = last_message
        calls = [call(text or " ", raw=api == "completions") for text in TEXTS]
        proxied, direct = both(litellm, *calls, api=api)
        assert shown(proxied) == shown(direct)
        assert [c.text for c in proxied] == [text or " " for text in TEXTS]
        notes.append(f"LiteLLM: 0 of {len(TEXTS)} texts differ from those behind it ({api})")


def test_bodies_reach_the_server_behind_it(litellm, behind: OpenAIServer):
    """The roles of the turns, and each field that Workbench sends."""
    behind.script = last_message
    behind.requests.clear()
    turns = (SHORT, "2+2?", ("assistant", "4"), "3+3?", ("assistant", "It is"))
    begun = call(
        *turns, stop=["\n"], seed=3, top_p=0.5, extra_body={"grammar": "x", "tools": [TOOL]}
    )
    proxied, direct = both(litellm, begun, prefill="continue_final_message")
    through, alone = behind.bodies
    assert through == alone
    assert shown(proxied) == shown(direct)
    for way in ("schema", "structured", "guided"):
        behind.requests.clear()
        both(litellm, call("2+2?", choices=["4", "5"]), choices=way)
        through, alone = behind.bodies
        assert through == alone


def test_documented_outcomes_are_what_these_tests_find():
    assert {documented(feature, "LiteLLM") for feature in FEATURES} == {"works"}


@pytest.mark.parametrize("case", ANSWERS)
def test_answer_keeps_its_meaning(litellm, behind: OpenAIServer, case):
    behind.script = lambda path, body, nth: ANSWERS[case]
    proxied, direct = both(litellm, call("2+2?"))
    words = {"MAX_TOKENS": "length", "SAFETY": "content_filter", "sensitive": "content_filter"}
    assert (proxied[0].state, proxied[0].text) == (direct[0].state, direct[0].text)
    assert proxied[0].reasoning == direct[0].reasoning
    assert proxied[0].usage == direct[0].usage
    assert proxied[0].tool_calls == direct[0].tool_calls
    assert proxied[0].finish_reason in (direct[0].finish_reason, words.get(case))


def test_stream_comes_through(litellm, behind: OpenAIServer):
    behind.script = lambda path, body, nth: STREAM
    proxied, direct = both(litellm, call("2+2?"), stream=True)
    assert shown(proxied) == shown(direct)
    assert (proxied[0].text, proxied[0].usage.cached_tokens) == ("four ü", 640)


QUOTA = "You exceeded your current quota, please check your plan and billing details."
AZURE = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management "
    "policy. Please modify your prompt and retry."
)
FILTER = {"code": "content_filter", "param": "prompt"}
LONG = {"code": "context_length_exceeded", "type": "invalid_request_error", "param": "messages"}
ROWS = {
    "400": (refuse(400, "the image is broken"), "rejected"),
    "context": (refuse(400, "This model's maximum context length is 8 tokens", **LONG), "rejected"),
    "filter": (refuse(400, AZURE, **FILTER), "filtered"),
    "filter in words": (refuse(400, "Content Exists Risk"), "filtered"),
    "403 about a row": (refuse(403, "forbidden"), "rejected"),
    "500": (refuse(500, "oops"), "failed"),
}
ENDS = {
    "401": (refuse(401, "Incorrect API key provided", code="invalid_api_key"), "check the key in "),
    "quota": (refuse(429, QUOTA, code="insufficient_quota"), "the account has no credit left"),
    "model": (
        refuse(404, "The model `m` does not exist", code="model_not_found"),
        "the server has",
    ),
    "parameter": (
        refuse(400, "Unsupported parameter: 'seed' is not supported.", param="seed"),
        "`seed: null` leaves it out",
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_error_about_a_row_is_that_rows_state(litellm, behind: OpenAIServer, case):
    reply, state = ROWS[case]
    behind.script = lambda path, body, nth: (
        reply if "bad" in str(body) else last_message(path, body, nth)
    )
    proxied, direct = both(litellm, call("good"), call("bad"), call("better"), concurrency=1)
    assert [c.state for c in proxied] == ["ok", state, "ok"]
    assert [c.state for c in direct] == ["ok", state, "ok"]


@pytest.mark.parametrize("case", ENDS)
def test_error_about_all_rows_ends_the_model(litellm, behind: OpenAIServer, case):
    reply, fix = ENDS[case]
    behind.script = lambda path, body, nth: reply
    behind.requests.clear()
    with pytest.raises(WorkbenchError) as raised:
        ask_endpoint(litellm, call("2+2?", seed=1), call("3+3?", seed=1), concurrency=1)
    assert fix in raised.value.fix
    assert len(behind.requests) == 1


@pytest.mark.parametrize(
    "reply", [refuse(429, "slow down", {"Retry-After": "1"}), refuse(503, "Loading model")]
)
def test_passing_refusal_is_sent_again(litellm, behind: OpenAIServer, reply):
    """The proxy drops Retry-After, so Workbench's own back-off counts."""
    behind.requests.clear()
    behind.script = lambda path, body, nth: reply if nth < 3 else last_message(path, body, nth)
    (completion,) = ask_endpoint(litellm, call(f"again {reply.status}"))
    assert (completion.text, completion.attempts) == (f"again {reply.status}", 3)


def test_names_of_an_unknown_model_are_those_of_the_proxy(litellm, behind: OpenAIServer):
    other = Endpoint("LiteLLM", "n", litellm.settings)
    with pytest.raises(WorkbenchError) as raised:
        ask_endpoint(other, call("Hi"))
    assert raised.value.fix.endswith("the server has: m")


def test_responses(litellm, behind: OpenAIServer):
    text = {"type": "message", "content": [{"type": "output_text", "text": "4"}]}
    body = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
    usage = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    part = {**text, "id": "m1", "role": "assistant", "status": "completed"}
    part["content"][0]["annotations"] = []
    behind.script = lambda path, request, nth: Reply(
        body={**body, "output": [part], "usage": usage}
    )
    behind.requests.clear()
    proxied, direct = both(litellm, call("2+2?", max_tokens=4), api="responses")
    assert (proxied[0].state, proxied[0].text) == (direct[0].state, direct[0].text) == ("ok", "4")
    limits = [sent["max_output_tokens"] for sent in behind.bodies]
    assert limits == [16, 4]
