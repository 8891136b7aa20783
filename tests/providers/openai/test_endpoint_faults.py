"""Faults of an endpoint, and their results: states, messages, calls and costs.

`billed` counts the replies with status 200 that the server began: what may have to be paid.
"""

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from asking import request_for
from openai_server import HANG, RESET, Reply, answer, hold, refuse, say
from permits import Recorded
from processes import wait_for

from workbench.errors import ExitCode, WorkbenchError

FOUR = say("4")
BODY = FOUR.payload()


@dataclass(frozen=True)
class Case:
    """One request; `replies` are those to its calls, the last one repeats.

    Attributes:
        outcomes: recorded by the permit, call by call.
        calls: requests that reached the server.
    """

    replies: tuple[Reply, ...]
    state: str
    error: str
    outcomes: tuple[str, ...]
    calls: int
    billed: int
    settings: tuple[tuple[str, Any], ...] = ()


def busy(status: int, headers: dict[str, str] | None = None) -> Reply:
    return refuse(status, "busy", headers)


def message(**fields: Any) -> Reply:
    return Reply(body={**answer(""), "choices": [{"message": fields, "finish_reason": "stop"}]})


def useless(reply: Reply, error: str, state: str = "invalid_response") -> Case:
    """A reply that was billed and is no answer: kept, never sent again."""
    return Case((reply,), state, error, (), calls=1, billed=1)


def answered(*before: Reply, outcomes: tuple[str, ...], billed: int = 1, **settings: Any) -> Case:
    calls = len(before) + 1
    return Case((*before, FOUR), "ok", "", outcomes, calls, billed, tuple(settings.items()))


def date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


UNSURE = (("timeout_s", 0.3),)
LOST = "the connection was lost: "

CASES: dict[str, Case] = {
    "E02 429 with seconds": answered(busy(429, {"Retry-After": "1"}), outcomes=("refused",)),
    "E03 date": answered(busy(429, {"Retry-After": date(1.5)}), outcomes=("refused",)),
    "E03 past date": answered(busy(429, {"Retry-After": date(-60)}), outcomes=("refused",)),
    "E03 lower case": answered(busy(429, {"retry-after": "0.1"}), outcomes=("refused",)),
    "E03 fraction": answered(busy(429, {"Retry-After": "0.25"}), outcomes=("refused",)),
    "E03 milliseconds": answered(busy(429, {"retry-after-ms": "90"}), outcomes=("refused",)),
    "E03 nought": answered(busy(429, {"Retry-After": "0"}), outcomes=("refused",)),
    "E03 negative": answered(busy(429, {"Retry-After": "-3"}), outcomes=("refused",)),
    "E03 text": answered(busy(429, {"Retry-After": "soon"}), outcomes=("refused",)),
    "E04 429 for ever": Case(
        (busy(429),), "failed", "HTTP 429: busy", ("refused",) * 5, calls=5, billed=0
    ),
    **{
        f"E06 {status}": answered(busy(status), busy(status), outcomes=("possibly_billed",) * 2)
        for status in (500, 502, 504)
    },
    "E06 for ever": Case(
        (busy(500),), "failed", "HTTP 500: busy", ("possibly_billed",) * 5, calls=5, billed=0
    ),
    **{f"E07 {status}": answered(busy(status), outcomes=("refused",)) for status in (503, 529)},
    "E07 with Retry-After": answered(busy(503, {"Retry-After": "0.1"}), outcomes=("refused",)),
    **{
        f"E08 {status}": Case(
            (busy(status),), "rejected", f"HTTP {status}: busy", (), calls=1, billed=0
        )
        for status in (400, 413, 422)
    },
    "E10 no answer": Case(
        (HANG,), "failed", "no answer in ", ("unknown",) * 2, calls=2, billed=2,
        settings=UNSURE,
    ),
    "E10 no answer once": answered(HANG, outcomes=("unknown",), billed=2, timeout_s=0.5),
    "E11 body drips": Case(
        (replace(FOUR, drip_s=0.05),), "failed", "no answer in ", ("unknown",) * 2,
        calls=2, billed=2, settings=UNSURE,
    ),
    "E11 headers drip": Case(
        (replace(FOUR, drip_head_s=0.05),), "failed", "no answer in ", ("unknown",) * 2,
        calls=2, billed=2, settings=UNSURE,
    ),
    "E11 error drips": Case(
        (replace(refuse(500, "busy" * 30), drip_s=0.05),), "failed", "no answer in ",
        ("unknown",) * 2, calls=2, billed=0, settings=UNSURE,
    ),
    "E12 reset before the status": Case(
        (RESET,), "failed", LOST, ("unknown",) * 2, calls=2, billed=2
    ),
    "E12 reset mid-body": Case(
        (replace(FOUR, cut_after=40),), "failed", LOST, ("unknown",) * 2, calls=2, billed=2
    ),
    "E12 cut, then whole": answered(
        replace(FOUR, cut_after=40), outcomes=("unknown",), billed=2
    ),
    "E12 reset behind the body": Case(
        (replace(FOUR, cut_after=len(BODY)),), "ok", "", (), calls=1, billed=1
    ),
    "E13 cut JSON": useless(Reply(body=BODY[:-20]), "the reply is not JSON: "),
    "E14 login page": useless(Reply(body=b"<html>Log in</html>"), "the reply is not JSON: "),
    "E15 empty body": useless(Reply(body=b""), "the reply is not JSON: "),
    "E15 no choices": useless(
        Reply(body=answer("", choices=[])), "the reply has no choices but []"
    ),
    "E15 null choices": useless(
        Reply(body=answer("", choices=None)), "the reply has no choices but null"
    ),
    "E15 another object": useless(Reply(body={"id": 1}), "the reply has no choices but null"),
    "E16 null content": useless(say(None), "", "ok"),
    "E16 only reasoning": useless(message(reasoning_content="hm"), "", "ok"),
    "E16 nothing": useless(
        say("", finish=None), "the answer is empty (finish_reason 'missing')", "empty_output"
    ),
    "E16 only a tool call": useless(
        message(content=None, tool_calls=[{"id": "1"}]), "", "ok"
    ),
    "E17 length": useless(Reply(body=answer("fo", finish="length")), "", "truncated"),
    "E17 content filter": useless(
        Reply(body=answer("fo", finish="content_filter")),
        "the provider withheld the answer (content_filter)", "filtered",
    ),
    "E17 unknown finish": useless(Reply(body=answer("fo", finish="eos")), "", "ok"),
    "E18 refusal": useless(message(content=None, refusal="No."), "", "refused"),
    "E20 invalid UTF-8": useless(Reply(body=BODY.replace(b'"4"', b'"\xff"')), "", "ok"),
    "E20 byte order mark": useless(Reply(body=b"\xef\xbb\xbf" + BODY), "", "ok"),
    "E20 NUL": useless(Reply(body=BODY.replace(b'"4"', rb'"\u0000"')), "", "ok"),
    "E20 lone surrogate": useless(Reply(body=BODY.replace(b'"4"', rb'"\ud800"')), "", "ok"),
    "E21 17 MB": useless(
        say("4" * (17 * 2**20)), "the reply is larger than 16 MB and was cut off"
    ),
    "E21 packed 17 MB": useless(
        Reply(
            body=gzip.compress(say("4" * (17 * 2**20)).payload()),
            headers={"Content-Encoding": "gzip"},
        ),
        "the reply is larger than 16 MB and was cut off",
    ),
    "E21 error of 17 MB": Case(
        (Reply(400, b"x" * (17 * 2**20)),), "rejected", f"HTTP 400: {'x' * 300}", (), calls=1,
        billed=0,
    ),
    "E23 extra choices": useless(
        Reply(body=answer("", choices=answer("a")["choices"] * 3)), "expected 1 choice, got 3"
    ),
    "E26 closed after each reply": answered(
        Reply(500, b"{}", close=True), Reply(500, b"{}", close=True),
        outcomes=("possibly_billed",) * 2,
    ),
}  # fmt: skip


SLOW_CASES = {"E04 429 for ever"}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.slow] if case in SLOW_CASES else []) for case in CASES],
)
def test_fault_has_its_state_its_words_and_no_call_too_many(open_model, server, case):
    wanted = CASES[case]
    billed = []

    def script(path, body, nth) -> Reply:
        reply = wanted.replies[min(nth, len(wanted.replies)) - 1]
        billed.append(reply.status == 200)
        return reply

    server.script = script
    for factor in (1, 10):  # a busy machine may reach a time-out before it has sent the call
        server.requests.clear()
        billed.clear()
        provider = open_model(**{name: factor * value for name, value in wanted.settings})
        permit = Recorded()
        request = replace(request_for(provider, f"2+{factor}"), permit=permit)
        (completion,) = provider.complete([request])
        result = completion.state, len(server.requests)
        if not wanted.settings or result == (wanted.state, wanted.calls):
            break
    assert completion.error.startswith(wanted.error)
    assert bool(completion.error) == bool(wanted.error)
    assert (completion.state, permit.outcomes, len(server.requests), sum(billed)) == (
        wanted.state,
        list(wanted.outcomes),
        wanted.calls,
        wanted.billed,
    )
    assert completion.attempts == wanted.calls
    assert (completion.raw is None) == (wanted.state == "failed")
    assert permit.retries_requested == wanted.calls - 1
    assert sum(billed) <= 1 + sum(outcome != "refused" for outcome in permit.outcomes)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_beginning_of_a_reply_that_is_too_large_is_kept(ask, server, packed):
    body = say("4" * (17 * 2**20)).payload()
    reply = Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    server.script = lambda path, request_body, nth: reply if packed else Reply(body=body)
    (completion,) = ask("a")
    assert completion.raw == body[: 16 * 2**10].decode()


def test_no_packed_reply_is_asked_for(ask, server):
    ask("a")
    assert server.requests[0].headers["accept-encoding"] == "identity"


STOPS = {
    "E01 closed port": ("http://127.0.0.1:1/v1", "Connect call failed"),
    "E01 unknown host": ("http://nope.invalid/v1", "can't be reached"),
    "E01 TLS error": ("https://{closer}/v1", "can't be reached"),
    "E01 closed at once": ("http://{closer}/v1", ""),
}


@contextmanager
def closer(says: bytes) -> Iterator[str]:
    """The address of a server that says something and closes every connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def close_all() -> None:
            while not done.is_set():
                with suppress(OSError):
                    peer, _ = listening.accept()
                    with peer:
                        peer.sendall(says)

        thread = threading.Thread(target=close_all, daemon=True)
        thread.start()
        host, port = listening.getsockname()
        yield f"{host}:{port}"
        done.set()
        with suppress(OSError):
            socket.create_connection((host, port), timeout=1).close()
        thread.join(5)


@pytest.mark.parametrize("case", ["E01 closed port", "E01 unknown host", "E01 TLS error"])
def test_endpoint_that_cannot_be_reached_is_tried_five_times_and_owes_nothing(open_model, case):
    url, message = STOPS[case]
    with closer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        provider = open_model(base_url=url.format(closer=address))
        permit = Recorded()
        (completion,), error = collected(provider, 1, permit)
    assert error.fix == "start the server or correct base_url, then run again"
    assert error.message.startswith("openai:m: endpoint unreachable: ")
    assert (completion.state, completion.attempts, permit.outcomes) == (
        "failed",
        5,
        ["refused"] * 5,
    )
    assert completion.error.startswith(f"{url.format(closer=address)} can't be reached: ")
    assert message in completion.error


@pytest.mark.slow
@pytest.mark.parametrize("case", ["E01 closed port", "E01 unknown host", "E01 TLS error"])
def test_model_nobody_answers_for_is_stopped_after_ten_requests(open_model, case):
    url, _ = STOPS[case]
    with closer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        provider = open_model(base_url=url.format(closer=address), concurrency=1)
        completions, error = collected(provider, 100)
    assert [completion.state for completion in completions] == ["failed"] * 10
    assert error.message.startswith(
        "openai:m: endpoint unreachable: the first 10 requests found no connection. "
        f"{url.format(closer=address)} can't be reached: "
    )
    assert error.fix == "start the server or correct base_url, then run again"
    assert error.exit_code == ExitCode.FAILED_ROWS


def collected(provider, rows: int, permit: Recorded | None = None):
    completions, error = [], None
    permit = permit or Recorded()
    requests = (request_for(provider, f"row {n}") for n in range(rows))
    try:
        for completion in provider.complete(
            replace(request, permit=permit) for request in requests
        ):
            completions.append(completion)
    except WorkbenchError as raised:
        error = raised
    return completions, error


def test_server_that_was_there_once_is_not_called_unreachable(open_model, server):
    """E01: row by row, because it may come back."""
    provider = open_model(concurrency=1)
    replies = iter([FOUR])
    server.script = lambda path, body, nth: next(replies, RESET)
    completions, error = collected(provider, 12)
    assert [completion.state for completion in completions] == ["ok", *["failed"] * 11]
    assert error is None


def test_key_that_is_revoked_in_the_middle_stops_after_the_first_refusal(open_model, server):
    """E09: and another run, with a key that counts, goes on."""
    provider = open_model(concurrency=1)
    server.script = lambda path, body, nth: FOUR if len(server.requests) <= 50 else busy(401)
    permit = Recorded()
    completions, error = collected(provider, 80, permit)
    assert ([completion.state for completion in completions], len(server.requests)) == (
        ["ok"] * 50,
        51,
    )
    assert (error.message, error.exit_code) == (
        "openai:m: HTTP 401: busy",
        ExitCode.FAILED_ROWS,
    )
    assert permit.outcomes == ["refused"]
    server.script = lambda path, body, nth: FOUR
    assert [completion.state for completion in collected(provider, 30)[0]] == ["ok"] * 30


@pytest.mark.parametrize(
    ("case", "reply", "fix"),
    [
        ("E05", refuse(429, "busy", code="insufficient_quota"), "no credit left"),
        ("E08", refuse(404, "busy", code="model_not_found"), "check the model's name"),
    ],
    ids=["E05 no credit", "E08 404"],
)
def test_refusal_for_good_is_told_to_the_permit_before_the_model_stops(
    open_model, server, case, reply, fix
):
    server.script = lambda path, body, nth: reply
    permit = Recorded()
    completions, error = collected(open_model(concurrency=1), 5, permit)
    assert (completions, permit.outcomes, len(server.requests)) == ([], ["refused"], 1)
    assert error.message == f"openai:m: HTTP {reply.status}: busy"
    assert fix in error.fix


PAGE = b"<!doctype html>\n<title>Log in</title>\x1b[2J\n" + b"<p>please</p>" * 50


def test_login_page_five_times_in_a_row_stops_the_model(open_model, server, monkeypatch):
    """E14: what was billed is kept; the page is shown without its controls."""
    server.script = lambda path, body, nth: Reply(body=PAGE)
    completions, error = collected(open_model(concurrency=1), 20)
    assert [completion.state for completion in completions] == ["invalid_response"] * 5
    shown = " ".join(PAGE.decode().split())[:200]
    assert str(error) == (
        "openai:m: 5 replies in a row are not JSON; this looks like a login page or a proxy: "
        f"{shown!r}\n  fix: check base_url, and any proxy between this machine and the endpoint"
    )
    assert "\x1b" not in str(error)


@pytest.mark.parametrize("other", [BODY, BODY[:-20], b""], ids=["answer", "cut", "empty"])
def test_pages_with_something_else_between_them_stop_nothing(open_model, server, other):
    server.script = lambda path, body, nth: Reply(
        body=other if len(server.requests) % 5 == 0 else PAGE
    )
    completions, error = collected(open_model(concurrency=1), 20)
    assert (len(completions), error) == (20, None)


def test_dead_endpoint_does_not_hold_up_another_model(open_model, server):
    """E01: each model has a session of its own."""
    dead = open_model(base_url="http://127.0.0.1:1/v1", backoff_s=60)
    permit = Recorded()
    thread = threading.Thread(target=collected, args=(dead, 1, permit))
    thread.start()
    assert [completion.state for completion in collected(open_model(), 50)[0]] == ["ok"] * 50
    assert thread.is_alive()
    permit.after = 0  # the run is ending
    thread.join(60)
    assert not thread.is_alive()


def test_request_that_may_not_be_sent_again_fails_with_the_last_reason(open_model, server):
    server.script = lambda path, body, nth: busy(500)
    permit = Recorded(allowed=1)
    ((completion,), _) = collected(open_model(), 1, permit)
    assert (completion.state, completion.error, completion.attempts) == (
        "failed",
        "not sent again: HTTP 500: busy",
        2,
    )
    assert permit.outcomes == ["possibly_billed"] * 2
    assert len(server.requests) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply",
    [busy(429, {"Retry-After": "600"}), busy(500, {"Retry-After": "600"})],
    ids=["held", "failed"],
)
def test_nobody_waits_once_the_run_is_ending_and_what_is_under_way_is_kept(
    open_model, server, reply
):
    permit = Recorded(after=1)
    server.script = lambda path, body, nth: (
        hold(reply, lambda: len(server.requests) == 2)
        if "row 0" in str(body)
        else hold(FOUR, lambda: bool(permit.failed_calls))
    )
    completions, error = collected(open_model(concurrency=2), 50, permit)
    assert error is None
    completion = {
        completion.key: (completion.state, completion.error) for completion in completions
    }
    assert completion == {
        "row 0": ("failed", f"not sent again: HTTP {reply.status}: busy"),
        "row 1": ("ok", ""),
    }
    assert (permit.retries_requested, len(server.requests)) == (0, 2)


def test_long_back_off_ends_when_the_run_does(open_model, server):
    """E08: no wait of minutes is sat out; the thread is gone in a second or so."""
    server.script = lambda path, body, nth: busy(503)
    ((completion,), _) = collected(open_model(backoff_s=60), 1, Recorded(after=1))
    assert (completion.error, completion.attempts) == ("not sent again: HTTP 503: busy", 1)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1, "completion_tokens": -5}])
def test_tokens_that_were_not_counted_are_unknown(ask, server, usage):
    """E19"""
    server.script = lambda path, body, nth: say("4", usage=usage)
    (completion,) = ask("a")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (None, None)


def test_each_reply_tells_which_model_wrote_it(ask, server):
    """E22, E24: an alias that moved in the middle shows."""
    server.script = lambda path, body, nth: say("4", model=f"m-{len(server.requests)}")
    assert {completion.model for completion in ask("a", "b", "c")} == {"m-1", "m-2", "m-3"}


def test_connection_that_was_closed_between_calls_is_not_used(open_model, server):
    """E26: nothing is sent on it, so nothing is lost and nothing is asked for twice."""
    server.script = lambda path, body, nth: replace(FOUR, close=True)
    provider, permit = open_model(concurrency=1), Recorded()

    def requests():
        for n in range(30):
            yield replace(request_for(provider, f"row {n}"), permit=permit)
            # In the session's own thread, which so has not seen the goodbye yet.
            wait_for(lambda: server.open_connections == 0)

    completion = [
        (completion.state, completion.attempts) for completion in provider.complete(requests())
    ]
    assert completion == [("ok", 1)] * 30
    assert (permit.failed_calls, len(server.requests)) == ([], 30)


def test_connection_that_is_closed_while_a_request_is_written_is_told_as_unknown(
    open_model, server
):
    """E26: the request and the goodbye crossed; whether it was read, nobody can tell from here.

    It is sent once more on a connection of its own, where nothing can cross it.
    """
    server.script = lambda path, body, nth: replace(FOUR, close=True)
    permit = Recorded()
    completions, _ = collected(open_model(concurrency=8), 400, permit)
    assert set(permit.outcomes) <= {"unknown"}
    assert [completion.state for completion in completions] == ["ok"] * 400
    assert len({request.raw for request in server.requests}) == 400
    assert sum(completion.attempts for completion in completions) == 400 + len(permit.outcomes)


def test_one_retry_layer(ask, server):
    """Five calls are five requests: nothing below sends again by itself."""
    server.script = lambda path, body, nth: busy(500)
    ask("a")
    assert len(server.requests) == 5
    assert {json.dumps(request.body) for request in server.requests} == {
        json.dumps(server.requests[0].body)
    }
