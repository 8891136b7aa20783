"""The key that each endpoint gets."""

from dataclasses import replace

import openai
import pytest
from asking import request_for
from openai_server import last_message, refuse, say

from workbench.errors import WorkbenchError
from workbench.model import Model, open_provider

SECRET = "sk-canary-4711"
FOUR = say("4")


def opened(**settings):
    return open_provider(Model("openai", "m", settings={"backoff_s": 0.01, **settings}))


def test_base_url_of_a_file_gets_no_key(ask, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", SECRET)
    assert [answer.text for answer in ask("a")] == ["a"]
    assert "authorization" not in server.requests[0].headers
    assert SECRET not in str(server.requests)


def test_base_url_of_a_file_gets_nothing_of_the_account_in_the_environment(
    ask, server, monkeypatch
):
    monkeypatch.setenv("OPENAI_ORG_ID", SECRET)
    monkeypatch.setenv("OPENAI_PROJECT_ID", SECRET)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Account: {SECRET}\nAuthorization: {SECRET}")
    ask("a")
    assert SECRET not in str(server.requests)


def test_base_url_of_a_file_gets_the_key_it_names(ask, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    monkeypatch.setenv("LOCAL_KEY", f" {SECRET}\n")
    ask("a", api_key_env="LOCAL_KEY")
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert "sk-of-somebody-else" not in str(server.requests)


def test_openai_base_url_gets_the_openai_key(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/")
    provider = opened()
    provider.check_ready()
    list(provider.complete([request_for(provider, "a")]))
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert server.requests[0].path == "/v1/chat/completions"
    assert provider.identity == {"endpoint": server.url, "api": "chat"}


def test_azure_gets_its_version_and_its_key_from_a_variable(open_model, server, monkeypatch):
    monkeypatch.setenv("AZURE_KEY", SECRET)
    address = server.url.removesuffix("/v1")
    url = f"{address}/openai/deployments/four?api-version=2024-10-21"
    provider = open_model(base_url=url, headers={"api-key": "${AZURE_KEY}"})
    server.paths = ("/openai/deployments/four/chat/completions?api-version=2024-10-21",)
    server.script = lambda path, body, nth: refuse(400, f"no {SECRET}") if nth > 1 else FOUR
    request = request_for(provider, "a")
    answers = [*provider.complete([request]), *provider.complete([request])]
    assert [answer.state for answer in answers] == ["ok", "rejected"]
    assert SECRET not in str(answers)
    assert server.requests[0].headers["api-key"] == SECRET
    assert "authorization" not in server.requests[0].headers
    assert provider.identity == {
        "endpoint": url,
        "api": "chat",
        "headers": {"api-key": "${AZURE_KEY}"},
    }


def test_address_in_a_variable_is_not_shown_and_tells_endpoints_apart(
    open_model, server, monkeypatch
):
    def identity(address: str) -> str:
        monkeypatch.setenv("LAB_URL", address)
        return open_model(base_url="${LAB_URL}/v1").identity["endpoint"]

    first, second = identity("https://one.example"), identity("https://two.example")
    assert first.startswith("${LAB_URL:")
    assert first != second
    assert "example" not in first + second
    monkeypatch.setenv("LAB_URL", server.url.removesuffix("/v1"))
    provider = open_model(base_url="${LAB_URL}/v1")
    assert [a.text for a in provider.complete([request_for(provider, "a")])] == ["a"]


def test_empty_variable_of_a_header_is_named_before_anything_is_sent(open_model):
    provider = open_model(headers={"api-key": "${AZURE_KEY}"})
    with pytest.raises(WorkbenchError, match="the header 'api-key' needs the variable AZURE_KEY"):
        provider.check_ready()


def test_headers_of_the_file_are_sent_and_stand_in_the_identity(ask, open_model, server):
    headers = {"X-Tenant": "t1", "authorization": "Basic eA=="}
    ask("a", headers=headers)
    headers_received = server.requests[0].headers
    assert (headers_received["x-tenant"], headers_received["authorization"]) == ("t1", "Basic eA==")
    assert open_model(headers=headers).identity["headers"] == headers


def test_what_is_sent_is_what_the_openai_package_sends(ask, server, monkeypatch):
    monkeypatch.setenv("LOCAL_KEY", SECRET)
    ask("a", api_key_env="LOCAL_KEY")
    body = server.requests[0].body
    with openai.OpenAI(
        api_key=SECRET, base_url=server.url, timeout=None, default_headers={"Accept-Encoding": ""}
    ) as client:
        client.chat.completions.create(**body)
    ours, theirs = (dict(request.headers) for request in server.requests)
    varying = ("accept-encoding", "content-length", "user-agent", "x-stainless-async")
    assert [request.path for request in server.requests] == ["/v1/chat/completions"] * 2
    assert {name: text for name, text in ours.items() if name not in varying} == {
        name: text for name, text in theirs.items() if name not in varying
    }


def test_cookie_that_an_endpoint_sets_comes_back_to_it(ask, server):
    server.script = lambda path, body, nth: replace(
        last_message(path, body, nth), headers={"Set-Cookie": "session=ab+/c=.1-2; Path=/"}
    )
    ask("a", "b", concurrency=1)
    assert [request.headers.get("cookie") for request in server.requests] == [
        None,
        "session=ab+/c=.1-2",
    ]


@pytest.mark.parametrize(
    ("settings", "variable", "value"),
    [
        ({}, "OPENAI_API_KEY", None),
        ({}, "OPENAI_API_KEY", "  "),
        ({"base_url": "http://localhost:1/v1", "api_key_env": "LOCAL_KEY"}, "LOCAL_KEY", ""),
    ],
)
def test_missing_key_is_named_before_anything_is_sent(settings, variable, value, monkeypatch):
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(WorkbenchError) as caught:
        opened(**settings).check_ready()
    assert str(caught.value) == (
        f"openai:m needs a key, and the variable {variable} is empty\n"
        f"  fix: export {variable}=… or write it into .env"
    )


@pytest.mark.parametrize("value", ["sk-cana\nry", "sk-canary-ü", "my canary"])
def test_what_can_be_no_key_is_not_sent_and_not_shown(value, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(WorkbenchError, match="OPENAI_API_KEY is not a key") as caught:
        opened().check_ready()
    assert "cana" not in str(caught.value)


def test_a_key_in_the_place_of_its_name_is_not_shown():
    with pytest.raises(WorkbenchError, match="api_key_env is not the name") as caught:
        opened(base_url="http://localhost:1/v1", api_key_env="sk-proj-canary")
    assert "canary" not in str(caught.value)
