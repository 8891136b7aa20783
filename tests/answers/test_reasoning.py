"""Thoughts at the beginning of a text are no part of the answer; talk about them is."""

import json

import pytest

from workbench.answers.read import read_answer
from workbench.answers.reasoning import (
    OTHER_MARKS,
    SIGNS,
    Thoughts,
    reasoning_marks,
    split_reasoning,
)
from workbench.answers.reply_body import reply_reasoning
from workbench.model import Completion

HARMONY = "<|channel|>analysis<|message|>France.<|end|><|start|>assistant"
SPLIT = {
    "Qwen, DeepSeek": ("<think>\nFrance.\n</think>\n\nParis", "France.", "Paris"),
    "an empty thought": ("<think>\n\n</think>\n\nParis", "", "Paris"),
    "white space before it": ("\n <think>France.</think>Paris", "France.", "Paris"),
    "in capitals": ("<THINK>France.</THINK>Paris", "France.", "Paris"),
    "with an attribute": ('<think time="2">France.</think>Paris', "France.", "Paris"),
    "thinking": ("<thinking>France.</thinking>\nParis", "France.", "Paris"),
    "thought": ("<thought>France.</thought>\nParis", "France.", "Paris"),
    "reasoning": ("<reasoning>France.</reasoning> Paris", "France.", "Paris"),
    "Magistral": ("[THINK]France.[/THINK]Paris", "France.", "Paris"),
    "Kimi": ("◁think▷France.◁/think▷Paris", "France.", "Paris"),
    "Seed": ("<seed:think>France.</seed:think>Paris", "France.", "Paris"),
    "MiniMax": ("<mm:think>France.</mm:think>Paris", "France.", "Paris"),
    "LongCat": ("<longcat_think>\nFrance.\n</longcat_think>\nParis", "France.", "Paris"),
    "Apertus": ("<|inner_prefix|>France.<|inner_suffix|>Paris", "France.", "Paris"),
    "Pangu": ("[unused16]France.[unused17]Paris", "France.", "Paris"),
    "Gemma": ("<|channel>thought\nFrance.<channel|>Paris", "France.", "Paris"),
    "MedGemma": ("<unused94>thought\nFrance.<unused95>Paris", "France.", "Paris"),
    "GLM's box": ("<think>France.</think><|begin_of_box|>Paris<|end_of_box|>", "France.", "Paris"),
    "gpt-oss without an end": (
        "<|channel|>analysis<|message|>France.<|channel|>final<|message|>Paris",
        "France.",
        "Paris",
    ),
    "Granite": (
        "Here is my thought process:\nFrance.\n\nHere is my response:\nParis",
        "France.",
        "Paris",
    ),
    "Cohere, with parts of text": (
        "<|START_THINKING|>France.<|END_THINKING|><|START_TEXT|>Paris<|END_TEXT|>",
        "France.",
        "Paris",
    ),
    "Cohere": (
        "<|START_THINKING|>France.<|END_THINKING|><|START_RESPONSE|>Paris<|END_RESPONSE|>",
        "France.",
        "Paris",
    ),
    "OpenThinker": (
        "<|begin_of_thought|>\nFrance.\n<|end_of_thought|>\n\n<|begin_of_solution|>\nParis\n"
        "<|end_of_solution|>",
        "France.",
        "Paris",
    ),
    "gpt-oss": (f"{HARMONY}<|channel|>final<|message|>Paris<|return|>", "France.", "Paris"),
    "gpt-oss, cut behind its answer": (
        f"{HARMONY}<|channel|>final<|message|>Paris",
        "France.",
        "Paris",
    ),
    "gpt-oss without special tokens": ("analysisFrance.assistantfinalParis", "France.", "Paris"),
    "gpt-oss, with a comment": (
        f"{HARMONY}<|channel|>commentary<|message|>Hm.<|end|><|start|>assistant"
        "<|channel|>final<|message|>Paris",
        "France.\n\nHm.",
        "Paris",
    ),
    "gpt-oss, begun by the prompt": (
        "France.<|end|><|start|>assistant<|channel|>final<|message|>Paris",
        "France.",
        "Paris",
    ),
    "an empty tag": ("<think/>\n\nParis", "", "Paris"),
    "two thoughts": ("<think>A.</think>\n<think>B.</think>\nParis", "A.\n\nB.", "Paris"),
    "a thought in a thought": (
        "<think>A. <think>B.</think> C.</think>Paris",
        "A. <think>B.\n\nC.",
        "Paris",
    ),
    "a thought about its mark": (
        "<think>I write </think> as a word, or `</think>`.</think>Paris",
        "I write </think> as a word, or `</think>`.",
        "Paris",
    ),
    "a quoted answer": ('It is "Paris".</think>"Paris"', 'It is "Paris".', '"Paris"'),
    "a quote at its end": ('The word "Paris"</think>Paris', 'The word "Paris"', "Paris"),
    "a mark twice": ("<think>France.</think>\n</think>\nParis", "France.", "Paris"),
    "another closing mark": ("<thinking>\nFrance.\n</think>\nParis", "France.", "Paris"),
    "opened by the template": ("France.\n</think>\n\nParis", "France.", "Paris"),
    "opened by the template, on one line": ("France.</think>Paris", "France.", "Paris"),
    "opened by the template, between spaces": ("It's Paris </think> Paris", "It's Paris", "Paris"),
    "an empty thought opened by the template": ("</think>\n\nParis", "", "Paris"),
    "an answer about thoughts": (
        "<think>Hm.</think>Write `<think>` and `</think>`.",
        "Hm.",
        "Write `<think>` and `</think>`.",
    ),
    "an answer in answer tags": ("<think>H</think><answer>A</answer>", "H", "<answer>A</answer>"),
}
ANSWERS = [
    "Paris",
    "",
    "Models write <think>…</think> first.",
    "`<think>` begins a thought and `</think>` ends it.",
    "```\n<think>\nx\n</think>\n```\nis the form.",
    "```\nx\n</think>\n```\nends it.",
    "The tag </think> ends a thought.",
    'It ends with "</think>".',
    "Close it with </think>, then answer.",
    "<thinker>Rodin</thinker>",
    "analysis of variance",
    "I think so.",
    "a < b > c",
    *[f"<{tag}>France.</{tag}>Paris" for tag in ("scratchpad", "analysis", "reflection", "plan")],
    "Here is my thought process: France, so Paris",
]
TAGGED = [
    ("<scratchpad>France.</scratchpad>\nParis", Thoughts("France.", "Paris")),
    ("<SCRATCHPAD id='1'>France.</SCRATCHPAD>Paris", Thoughts("France.", "Paris")),
    ("<think>A.</think><scratchpad>B.</scratchpad>Paris", Thoughts("A.\n\nB.", "Paris")),
    ("<scratchpad>France, so", Thoughts("France, so", "", closed=False)),
    ("<scratchpad/>Paris", Thoughts("", "Paris")),
    ("Paris <scratchpad>B.</scratchpad>", Thoughts("", "Paris <scratchpad>B.</scratchpad>")),
    ("<analysis>A.</analysis>Paris", Thoughts("", "<analysis>A.</analysis>Paris")),
]
OPEN = [
    ("<think>France, so", "France, so"),
    ("<think>", ""),
    ("[THINK]France", "France"),
    ("<|channel|>analysis<|message|>France", "France"),
    ("<think>A.</think><think>B", "A.\n\nB"),
]


@pytest.mark.parametrize("case", SPLIT)
def test_thought_is_apart_from_the_answer(case):
    text, reasoning, answer = SPLIT[case]
    assert split_reasoning(text) == Thoughts(reasoning, answer)


@pytest.mark.parametrize("text", ANSWERS)
def test_answer_without_a_thought_stays_as_it_is(text):
    assert split_reasoning(text) == Thoughts("", text)


@pytest.mark.parametrize(("text", "thoughts"), TAGGED)
def test_tags_that_a_prompt_asks_for_are_thoughts_where_the_model_names_them(text, thoughts):
    assert split_reasoning(text, tags=["scratchpad"]) == thoughts
    read = read_answer(Completion("k", "ok", text=text), "{}", reasoning=["scratchpad"])
    assert (read.text, read.reasoning) == (thoughts.answer, thoughts.reasoning)


@pytest.mark.parametrize(("text", "reasoning"), OPEN)
def test_thought_without_an_end_leaves_no_answer(text, reasoning):
    assert split_reasoning(text) == Thoughts(reasoning, "", closed=False)


@pytest.mark.parametrize(
    ("prefill", "text", "thoughts"),
    [
        ("<think>\n", "France.</think>\nParis", Thoughts("France.", "Paris")),
        ("<think>\nLet me see: ", "France", Thoughts("France", "", closed=False)),
        ("<think>\n\n</think>\n\n", "Paris", Thoughts("", "Paris")),
        ("Capital:", "<think>France.</think>Paris", Thoughts("France.", "Paris")),
    ],
)
def test_prefill_may_begin_the_thought(prefill, text, thoughts):
    assert split_reasoning(text, prefill=prefill) == thoughts


FIELDS = {
    "reasoning_content": ({"reasoning_content": "France."}, "France."),
    "reasoning": ({"reasoning": "France."}, "France."),
    "thinking": ({"thinking": "France."}, "France."),
    "OpenRouter": (
        {
            "reasoning": "France.",
            "reasoning_details": [{"type": "reasoning.text", "text": "France."}],
        },
        "France.",
    ),
    "details only": (
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "France."}]},
        "France.",
    ),
    "encrypted": ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, ""),
    "null": ({"reasoning_content": None, "reasoning": ""}, ""),
    "Mistral's parts": (
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "France."}]},
                {"type": "text", "text": "Paris"},
            ]
        },
        "France.",
    ),
    "parts with a text": (
        {"content": [{"type": "reasoning", "text": "France."}, {"type": "text", "text": "Paris"}]},
        "France.",
    ),
}


def reply_of(**message) -> str:
    return json.dumps(
        {"choices": [{"message": {"content": "Paris", **message}, "finish_reason": "stop"}]}
    )


@pytest.mark.parametrize("case", FIELDS)
def test_reasoning_in_fields_goes_to_the_same_place(case):
    fields, reasoning = FIELDS[case]
    raw = reply_of(**fields)
    assert reply_reasoning(raw) == reasoning
    stored = Completion("k", "ok", text="Paris", finish_reason="stop", raw=raw)
    for setting in ("strip", "keep"):
        read = read_answer(stored, "{}", reasoning=setting)
        assert (read.text, read.reasoning) == ("Paris", reasoning)


def test_field_and_text_are_joined():
    text = "<think>B.</think>Paris"
    stored = Completion("k", "ok", text=text, raw=reply_of(content=text, reasoning="A."))
    read = read_answer(stored, "{}")
    assert (read.text, read.reasoning) == ("Paris", "A.\n\nB.")


@pytest.mark.parametrize("raw", [None, "", "no JSON, only reasoning", "[]", '{"reasoning": 1}'])
def test_reply_of_another_form_has_no_reasoning(raw):
    assert reply_reasoning(raw) == ""


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_thought_without_an_end_is_a_cut_answer(finish):
    state = "truncated" if finish == "length" else "ok"
    stored = Completion("k", state, text="<think>Fra", finish_reason=finish)
    read = read_answer(stored, "{}")
    assert (read.state, read.text, read.reasoning) == ("truncated", "", "Fra")
    kept = read_answer(stored, "{}", reasoning="keep")
    assert (kept.state, kept.text, kept.reasoning) == (state, "<think>Fra", "")


@pytest.mark.parametrize("state", ["failed", "filtered", "rejected", "invalid_response"])
def test_reply_without_an_answer_is_not_read(state):
    stored = Completion("k", state, text="<think>A</think>B", error="no")
    assert read_answer(stored, "{}") == stored


def test_choice_by_likelihood_is_not_read():
    stored = Completion("k", "ok", text="<think>A</think>B", choice_scores={"<think>A</think>B": 0})
    assert read_answer(stored, "{}") == stored


@pytest.mark.parametrize(
    ("tokens", "marks"),
    [
        ({"<s>", "[THINK]", "[/THINK]", "[INST]"}, {"[THINK]", "[/THINK]"}),
        ({"<|end|>", "<|user|>"}, set()),
        ({"<|end|>", "<|channel|>", "<|call|>"}, {"<|end|>", "<|channel|>"}),
        ({"<|inner_prefix|>", "<|inner_suffix|>", "<s>"}, {"<|inner_prefix|>", "<|inner_suffix|>"}),
        ({"</think>", "<think>", "<eos>"}, {"<think>", "</think>"}),
    ],
)
def test_special_tokens_that_mark_reasoning_stay_in_a_local_answer(tokens, marks):
    assert reasoning_marks(tokens) == marks


def test_a_text_without_a_sign_has_no_mark() -> None:
    marks = [mark for pair in OTHER_MARKS for mark in pair]
    assert [mark for mark in marks if not any(sign in mark for sign in SIGNS)] == []
