"""Senders without a token, from other pages, of too much, too slowly or too often."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from echo_server import SECRET, RunningServer, exchange_bytes, running_server
from processes import wait_for

from workbench.serving.serve_options import ServeOptions
from workbench.serving.token_file import add_token

CHAT = "/v1/chat/completions"
INPUTS = {"inputs": {"text": "Hi"}}
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tokens") / "tokens.txt"


@pytest.fixture(scope="module")
def token(tokens: Path) -> str:
    return add_token(tokens, "search")


@pytest.fixture(scope="module")
def guarded(tokens: Path, token: str) -> Iterator[RunningServer]:
    """A server with tokens that answers one request at once."""
    options = ServeOptions("echo", port=0, rate=0, at_once=1, timeout=1, tokens=tokens)
    with running_server(options) as running:
        running.client.headers["authorization"] = f"Bearer {token}"
        yield running


def code_of(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def status_of(data: bytes) -> int:
    return int(data.split(b" ", 2)[1])


CREDENTIALS = {
    "none": {},
    "a wrong token": {"authorization": f"Bearer {SECRET}"},
    "an empty token": {"authorization": "Bearer"},
    "a token of other bytes": {"authorization": b"Bearer \xff\xfe"},
    "another scheme": {"authorization": "Basic {token}"},
    "no scheme": {"authorization": "{token}"},
    "another header": {"x-api-key": "{token}", "api-key": "{token}"},
    "a cookie": {"cookie": "token={token}"},
}


@pytest.mark.parametrize("case", CREDENTIALS)
def test_without_its_token_nobody_is_answered(
    guarded: RunningServer, token: str, case: str
) -> None:
    headers = {
        name: value if isinstance(value, bytes) else value.format(token=token)
        for name, value in CREDENTIALS[case].items()
    }
    for path in (CHAT, "/invocations", f"{CHAT}?token={token}&access_token={token}"):
        response = httpx2.post(guarded.url + path, json=INPUTS, headers=headers)
        assert code_of(response) == (401, "no_token")
        assert response.headers["www-authenticate"] == "Bearer"
    for path in ("/v1/models", "/metrics", "/version"):
        assert code_of(httpx2.get(guarded.url + path, headers=headers)) == (401, "no_token")
    assert token not in response.text + guarded.log.getvalue()
    assert SECRET not in response.text + guarded.log.getvalue()


def test_two_authorizations_are_none(guarded: RunningServer, token: str) -> None:
    headers = [("authorization", f"Bearer {token}"), ("authorization", "Bearer other")]
    response = httpx2.post(guarded.url + CHAT, json=INPUTS, headers=headers)
    assert code_of(response) == (401, "no_token")


def test_a_token_lets_its_caller_in_whose_name_is_logged(
    guarded: RunningServer, token: str
) -> None:
    assert guarded.chat("Hi").status_code == 200
    assert guarded.client.get("/v1/models").status_code == 200
    assert guarded.outbox.calls[-1].caller == "search"
    assert f" search POST {CHAT} 200 " in guarded.log.getvalue()
    assert token not in guarded.log.getvalue()


def test_a_token_is_withdrawn_and_added_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "tokens.txt"
    first, second = add_token(file, "first"), add_token(file, "second")
    with running_server(ServeOptions("echo", port=0, tokens=file)) as server:

        def statuses(*tokens: str) -> list[int]:
            headers = [{"authorization": f"Bearer {token}"} for token in tokens]
            return [server.client.get("/version", headers=each).status_code for each in headers]

        assert statuses(first, second) == [200, 200]
        lines = file.read_text().splitlines()
        file.write_text(f"{lines[1]}\n")
        assert statuses(first, second) == [401, 200]
        third = add_token(file, "third")
        assert statuses(first, second, third) == [401, 200, 200]
        file.write_text(f"{third}\n{file.read_text()}third: {lines[0]}\n")  # a token in the file
        assert statuses(first, second, third) == [401, 200, 200]
        assert f"{file}:1: not `name: sha256:` and 64 hexadecimal digits" in server.log.getvalue()
        assert third not in server.log.getvalue()
        file.chmod(0o666)
        assert statuses(second, third) == [401, 401]
        file.unlink()
        assert statuses(second, third) == [401, 401]
        assert "nobody is let in" in server.log.getvalue()
        assert add_token(file, "fourth")
        assert statuses(second) == [401]


SENDERS = {
    "a name that was made to lead here": ({"host": "evil.example"}, 403, "unknown_host"),
    "its own name behind it": ({"host": "localhost.evil.example"}, 403, "unknown_host"),
    "no name": ({"host": ""}, 403, "unknown_host"),
    "no address": ({"host": "[::1"}, 403, "unknown_host"),
    "a page of another site": ({"origin": "https://evil.example"}, 403, "other_origin"),
    "a page without a site": ({"origin": "null"}, 403, "other_origin"),
    "a form": ({"content-type": "text/plain"}, 415, "content_type"),
    "no type": ({"content-type": ""}, 415, "content_type"),
    "another alphabet": ({"content-type": "application/json; charset=utf-16"}, 415, "content_type"),
    "a compressed body": ({"content-encoding": "gzip"}, 415, "compressed"),
    "localhost": ({"host": "localhost:1"}, 200, ""),
    "UTF-8": ({"content-type": "Application/JSON; charset=UTF-8"}, 200, ""),
}


@pytest.mark.parametrize("case", SENDERS)
def test_a_sender_must_mean_this_server(server: RunningServer, case: str) -> None:
    headers, status, code = SENDERS[case]
    response = server.post(CHAT, INPUTS, headers=headers)
    body = response.json()
    assert (response.status_code, body.get("error", {"code": ""})["code"]) == (status, code)


def test_other_paths_and_methods(server: RunningServer) -> None:
    assert code_of(server.client.get(f"/{SECRET}")) == (404, "unknown_path")
    assert code_of(server.client.get("/v1/chat/completions/")) == (404, "unknown_path")
    response = server.client.get(CHAT)
    assert (*code_of(response), response.headers["allow"]) == (405, "wrong_method", "POST")
    assert code_of(server.client.options(CHAT)) == (405, "wrong_method")
    assert code_of(server.post("/metrics", {})) == (405, "wrong_method")
    assert server.client.head("/health").status_code == 200
    assert SECRET not in server.log.getvalue()


def test_a_large_body_is_refused_unread(server: RunningServer) -> None:
    response = server.client.post(
        CHAT, content=b" " * 20_000_000, headers={"content-type": "application/json"}
    )
    assert code_of(response) == (413, "too_large")
    assert exchange_bytes(server.port, HEAD + b"content-length: 20000000\r\n\r\n")  # not waited for


def test_a_large_body_in_chunks_is_refused_at_its_limit(server: RunningServer) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    sent = HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk * 16
    assert status_of(exchange_bytes(server.port, sent)) == 413


def test_a_client_that_waits_for_leave_is_refused_before_it_sends(server: RunningServer) -> None:
    sent = HEAD + b"expect: 100-continue\r\ncontent-length: 20000000\r\n\r\n"
    assert exchange_bytes(server.port, sent).startswith(b"HTTP/1.1 413")


SLOW = {
    "no byte": (b"", b""),
    "half a request line": (b"POST /v1/ch", b""),
    "half of the headers": (HEAD, b""),
    "half of the body": (HEAD + b"content-length: 30\r\n\r\n{", b"HTTP/1.1 408"),
    "half of a chunk": (HEAD + b"transfer-encoding: chunked\r\n\r\nff\r\n{", b"HTTP/1.1 408"),
    "half of a second request": (
        b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\nGET ",
        b"HTTP/1.1 200",
    ),
}


def test_slow_senders_are_hung_up_on(server: RunningServer) -> None:
    answers = {}

    def send(case: str) -> None:
        answers[case] = exchange_bytes(server.port, SLOW[case][0])

    threads = [threading.Thread(target=send, args=(case,)) for case in SLOW]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {case: answer[:12] for case, answer in answers.items()} == {
        case: answer for case, (_, answer) in SLOW.items()
    }


def test_dripped_headers_are_hung_up_on(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\n")

        def is_closed() -> bool:
            try:
                connection.sendall(b"x: y\r\n")
            except OSError:
                return True
            return False

        wait_for(is_closed)
        assert is_closed()


BROKEN = {
    "no HTTP": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "headers without end": b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 20_000,
    "a long header": b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * 100_000,
    "two lengths": HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
    "a length below 0": HEAD + b"content-length: -5\r\n\r\n",
    "two hosts": b"GET /ping HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n",
    "no host": b"GET /ping HTTP/1.1\r\n\r\n",
    "a chunk of no size": HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_http_is_answered_with_400(server: RunningServer, case: str) -> None:
    answer = exchange_bytes(server.port, BROKEN[case])
    assert status_of(answer) in (400, 403)


def test_a_client_that_does_not_read_is_hung_up_on(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count_gone() -> int:
        return server.log.getvalue().count(f" {CHAT} 499 client_gone ")

    monkeypatch.setattr("workbench.serving.http_connection.UNREAD_S", 0.2)
    before = count_gone()
    body = json.dumps({"inputs": {"text": "endless"}, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        wait_for(lambda: count_gone() > before)
    assert count_gone() == before + 1


def test_a_request_whose_client_is_gone_is_cancelled(server: RunningServer) -> None:
    body = json.dumps({"inputs": {"text": "hold"}}).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        wait_for(lambda: server.answerer.holding == 1)
    wait_for(lambda: server.answerer.holding == 0)
    assert server.answerer.cancelled == 1


def test_one_too_many_at_once_waits_and_a_late_one_ends(guarded: RunningServer) -> None:
    responses: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: responses.append(guarded.chat("hold")))
    thread.start()
    wait_for(lambda: guarded.answerer.holding == 1)
    refused = guarded.chat("Hi")
    assert code_of(refused) == (429, "too_many_at_once")
    assert refused.headers["retry-after"] == "1"
    thread.join(60)
    assert code_of(responses[0]) == (504, "timeout")
    assert guarded.chat("Hi").status_code == 200


def test_a_stream_that_takes_too_long_ends_with_an_error(guarded: RunningServer) -> None:
    body = {"inputs": {"text": "endless"}, "stream": True}
    with guarded.client.stream("POST", CHAT, json=body) as response:
        text = b"".join(response.iter_bytes())[-500:]
    assert b'"code": "timeout"' in text
    assert text.endswith(b"data: [DONE]\n\n")


def test_a_caller_beyond_its_rate_is_told_when_to_come_back() -> None:
    with running_server(ServeOptions("echo", port=0, rate=2)) as server:
        responses = [server.chat("Hi") for _ in range(8)]
        refused = next(each for each in responses if each.status_code != 200)
        assert code_of(refused) == (429, "rate_limit")
        assert refused.headers["retry-after"] == "1"
        rows = {"dataframe_records": [{"text": "Hi"}] * 100}
        wait_for(lambda: server.post("/invocations", rows).status_code == 200)
        late = server.chat("Hi")
        assert late.status_code == 429
        assert 40 < int(late.headers["retry-after"]) <= 51  # each row counts


def test_headers_of_answers(server: RunningServer) -> None:
    headers = server.chat("Hi").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"].startswith("req_")
    assert len(headers["x-request-id"]) == 36
    assert "server" not in headers
    assert not [name for name in headers if name.startswith("access-control")]


def test_a_digest_in_the_file_is_that_of_the_token(tokens: Path, token: str) -> None:
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert tokens.read_text() == f"search: sha256:{digest}\n"
    assert tokens.stat().st_mode & 0o777 == 0o600
