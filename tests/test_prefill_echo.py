"""Whether an endpoint repeats the prefill, by all replies in a store."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from workbench.model import Completion, Request
from workbench.secrets import Redactor, Secret
from workbench.store import Store
from workbench.store.prefill_echo import PrefillEchoes, PrefillEndpoint, prefill_endpoint

PREFIX = {"messages": [{"role": "assistant", "content": "yes", "prefix": True}]}
CONTINUED = {
    "messages": [{"role": "assistant", "content": "yes"}],
    "continue_final_message": True,
}
IDENTITY = {"endpoint": "http://a", "headers": {"X-Key": "sesame-123"}}


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path, Redactor([Secret("KEY", "sesame-123")])) as opened:
        yield opened


def request(key: str, body: dict = CONTINUED, **fields) -> Request:
    key_fields = {"model": "openai:m", "provider": "openai", "identity": IDENTITY, **fields}
    return replace(Request.from_body(key, body, "yes"), key_fields=key_fields)


def endpoint(sent: Request) -> PrefillEndpoint:
    sent_to = prefill_endpoint(sent.key_fields, sent.text)
    assert sent_to
    return sent_to


def save(store: Store, texts: dict[str, str], state: str = "ok", **fields) -> None:
    pairs = [
        (request(key, **fields), Completion(key, state, text, "yes")) for key, text in texts.items()
    ]
    store.save_completions(pairs)


@pytest.mark.parametrize("order", permutations({"a": "yesyes", "b": "yes", "c": " it is"}.items()))
def test_one_other_reply_decides_in_any_order(store, order):
    for key, text in order:
        save(store, {key: text})
    assert not PrefillEchoes(store).repeats(endpoint(request("d")))


def test_endpoint_repeats_if_every_reply_does(store):
    save(store, {"a": "yesyes", "b": "yes, it is"})
    save(store, {"c": "I can't."}, "refused")
    save(store, {"d": " it is"}, identity={"endpoint": "http://b"})
    save(store, {"e": " it is"}, model="openai:other")
    save(store, {"f": " it is"}, body=PREFIX)
    echoes = PrefillEchoes(store)
    assert echoes.repeats(endpoint(request("g")))
    assert not echoes.repeats(endpoint(request("g", PREFIX)))


def test_reply_that_is_about_to_be_replaced_does_not_count(store):
    save(store, {"a": " it is", "b": "yesyes"})
    assert PrefillEchoes(store, except_keys={"a"}).repeats(endpoint(request("c")))


def test_reply_that_is_not_stored_yet_counts(store):
    echoes = PrefillEchoes(store)
    assert echoes.repeats(endpoint(request("a")))
    echoes.observe(endpoint(request("a")), Completion("a", "ok", " it is", "yes"))
    assert not echoes.repeats(endpoint(request("b")))


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": 'say "prefix" or continue_final_message'}]},
        {"messages": [{"role": "assistant", "content": "yes"}], "continue_final_message": False},
        {"text": "continue_final_message"},
        {"prompt": '"prefix"'},
    ],
)
def test_request_that_begins_no_answer_has_no_endpoint(body):
    assert prefill_endpoint({}, Request.from_body("a", body).text) is None
