"""Errors that end a model, and what is kept of its answers."""

import time
from dataclasses import replace

import pytest
from asking import collected, request_for
from openai_server import Reply, hold, last_message, refuse
from permits import Recorded
from replying import FOUR, then

from workbench.errors import ExitCode

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


def test_requests_under_way_end_and_are_kept_when_the_model_is_stopped(open_model, server):
    permit = Recorded()
    server.script = lambda path, body, nth: (
        refuse(401, "no") if "bad" in str(body) else hold(FOUR, lambda: bool(permit.failed_calls))
    )
    texts = ["a", "b", "c", "bad", "d", "e"]
    completions, error = collected(open_model(concurrency=4), texts, permit)
    assert sorted(completion.key for completion in completions) == ["a", "b", "c"]
    assert error is not None
    assert len(server.requests) == 4


def test_no_request_waits_for_another_try_once_the_model_is_stopped(open_model, server):
    permit = Recorded()
    server.script = lambda path, body, nth: (
        hold(refuse(401, "no"), lambda: bool(permit.failed_calls))
        if "bad" in str(body)
        else hold(refuse(429, "later", {"Retry-After": "60"}), lambda: len(server.requests) == 2)
    )
    begun = time.monotonic()
    completions, error = collected(open_model(concurrency=2), ["a", "bad", "b"], permit)
    assert [
        (completion.key, completion.state, completion.attempts) for completion in completions
    ] == [("a", "failed", 1)]
    assert error is not None
    assert time.monotonic() - begun < 30
