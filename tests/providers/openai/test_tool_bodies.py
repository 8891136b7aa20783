"""Tools, calls and results as each API of a server takes them."""

import pytest

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import PromptCall, Request

WEATHER = {"name": "get_weather", "description": "d", "parameters": {"type": "object"}}
FUNCTION = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
CALL = {"id": "c1", "type": "function", "function": FUNCTION}
CHAT = Conversation(
    (
        Message("user", "Hi"),
        Message("assistant", "", (CALL,)),
        Message("tool", "4", (), "c1"),
        Message("assistant", "I look again.", ({**CALL, "id": "c2"},)),
        Message("tool", "5", (), "c2"),
    )
)


def body_of(open_model, parameters, **settings) -> dict:
    return dict(open_model(**settings).prepare(PromptCall(CHAT, parameters, tools=(WEATHER,))).body)


@pytest.mark.parametrize(
    ("choice", "chat", "responses"),
    [
        ("required", "required", "required"),
        (
            "get_weather",
            {"type": "function", "function": {"name": "get_weather"}},
            {"type": "function", "name": "get_weather"},
        ),
        (
            {"type": "function", "name": "get_weather"},
            {"type": "function", "function": {"name": "get_weather"}},
            {"type": "function", "name": "get_weather"},
        ),
    ],
)
def test_tools_and_their_history_are_sent_in_the_form_of_the_api(
    open_model, server, choice, chat, responses
):
    provider = open_model()
    body = body_of(open_model, {"tool_choice": choice, "parallel_tool_calls": False})
    list(provider.complete([Request.from_body("k", body)]))
    assert server.bodies[-1] == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "4", "tool_call_id": "c1"},
            {
                "role": "assistant",
                "content": "I look again.",
                "tool_calls": [{**CALL, "id": "c2"}],
            },
            {"role": "tool", "content": "5", "tool_call_id": "c2"},
        ],
        "tools": [{"type": "function", "function": WEATHER}],
        "tool_choice": chat,
        "parallel_tool_calls": False,
    }
    assert body_of(open_model, {"tool_choice": choice}, api="responses") == {
        "model": "m",
        "input": [
            {"role": "user", "content": "Hi"},
            {"type": "function_call", "call_id": "c1", **FUNCTION},
            {"type": "function_call_output", "call_id": "c1", "output": "4"},
            {"role": "assistant", "content": "I look again."},
            {"type": "function_call", "call_id": "c2", **FUNCTION},
            {"type": "function_call_output", "call_id": "c2", "output": "5"},
        ],
        "tools": [{"type": "function", "strict": False, **WEATHER}],
        "tool_choice": responses,
        "store": False,
    }


def test_raw_text_takes_no_tools(open_model):
    with pytest.raises(WorkbenchError, match="`api: completions` takes raw text"):
        body_of(open_model, {}, api="completions")
