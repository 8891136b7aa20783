"""Texts that a server did not end at the request's `stop`."""

import json
from dataclasses import replace

import pytest

from workbench.answers.read import read_answer, renamed_stop
from workbench.model import Completion, Model

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


def test_stop_is_known_by_its_name_at_the_server():
    model = Model("openai", "m", settings={"rename": {"stop": "stop_sequences"}})
    body = json.dumps({"stop_sequences": ["\n"]})
    answer = read_answer(Completion("k", "ok", "4\n5"), body, stop_field=renamed_stop(model))
    assert answer.text == "4"
    assert renamed_stop(Model("openai", "m")) == "stop"


@pytest.mark.parametrize(
    ("content", "state", "text"),
    [
        ('{\n  "choice": "yes"\n}', "ok", "yes"),  # the stop text stands in the JSON
        ("yes\nBecause it is.", "ok", "yes"),  # the server ignores both
        ("maybe\nyes", "invalid_response", "maybe\nyes"),
    ],
)
@pytest.mark.parametrize(
    "body", [{"guided_choice": ["yes", "no"]}, {"structured_outputs": {"choice": ["yes", "no"]}}]
)
def test_answer_of_enforced_choices_is_cut_only_if_it_names_none(body, content, state, text):
    raw = json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})
    stored = Completion("k", "ok", text=content, raw=raw)
    answer = read_answer(stored, json.dumps({**body, "stop": ["\n"]}))
    assert (answer.state, answer.text) == (state, text)


def test_stop_in_a_repeated_prefill_cuts_nothing():
    body = json.dumps({"stop": [":"]})
    completion = Completion("k", "ok", "A: 4: 5", prefill="A: ")
    assert read_answer(completion, body, prefill_repeated=True).text == "4"
    kept = read_answer(replace(completion, text="4"), body, reasoning="keep")
    assert kept.text == "4"
