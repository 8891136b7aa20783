"""Log-likelihoods, against the model run plainly over each whole text."""

import pytest
from tiny_model import ask, chat, plain_score

from workbench.conversation import Conversation
from workbench.model import PromptCall
from workbench.providers.transformers import TransformersProvider

CHOICES = (" good", " dull plot and a bad end", " negative")


def test_scores_are_sums_over_the_tokens_of_each_choice(tiny):
    texts = ["the film is", "review: a dull plot\nsentiment:", "the end"]
    calls = [PromptCall(Conversation(text=text), choices=CHOICES) for text in texts]
    answers = ask(TransformersProvider(str(tiny), {"dtype": "float32"}), *calls)
    for text, answer in zip(texts, answers, strict=True):
        expected = {choice: plain_score(tiny, text, choice) for choice in CHOICES}
        assert answer.choice_scores == pytest.approx(expected, abs=1e-3)
        assert answer.text == max(expected, key=expected.__getitem__)
        assert (answer.state, answer.finish_reason) == ("ok", "stop")


def test_scores_are_the_same_where_the_beginning_is_shared(tiny):
    shared = "the film is good and the end is bad, review: a dull plot. " * 3
    texts = [f"{shared}{end}" for end in ("the film is", "the end", "a dull plot is", "is")]
    calls = [PromptCall(Conversation(text=text), choices=CHOICES) for text in texts]
    together = ask(TransformersProvider(str(tiny), {"dtype": "float32"}), *calls)
    for text, answer in zip(texts, together, strict=True):
        expected = {choice: plain_score(tiny, text, choice) for choice in CHOICES}
        assert answer.choice_scores == pytest.approx(expected, abs=1e-3)


def test_space_may_stand_at_the_end_of_the_prompt_or_before_the_choices(tiny):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    before, after = ask(
        provider,
        PromptCall(Conversation(text="the film is "), choices=("good", "bad")),
        PromptCall(Conversation(text="the film is"), choices=(" good", " bad")),
    )
    assert list(before.choice_scores.values()) == pytest.approx(
        list(after.choice_scores.values()), abs=1e-4
    )


def test_choices_follow_the_prefill_of_a_chat(tiny):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    conversation = chat("user: good?", "assistant: The film is")
    (answer,) = ask(provider, PromptCall(conversation, choices=CHOICES))
    prompt = "<|im_start|>user\ngood?<|im_end|>\n<|im_start|>assistant\nThe film is"
    expected = {choice: plain_score(tiny, prompt, choice) for choice in CHOICES}
    assert answer.choice_scores == pytest.approx(expected, abs=1e-3)
    assert answer.prefill == "The film is"


def test_rows_may_have_different_choices(tiny):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    single, pair = ask(
        provider,
        PromptCall(Conversation(text="the film is"), choices=(" good",)),
        PromptCall(Conversation(text="the film is"), choices=CHOICES),
    )
    assert single.choice_scores == pytest.approx({" good": pair.choice_scores[" good"]}, abs=1e-4)


def test_scores_are_right_where_layers_look_back_over_a_window(tiny_sliding):
    shared = "the film is good and the end is bad, review: a dull plot. " * 2
    texts = [f"{shared}{end}" for end in ("the film is", "the end", "is")]
    calls = [PromptCall(Conversation(text=text), choices=CHOICES) for text in texts]
    together = ask(TransformersProvider(str(tiny_sliding), {"dtype": "float32"}), *calls)
    for text, answer in zip(texts, together, strict=True):
        expected = {choice: plain_score(tiny_sliding, text, choice) for choice in CHOICES}
        assert answer.choice_scores == pytest.approx(expected, abs=1e-3)
