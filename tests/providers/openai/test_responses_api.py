"""Requests and replies of OpenAI's Responses API."""

import json

import pytest
from openai_server import Reply

from workbench.answers.read import read_answer
from workbench.canonical import ordered_json
from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import PromptCall, Usage
from workbench.providers.openai.responses_api import chat_reply
from workbench.providers.openai.settings import OpenAISettings

HI = Conversation((Message("system", "Be short."), Message("user", "Hi")))
USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 16},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 123,
}


def reply(*output, status="completed", usage=USAGE, **more) -> Reply:
    return Reply(body={"model": "m-1", "status": status, "output": output, "usage": usage, **more})


def part(kind="output_text", **fields) -> dict:
    return {"type": "message", "role": "assistant", "content": [{"type": kind, **fields}]}


THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
CALL = {"type": "function_call", "call_id": "1", "name": "add", "arguments": "{}"}
INCOMPLETE = {"incomplete_details": {"reason": "max_output_tokens"}}
REPLIES = {
    "text behind a thought": (reply(THOUGHT, part(text="4")), "ok", "4"),
    "refusal": (reply(part("refusal", refusal="No.")), "refused", "No."),
    "only a call": (reply(CALL), "ok", ""),
    "at the limit": (reply(THOUGHT, status="incomplete", **INCOMPLETE), "truncated", ""),
    "filtered": (
        reply(status="incomplete", incomplete_details={"reason": "content_filter"}),
        "filtered",
        "",
    ),
    "cancelled": (reply(part(text="4"), status="cancelled"), "invalid_response", "4"),
    "at the limit, called completed": (
        reply(part(text="fo"), usage={"input_tokens": 3, "output_tokens": 8}),
        "truncated",
        "fo",
    ),
    "another body": (Reply(body={"id": 1}), "invalid_response", ""),
}


@pytest.mark.parametrize(
    ("url", "finish_reason"),
    [
        ("https://api.openai.com/v1", "stop"),
        ("https://lab.openai.azure.com/openai/v1", "stop"),
        ("https://api.openai.com.example.org/v1", "max_output_tokens"),
        ("http://127.0.0.1:8080/v1", "max_output_tokens"),
    ],
)
def test_an_answer_of_the_limit_that_openai_calls_completed_is_complete(url, finish_reason):
    body = reply(part(text="four"), usage={"input_tokens": 3, "output_tokens": 8}).body
    settings = OpenAISettings(base_url=url)
    raw = json.dumps(body)
    read = chat_reply(raw, {"max_output_tokens": 8}, is_openai=settings.is_openai)
    assert json.loads(read)["choices"][0]["finish_reason"] == finish_reason


@pytest.mark.parametrize("case", REPLIES)
def test_reply_is_read_like_that_of_a_chat(ask, server, case):
    body, state, text = REPLIES[case]
    server.script = lambda path, request_body, nth: body
    (completion,) = ask("2+2", api="responses")
    assert (completion.state, completion.text) == (state, text)
    assert server.requests[0].path == "/v1/responses"


def test_usage_thoughts_and_calls_of_a_reply(ask, server):
    server.script = lambda path, body, nth: reply(THOUGHT, CALL)
    (completion,) = ask("2+2", api="responses")
    assert completion.usage == Usage(36, 87, 16, 64)
    answer = read_answer(completion, "{}")
    function = {"name": "add", "arguments": "{}"}
    assert answer.reasoning == "Hm."
    assert answer.tool_calls == ({"id": "1", "type": "function", "function": function},)


def test_failed_reply_is_asked_for_again(ask, server):
    failed = reply(status="failed", error={"code": "server_error", "message": "oops"})
    server.script = lambda path, body, nth: failed if nth == 1 else reply(part(text="4"))
    assert [(c.state, c.attempts) for c in ask("2+2", api="responses")] == [("ok", 2)]


def test_body_has_the_names_of_the_api(open_model):
    parameters = {"max_tokens": 9, "reasoning_effort": "low", "verbosity": "low"}
    call = PromptCall(HI, parameters, choices=("yes", "no"))
    body = open_model(api="responses", choices="schema").prepare(call).body
    assert body["input"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hi"},
    ]
    assert (body["max_output_tokens"], body["reasoning"], body["store"]) == (
        9,
        {"effort": "low"},
        False,
    )
    assert {"messages", "max_tokens", "response_format", "verbosity"}.isdisjoint(body)
    text = body["text"]
    assert (text["verbosity"], text["format"]["type"], text["format"]["strict"]) == (
        "low",
        "json_schema",
        True,
    )
    assert text["format"]["schema"]["properties"]["choice"]["enum"] == ["yes", "no"]


def test_choice_is_read_out_of_a_reply(ask, open_model, server):
    call = PromptCall(HI, choices=("yes", "no"))
    body = open_model(api="responses", choices="schema").prepare(call).body
    server.script = lambda path, body, nth: reply(part(text='{"choice": "yes"}'))
    (completion,) = ask("2+2", api="responses")
    assert read_answer(completion, ordered_json(body)).text == "yes"


def test_begun_answer_is_refused(open_model):
    begun = Conversation((*HI.messages, Message("assistant", "It")))
    with pytest.raises(WorkbenchError, match="the prompt begins the answer"):
        open_model(api="responses", prefill="as_is").prepare(PromptCall(begun))
