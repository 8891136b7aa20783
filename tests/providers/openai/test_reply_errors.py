"""Error objects in replies with status 200: each is what its own status says."""

import json
from dataclasses import replace

import pytest
from asking import request_for
from openai_server import Reply, answer, say
from permits import Recorded

from workbench.errors import WorkbenchError
from workbench.providers.openai.reply_errors import find_error, wait_s

FOUR = say("4")
BUSY = {"error": {"message": "Provider returned error", "code": 429}}
SHAPES = {
    "a number": (BUSY, 429),
    "a number as text": ({"error": {"message": "slow down", "code": "429"}}, 429),
    "a code in words": ({"error": {"message": "no", "code": "rate_limit_exceeded"}}, 429),
    "a type in words": ({"type": "error", "error": {"type": "rate_limit_error"}}, 429),
    "a spent quota": ({"error": {"message": "no", "code": "insufficient_quota"}}, 429),
    "no credit": ({"error": {"message": "Insufficient credits", "code": 402}}, 402),
    "no credit in words": ({"error": {"message": "Insufficient Balance"}}, 402),
    "a filter": ({"error": {"message": "no", "code": "content_filter"}}, 400),
    "a text": ({"error": "Too Many Requests"}, 429),
    "a text that names no status": ({"error": "something broke"}, 500),
    "an unknown model in words": ({"error": "model 'x' not found, try pulling it first"}, 404),
    "vLLM's": ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, 400),
    "FastChat's": ({"object": "error", "message": "no", "code": 42901}, 429),
    "a detail": ({"detail": "Too Many Requests"}, 429),
    "a list of details": ({"detail": [{"loc": ["body", "top_p"], "msg": "no"}]}, 422),
    "a status": ({"status": 503, "title": "Service Unavailable"}, 503),
    "a status inside": ({"error": {"status": 401, "message": "who?"}}, 401),
    "Google's list": ([{"error": {"message": "no", "status": "RESOURCE_EXHAUSTED"}}], 429),
    "a list of errors": ({"success": False, "errors": [{"code": 401, "message": "no"}]}, 401),
    "Alibaba's": ({"code": "Throttling.RateQuota", "message": "Requests", "request_id": "1"}, 429),
    "in a choice": (answer("", choices=[{"error": BUSY["error"], "message": None}]), 429),
    "in a choice that ends with it": (
        answer("", choices=[{**answer("")["choices"][0], "error": {"code": 502}}], finish="error"),
        502,
    ),
    "beside an empty choice": ({**answer(None), **BUSY}, 429),
    "JSON in the message": ({"error": {"message": json.dumps(BUSY)}}, 429),
    "a provider's own, inside": (
        {"error": {"message": "Provider returned error", "metadata": {"raw": json.dumps(BUSY)}}},
        429,
    ),
    "a message": ({"message": "API rate limit exceeded"}, 429),
    "a message that says error": ({"status": "error", "message": "oops"}, 500),
    "a detail inside": ({"detail": {"error": {"code": 503}}}, 503),
    "MiniMax's": (
        {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        402,
    ),
    "DeepSeek's": (
        {"error": {"message": "Insufficient Balance", "code": "invalid_request_error"}},
        402,
    ),
    "OpenAI's unknown model": (
        {"error": {"type": "invalid_request_error", "message": "no", "code": "model_not_found"}},
        404,
    ),
    "a bad request": ({"error": {"type": "invalid_request_error", "message": "top_p?"}}, 400),
    "Apigee's": ({"fault": {"faultstring": "Rate limit quota violation"}}, 429),
    "AWS's": ({"__type": "ThrottlingException", "message": "Rate exceeded"}, 429),
    "AWS's tokens": ({"message": "Too many tokens, please wait before trying again."}, 429),
    "AWS's denial": ({"Message": "User is not authorized"}, 403),
    "a limit reached": ({"status": "error", "message": "Daily limit reached"}, 429),
    "concurrency": ({"error": {"message": "Too many concurrent requests"}}, 429),
    "Cloudflare's": (
        {"success": False, "errors": [{"code": 3040, "message": "capacity temporarily exceeded"}]},
        503,
    ),
    "a flag": ({"error": True, "message": "overloaded"}, 529),
}
ANSWERS = [
    *(answer("4"), answer(""), {**answer("4"), "error": None}, {"choices": None}, [1], [], 4),
    {"message": "Welcome"},
    {**answer(""), "base_resp": {"status_code": 0, "status_msg": ""}},
]


@pytest.mark.parametrize("case", SHAPES)
def test_status_of_an_error_object(case):
    body, status = SHAPES[case]
    error = find_error(json.dumps(body))
    assert error is not None
    assert error.status == status


@pytest.mark.parametrize("body", ANSWERS)
def test_other_bodies_hold_no_error(body):
    assert find_error(json.dumps(body)) is None


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"retry_after": 2}, 2.0),
        ({"retry_after": "2.5"}, 2.5),
        ({"retry_after_ms": 500}, 0.5),
        ({"details": [{"@type": "…/google.rpc.RetryInfo", "retryDelay": "34s"}]}, 34.0),
        ({"metadata": {"headers": {"Retry-After": "7"}}}, 7.0),
        ({"message": "Rate limit reached. Please try again in 20ms."}, 0.02),
        ({"message": "Please retry after 3 seconds."}, 3.0),
        ({"message": "Please try again in 7.66s. Visit …"}, 7.66),
        ({"message": "Please try again in 6m0s."}, 360.0),
        ({"message": "Please try again in 1h2m26.5s."}, 3746.5),
        ({"message": "Try again in 20 minutes"}, 1_200.0),
        ({"message": "Please wait 1 minute and 30 seconds."}, 90.0),
        ({"message": "retry after: 500 ms"}, 0.5),
        ({"message": "Please wait."}, None),
        ({"message": "Retry 3 more times"}, None),
        ({"retry_after": 0}, None),
    ],
)
def test_wait_that_an_error_object_asks_for(fields, seconds):
    assert wait_s(fields) == seconds


@pytest.mark.parametrize("case", ["a number", "a text", "in a choice", "beside an empty choice"])
def test_429_in_a_reply_is_sent_again(ask, server, case):
    body, _ = SHAPES[case]
    server.script = lambda path, request_body, nth: Reply(body=body) if nth == 1 else FOUR
    (completion,) = ask("2+2")
    assert (completion.state, completion.text, completion.attempts) == ("ok", "4", 2)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"error": {"code": 429, "message": "busy", "retry_after": 0.4}}, {}),
        (BUSY, {"Retry-After-Ms": "400"}),
    ],
    ids=["body", "header"],
)
def test_429_in_a_reply_waits_as_long_as_it_asks(ask, server, body, headers):
    busy = Reply(body=body, headers=headers)
    server.script = lambda path, request_body, nth: busy if nth == 1 else FOUR
    assert [completion.text for completion in ask("2+2")] == ["4"]
    assert server.requests[1].at - server.requests[0].at >= 0.4


@pytest.mark.slow
def test_429_in_replies_slows_the_pace(open_model, server):
    """Where an endpoint refuses all that it gets, a request a second is tried."""
    provider = open_model(concurrency=64)
    server.script = lambda path, body, nth: Reply(body=BUSY) if nth == 1 else FOUR
    completions = list(provider.complete(request_for(provider, f"t{n}") for n in range(3)))
    assert {completion.state for completion in completions} == {"ok"}
    times = sorted(request.at for request in server.requests)
    assert times[-1] - times[3] > 0.9


@pytest.mark.parametrize("case", ["no credit", "no credit in words", "a spent quota"])
def test_reply_without_credit_ends_the_model(ask, server, case):
    body, status = SHAPES[case]
    server.script = lambda path, request_body, nth: Reply(body=body)
    with pytest.raises(WorkbenchError) as raised:
        ask("2+2")
    assert raised.value.message.startswith(f"openai:m: HTTP 200 with error {status}: ")
    assert raised.value.fix == "the account has no credit left; run again when it has"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "error",
    [
        {"code": "content_filter", "message": "no"},
        {"code": 400, "message": "no", "type": "content_filter"},
        {"code": "400", "message": "The response was filtered (content_filter)"},
        {
            "code": 400,
            "message": "triggering our content management policy",
            "type": "content-filter",
        },
        {"code": "DataInspectionFailed", "message": "Input may contain inappropriate content."},
        {"code": 403, "message": "this model requires moderation and your input was flagged"},
        {"message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "code": 400},
    ],
)
def test_filter_in_a_reply_is_a_filtered_row(ask, server, error):
    server.script = lambda path, request_body, nth: Reply(body={"error": error})
    (completion,) = ask("2+2")
    assert (completion.state, completion.text, completion.attempts) == ("filtered", "", 1)
    assert completion.error.startswith("HTTP 200 with error 40")
    assert completion.raw == json.dumps({"error": error})


def test_refused_row_in_a_reply_is_rejected(ask, server):
    error = {"error": {"message": "maximum context length is 8 tokens", "code": 400}}
    server.script = lambda path, body, nth: Reply(body=error) if "long" in str(body) else FOUR
    long, short = ask("long", "short")
    assert (long.state, short.state, len(server.requests)) == ("rejected", "ok", 2)


def test_each_failed_call_in_a_reply_is_noted_by_its_status(open_model, server):
    provider, permit = open_model(), Recorded()
    bodies = [BUSY, {"error": {"code": 503}}, {"error": {"code": 500, "message": "oops"}}]
    server.script = lambda path, body, nth: Reply(body=bodies[nth - 1]) if nth < 4 else FOUR
    request = replace(request_for(provider, "2+2"), permit=permit)
    assert [completion.text for completion in provider.complete([request])] == ["4"]
    assert permit.outcomes == ["refused", "refused", "possibly_billed"]
