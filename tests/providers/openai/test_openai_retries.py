"""Retries, their timing, and the errors that end a row or a model."""

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from asking import request_for
from openai_server import HANG, RESET, Reply, last_message, refuse, say, serve
from permits import Recorded

from workbench.errors import ExitCode, WorkbenchError
from workbench.providers.openai.errors import _retry_after_s

FOUR = say("4")


def then(*replies):
    """The n-th try of a request gets the n-th reply; the last one goes on for ever."""
    return lambda path, body, nth: replies[min(nth, len(replies)) - 1]


def gap(server) -> float:
    """Seconds between the first two requests."""
    return server.requests[1].at - server.requests[0].at


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_passing_refusal_is_sent_again(ask, server, status):
    server.script = then(refuse(status, "busy"), refuse(status, "busy"), FOUR)
    (completion,) = ask("2+2")
    assert (completion.state, completion.text, completion.attempts) == ("ok", "4", 3)
    assert len({request.raw for request in server.requests}) == 1


def test_failure_after_the_last_try_carries_what_the_server_said(ask, server):
    server.script = then(refuse(503, "the lab is \ud800 on fire"))
    (completion,) = ask("2+2")
    assert (completion.state, completion.text, completion.raw) == ("failed", "", None)
    assert completion.error == "HTTP 503: the lab is � on fire"
    assert (completion.attempts, len(server.requests)) == (5, 5)


def test_error_page_is_quoted(ask, server):
    server.script = then(Reply(500, b"<h1>oops</h1>" + b"x" * 1000))
    (completion,) = ask("2+2")
    assert completion.error == f"HTTP 500: <h1>oops</h1>{'x' * 287}"


@pytest.mark.parametrize(
    "body", [b"[1]", b'{"error": "busy"}', b'{"error": {"message": null}}', b"null"]
)
def test_error_of_any_shape_is_a_text(ask, server, body):
    server.script = then(Reply(400, body))
    (completion,) = ask("2+2")
    assert (completion.state, completion.raw) == ("rejected", body.decode())
    assert completion.error.startswith("HTTP 400: ")


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


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "0.3"},
        {"retry-after": "0.3"},
        {"retry-after-ms": "300", "Retry-After": "60"},
        {"retry-after-ms": "soon", "Retry-After": "0.3"},
    ],
)
def test_nothing_is_sent_before_the_time_the_server_asked_for(ask, server, headers):
    server.script = then(refuse(429, "slow down", headers), FOUR)
    assert [completion.text for completion in ask("2+2")] == ["4"]
    assert 0.3 <= gap(server) < 2


@pytest.mark.parametrize(
    "expected",
    ["0", "-5", "soon", "nan", "inf", "-inf", "1e999", "", "Mon, 99 Foo 2000", "1_0",
     "Fri, 01 Jan 1999 00:00:00 GMT", "Fri, 01 Jan 99999999999999999999 00:00:00 GMT"],
)  # fmt: skip
def test_a_time_that_is_none_is_a_back_off(ask, server, expected):
    server.script = then(refuse(429, "slow down", {"Retry-After": expected}), FOUR)
    assert [completion.text for completion in ask("2+2")] == ["4"]
    assert gap(server) < 2


def test_a_date_to_wait_for_is_read():
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = _retry_after_s(httpx2.Headers({"Retry-After": at}))
    assert wait == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ("7200", r"2\.0 h, until \d{4}-\d\d-\d\d \d\d:\d\d UTC"),
        ("601", r"0\.2 h, until \d{4}-\d\d-\d\d \d\d:\d\d UTC"),
        (str(10**9), r"277777\.8 h, until 20\d\d-\d\d-\d\d \d\d:\d\d UTC"),
        (str(10**11), r"27777777\.8 h, until \d{4}-\d\d-\d\d \d\d:\d\d UTC"),
        (str(10**12 - 1), r"277777777\.8 h"),
    ],
)
def test_a_wait_without_end_stops_the_model_and_says_until_when(ask, server, seconds, expected):
    server.script = then(refuse(429, "daily limit", {"Retry-After": seconds}))
    with pytest.raises(WorkbenchError) as caught:
        ask("a", "b", concurrency=1)
    assert caught.value.message == "openai:m: HTTP 429: daily limit"
    assert re.fullmatch(f"the server asks to wait {expected}; run again then", caught.value.fix)
    assert len(server.requests) == 1


HOPELESS = {
    "rejected key": (refuse(401, "bad key"), "HTTP 401: bad key", "check the key in LOCAL_KEY"),
    "unknown model": (refuse(404, "no model m"), "HTTP 404: no model m", "the model's name"),
    "model's code": (
        refuse(404, "gone", code="model_not_found"),
        "HTTP 404: gone",
        "the model's name",
    ),
    "payment": (refuse(402, "pay first"), "HTTP 402: pay first", "no credit left"),
    "key limit": (
        refuse(403, "Key limit exceeded (total limit)"),
        "HTTP 403: Key limit exceeded",
        "no credit left",
    ),
    "FastAPI parameter": (
        Reply(422, {"detail": [{"loc": ["body", "temperature"], "msg": "not a number"}]}),
        "HTTP 422",
        "`temperature: null` leaves it out",
    ),
    "no credit": (
        refuse(429, "pay first", code="insufficient_quota"),
        "HTTP 429: pay first",
        "no credit left",
    ),
    "parameter": (
        refuse(400, "not this one", param="temperature"),
        "HTTP 400: not this one",
        "`temperature: null` leaves it out, `rename:` gives it another name",
    ),
    "model parameter": (refuse(400, "what?", param="model"), "HTTP 400", "check the model's name"),
}


# Errors of a first call that no request can survive, as servers word them.
UNKNOWN = {
    "vLLM": (404, {"object": "error", "message": "The model `x` does not exist.", "code": 404}),
    "Ollama": (404, {"error": {"message": 'model "x" not found, try pulling it first'}}),
    "LiteLLM": (400, {"error": {"message": "Invalid model name passed in model=x."}}),
    "DeepSeek": (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}),
    "Mistral": (400, {"message": "Invalid model: x", "type": "invalid_model", "code": "1500"}),
    "OpenRouter": (400, {"error": {"message": "x is not a valid model ID", "code": 400}}),
    "Gemini": (404, [{"error": {"code": 404, "message": "models/x is not found for API v1"}}]),
    "transformers serve": (400, {"detail": "Server is pinned to 'smollm2'; requested 'x'."}),
    "Copilot": (400, {"error": {"message": "The requested model is not supported."}}),
}
SPENT = {"message": "You exceeded your current quota, please check your plan and billing details."}
GEMINI_KEY = {"code": 400, "message": "API key not valid. Please pass a valid API key."}


@pytest.mark.parametrize(
    ("status", "body", "fix"),
    [
        *((status, body, "check the model's name") for status, body in UNKNOWN.values()),
        (400, [{"error": GEMINI_KEY}], "set `api_key_env:`"),
        (400, {"error": {"message": "Your credit balance is too low"}}, "no credit left"),
        (429, {"error": {**SPENT, "code": "429"}}, "no credit left"),
        (400, {"error": {"message": "stream_options: extra field"}}, "`stream: without_usage`"),
    ],
    ids=[*UNKNOWN, "Gemini's key", "no credit", "a quota without its code", "stream_options"],
)
def test_first_call_finds_what_no_request_survives(open_model, server, status, body, fix):
    server.script = lambda path, request_body, nth: Reply(status, body)
    completions, error = collected(open_model(concurrency=1, stream=True), ["a", "b"])
    assert (completions, len(server.requests)) == ([], 1)
    assert fix in error.fix


def test_quota_that_is_free_again_soon_is_waited_for(ask, server):
    """Gemini's limit per minute has the words of a spent quota, and a time."""
    later = [{"error": {**SPENT, "code": 429, "details": [{"retryDelay": "0.05s"}]}}]
    server.script = then(Reply(429, later), FOUR)
    assert [completion.text for completion in ask("2+2")] == ["4"]


@pytest.mark.parametrize("case", HOPELESS)
def test_what_no_request_survives_ends_the_model_and_keeps_what_came(
    open_model, server, monkeypatch, case
):
    reply, message, fix = HOPELESS[case]
    monkeypatch.setenv("LOCAL_KEY", "sk-local")
    server.script = lambda path, body, nth: (
        reply if "row 3" in str(body) else last_message(path, body, nth)
    )
    provider = open_model(concurrency=1, api_key_env="LOCAL_KEY")
    completions, error = collected(provider, [f"row {n}" for n in range(10)])
    assert [completion.text for completion in completions] == ["row 0", "row 1", "row 2"]
    assert error.message.startswith(f"openai:m: {message}")
    assert fix in error.fix
    assert error.exit_code == ExitCode.FAILED_ROWS
    assert len(server.requests) == 4


# Errors that refuse a parameter, as servers word them.
EXTRA = "Extra inputs are not permitted"
PARAMETER_ERRORS = {
    "OpenAI": (400, {"error": {"message": "no", "param": "temperature"}}),
    "OpenAI, unnamed": (
        400,
        {"error": {"message": "Unrecognized request argument supplied: temperature"}},
    ),
    "Mistral": (
        422,
        {"message": {"detail": [{"loc": ["body", "temperature"], "msg": EXTRA}]}, "code": 3051},
    ),
    "FastAPI, a union": (422, {"detail": [{"loc": ["body", "Chat", "temperature"], "msg": EXTRA}]}),
    "vLLM, older": (
        400,
        {
            "object": "error",
            "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'temperature'), "
            "'msg': 'Extra inputs are not permitted'}]",
            "param": None,
        },
    ),
    "Anthropic": (
        400,
        {"type": "error", "error": {"message": f"temperature: {EXTRA}"}},
    ),
    "Gemini": (
        400,
        [{"error": {"code": 400, "message": 'Unknown name "temperature": Cannot find field.'}}],
    ),
    "Groq": (400, {"error": {"message": "property 'temperature' is unsupported"}}),
    "TGI": (422, {"error": "Input validation error: `temperature` must be strictly positive"}),
    "LiteLLM": (
        400,
        {"error": {"message": "UnsupportedParamsError: m does not support parameters: "
         "['temperature']"}},
    ),
    "Bedrock": (400, {"message": "extraneous key [temperature] is not permitted"}),
    "a text": (400, {"detail": "Unknown parameter: temperature"}),
}  # fmt: skip


@pytest.mark.parametrize("case", PARAMETER_ERRORS)
def test_parameter_that_is_refused_by_name_ends_the_model(open_model, server, case):
    status, body = PARAMETER_ERRORS[case]
    server.script = lambda path, request_body, nth: Reply(status, body)
    completions, error = collected(open_model(concurrency=1), ["a", "b"])
    assert (completions, len(server.requests)) == ([], 1)
    assert error.fix == "`temperature: null` leaves it out, `rename:` gives it another name"


@pytest.mark.parametrize("concurrency", [1, 3])
def test_limit_that_is_too_high_for_one_row_rejects_that_row(open_model, server, concurrency):
    no = refuse(400, "max_tokens must be at most 5 here", param="max_tokens")
    server.script = lambda path, body, nth: (
        no if "bad" in str(body) else Reply(body=FOUR.body, delay_s=0.1)
    )
    completions, error = collected(open_model(concurrency=concurrency), ["a", "bad", "b", "c"])
    assert error is None
    assert {c.key: c.state for c in completions}["bad"] == "rejected"


def test_rows_refused_in_a_row_end_the_model_and_the_next_run_goes_on_behind_them(
    open_model, server
):
    texts = ["a", *(f"bad {n}" for n in range(30))]
    server.script = lambda path, body, nth: refuse(403, "moved out") if "bad" in str(body) else FOUR
    completions, error = collected(open_model(concurrency=1), texts)
    assert [c.state for c in completions] == ["ok", *["rejected"] * 20]
    assert error.message == "openai:m: 20 rows in a row were refused: HTTP 403: moved out"
    assert error.fix.startswith("run again to go on after them")


def test_messages_that_differ_in_ids_count_as_one(open_model, server):
    server.script = lambda path, body, nth: refuse(400, f"bad thing, request req_{nth}a")
    completions, error = collected(open_model(concurrency=1), [f"bad {n}" for n in range(30)])
    assert [c.state for c in completions] == ["rejected"] * 20
    assert error.message.startswith("openai:m: 20 rows in a row were refused: HTTP 400: bad thing")


def test_failures_that_no_retry_helps_end_the_model(open_model, server):
    server.script = lambda path, body, nth: refuse(415, "media type")
    completions, error = collected(open_model(concurrency=1), [f"bad {n}" for n in range(30)])
    assert [c.state for c in completions] == ["failed"] * 20
    assert error.message == "openai:m: 20 rows in a row were refused: HTTP 415: media type"


@pytest.mark.parametrize("status", [405, 410, 501])
def test_model_that_is_gone_is_refused_after_three_rows(open_model, server, status):
    server.script = lambda path, body, nth: refuse(status, "gone")
    completions, error = collected(open_model(concurrency=1), [f"row {n}" for n in range(9)])
    assert (completions, error.message) == ([], f"openai:m: HTTP {status}: gone")
    assert (error.fix[:22], len(server.requests)) == ("check the model's name", 3)


def test_rows_refused_first_are_passed_where_an_earlier_run_got_answers(open_model, server):
    server.script = lambda path, body, nth: refuse(403, "no") if "bad" in str(body) else FOUR
    provider = open_model(concurrency=1)
    requests = [request_for(provider, text) for text in (*(f"bad {n}" for n in range(9)), "a")]
    permit = Recorded(answered_before=True)
    completions = list(provider.complete(replace(each, permit=permit) for each in requests))
    assert [c.state for c in completions] == [*["rejected"] * 9, "ok"]


def test_unknown_model_is_answered_with_the_names_that_the_server_has(open_model, server):
    server.models = ["llama", "mm", "qwen"]
    server.script = lambda path, body, nth: refuse(404, "model 'm' not found")
    completions, error = collected(open_model(), ["a"])
    assert (completions, error.message) == ([], "openai:m: HTTP 404: model 'm' not found")
    assert error.fix == "did you mean 'mm'? the server has: mm, llama, qwen"


LOADING_ERRORS = [
    refuse(503, "Loading model", code=503, type="unavailable_error"),
    Reply(503, {"error": "Model m is currently loading", "estimated_time": 20.0}),
    Reply(200, {"error": {"message": "Loading model", "code": 503}}),
    Reply(503, {"error": "The model is still loading, try again"}),
    refuse(500, "The model is still being loaded"),
]


@pytest.mark.parametrize("reply", LOADING_ERRORS)
def test_model_that_is_being_loaded_is_waited_for(open_model, server, reply):
    server.script = then(*[reply] * 9, FOUR)
    provider, permit = open_model(backoff_s=0.001), Recorded()
    (completion,) = provider.complete([replace(request_for(provider, "a"), permit=permit)])
    assert (completion.state, completion.attempts) == ("ok", 10)
    assert {call.outcome for call in permit.failed_calls} == {"refused"}
    waiting = {call.waiting for call in permit.failed_calls}.pop()
    assert waiting.startswith("openai:m: HTTP ")
    assert waiting.endswith("the model is not loaded yet, so this waits for up to 10 minutes")


def collected(provider, texts):
    completions, error = [], None
    try:
        for completion in provider.complete(request_for(provider, text) for text in texts):
            completions.append(completion)
    except WorkbenchError as raised:
        error = raised
    return completions, error


def test_requests_under_way_end_and_are_kept_when_the_model_is_stopped(open_model, server):
    def script(path, body, nth):
        text = body["messages"][0]["content"]
        return refuse(401, "no") if text == "bad" else Reply(body=FOUR.body, delay_s=0.3)

    server.script = script
    completions, error = collected(open_model(concurrency=4), ["a", "b", "c", "bad", "d", "e"])
    assert sorted(completion.key for completion in completions) == ["a", "b", "c"]
    assert error is not None
    assert len(server.requests) == 4


def test_no_request_waits_for_another_try_once_the_model_is_stopped(open_model, server):
    slow = refuse(429, "later", {"Retry-After": "60"})
    server.script = lambda path, body, nth: (  # both are under way before either is answered
        Reply(401, refuse(401, "no").body, delay_s=0.6)
        if "bad" in str(body)
        else replace(slow, delay_s=0.3)
    )
    begun = time.monotonic()
    completions, error = collected(open_model(concurrency=2), ["a", "bad", "b"])
    assert [
        (completion.key, completion.state, completion.attempts) for completion in completions
    ] == [("a", "failed", 1)]
    assert error is not None
    assert time.monotonic() - begun < 5


def test_key_that_a_server_repeats_is_not_shown(ask, server, monkeypatch):
    monkeypatch.setenv("LOCAL_KEY", "sk-canary-4711")
    server.script = then(refuse(401, "bad key sk-canary-4711"))
    with pytest.raises(WorkbenchError) as caught:
        ask("a", api_key_env="LOCAL_KEY")
    assert "HTTP 401: bad key ***" in str(caught.value)
    assert "canary" not in str(caught.value)
    server.script = then(refuse(400, "bad key sk-canary-4711"))
    assert [completion.error for completion in ask("b", api_key_env="LOCAL_KEY")] == [
        "HTTP 400: bad key ***"
    ]


def test_server_that_is_not_there_is_asked_five_times(open_model):
    gone = "http://127.0.0.1:1/v1"
    (completion,), error = collected(open_model(base_url=gone), ["a"])
    assert error.fix == "start the server or correct base_url, then run again"
    assert (completion.state, completion.attempts) == ("failed", 5)
    assert completion.error.startswith(f"{gone} can't be reached: ")
    assert "Connect call failed" in completion.error


def test_host_that_is_unknown_is_said_to_be(open_model):
    (completion,), _ = collected(open_model(base_url="http://nope.invalid/v1"), ["a"])
    assert completion.state == "failed"
    assert completion.error.startswith("http://nope.invalid/v1 can't be reached: ")


@pytest.mark.parametrize(
    "reply", [RESET, Reply(body=FOUR.body, cut_after=0), Reply(body=FOUR.body, cut_after=40)]
)
def test_lost_connection_is_tried_twice_because_the_answer_may_be_paid_for(ask, server, reply):
    server.script = then(reply)
    (completion,) = ask("a")
    assert (completion.state, completion.attempts, len(server.requests)) == ("failed", 2, 2)
    assert completion.error.startswith("the connection was lost: ")
    server.script = then(reply, FOUR)
    assert [(completion.state, completion.attempts) for completion in ask("b")] == [("ok", 2)]


def test_answer_on_a_connection_that_closes_at_once_is_an_answer(ask, server):
    server.script = then(Reply(body=FOUR.body, close=True))
    assert [completion.text for completion in ask(*"abcdefgh", concurrency=1)] == ["4"] * 8


def test_request_without_an_answer_is_given_up_after_two_tries(ask, server):
    server.script = then(HANG)
    (completion,) = ask("a", timeout_s=0.2)
    assert (completion.state, completion.error, completion.attempts) == (
        "failed",
        "no answer in 0.2 s",
        2,
    )


def test_time_is_for_the_whole_reply_however_slowly_it_drips(ask, server):
    server.script = then(Reply(body=FOUR.body, drip_s=0.05))
    begun = time.monotonic()
    (completion,) = ask("a", timeout_s=0.3)
    assert (completion.state, completion.error) == ("failed", "no answer in 0.3 s")
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_to_another_host_is_refused(ask, server, monkeypatch, status):
    monkeypatch.setenv("LOCAL_KEY", "sk-local")
    with serve() as other:
        server.script = then(Reply(status, b"", {"Location": f"{other.url}/chat/completions"}))
        with pytest.raises(WorkbenchError, match=f"HTTP {status}") as caught:
            ask("a", "b", api_key_env="LOCAL_KEY", concurrency=1)
        assert f"redirects to '{other.url}/chat/completions'" in caught.value.fix
        assert (len(server.requests), other.requests) == (1, [])
