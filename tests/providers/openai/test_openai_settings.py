"""The settings of an `openai:` model."""

import pytest

from workbench.errors import WorkbenchError
from workbench.model import Model, open_provider
from workbench.providers.openai.settings import OpenAISettings


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
        ({"headers": {"X-A": "${1A}"}}, "the header 'X-A' has a ${ that begins no variable"),
        ({"headers": {"X-A": "é"}}, "the header 'X-A' can't be sent"),
    ],
)
def test_wrong_setting_is_refused_with_its_name(settings, expected):
    with pytest.raises(WorkbenchError) as caught:
        opened(**settings)
    assert expected in str(caught.value)


TEXT = (3, ["a"], {"a": "b"}, None, True)
NUMBERS = (0, -1, 1e9, "3", True, None, [1])
BAD = {
    "base_url": (*TEXT, "localhost:80"),
    "api_key_env": (*TEXT, "sk-proj 1"),
    "allow_http": (3, "true", None, []),
    "api": (*TEXT, "", "chats"),
    "prefill": (*TEXT, "", "continue", False),
    "prefill_echo": (3, "yes", None, {}, ["auto"]),
    "choices": (*TEXT, "", "Text", "texts", "json", "grammar", ["yes", "no"], False),
    "stream": (3, "yes", "usage", None, {}, []),
    "ca_file": (*TEXT, "/nowhere.pem"),
    "rename": (3, "a", None, ["a"], {"max_token": "n"}, {"seed": ""}, {"seed": 3}),
    "headers": (3, "a", None, ["a"], {"X-A": 3}, {"": "a"}),
    "identity": TEXT,
    "concurrency": (*NUMBERS, 1.5, 1025),
    "timeout_s": (*NUMBERS, float("nan"), float("inf")),
    "backoff_s": (*NUMBERS, 61),
}


def test_bad_values_of_every_setting_are_refused_with_place_and_cure():
    assert BAD.keys() == OpenAISettings.model_fields.keys()
    for setting, values in BAD.items():
        for value in values:
            model = Model("openai", "m", settings={setting: value})
            with pytest.raises(WorkbenchError) as caught:
                open_provider(model, where="task.yaml:3")
            error = caught.value
            assert error.where == "task.yaml:3", (setting, value)
            assert setting.removesuffix("s") in error.message, (setting, value)
            assert error.fix, (setting, value)


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"stream": "yes"}, "write without_usage or true or false"),
        ({"prefill_echo": {}}, "write auto or true or false"),
        ({"choices": "json"}, "write one of text, schema, guided, structured"),
        ({"rename": {"seed": " "}}, "write one, or leave it out: `seed: null`"),
    ],
)
def test_fix_lists_the_values_that_a_setting_takes(settings, fix):
    with pytest.raises(WorkbenchError) as caught:
        opened(**settings)
    assert caught.value.fix == fix


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
