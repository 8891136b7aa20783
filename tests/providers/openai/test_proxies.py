"""Proxies of the environment: what goes to them, and what never does."""

import os

import pytest
from asking import request_for
from command import EXPERIMENT, invoke, write_task
from openai_server import serve

from workbench.errors import WorkbenchError
from workbench.proxies import exempt_loopback, find_proxy, is_loopback

PROXY = "http://proxy.example:3128"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def environment(monkeypatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LocalHost", "localhost.", "api.localhost", "127.0.0.1", "127.9.8.7"),
        *("127.1", "2130706433", "0x7f.1", "0177.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"),
    ],
)
def test_this_machine_is_known_in_every_form(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["127.0.0.1.example", "localhost.example", "mylocalhost", "10.0.0.1", "::2", "é", ""]
)
def test_another_machine_is_not_this_one(host):
    assert not is_loopback(host)


def test_a_local_endpoint_is_called_without_a_proxy(open_model, server, monkeypatch):
    with serve() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.setenv("KEY", "sk-secret-1")
        for host in ("127.0.0.1", "localhost"):
            model = open_model(base_url=f"http://{host}:{server.port}/v1", api_key_env="KEY")
            model.check_ready()
            assert model_answer(model) == "2+2"
        assert (len(server.requests), len(proxy.requests)) == (2, 0)


def model_answer(model) -> str:
    (completion,) = model.complete([request_for(model, "2+2")])
    return completion.text


def test_a_request_to_another_machine_goes_through_the_proxy_with_its_password(
    open_model, monkeypatch
):
    with serve() as proxy:
        proxy.paths = tuple(f"http://models.example{path}" for path in proxy.paths)
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
        assert model_answer(open_model(base_url="http://models.example/v1")) == "2+2"
        (request,) = proxy.requests
        assert request.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


EXEMPT = {
    "a name": ("http://models.lan/v1", "models.lan"),
    "a domain": ("http://a.models.lan/v1", ".models.lan, other"),
    "a port": ("http://models.lan:81/v1", "models.lan:81"),
    "an address": ("http://10.1.2.3/v1", "10.1.2.3"),
    "a network": ("http://10.1.2.3:8000/v1", "10.0.0.0/8"),
    "IPv6": ("http://[fd00::7]:8000/v1", "fd00::/8"),
    "all": ("http://models.lan/v1", "*"),
}


@pytest.mark.parametrize("case", EXEMPT)
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy_exempts(monkeypatch, case, variable):
    url, hosts = EXEMPT[case]
    monkeypatch.setenv("all_proxy", PROXY)
    assert find_proxy(url) == PROXY
    monkeypatch.setenv(variable, hosts)
    assert find_proxy(url) == ""


@pytest.mark.parametrize("value", ["proxy.example:3128", PROXY])
@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_is_found_in_any_spelling(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert find_proxy("http://models.example/v1") == PROXY
    assert bool(find_proxy("https://models.example/v1")) == (name == "ALL_PROXY")


@pytest.mark.parametrize(
    "value",
    [
        "socks5h://u:secret@127.0.0.1:1080",
        "socks4://proxy",
        "ftp://u:secret@proxy",
        "http://u:secret@",
        "http://u:secret@proxy:99999",
        "http://u:sec#ret@proxy:1",
    ],
)
def test_a_proxy_that_can_not_be_used_is_an_error_without_its_password(
    open_model, monkeypatch, value
):
    monkeypatch.setenv("all_proxy", value)
    with pytest.raises(WorkbenchError) as error:
        open_model(base_url="http://models.example/v1").check_ready()
    assert str(error.value) == (
        "the proxy for models.example in http_proxy or all_proxy is not an http proxy\n"
        "  fix: http_proxy=http://host:port, or no_proxy=models.example"
    )


KEYS = {
    "api_key_env": {"api_key_env": "KEY"},
    "header": {"headers": {"X-Key": "${KEY}"}},
    "query": {"base_url": "http://models.lan/v1?key=${KEY}"},
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_does_not_go_over_plain_http_through_a_proxy(open_model, monkeypatch, case):
    settings = {"base_url": "http://models.lan/v1", **KEYS[case]}
    monkeypatch.setenv("KEY", "sk-secret-1")
    with pytest.raises(WorkbenchError, match=r"would go to models.lan over plain http\n"):
        open_model(**settings)
    open_model(**settings, allow_http=True)
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@proxy.example:3128")
    with pytest.raises(WorkbenchError) as error:
        open_model(**settings, allow_http=True)
    assert str(error.value) == (
        "openai:m: the key in KEY would go to models.lan over plain http through the proxy "
        "proxy.example\n  fix: https://…, or no_proxy=models.lan in your own network"
    )
    monkeypatch.setenv("no_proxy", "models.lan")
    open_model(**settings, allow_http=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, None),
        ({"HTTP_PROXY": PROXY}, "localhost,127.0.0.1,127.0.0.0/8,::1"),
        (
            {"all_proxy": PROXY, "NO_PROXY": "a.b, ::1"},
            "a.b,::1,localhost,127.0.0.1,127.0.0.0/8",
        ),
        ({"all_proxy": PROXY, "no_proxy": "*"}, "*"),
    ],
)
def test_other_libraries_get_the_exemption_of_this_machine(monkeypatch, before, after):
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", before.get("no_proxy", ""))  # so that it is put back
    if "no_proxy" not in before:
        monkeypatch.delenv("no_proxy")
    exempt_loopback()
    assert os.environ.get("no_proxy") == after


@pytest.mark.slow
def test_no_command_sends_what_is_meant_for_this_machine_to_a_proxy(tmp_path, server):
    model = f'{{"openai:m": {{base_url: "{server.url}"}}}}'
    write_task(tmp_path, EXPERIMENT.replace("echo:last", model))
    with serve() as proxy:
        variables = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy.url)
        address = server.url.removesuffix("/v1")
        ended = invoke(tmp_path, "run", "--tracking-uri", address, **variables)
        assert ended.returncode == 6  # an endpoint is no tracking server
        assert {"/v1/chat/completions"} < {request.path for request in server.requests}
        assert proxy.connections == 0
