"""The choice that an answer names, where the server may not enforce the schema."""

import json

import pytest

from workbench.answers.read import CHOICE_SCHEMA, read_answer, requested_choices
from workbench.answers.schema_choice import read_choice
from workbench.model import Completion

CHOICES = ["yes", "no", " maybe", "4", "it's"]
READ = {
    "the schema's": ('{"choice": "yes"}', "yes"),
    "white space around it": (' {"choice" :"yes" }\n', "yes"),
    "a fenced block": ('```json\n{"choice": "yes"}\n```', "yes"),
    "a block in a text": ('Here it is:\n```\n{"choice": "yes"}\n```\nBye.', "yes"),
    "an object in a text": ('Sure: {"choice": "yes"}.', "yes"),
    "under another name": ('{"answer": "yes"}', "yes"),
    "inside of another object": ('{"result": {"label": "yes"}}', "yes"),
    "beside a reason": ('{"reason": "it is so", "answer": "yes"}', "yes"),
    "in a list": ('[{"choice": "yes"}]', "yes"),
    "a list of texts": ('["yes"]', "yes"),
    "a text": ("yes", "yes"),
    "a text with white space": (" yes\n", "yes"),
    "a JSON text": ('"yes"', "yes"),
    "a quoted text": ("'yes'", "yes"),
    "a quoted text, typographically": ("“yes”", "yes"),
    "a fenced text": ("```\nyes\n```", "yes"),
    "an apostrophe of its own": ("it's", "it's"),
    "a choice with a space, as spelled": ("maybe", " maybe"),
    "a number": ('{"choice": 4}', "4"),
    "a plain number": ("4", "4"),
    "a text that is no choice": ('{"choice": "perhaps"}', "perhaps"),
    "cut behind the choice": ('{"choice": "yes"', "yes"),
    "two choices": ('{"first": "yes", "second": "no"}', None),
    "two objects": ('{"choice": "yes"} or {"choice": "no"}', None),
    "two blocks": ('```\n{"choice": "yes"}\n```\n```\n{"choice": "no"}\n```', None),
    "an object twice": ('{"choice": "yes"}\n{"choice": "yes"}', "yes"),
    "a list of two": ('["yes", "no"]', None),
    "a sentence": ("I say yes.", None),
    "another case": ("Yes", None),
    "cut": ('{"choice": "ye', None),
    "nothing": ('{"choice": ""}', None),
    "null": ('{"choice": null}', None),
    "an invalid escape": (r'{"choice": "\yes"', None),
    "deep": ("[" * 100_000, None),
}


@pytest.mark.parametrize("case", READ)
def test_choice_of_an_answer(case):
    answer, choice = READ[case]
    assert read_choice(answer, CHOICES) == choice


SCHEMA = {"properties": {"choice": {"enum": CHOICES}}}
REQUEST = json.dumps(
    {"response_format": {"json_schema": {"name": CHOICE_SCHEMA, "schema": SCHEMA}}}
)


def reply_with(content: str, finish: str) -> str:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": finish}]})


@pytest.mark.parametrize(
    ("content", "finish", "state", "text", "error"),
    [
        ('{"choice": "yes"}', "stop", "ok", "yes", ""),
        ('<think>Hm.</think>{"choice": "yes"}', "stop", "ok", "yes", ""),
        ("yes", "stop", "ok", "yes", ""),
        ("", "stop", "ok", "", ""),
        ("Yes!", "stop", "invalid_response", "Yes!", "no choice in the answer 'Yes!'"),
        ('{"choice": "yes"', "length", "truncated", "yes", ""),
        (
            '{"cho',
            "length",
            "invalid_response",
            '{"cho',
            "the answer was cut at max_tokens before its choice was complete: '{\"cho'",
        ),
    ],
)
def test_stored_answer_to_the_schema(content, finish, state, text, error):
    raw = reply_with(content, finish)
    stored = Completion("k", "ok", text=content, finish_reason=finish, raw=raw)
    read = read_answer(stored, REQUEST)
    assert (read.state, read.text, read.error) == (state, text, error)


@pytest.mark.parametrize("form", ["json_object", [], {"json_schema": "choice"}])
def test_an_odd_response_format_beside_structured_outputs_names_no_choices(form):
    assert (
        requested_choices(json.dumps({"structured_outputs": {}, "response_format": form})) is None
    )


def test_answer_stored_by_an_earlier_version_is_read_from_its_reply():
    """It stored the choice as the text, and a plain choice as no answer."""
    raw = reply_with("yes", "stop")
    stored = Completion("k", "invalid_response", text="yes", error="no choice", raw=raw)
    assert read_answer(stored, REQUEST).text == "yes"
    assert read_answer(stored, REQUEST).state == "ok"
    raw = reply_with('{"choice": "perhaps"}', "stop")
    stored = Completion("k", "ok", text="perhaps", raw=raw)
    read = read_answer(stored, REQUEST)
    assert (read.state, read.error) == (
        "invalid_response",
        'the answer is none of the choices: \'{"choice": "perhaps"}\'',
    )


@pytest.mark.parametrize(
    "body", [{"guided_choice": ["yes", "no"]}, {"structured_outputs": {"choice": ["yes", "no"]}}]
)
@pytest.mark.parametrize(
    ("content", "state", "text"),
    [
        ("yes", "ok", "yes"),
        (" no\n", "ok", "no"),
        ("<think>Hm.</think>yes", "ok", "yes"),
        ("Yes, I think so.", "invalid_response", "Yes, I think so."),
    ],
)
def test_server_that_ignores_the_choices_gives_no_answer(body, content, state, text):
    stored = Completion("k", "ok", text=content, raw=reply_with(content, "stop"))
    read = read_answer(stored, json.dumps(body))
    assert (read.state, read.text) == (state, text)


@pytest.mark.parametrize("repeated", [False, True])
def test_prefill_may_hold_the_beginning_of_the_json(repeated):
    prefill = '{"choice": "'
    content = f'{prefill if repeated else ""}yes"}}'
    stored = Completion("k", "ok", content, prefill, raw=reply_with(content, "stop"))
    assert read_answer(stored, REQUEST, prefill_repeated=repeated).text == "yes"


def test_reply_that_is_invalid_for_another_reason_stays_so():
    stored = Completion("k", "invalid_response", error="expected 1 choice, got 2", raw="{}")
    assert read_answer(stored, REQUEST) == stored
