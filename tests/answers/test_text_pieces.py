"""Pieces of an answer's text that come before its reply is complete."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.answers.read import read_answer
from workbench.answers.reasoning import closes_unmarked_thought
from workbench.answers.text_pieces import open_pieces
from workbench.model import Completion

STOPS = json.dumps({"messages": [], "stop": ["END", "\n\n"]})
PARTS = (
    *("<think>", "</think>", "<think/>", "<scratchpad>", "</scratchpad>", "[THINK]", "[/THINK]"),
    *("◁think▷", "◁/think▷", "<|channel>thought", "<channel|>", "<|begin_of_box|>", "`", "the "),
    *("Here's my thought process:", "Here's my response:", "analysis", "assistantfinal"),
    *(
        "Sentiment: ",
        "Senti",
        "positive",
        "END",
        "EN",
        "\n",
        "\n\n",
        " ",
        ".",
        ", ",
        "<b>",
        "a < b",
    ),
    *("[1, 2]", "<think about='it'>", "é", "\U0001f600", "A long sentence of many words follows. "),
)
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


def pieces_of(chunks: list[str], request: str, **options) -> list[str]:
    """The pieces, each as early as it is certain."""
    pieces = open_pieces(request, **options)
    assert pieces is not None
    return [pieces.feed(chunk) for chunk in chunks]


def answer_to(text: str, request: str, reasoning, prefill: str, *, repeated: bool) -> str:
    completion = Completion("k", "ok", text=text, prefill=prefill)
    return read_answer(completion, request, reasoning=reasoning, prefill_repeated=repeated).text


@given(
    text=TEXTS,
    cuts=st.lists(st.integers(0, 200)),
    request_text=st.sampled_from(["{}", STOPS]),
    reasoning=st.sampled_from(["strip", "keep", ["scratchpad"]]),
    prefill=st.sampled_from(["", "Sentiment: ", "<think>", "Sentiment:<think>\n"]),
    repeated=st.booleans(),
)
@example("It ends.</think> No.", [3], "{}", "strip", "", False)
def test_pieces_are_the_beginning_of_the_answer(
    text, cuts, request_text, reasoning, prefill, repeated
):
    """Where a thought begins without a mark, only if that was expected."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    chunks = [text[start:end] for start, end in pairwise(places)]
    answer = answer_to(text, request_text, reasoning, prefill, repeated=repeated)
    unmarked = closes_unmarked_thought(text, prefill=prefill, tags=["scratchpad"])
    for begins_unmarked in (True,) if unmarked else (True, False):
        pieces = pieces_of(
            chunks,
            request_text,
            reasoning=reasoning,
            prefill=prefill,
            prefill_repeated=repeated,
            begins_unmarked=begins_unmarked,
        )
        joined = "".join(pieces)
        assert answer[: len(joined)] == joined


PLAIN = "The answer is four"
EARLY = {
    "plain text": (["The ans", "wer is four"], {}, ["The ans", "wer is four"]),
    "a text that may begin in a thought": ([PLAIN, "."], {"begins_unmarked": True}, ["", ""]),
    "behind an unmarked thought": (
        ["Hm.\n</think>\n\n", "It ", "is"],
        {"begins_unmarked": True},
        ["", "It ", "is"],
    ),
    "behind a thought": (["<thi", "nk>Hm.</think>", " It", " is"], {}, ["", "", "It", " is"]),
    "behind a thought that the prefill begins": (
        ["Hm.</think>", "It", " is"],
        {"prefill": "<think>"},
        ["", "It", " is"],
    ),
    "a thought that talks about its mark": (["<think>a `</think>` b", " c"], {}, ["", ""]),
    "thoughts that are kept": (
        ["<think>Hm", "</think>4"],
        {"reasoning": "keep"},
        ["<think>Hm", "</think>4"],
    ),
    "a list": (["[1, 2", ", 3]"], {}, ["", "[1, 2, 3]"]),
    "a repeated prefill": (
        ["Senti", "ment: posi", "tive"],
        {"prefill": "Sentiment: ", "prefill_repeated": True},
        ["", "posi", "tive"],
    ),
    "no repeated prefill": (
        ["positive and more, ", "for a long time it is positive"],
        {"prefill": "Sentiment: ", "prefill_repeated": True},
        ["", "positive and more, for a long time it is positive"],
    ),
    "halves of a character": (["b\ud83d", "\ude00b"], {}, ["b", "\U0001f600b"]),
}


@pytest.mark.parametrize("case", EARLY)
def test_pieces_come_as_soon_as_they_are_certain(case):
    chunks, options, pieces = EARLY[case]
    options = {"reasoning": "strip", "begins_unmarked": False, **options}
    assert pieces_of(chunks, "{}", **options) == pieces


def test_beginning_of_a_stop_text_waits():
    options = {"reasoning": "strip", "begins_unmarked": False}
    assert pieces_of(["It is E", "N", "ough, EN", "D. More"], STOPS, **options) == [
        *("It is ", "", "ENough, ", ""),
    ]


def test_choice_is_known_at_the_end_only():
    assert open_pieces('{"guided_choice": ["yes", "no"]}', "strip") is None


def test_long_thought_is_not_read_again_for_each_piece():
    pieces = open_pieces("{}", "strip", begins_unmarked=False)
    assert pieces is not None
    assert pieces.feed("<think>") == ""
    assert "".join(pieces.feed("word ") for _ in range(20_000)) == ""
    assert pieces.feed("</think>") + pieces.feed("Yes, ") + pieces.feed("it is") == "Yes, it is"
