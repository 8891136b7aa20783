import pytest
from tiny_model import chat

from workbench.conversation import Conversation
from workbench.errors import WorkbenchError
from workbench.model import PreparedCall, PromptCall
from workbench.parameters import PARAMETERS, check_parameters
from workbench.providers.transformers import TransformersProvider
from workbench.providers.transformers.body import Parameters

QUESTION = {"messages": [{"role": "user", "content": "good?"}]}


@pytest.fixture
def provider(tiny):
    return TransformersProvider(str(tiny), {})


def error_of(provider, call) -> str:
    with pytest.raises(WorkbenchError) as caught:
        provider.prepare(call)
    return str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "body", "sampling"),
    [
        ({}, {"max_tokens": 256}, "fixed"),
        ({"max_tokens": 8, "stop": "\n"}, {"max_tokens": 8, "stop": ["\n"]}, "fixed"),
        ({"temperature": 0, "seed": 1, "top_p": 0.5}, {"max_tokens": 256}, "fixed"),
        (
            {"temperature": 0.7, "seed": 1, "top_p": 0.5},
            {"max_tokens": 256, "temperature": 0.7, "seed": 1, "top_p": 0.5},
            "sampled",
        ),
        ({"temperature": 1}, {"max_tokens": 256, "temperature": 1.0}, "sampled"),
    ],
)
def test_body_holds_only_what_decides_the_answer(provider, parameters, body, sampling):
    prepared = provider.prepare(PromptCall(chat("user: good?"), parameters))
    assert prepared == PreparedCall({**QUESTION, **body}, sampling)


def test_every_parameter_of_a_local_model_can_be_set_in_an_experiment_file():
    assert set(Parameters.model_fields) <= set(PARAMETERS)
    check_parameters({"top_k": 40, "repetition_penalty": 1.3})


def test_choices_are_answered_by_loglikelihood(provider):
    prepared = provider.prepare(PromptCall(chat("user: good?"), {"max_tokens": 8}, ("yes", "no")))
    assert prepared == PreparedCall(
        {**QUESTION, "choices": ["yes", "no"]}, "fixed", "loglikelihood"
    )


def test_raw_text_stays_text(provider):
    prepared = provider.prepare(PromptCall(Conversation(text="2+2="), {"max_tokens": 1}))
    assert prepared.body == {"text": "2+2=", "max_tokens": 1}


def test_developer_is_system_where_the_template_knows_no_developer(provider):
    prepared = provider.prepare(
        PromptCall(chat("developer: be brief", "user: good?"), {"max_tokens": 1})
    )
    roles = [message["role"] for message in prepared.body["messages"]]
    assert roles == ["system", "user"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            PromptCall(chat("user: good?"), {"logprobs": True}),
            "MODEL takes no parameter 'logprobs'\n"
            "  fix: known: max_tokens, repetition_penalty, seed, stop, temperature, top_k, top_p",
        ),
        (
            PromptCall(chat("user: good?"), {"temperature": "hot"}),
            "MODEL: temperature: 'hot' should be a valid number\n  fix: write a number from 0",
        ),
        (
            PromptCall(chat("user: good?"), {"temperature": 1, "seed": -1}),
            "MODEL: seed: -1 should be greater than or equal to 0\n"
            "  fix: write a whole number from 0 or null",
        ),
        (
            PromptCall(chat("user: good?"), {"stop": ["", "."]}),
            "MODEL: parameter 'stop' contains an empty string\n  fix: remove it",
        ),
        (
            PromptCall(chat("user: good?"), {}, ("yes", "yes")),
            "choices must be different and not empty: ['yes', 'yes']",
        ),
        (
            PromptCall(chat("user: good?"), response_schema={"type": "object"}),
            "MODEL: a response schema can't be enforced on a local model\n"
            "  fix: use choices, exclude this pair, or serve the model behind an API",
        ),
    ],
)
def test_call_that_a_local_model_cannot_serve_is_refused(provider, tiny, call, expected):
    assert error_of(provider, call) == expected.replace("MODEL", f"transformers:{tiny}")


def test_base_model_gets_one_question_and_the_beginning_of_its_answer_as_text(tiny_base):
    provider = TransformersProvider(str(tiny_base), {})
    alone = provider.prepare(PromptCall(chat("user: good?"), {"max_tokens": 1}))
    begun = provider.prepare(PromptCall(chat("user: good?", "assistant: It is"), {"max_tokens": 1}))
    assert alone.body == {"text": "good?", "max_tokens": 1}
    assert begun.body == {"text": "good?\nIt is", "max_tokens": 1}


def test_base_model_refuses_turns(tiny_base):
    provider = TransformersProvider(str(tiny_base), {})
    assert error_of(provider, PromptCall(chat("system: be brief", "user: good?"))) == (
        f"transformers:{tiny_base} has no chat template, "
        "and the prompt has the roles system, user\n"
        "  fix: set `chat: false` in the prompt, or exclude this pair"
    )
