"""Retries of requests, and their timing."""

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from asking import collected
from openai_server import HANG, RESET, Reply, refuse, serve
from replying import FOUR, then

from workbench.errors import WorkbenchError
from workbench.providers.openai.errors import _retry_after_s


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
    assert 0.3 <= gap(server) < 30


@pytest.mark.parametrize(
    "expected",
    ["0", "-5", "soon", "nan", "inf", "-inf", "1e999", "", "Mon, 99 Foo 2000", "1_0",
     "Fri, 01 Jan 1999 00:00:00 GMT", "Fri, 01 Jan 99999999999999999999 00:00:00 GMT"],
)  # fmt: skip
def test_a_time_that_is_none_is_a_back_off(ask, server, expected):
    server.script = then(refuse(429, "slow down", {"Retry-After": expected}), FOUR)
    assert [completion.text for completion in ask("2+2")] == ["4"]
    assert gap(server) < 8


def test_a_date_to_wait_for_is_read():
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = _retry_after_s(httpx2.Headers({"Retry-After": at}))
    assert 15 < wait <= 30


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
    assert time.monotonic() - begun < 0.05 * len(FOUR.payload())  # before all of it has dripped


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_to_another_host_is_refused(ask, server, monkeypatch, status):
    monkeypatch.setenv("LOCAL_KEY", "sk-local")
    with serve() as other:
        server.script = then(Reply(status, b"", {"Location": f"{other.url}/chat/completions"}))
        with pytest.raises(WorkbenchError, match=f"HTTP {status}") as caught:
            ask("a", "b", api_key_env="LOCAL_KEY", concurrency=1)
        assert f"redirects to '{other.url}/chat/completions'" in caught.value.fix
        assert (len(server.requests), other.requests) == (1, [])
