"""Log-likelihoods, against the model run plainly over each whole text."""

import json
from dataclasses import replace

import pytest
from bench import Bench
from tiny_model import ask, chat, make_model, plain_score

from workbench.conversation import Conversation
from workbench.model import PromptCall
from workbench.prompt import choose
from workbench.providers.transformers import TransformersProvider
from workbench.scoring.stream import Stream
from workbench.store import Store

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


def harness_score(folder, context: str, continuation: str) -> float:
    """As lm-evaluation-harness: white space at the context's end belongs to the continuation."""
    bare = context.rstrip()
    return plain_score(folder, bare, context[len(bare) :] + continuation)


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("the film is", (" 7 of 10", " 42", " none of them")),
        ("the film is ", ("7 of 10", "42", "none of them")),
        ("the film is:\n", ("7", "8", "9")),
        ("review:", (" größer als schön", " 很好看的电影", " плохой", " 🎬")),
        ("评论： ", ("很好看的电影", "Übermäßig lang und öde", "bad")),
    ],
)
def test_scores_are_those_of_lm_evaluation_harness(tiny, text, choices):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    (answer,) = ask(provider, PromptCall(Conversation(text=text), choices=choices))
    expected = {choice: harness_score(tiny, text, choice) for choice in choices}
    assert answer.choice_scores == pytest.approx(expected, abs=1e-4)
    assert answer.text == max(expected, key=expected.__getitem__)
    by_length = {choice: expected[choice] / len(choice.lstrip()) for choice in choices}
    assert choose(answer, "characters").text == max(by_length, key=by_length.__getitem__)


def test_tokens_of_each_choice_are_counted(tiny):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    (answer,) = ask(provider, PromptCall(Conversation(text="the film is"), choices=CHOICES))
    counts = [provider.count_tokens({"text": f"the film is{choice}"}) for choice in CHOICES]
    prompt = provider.count_tokens({"text": "the film is"})
    assert answer.choice_tokens == {
        choice: count - prompt for choice, count in zip(CHOICES, counts, strict=True)
    }


def test_scores_are_the_same_where_few_logits_fit_into_memory(tiny, monkeypatch):
    calls = [
        PromptCall(Conversation(text=text), choices=CHOICES)
        for text in ("the film is", "the end", "a dull plot is", "is")
    ]
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    together = ask(provider, *calls)
    monkeypatch.setattr("workbench.providers.transformers.engine.MAX_LOGITS", 400 * 20)
    parts = ask(provider, *calls)
    for answer, part in zip(together, parts, strict=True):
        assert answer.choice_scores == pytest.approx(part.choice_scores, abs=1e-4)


SPACED = Conversation(text="the film is ")


def test_choice_that_the_tokenizer_drops_is_an_error(tmp_path):
    from tokenizers.normalizers import Replace
    from transformers import AutoTokenizer

    folder = make_model(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.normalizer = Replace("☃", "")
    tokenizer.save_pretrained(folder)
    calls = [
        PromptCall(Conversation(text="the film is"), choices=choices)
        for choices in ((" good", "☃"), ("☃", " good"), ("☃☃", "☃"), (" good☃", " good"))
    ]
    # White space at the prompt's end belongs to a choice, and is no choice.
    calls += [PromptCall(asked, choices=("good", "☃")) for asked in (chat("user: Is it?"), SPACED)]
    answers = ask(TransformersProvider(str(folder), {"dtype": "float32"}), *calls)
    assert [answer.error for answer in answers] == [
        "the choice '☃' has no tokens",
        "the choice '☃' has no tokens",
        "the choice '☃☃' has no tokens",
        "",
        "the choice '☃' has no tokens",
        "the choice '☃' has no tokens",
    ]
    assert choose(answers[3], "none").finish_reason == "tie"


def test_prompt_of_white_space_is_rejected(tiny):
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    (answer,) = ask(provider, PromptCall(Conversation(text=" "), choices=CHOICES))
    assert (answer.state, answer.error) == (
        "rejected",
        "the prompt has no tokens before the choices",
    )


def test_prompts_that_differ_in_normalize_alone_share_requests_but_not_answers(bench: Bench, tiny):
    front = '---\nchat: false\nchoices: "{{ options }}"\n'
    bench.write("sums.jinja", front + "---\n{{ q }} ")
    bench.write("by_length.jinja", front + "normalize: characters\n---\n{{ q }} ")
    rows = [
        {"q": "the film is", "options": ["good", "sentiment: negative"]},
        {"q": "a dull plot", "options": ["is", "and the end is bad", "x"]},
    ]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    experiment = (
        "dataset: rows.jsonl\nprompts: [sums, by_length]\nevaluators: [output_tokens]\n"
        f"models:\n  - transformers:{tiny}: {{dtype: float32}}\n"
    )
    requests, shared = bench.plan(experiment).requests
    assert (len(requests), len(shared)) == (2, 0)
    plan = bench.plan(experiment, stored=frozenset(request.key for request in requests))
    provider = TransformersProvider(str(tiny), {"dtype": "float32"})
    calls = [
        PromptCall(Conversation(text=f"{row['q']} "), choices=tuple(row["options"])) for row in rows
    ]
    answers = ask(provider, *calls)
    pairs = [(r, replace(a, key=r.key)) for r, a in zip(requests, answers, strict=True)]
    folder = bench.root / "store"
    folder.mkdir()
    texts: dict[int, list[str]] = {}
    with Store(folder) as store:
        store.save_completions(pairs)
        with Stream(plan, store, lambda *_: None) as stream:
            stream.finish()
        for variant in (0, 1):
            scored = [row for batch in stream.rows(variant) for _, row in batch]
            texts[variant] = [row.completion.text for row in scored]
    assert texts == {
        variant: [choose(answer, normalize).text for answer in answers]
        for variant, normalize in enumerate(("none", "characters"))
    }
    assert texts[0] != texts[1]
