"""A server's start, readiness, metrics, TLS and end."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest
from echo_server import NAMES, SECRET, RunningServer, running_server
from processes import wait_for

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.serving.checked_options import check_options
from workbench.serving.http_server import bind_socket
from workbench.serving.serve_options import ServeOptions
from workbench.serving.source_state import SourceState
from workbench.serving.token_file import TokenFile, add_token


def test_whoever_asks_after_its_health_is_told(server: RunningServer) -> None:
    assert [server.client.get(path).status_code for path in ("/health", "/ping")] == [200, 200]
    assert server.client.get("/version").text == __version__
    assert server.client.get("/ready").json() == {
        "ready": True,
        "reason": "",
        "model": "support.model@production",
        "variant": "triage · echo:last",
        "model_version": "3",
    }


def test_a_source_that_is_behind_shows_in_its_state_and_in_a_count() -> None:
    with running_server() as server:
        assert "workbench_source_current 1.0" in server.client.get("/metrics").text
        state = SourceState("support@production")
        server.deployments.source_state = state
        state.change("gone", "the alias was deleted")
        ready = server.client.get("/ready").json()
        assert (ready["ready"], ready["source_state"]["condition"]) == (True, "gone")
        assert "workbench_source_current 0.0" in server.client.get("/metrics").text


def test_it_is_not_ready_without_a_version(tmp_path: Path) -> None:
    options = ServeOptions("echo", port=0, tokens=tmp_path / "tokens.txt")
    token = {"authorization": f"Bearer {add_token(tmp_path / 'tokens.txt', 'me')}"}
    with running_server(options, loaded=False) as server:
        server.deployments.last_error = "the alias names nothing"
        response = server.client.get("/ready")
        assert (response.status_code, response.json()) == (503, {"ready": False})
        reason = {"ready": False, "reason": "the alias names nothing"}
        assert server.client.get("/ready", headers=token).json() == reason
        assert server.client.get("/health").status_code == 200
        response = server.chat("Hi")
        assert response.status_code == 401
        response = server.chat("Hi", model="support")
        server.client.headers.update(token)
        response = server.chat("Hi")
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert server.client.get("/v1/models").json() == {"object": "list", "data": []}


def test_models_are_those_that_a_client_may_ask_for(server: RunningServer) -> None:
    models = server.client.get("/v1/models").json()["data"]
    names = ["support.model@production", "support@production", "support.model/3", "support.model"]
    assert [model["id"] for model in models] == [*names, NAMES.variant]
    assert models[0]["serves"]["prompt_uri"] == "prompts:/support.triage/4"


def test_metrics_count_requests_tokens_and_the_version() -> None:
    with running_server() as server:
        server.chat("two words")
        server.chat("failed")
        server.client.get(f"/{SECRET}")
        text = server.client.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    chat = 'route="/v1/chat/completions"'
    served = 'alias="production",model="support.model",prompt="prompts:/support.triage/4"'
    expected = {
        f'workbench_requests_total{{code="200",{chat}}}': "1.0",
        f'workbench_requests_total{{code="502",{chat}}}': "1.0",
        'workbench_requests_total{code="404",route="other"}': "1.0",
        f"workbench_request_seconds_count{{{chat}}}": "2.0",
        'workbench_completions_total{state="ok"}': "1.0",
        'workbench_completions_total{state="failed"}': "1.0",
        'workbench_model_tokens_total{kind="output"}': "2.0",
        f'workbench_served_version{{{served},version="3"}}': "1.0",
        "workbench_requests_in_flight": "0.0",
        "workbench_outbox_backlog": "2.0",
    }
    assert {name: lines.get(name) for name in expected} == expected
    assert SECRET not in text


def test_a_line_of_the_log_has_no_text_of_a_prompt() -> None:
    with running_server(ServeOptions("echo", port=0, verbose=True)) as server:
        server.chat(SECRET)
        assert SECRET not in server.log.getvalue()
        server.chat("failed")
        reason = f"reason: 'the model says {SECRET}'"
        wait_for(lambda: reason in server.log.getvalue())  # it was asked for


def test_a_stop_waits_for_the_requests_in_flight() -> None:
    responses = []
    with running_server() as server:
        thread = threading.Thread(target=lambda: responses.append(server.chat("hold")))
        thread.start()
        wait_for(lambda: server.answerer.holding == 1)
        server.process.stop()
        wait_for(lambda: not is_listening(server.port))
        server.call(server.answerer.released.set)
        thread.join(60)
        server.join()
    assert responses[0].status_code == 200


def is_listening(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_a_certificate_makes_it_https(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )
    with running_server(ServeOptions("echo", port=0, cert=cert, key=key)) as server:
        assert server.url.startswith("https://")
        assert server.chat("Hi").status_code == 200
        large = server.client.post(
            "/invocations", content=b" " * 2_000_000, headers={"content-type": "application/json"}
        )
        assert large.status_code == 413


OPTIONS = {
    "another address": ({"host": "0.0.0.0"}, "--host 0.0.0.0: other machines could ask"),
    "every address": ({"host": "::"}, "--host ::: other machines could ask"),
    "a name": ({"host": "example.invalid"}, "--host example.invalid: other machines"),
    "no port": ({"port": 70_000}, "--port: 70000 is not a number from 0 to 65535"),
    "no rate": ({"rate": -1.0}, "--rate: -1 is not a number from 0"),
    "none at once": ({"at_once": 0}, "--at-once: 0 is not a number from 1"),
    "no time": ({"timeout": float("nan")}, "--timeout: nan is not a number from 0.1"),
    "a key alone": ({"key": Path("key.pem")}, "--key: there is no certificate"),
    "no file": ({"cert": Path("/none.pem")}, "--cert: there is no file '/none.pem'"),
    "no certificate": ({"cert": Path(__file__)}, "--cert, --key: they can't be used"),
    "no tokens": ({"tokens": Path("/none.txt")}, "/none.txt: tokens can't be read: No such file"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_are_checked_at_the_start(case: str) -> None:
    fields, message = OPTIONS[case]
    with (
        pytest.raises(WorkbenchError) as caught,
        running_server(ServeOptions("echo", **{"port": 0, **fields})),
    ):
        pass
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2


TOKEN_FILES = {
    "empty": ("", "the file has no token"),
    "a comment": ("# none yet\n", "the file has no token"),
    "a bare token": (SECRET, "tokens.txt:1: not `name: sha256:`"),
    "a short digest": ("a: sha256:12\n", "tokens.txt:1: not `name: sha256:`"),
    "a name twice": (f"a: sha256:{'0' * 64}\na: sha256:{'1' * 64}\n", "names stand twice: a"),
}


@pytest.mark.parametrize("case", TOKEN_FILES)
def test_a_file_without_proper_tokens_stops_the_start(case: str, tmp_path: Path) -> None:
    text, message = TOKEN_FILES[case]
    file = tmp_path / "tokens.txt"
    file.write_text(text)
    with pytest.raises(WorkbenchError) as caught:
        TokenFile(file)
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_new_token_needs_a_name_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "tokens.txt"
    add_token(file, "search")
    with pytest.raises(WorkbenchError, match="'search' is taken"):
        add_token(file, "search")
    with pytest.raises(WorkbenchError, match="'a b' is not a name"):
        add_token(file, "a b")


def test_a_port_that_is_taken_is_named() -> None:
    with bind_socket("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WorkbenchError, match=f"something listens on port {port} already"):
            bind_socket("127.0.0.1", port)


def test_behind_a_token_any_name_may_lead_to_it(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.txt"
    add_token(tokens, "search")
    hosts = [
        check_options(
            ServeOptions("echo", host=host, tokens=tokens, allowed_hosts=names), print
        ).hosts
        for host, names in (("0.0.0.0", ()), ("0.0.0.0", ("api.example",)), ("127.0.0.1", ()))
    ]
    assert [bool(names) and "api.example" not in names for names in hosts] == [False, False, True]
    assert (hosts[0], "api.example" in hosts[1]) == ((), True)
