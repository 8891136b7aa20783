"""The key of a request covers the exact request: every parameter of the API, and nothing else."""

import inspect
import json
from typing import Any

import pytest
from bench import refusal
from openai.resources.chat.completions import Completions

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}

# Each parameter with a value of its own; those the workbench doesn't know go into `extra_body`.
VALUES: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "frequency_penalty": 0.5,
    "function_call": "none",
    "functions": [{"name": "f", "parameters": {}}],
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "max_completion_tokens": 9,
    "max_tokens": 9,
    "metadata": {"a": "b"},
    "modalities": ["text"],
    "moderation": {"mode": "auto"},
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": 0.5,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"a": 1},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "low",
    "response_format": {"type": "json_object"},
    "safety_identifier": "s",
    "seed": 3,
    "service_tier": "flex",
    "stop": ["\n"],
    "store": True,
    "temperature": 0.5,
    "tool_choice": "auto",
    "tools": [TOOL],
    "top_logprobs": 2,
    "top_p": 0.5,
    "user": "u",
    "verbosity": "low",
    "web_search_options": {"a": 1},
}

LEFT_OUT = {
    "self": "not sent",
    "messages": "what the prompt makes of a row; see the test of two templates",
    "model": "the model's name; see the test of two names",
    "n": "`repeats:` asks several times; refused",
    "stream": "changes the form of the reply, not the answer; refused",
    "stream_options": "belongs to stream; refused",
    "extra_headers": "`headers:` of the model, which stand in the key",
    "extra_query": "an address has no query here",
    "extra_body": "options the unknown ones get in; each of them is tried",
    "timeout": "`timeout_s:` of the model, which is not in the key",
}

FILE = """\
dataset: rows.jsonl
prompts: [plain]
models:
  - openai:{name}: {settings}
parameters: {parameters}
evaluators: [output_tokens]
"""


def planned(bench, *, name: str = "m", parameters: dict | None = None, **settings: Any):
    endpoint = {"base_url": "http://127.0.0.1:1/v1", **settings}
    text = FILE.format(
        name=name, settings=json.dumps(endpoint), parameters=json.dumps(parameters or {})
    )
    return bench.plan(text)


def requests(bench, **options: Any) -> list:
    return list(planned(bench, **options).requests[0])


def keys(bench, **options: Any) -> list[str]:
    return [request.key for request in requests(bench, **options)]


def is_parameter(name: str) -> bool:
    from workbench.parameters import PARAMETERS

    return name in PARAMETERS


def as_parameters(name: str, value: Any) -> dict[str, Any]:
    if name == "top_logprobs":
        return {name: value, "logprobs": True}  # it is refused without
    if name in ("tool_choice", "parallel_tool_calls"):
        return {"extra_body": {name: value}}  # as parameters they need a prompt with tools
    return {name: value} if is_parameter(name) else {"extra_body": {name: value}}


def test_every_parameter_of_the_api_is_tried_or_left_out_for_a_reason():
    assert VALUES.keys().isdisjoint(LEFT_OUT)
    assert set(inspect.signature(Completions.create).parameters) == {*VALUES, *LEFT_OUT}


@pytest.mark.parametrize("name", VALUES)
def test_parameter_is_sent_as_it_stands_and_changes_every_key(bench, server, name):
    with_it = planned(bench, parameters=as_parameters(name, VALUES[name]), base_url=server.url)
    changed = list(with_it.requests[0])
    others = {
        key: v for key, v in as_parameters(name, VALUES[name]).items() if key == "logprobs" != name
    }
    without = requests(bench, base_url=server.url, parameters=others)
    assert {request.key for request in changed}.isdisjoint(request.key for request in without)
    assert [request.body for request in changed] == [
        {**request.body, name: VALUES[name]} for request in without
    ]
    assert len(list(with_it.variants[0].model.provider.complete(changed))) == 2
    sent = sorted(server.bodies, key=str)
    assert sent == sorted((request.body for request in changed), key=str)


@pytest.mark.parametrize("name", ["n", "stream", "stream_options"])
def test_parameter_that_changes_the_form_of_the_reply_is_refused(bench, name):
    cure = "`repeats:` of the experiment" if name == "n" else "`stream: true` of the model"
    message = refusal(planned, bench, parameters={name: 2})
    assert f"unknown parameter {name!r}\n  fix: {cure}" in message
    assert f"extra_body: {name!r} changes how many answers come, or in what form" in refusal(
        planned, bench, parameters={"extra_body": {name: 2}}
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout_s": 5.0},
        {"backoff_s": 3.0},
        {"concurrency": 2},
        {"api_key_env": "SOME_KEY"},
        {"as": "other"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_how_it_is_sent_is_not_in_the_key(bench, settings):
    assert keys(bench, **settings) == keys(bench)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "m2"},
        {"base_url": "http://127.0.0.1:2/v1"},
        {"headers": {"X-Tenant": "t"}},
        {"identity": "mine"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_who_answers_is_in_the_key(bench, changed):
    assert set(keys(bench, **changed)).isdisjoint(keys(bench))


def test_what_the_prompt_says_is_in_the_key(bench):
    before = keys(bench)
    bench.write("plain.jinja", "user:\n{{ text }}!\n")
    assert set(keys(bench)).isdisjoint(before)
