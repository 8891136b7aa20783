"""Requests that no server takes are refused by a plan, at the place of the value and with a fix."""

import json

import pytest
from bench import refusal

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import Model, PromptCall, open_provider

EXPERIMENT = "prompts/qa/experiment.yaml"
CHAT = Conversation((Message("user", "Hi"),))
SYSTEM = Conversation((Message("system", "Write a joke."),))
OPENAI = "https://api.openai.com/v1"
AZURE = "https://mine.openai.azure.com/openai/v1"
OTHER = "http://127.0.0.1:1/v1"
FIVE = ["a", "b", "c", "d", "e"]


def prepared(parameters, conversation=None, **settings):
    settings = {"base_url": OTHER, **settings}
    raw = settings.get("api") == "completions"
    conversation = conversation or (Conversation(text="Hi") if raw else CHAT)
    provider = open_provider(Model("openai", "m", settings=settings))
    return provider.prepare(PromptCall(conversation, parameters))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"temperature": -0.1}, "temperature: -0.1 is not a number from 0 to 2"),
        ({"temperature": "0"}, "temperature: '0' is not a number from 0 to 2"),
        ({"top_p": 1.01}, "top_p: 1.01 is not a number from 0 to 1"),
        ({"top_p": -0.5}, "top_p: -0.5 is not a number from 0 to 1"),
        ({"max_tokens": -1}, "max_tokens: -1 is not a whole number from 1"),
        ({"max_completion_tokens": 0}, "max_completion_tokens: 0 is not a whole number from 1"),
        ({"seed": 1.5}, "seed: 1.5 is not a whole number of 64 bits"),
        ({"seed": "7"}, "seed: '7' is not a whole number of 64 bits"),
        ({"seed": 2**63}, f"seed: {2**63} is not a whole number of 64 bits"),
        ({"logprobs": -1}, "logprobs: -1 is not true or false (a number from 0 for completions)"),
        ({"top_logprobs": -1}, "top_logprobs: -1 is not a whole number from 0 to 20"),
        ({"stop": ""}, "stop: '' is not a text or a list of texts; none may be empty"),
        (
            {"stop": ["a", ""]},
            "stop: ['a', ''] is not a text or a list of texts; none may be empty",
        ),
        ({"logit_bias": [1]}, "logit_bias: [1] is not a mapping of token ids to numbers"),
        (
            {"logit_bias": {"50256": "ban"}},
            "logit_bias: {'50256': 'ban'} is not a mapping of token ids to numbers",
        ),
        (
            {"logit_bias": {"yes": 5}},
            "logit_bias: {'yes': 5} is not a mapping of token ids to numbers",
        ),
        (
            {"logit_bias": {"1": True}},
            "logit_bias: {'1': True} is not a mapping of token ids to numbers",
        ),
        (
            {"response_format": {"schema": {}}},
            "response_format: {'schema': {}} is not a mapping with a `type`, such as json_object",
        ),
        ({"reasoning_effort": ""}, "reasoning_effort: '' is not a text"),
        ({"n": 2}, "unknown parameter 'n'\n  fix: `repeats:` of the experiment"),
        (
            {"stream_options": {}},
            "unknown parameter 'stream_options'\n  fix: `stream: true` of the",
        ),
        ({"tools": []}, "unknown parameter 'tools'\n  fix: `tools:` of a prompt's front matter"),
    ],
)
def test_value_that_no_server_takes_is_refused_where_it_stands(bench, parameters, message):
    text = "dataset: rows.jsonl\nprompts: [plain]\nevaluators: [output_tokens]\n"
    models = f'models: ["openai:m": {{base_url: "{OTHER}"}}]\n'
    shown = refusal(bench.plan, text + models + f"parameters: {json.dumps(parameters)}\n")
    assert shown.startswith(f"{EXPERIMENT}:5:14: {message}")
    in_grid = f"grid: {json.dumps({name: [value] for name, value in parameters.items()})}\n"
    assert message in refusal(bench.plan, text + models + in_grid)
    bench.write("plain.jinja", f"---\nparameters: {json.dumps(parameters)}\n---\n{{{{ text }}}}\n")
    assert refusal(bench.plan, text + models).startswith(f"prompts/qa/plain.jinja:2:14: {message}")


def test_stop_of_a_front_matter_is_checked_too(bench):
    shown = refusal(bench.prompt, "---\nstop: ['']\n---\na")
    assert shown.startswith("prompts/qa/one.jinja:2:1: stop: [''] is not a text or a list of texts")


@pytest.mark.parametrize(
    ("parameters", "settings", "message"),
    [
        ({"top_logprobs": 3}, {}, "top_logprobs needs `logprobs: true`"),
        ({"top_logprobs": 3, "logprobs": False}, {}, "top_logprobs needs `logprobs: true`"),
        (
            {"extra_body": {"top_logprobs": 3}},
            {},
            "top_logprobs needs `logprobs: true`",
        ),
        ({"top_logprobs": 3}, {"api": "completions"}, "top_logprobs needs `logprobs: true`"),
        ({"logprobs": 5}, {}, "logprobs is a number, and a chat takes true or false"),
        (
            {"response_format": {"type": "json_schema"}},
            {},
            "response_format is of the type json_schema and has no schema",
        ),
        (
            {"extra_body": {"max_tokens": 8, "n_predict": 9}},
            {},
            "extra_body: 'max_tokens' limits the answer, and so does another parameter",
        ),
        (
            {"max_tokens": 8, "extra_body": {"n_predict": 9}},
            {"api": "responses"},
            "extra_body: 'n_predict' limits the answer, and so does another parameter",
        ),
        (
            {"stop": FIVE},
            {"base_url": OPENAI},
            "stop has more than 4 texts, and OpenAI refuses that",
        ),
        (
            {"stop": FIVE},
            {"base_url": AZURE},
            "stop has more than 4 texts, and OpenAI refuses that",
        ),
        ({"top_k": 5}, {"base_url": OPENAI}, "OpenAI takes no top_k with `api: chat`"),
        (
            {"stop": "\n"},
            {"base_url": OPENAI, "api": "responses"},
            "OpenAI takes no stop with `api: responses`",
        ),
        (
            {"seed": 1},
            {"base_url": OPENAI, "api": "responses"},
            "OpenAI takes no seed with `api: responses`",
        ),
        (
            {"max_tokens": 8},
            {"base_url": OPENAI, "api": "responses"},
            "max_tokens is below 16, the least that OpenAI's Responses API takes",
        ),
    ],
)
def test_parameters_that_no_server_takes_together_are_refused(parameters, settings, message):
    with pytest.raises(WorkbenchError) as refused:
        prepared(parameters, **settings)
    assert refused.value.message == message
    assert refused.value.fix


@pytest.mark.parametrize(
    ("parameters", "settings"),
    [
        ({"top_logprobs": 3, "logprobs": True}, {}),
        ({"top_logprobs": 3, "extra_body": {"logprobs": True}}, {}),
        ({"top_logprobs": 0}, {}),
        ({"extra_body": {"response_format": "json_schema"}}, {}),
        ({"extra_body": {"response_format": [1]}}, {}),
        ({"top_logprobs": 3}, {"api": "responses"}),
        ({"logprobs": 5}, {"api": "completions"}),
        ({"top_p": 0, "seed": -1, "logit_bias": {"50256": -100}}, {}),
        ({"stop": ["a", "b", "c", "\n"]}, {"base_url": OPENAI}),
        ({"stop": ["a"], "top_k": 5, "max_tokens": 8}, {"api": "responses"}),
        ({"max_tokens": 8}, {"base_url": OPENAI}),
        ({"top_k": 5}, {"base_url": OPENAI, "rename": {"top_k": "k"}}),
    ],
)
def test_parameters_that_some_server_takes_are_sent(parameters, settings):
    assert prepared(parameters, **settings).warnings == ()


def test_refusal_names_the_file_that_sets_the_parameter(bench):
    text = "dataset: rows.jsonl\nprompts: [plain]\nevaluators: [output_tokens]\n"
    text += f'models: ["openai:m": {{base_url: "{OTHER}"}}]\n'
    shown = refusal(bench.plan, text + "parameters: {top_logprobs: 2}\n")
    assert shown == (
        f"{EXPERIMENT}: plain: top_logprobs needs `logprobs: true`\n"
        "  fix: set it, or `top_logprobs: null`"
    )
    bench.write("plain.jinja", "---\nparameters: {top_logprobs: 2}\n---\n{{ text }}\n")
    assert refusal(bench.plan, text).startswith("prompts/qa/plain.jinja:4: plain: top_logprobs")


def test_calls_that_only_some_servers_take_have_a_warning():
    assert prepared({"stop": FIVE}).warnings == (
        "5 stop texts: OpenAI and some others take 4 at most; keep 4 of them",
    )
    assert prepared({}, SYSTEM).warnings == (
        "no turn of the user, which many servers refuse; write the task below `user:` if this one "
        "does",
    )
    assert prepared({}, SYSTEM, base_url=OPENAI).warnings == ()
