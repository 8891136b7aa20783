"""Texts that a server did not end at the request's `stop`."""

import json
from dataclasses import replace

import pytest

from workbench.answers.read import read_answer
from workbench.model import Completion

STOPS = {
    "left in the text": (["two"], "One two", "ok", "One "),
    "ignored": ("\n", "4\nQ: 3+3", "truncated", "4"),
    "first of several": (["Q:", "\n"], "4\nQ: 3+3", "ok", "4"),
    "at the beginning": (["4"], "4 and more", "ok", ""),
    "cut already": (["Q:"], "4\n", "ok", "4\n"),
    "none": (None, "4\n", "truncated", "4\n"),
    "an empty one": ([""], "4", "ok", "4"),
    "in a thought": (["\n"], "<think>\nHm.\n</think>4\n5", "ok", "4"),
}


@pytest.mark.parametrize("case", STOPS)
def test_text_ends_at_its_stop(case):
    stop, text, state, read = STOPS[case]
    body = json.dumps({"messages": [], "stop": stop})
    completion = Completion("k", state, text)
    answer = read_answer(completion, body)
    ends_early = read != text and "think" not in text
    assert answer.text == read
    assert answer.state == ("ok" if ends_early else state)


def test_stop_that_the_request_wants_to_see_stays():
    body = json.dumps({"stop": ["4"], "include_stop_str_in_output": True})
    assert read_answer(Completion("k", "ok", "2+2=4"), body).text == "2+2=4"


def test_stop_in_a_repeated_prefill_cuts_nothing():
    body = json.dumps({"stop": [":"]})
    completion = Completion("k", "ok", "A: 4: 5", prefill="A: ")
    assert read_answer(completion, body, prefill_repeated=True).text == "4"
    kept = read_answer(replace(completion, text="4"), body, reasoning="keep")
    assert kept.text == "4"
