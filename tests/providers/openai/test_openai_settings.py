"""The settings of an `openai:` model."""

import pytest

from workbench.errors import WorkbenchError
from workbench.model import Model, open_provider


def opened(**settings):
    return open_provider(Model("openai", "m", settings=settings))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"base_ulr": "http://h/v1"}, "openai:m: unknown key 'base_ulr'"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": "4"}, "concurrency"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"api": "assistants"}, "api"),
        ({"api": "responses", "stream": True}, "`stream: true` is for `api: chat` and"),
        (
            {"base_url": "localhost:8000/v1"},
            "is not an http address\n  fix: perhaps http://localhost",
        ),
        ({"base_url": "ftp://h/v1"}, "is not an http address"),
        ({"base_url": "http://"}, "is not an http address"),
        ({"base_url": "http://[::1/v1"}, "is not an http address"),
        ({"base_url": "http://h:99999/v1"}, "is not an http address"),
        ({"base_url": "http://h/v1\n"}, "is not an http address"),
        ({"base_url": "http://h/v1#top"}, "has a fragment"),
        ({"base_url": "https://h/v1?api-key=1"}, "holds a key\n  fix: put it into a variable"),
        (
            {"base_url": "https://${NOPE_HOST}/v1"},
            "needs the variable NOPE_HOST, which is empty\n  fix: export NOPE_HOST=… or write it",
        ),
        ({"base_url": "https://${NOPE-HOST}/v1"}, "has a ${ that begins no variable"),
        (
            {"base_url": "http://h/v1", "headers": {"api-key": "${LAB_KEY}"}},
            "the key in LAB_KEY would go to h over plain http",
        ),
        ({"ca_file": "/nowhere.pem"}, "ca_file '/nowhere.pem' can't be read: No such file"),
        ({"ca_file": __file__}, "can't be read: "),
        ({"base_url": "http://h/v1/chat/completions/"}, "fix: http://h/v1"),
        ({"base_url": "http://h/v1/completions"}, "fix: http://h/v1"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "the header 'X-A' can't be sent"),
        ({"headers": {"X A": "1"}}, "the header 'X A' can't be sent"),
        ({"headers": {"X-A": "é"}}, "the header 'X-A' can't be sent"),
    ],
)
def test_wrong_setting_is_refused_with_its_name(settings, expected):
    with pytest.raises(WorkbenchError) as caught:
        opened(**settings)
    assert expected in str(caught.value)


def test_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(WorkbenchError, match="base_url contains") as caught:
        opened(base_url="http://me:canary@host/v1")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://LocalHost:8000/V1/", "http://localhost:8000/V1"),
        ("HTTPS://API.example.com/v1", "https://api.example.com/v1"),
        ("http://[::1]:8000/v1//", "http://[::1]:8000/v1"),
    ],
)
def test_equal_addresses_are_one_endpoint(url, normal):
    assert opened(base_url=url).identity == {"endpoint": normal, "api": "chat"}


def test_identity_stands_in_the_place_of_the_address():
    moved = [
        opened(base_url=f"http://localhost:{port}/v1", identity="lab").identity
        for port in (8000, 9000)
    ]
    assert moved == [{"endpoint": "lab", "api": "chat"}] * 2


def test_how_fast_it_is_asked_is_no_part_of_the_identity():
    base = {"base_url": "http://h/v1"}
    hurried = opened(**base, concurrency=2, timeout_s=1.0, backoff_s=1.0).identity
    assert hurried == opened(**base).identity
