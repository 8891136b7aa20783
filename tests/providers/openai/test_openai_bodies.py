"""Bodies of requests: the parameters of the file, and nothing else."""

import json

import pytest

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import PromptCall, Request

HI = Conversation((Message("system", "Be brief."), Message("user", "Hi")))
BEGUN = Conversation((Message("user", "Good?"), Message("assistant", "Sentiment:")))
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
SCHEMA = {"type": "object", "properties": {"why": {"type": "string"}, "answer": {"type": "string"}}}


@pytest.fixture
def sent(open_model, server):
    """The body that reaches the server for a call."""

    def send(call: PromptCall, **settings):
        provider = open_model(**settings)
        (answer,) = provider.complete([Request.from_body("k", provider.prepare(call).body)])
        assert answer.state in ("ok", "invalid_response"), answer.error
        return server.bodies[-1]

    return send


@pytest.mark.parametrize(
    ("settings", "parameters", "expected"),
    [
        ({}, {}, {}),
        (
            {},
            {"temperature": 0, "seed": 7, "top_p": 0.5},
            {"temperature": 0, "seed": 7, "top_p": 0.5},
        ),
        ({}, {"stop": ["\n", "###"]}, {"stop": ["\n", "###"]}),
        (
            {"rename": {"max_tokens": "max_completion_tokens"}},
            {"max_tokens": 8, "temperature": 1},
            {"max_completion_tokens": 8, "temperature": 1},
        ),
        ({}, {"extra_body": {"top_k": 5, "min_p": None}}, {"top_k": 5, "min_p": None}),
        ({}, {"extra_body": None, "max_tokens": 3}, {"max_tokens": 3}),
    ],
)
def test_body_holds_the_parameters_and_nothing_else(sent, settings, parameters, expected):
    assert sent(PromptCall(HI, parameters), **settings) == {
        "model": "m",
        "messages": MESSAGES,
        **expected,
    }


def test_text_arrives_as_it_is(sent):
    texts = ["naïve — “quoted” \\n \x00 \t 日本 😀 {{ x }} \u2028", "lone \ud800 surrogate"]
    for text in texts:
        body = sent(PromptCall(Conversation((Message("user", text),))))
        assert body["messages"] == [{"role": "user", "content": text}]


def test_response_schema_is_sent_strict_with_its_keys_in_order(sent):
    body = sent(PromptCall(HI, response_schema=SCHEMA))
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
    }
    properties = body["response_format"]["json_schema"]["schema"]["properties"]
    assert list(properties) == ["why", "answer"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("text", {}),
        ("guided", {"guided_choice": ["no", "yes"]}),
        ("structured", {"structured_outputs": {"choice": ["no", "yes"]}}),
        (
            "schema",
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "workbench_choice",
                        "strict": True,
                        "schema": {
                            "type": "object",
                            "properties": {"choice": {"type": "string", "enum": ["no", "yes"]}},
                            "required": ["choice"],
                            "additionalProperties": False,
                        },
                    },
                }
            },
        ),
    ],
)
def test_choices_are_asked_for_by_the_method_of_the_settings(sent, open_model, method, expected):
    call = PromptCall(HI, choices=("no", "yes"))
    assert sent(call, choices=method) == {"model": "m", "messages": MESSAGES, **expected}
    assert open_model(choices=method).prepare(call).choice_method == method


def test_prefill_is_sent_as_the_server_continues_it(sent):
    start = {"role": "user", "content": "Good?"}
    begun = {"role": "assistant", "content": "Sentiment:"}
    assert sent(PromptCall(BEGUN), prefill="as_is") == {"model": "m", "messages": [start, begun]}
    assert sent(PromptCall(BEGUN), prefill="continue_final_message") == {
        "model": "m",
        "messages": [start, begun],
        "continue_final_message": True,
        "add_generation_prompt": False,
    }
    assert sent(PromptCall(BEGUN), prefill="prefix") == {
        "model": "m",
        "messages": [start, {**begun, "prefix": True}],
    }


def test_prefill_comes_back_with_the_answer(open_model, server):
    provider = open_model(prefill="prefix")
    request = Request.from_body("k", provider.prepare(PromptCall(BEGUN)).body, prefill="Sentiment:")
    (answer,) = provider.complete([request])
    assert (answer.prefill, answer.full_text) == ("Sentiment:", "Sentiment:Sentiment:")


def test_raw_text_goes_to_completions(sent, server):
    body = sent(PromptCall(Conversation(text="2+2="), {"max_tokens": 1}), api="completions")
    assert body == {"model": "m", "prompt": "2+2=", "max_tokens": 1}
    assert server.requests[-1].path == "/v1/completions"


@pytest.mark.parametrize(
    ("settings", "call", "expected"),
    [
        ({}, PromptCall(BEGUN), "begins the answer"),
        ({}, PromptCall(Conversation(text="x")), "raw text (`chat: false`)"),
        ({"api": "completions"}, PromptCall(HI), "takes raw text"),
        (
            {"choices": "schema"},
            PromptCall(HI, choices=("a", "b"), response_schema=SCHEMA),
            "either `choices` or a `response_schema`",
        ),
        ({}, PromptCall(HI, {"seed": 1, "extra_body": {"seed": 2}}), "'seed' is set in extra_body"),
        ({}, PromptCall(HI, {"extra_body": {"n": 2}}), "extra_body: 'n' changes how many answers"),
        ({}, PromptCall(HI, {"extra_body": {"stream": True}}), "extra_body: 'stream' changes"),
        (
            {},
            PromptCall(HI, {"response_format": {"type": "text"}}, response_schema=SCHEMA),
            "'response_format' is set twice",
        ),
        (
            {"rename": {"max_tokens": "max_completion_tokens"}},
            PromptCall(HI, {"max_completion_tokens": 1, "max_tokens": 2}),
            "'max_completion_tokens' is set twice",
        ),
        ({"rename": {"user": "model"}}, PromptCall(HI, {"user": "me"}), "'model' is set twice"),
    ],
)
def test_what_an_endpoint_cannot_be_asked_is_refused_before_it_is_sent(
    open_model, settings, call, expected
):
    with pytest.raises(WorkbenchError) as caught:
        open_model(**settings).prepare(call)
    assert expected in str(caught.value)


def test_only_temperature_zero_is_greedy(open_model):
    provider = open_model()
    samplings = [
        provider.prepare(PromptCall(HI, p)).sampling
        for p in ({}, {"temperature": 0}, {"temperature": 1})
    ]
    assert samplings == ["sampled", "greedy", "sampled"]


def test_body_has_no_duplicate_keys(sent, server):
    sent(PromptCall(HI, {"max_tokens": 1}))
    pairs = json.loads(server.requests[-1].raw, object_pairs_hook=list)
    assert sorted(name for name, _ in pairs) == ["max_tokens", "messages", "model"]
