"""Texts, against transformers' own `generate` in float32."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tiny_model import ask, chat

from workbench.conversation import Conversation
from workbench.model import PromptCall, Request
from workbench.providers.transformers import TransformersProvider

WORDS = ["the", "film", "is", "good", "and", "bad", "review:", "a", "dull", "plot", "negative"]


def words(count: int, seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def few_shot(rows: int) -> list[PromptCall]:
    """Raw texts that share most of their tokens, of different lengths."""
    shared = words(40, seed=0)
    lengths = [3 + number % 7 for number in range(rows)]
    texts = [f"{shared} {words(length, seed=9 + n)}" for n, length in enumerate(lengths)]
    return [PromptCall(Conversation(text=text), {"max_tokens": 12}) for text in texts]


def generated(folder, call: PromptCall) -> str:
    """Text that transformers itself generates for a single prompt."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(call.conversation.text, return_tensors="pt")["input_ids"]
    room = call.parameters["max_tokens"]
    ids_with_answer = model.generate(ids, max_new_tokens=room, do_sample=False)[0]
    return tokenizer.decode(ids_with_answer[ids.shape[1] :], skip_special_tokens=True)


def texts(folder, calls: list[PromptCall], **settings) -> list[str]:
    provider = TransformersProvider(str(folder), {"dtype": "float32", **settings})
    return [answer.text for answer in ask(provider, *calls)]


def test_greedy_text_is_what_transformers_generates(tiny):
    calls = few_shot(6)
    assert texts(tiny, calls) == [generated(tiny, call) for call in calls]


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_size": 5}, {"batch_tokens": 200}])
def test_text_does_not_depend_on_the_batch(tiny, settings):
    calls = few_shot(40)
    assert texts(tiny, calls, **settings) == texts(tiny, calls, batch_size=40)


def test_text_does_not_depend_on_the_batch_where_layers_look_back_over_a_window(tiny_sliding):
    calls = few_shot(8)
    alone = [generated(tiny_sliding, call) for call in calls]
    assert texts(tiny_sliding, calls) == alone


def test_rows_that_share_a_beginning_and_rows_that_do_not_are_answered_together(tiny):
    calls = [*few_shot(40), PromptCall(Conversation(text="a dull plot"), {"max_tokens": 12})]
    assert texts(tiny, calls)[-1] == generated(tiny, calls[-1])


def test_rows_with_equal_text_are_answered_alike(tiny):
    calls = few_shot(1) * 20
    assert set(texts(tiny, calls)) == {generated(tiny, calls[0])}


def test_room_that_ran_out_is_truncated_and_counted(tiny):
    (call,) = few_shot(1)
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    (answer,) = ask(provider, call)
    assert (answer.state, answer.finish_reason) == ("truncated", "length")
    assert answer.usage.output_tokens == 12
    assert answer.usage.input_tokens == provider.count_tokens({"text": call.conversation.text})
    assert answer.latency_s is not None


def test_text_is_cut_before_the_first_stop_string(tiny):
    (call,) = few_shot(1)
    full_text = generated(tiny, call)
    stop = full_text[5:7]
    stopped = PromptCall(call.conversation, {**call.parameters, "stop": ["never", stop]})
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    (answer,) = ask(provider, stopped)
    assert answer.text == full_text[: full_text.index(stop)]
    assert (answer.state, answer.finish_reason) == ("ok", "stop")


def test_stop_string_that_comes_at_once_leaves_an_empty_answer(tiny):
    (call,) = few_shot(1)
    stop = generated(tiny, call)[0]
    stopped = PromptCall(call.conversation, {**call.parameters, "stop": stop})
    (answer,) = ask(TransformersProvider(str(tiny), {"dtype": "float32"}), stopped)
    assert (answer.state, answer.text, answer.error) == ("ok", "", "")


def test_rows_of_different_room_finish_each_at_its_own(tiny):
    (call,) = few_shot(1)
    calls = [PromptCall(call.conversation, {"max_tokens": room}) for room in (1, 4, 12, 2)]
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    assert [completion.usage.output_tokens for completion in ask(provider, *calls)] == [1, 4, 12, 2]


def test_prefill_is_continued_and_kept_apart(tiny):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    (answer,) = ask(
        provider, PromptCall(chat("user: good?", "assistant: It is"), {"max_tokens": 4})
    )
    assert answer.prefill == "It is"
    assert answer.full_text == "It is" + answer.text


def test_sampled_text_depends_on_its_own_seed_only(tiny):
    def sampled(seed: int) -> PromptCall:
        (call,) = few_shot(1)
        return PromptCall(call.conversation, {"max_tokens": 12, "temperature": 1.5, "seed": seed})

    together = texts(tiny, [sampled(seed) for seed in range(6)])
    alone = [texts(tiny, [sampled(seed)])[0] for seed in range(6)]
    assert together == alone
    assert len(set(together)) > 1


def test_sampling_with_hardly_any_mass_left_is_greedy(tiny):
    (call,) = few_shot(1)
    narrow = PromptCall(
        call.conversation, {"max_tokens": 12, "temperature": 1, "top_p": 1e-6, "seed": 3}
    )
    assert texts(tiny, [narrow]) == [generated(tiny, call)]


def test_smallest_temperature_is_greedy(tiny):
    (call,) = few_shot(1)
    cold = PromptCall(call.conversation, {"max_tokens": 12, "temperature": 1e-300, "seed": 3})
    assert texts(tiny, [cold]) == [generated(tiny, call)]


def test_sampling_without_a_seed_is_decided_by_the_key_and_nothing_is_written(tiny, capfd):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    (call,) = few_shot(1)
    body = provider.prepare(
        PromptCall(call.conversation, {"max_tokens": 12, "temperature": 1.5})
    ).body
    requests = [Request.from_body(key, body) for key in ("a" * 64, "b" * 64)]
    first, second = (
        [completion.text for completion in provider.complete(requests)] for _ in range(2)
    )
    assert first == second
    assert first[0] != first[1]
    assert capfd.readouterr() == ("", "")


def test_prompt_too_long_for_the_model_fails_that_row_alone(tiny):
    long, short = PromptCall(Conversation(text=words(300, 1)), {"max_tokens": 4}), few_shot(1)[0]
    failed, fine = ask(TransformersProvider(str(tiny), {"dtype": "float32"}), long, short)
    count = TransformersProvider(str(tiny), {}).count_tokens({"text": long.conversation.text})
    assert failed.state == "rejected"
    assert failed.error == (
        f"{count} tokens of prompt and 4 of answer are more than the 256 that the model can hold\n"
        "  fix: shorten the prompt or lower max_tokens"
    )
    assert fine.state == "truncated"


def test_prompt_without_a_token_fails(tiny):
    (answer,) = ask(TransformersProvider(str(tiny), {}), PromptCall(Conversation(text="")))
    assert (answer.state, answer.error) == ("rejected", "the prompt has no tokens")


def test_more_requests_than_one_window_are_answered(tiny):
    calls = [PromptCall(Conversation(text="good"), {"max_tokens": 1})] * 300
    provider = TransformersProvider(str(tiny), {"dtype": "float32", "batch_size": 128})
    assert len({answer.key for answer in ask(provider, *calls)}) == 300


def test_requests_are_pulled_a_window_at_a_time(tiny):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    body = provider.prepare(PromptCall(Conversation(text="good"), {"max_tokens": 1})).body
    pulled = []

    def requests() -> Iterator[Request]:
        for number in range(900):
            pulled.append(number)
            yield Request.from_body(str(number), body)

    answers = provider.complete(requests())
    next(answers)
    assert len(pulled) == 256
    answers.close()
    assert len(pulled) == 256


def test_device_that_is_not_here_is_named(tiny):
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    from workbench.errors import WorkbenchError

    with pytest.raises(WorkbenchError, match="torch finds no mps device"):
        ask(TransformersProvider(str(tiny), {"device": "mps"}), *few_shot(1))


def test_top_k_of_one_is_greedy(tiny):
    calls = few_shot(3)
    sampled = [replace(c, parameters={**c.parameters, "temperature": 2, "top_k": 1}) for c in calls]
    assert texts(tiny, sampled) == texts(tiny, calls)


def test_repetition_penalty_is_that_of_transformers(tiny):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    (call,) = few_shot(1)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    ids = tokenizer(call.conversation.text, return_tensors="pt")["input_ids"]
    model = AutoModelForCausalLM.from_pretrained(tiny)
    output = model.generate(ids, max_new_tokens=12, do_sample=False, repetition_penalty=1.5)
    expected = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
    penalized = replace(call, parameters={**call.parameters, "repetition_penalty": 1.5})
    assert texts(tiny, [penalized]) == [expected]
    assert expected != texts(tiny, [call])[0]


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": 0.7, "top_k": 3},
        {"temperature": 1.3, "top_k": 5, "top_p": 0.6},
        {"temperature": 1.0, "top_k": 1000},
        {"temperature": 2.0, "top_p": 0.9},
    ],
)
def test_sampled_tokens_are_those_of_transformers(body):
    import torch
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    from workbench.providers.transformers.generate import _probabilities

    logits = torch.randn(400, generator=torch.Generator().manual_seed(5)) * 3
    scores = TemperatureLogitsWarper(body["temperature"])(None, logits[None].double())
    if "top_k" in body:
        scores = TopKLogitsWarper(body["top_k"])(None, scores)
    if "top_p" in body:
        scores = TopPLogitsWarper(body["top_p"])(None, scores)
    probabilities = _probabilities(logits, body)
    assert torch.allclose(probabilities / probabilities.sum(), scores[0].softmax(dim=-1))


def test_repetition_penalty_is_of_each_row_alone_and_of_its_prompt(tiny):
    calls = [
        replace(call, parameters={**call.parameters, "repetition_penalty": penalty})
        for call, penalty in zip(few_shot(3), (1.5, 1.0, 0.7), strict=True)
    ]
    together = texts(tiny, calls, batch_size=3)
    assert together == [texts(tiny, [call])[0] for call in calls]
    assert together[1] == generated(tiny, calls[1])
    assert together[0] != generated(tiny, calls[0])
