"""Errors that end one row, and not its model."""

import json
from dataclasses import replace

import pytest
from asking import collected, request_for
from openai_server import Reply, last_message, refuse
from permits import Recorded
from replying import FOUR

from workbench.errors import WorkbenchError


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refusal_of_one_row_is_not_sent_again(ask, server, status):
    server.script = lambda path, body, nth: (
        refuse(status, "too long") if "bad" in str(body) else last_message(path, body, nth)
    )
    bad, good = ask("bad", "good")
    assert (bad.state, bad.error, bad.attempts) == ("rejected", f"HTTP {status}: too long", 1)
    assert json.loads(bad.raw) == {"error": {"message": "too long"}}
    assert good.state == "ok"


@pytest.mark.parametrize(
    ("param", "code"),
    [
        ("messages", "context_length_exceeded"),
        ("messages[0].content", None),
        ("messages.[0].content", None),
        ("prompt", "content_filter"),
        ("input_tokens", None),
    ],
)
def test_fault_of_one_text_does_not_end_the_model(ask, server, param, code):
    server.script = lambda path, body, nth: (
        refuse(400, "no", param=param, code=code)
        if "bad" in str(body)
        else last_message(path, body, nth)
    )
    completions = ask("bad", *"abcdef", concurrency=1)
    state = "filtered" if code == "content_filter" else "rejected"
    assert [completion.state for completion in completions] == [state, *["ok"] * 6]


# Errors about one row as servers word them: status, body, state.
ROW_ERRORS = {
    "OpenAI context": (
        400,
        {"error": {"message": "maximum context length", "code": "context_length_exceeded"}},
        "rejected",
    ),
    "vLLM context": (
        400,
        {
            "error": {
                "message": "'max_tokens' is too large: 8. This model's maximum context length is 4 "
                "tokens and your request has 3 input tokens (8 > 4 - 3).",
                "type": "BadRequestError",
                "param": "max_tokens",
                "code": 400,
            }
        },
        "rejected",
    ),
    "vLLM, older": (
        400,
        {"object": "error", "message": "too many tokens", "code": 400},
        "rejected",
    ),
    "llama.cpp context": (
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
            }
        },
        "rejected",
    ),
    "TGI": (422, {"error": "`inputs` must have less than 4 tokens"}, "rejected"),
    "FastAPI": (422, {"detail": [{"loc": ["body", "messages", 0, "content"]}]}, "rejected"),
    "Groq": (413, {"error": {"message": "too large", "code": "rate_limit_exceeded"}}, "rejected"),
    "Gemini": (
        400,
        [{"error": {"code": 400, "message": "too long", "status": "INVALID_ARGUMENT"}}],
        "rejected",
    ),
    "Azure filter": (
        400,
        {"error": {"message": "no", "param": "prompt", "code": "content_filter"}},
        "filtered",
    ),
    "LiteLLM filter": (
        400,
        {"error": {"message": "litellm.ContentPolicyViolationError: no", "code": "400"}},
        "filtered",
    ),
    # a gateway drops the code and keeps the words
    "Azure's words": (
        400,
        {
            "error": {
                "message": "litellm.BadRequestError: OpenAIException - The response was filtered "
                "due to the prompt triggering Azure OpenAI's content management policy.",
                "code": "400",
            }
        },
        "filtered",
    ),
    **{
        words: (400, {"error": {"message": words}}, "filtered")
        for words in (
            "Content Exists Risk",
            "The request was rejected because it was considered high risk",
            "Your request was rejected as a result of our safety system.",
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
            "Input data may contain inappropriate content.",
        )
    },
    "no filter": (400, {"error": {"message": "the content has too many images"}}, "rejected"),
}


@pytest.mark.parametrize("case", ROW_ERRORS)
def test_first_request_may_be_rejected_alone(open_model, server, case):
    status, body, state = ROW_ERRORS[case]
    server.script = lambda path, request_body, nth: (
        Reply(status, body) if "bad" in str(request_body) else last_message(path, request_body, nth)
    )
    provider = open_model(concurrency=1)
    completions, error = collected(provider, ["bad", "good"])
    assert ([completion.state for completion in completions], error) == ([state, "ok"], None)


@pytest.mark.parametrize("status", [403, 404])
def test_row_is_rejected_by_a_status_that_stops_a_model_which_has_answered_nothing(
    open_model, server, status
):
    """The refusal comes first, while other requests are in flight, and in a later batch alone."""
    no = refuse(status, "not this row")
    server.script = lambda path, body, nth: (
        no if "bad" in str(body) else Reply(body=FOUR.body, delay_s=0.3)
    )
    provider = open_model(concurrency=3)
    completions, error = collected(provider, ["bad", "a", "b", "c"])
    assert {c.key: c.state for c in completions} == {
        **dict.fromkeys("abc", "ok"),
        "bad": "rejected",
    }
    assert error is None
    assert [c.state for c in collected(provider, ["bad"])[0]] == ["rejected"]
    completions, error = collected(open_model(concurrency=3), ["bad"])
    assert (completions, error.message) == ([], f"openai:m: HTTP {status}: not this row")


def test_key_without_access_costs_no_more_calls_than_are_in_flight(open_model, server):
    server.script = lambda path, body, nth: refuse(403, "no access")
    completions, error = collected(open_model(concurrency=4), [f"row {n}" for n in range(20)])
    assert (completions, error.message) == ([], "openai:m: HTTP 403: no access")
    assert len(server.requests) <= 4


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_three_rows_are_refused_before_a_status_without_words_stops_the_model(
    open_model, server, status, concurrency
):
    """Each refused call is told to its permit."""
    server.script = lambda path, body, nth: refuse(status, "no")
    permit = Recorded()
    provider = open_model(concurrency=concurrency)
    requests = (replace(request_for(provider, f"row {n}"), permit=permit) for n in range(20))
    with pytest.raises(WorkbenchError) as raised:
        list(provider.complete(requests))
    assert raised.value.message == f"openai:m: HTTP {status}: no"
    calls = max(3, concurrency)
    assert (len(server.requests), permit.outcomes) == (calls, ["refused"] * calls)


def test_first_row_that_moderation_refuses_at_concurrency_1_is_one_rejected_row(open_model, server):
    server.script = lambda path, body, nth: refuse(403, "forbidden") if "bad" in str(body) else FOUR
    provider = open_model(concurrency=1)
    completions, error = collected(provider, ["bad 1", "bad 2", "a", "bad 3", "b"])
    assert {c.key: c.state for c in completions} == {
        **dict.fromkeys(["bad 1", "bad 2", "bad 3"], "rejected"),
        "a": "ok",
        "b": "ok",
    }
    assert (error, len(server.requests)) == (None, 5)
