"""A prefill that stands at the beginning of an answer."""

import pytest

from workbench.answers.prefill import continues_prefill, repeated_length
from workbench.answers.read import read_answer
from workbench.model import Completion

REPEATED = {
    "a word": ("Sentiment:", "Sentiment: positive", " positive"),
    "a space behind it": ("Sentiment: ", "Sentiment: positive", "positive"),
    "a space that was stripped": ("Sentiment: ", "Sentiment:positive", "positive"),
    "a space before it": (" It is", " It is blue", " blue"),
    "a space before it that was stripped": (" It is", "It is blue", " blue"),
    "two spaces made one": ("It  is", "It is blue", " blue"),
    "a line": ("Line one.\n", "Line one.\nLine two.", "Line two."),
    "a line with another end": ("One.\r\nTwo:", "One.\nTwo: 2", " 2"),
    "JSON": ('{"label": "', '{"label": "positive"}', 'positive"}'),
    "a brace": ("{", '{"label": 1}', '"label": 1}'),
    "code": ("```json\n", '```json\n{"a": 1}\n```', '{"a": 1}\n```'),
    "a tag": ("<answer>", "<answer>4</answer>", "4</answer>"),
    "a letter": ("A", "Apple", "pple"),
    "Chinese": ("答案：", "答案：是", "是"),
    "a mark behind the last character": ("caf\u00e9", "cafe\u0301: oui", ": oui"),
    "composed characters": ("Re\u0301ponse:", "R\u00e9ponse: oui", " oui"),
    "twice": ("yes", "yesyes", "yes"),
    "nothing behind it": ("yes", "yes", ""),
    "a thought": ("<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n4", "4"),
}
OTHER = [
    ("Sentiment:", " positive"),
    ("Sentiment:", "Sentiment"),
    ("Sentiment:", "The Sentiment: positive"),
    ("Sentiment:", "sentiment: positive"),
    ("yes", "no"),
    ("{", '"label": 1}'),
    ("\n", "\n4"),
    ("", "4"),
]


@pytest.mark.parametrize("case", REPEATED)
def test_repeated_prefill_is_cut_once(case):
    prefill, text, answer = REPEATED[case]
    stored = Completion("k", "ok", text=text, prefill=prefill, finish_reason="stop")
    read = read_answer(stored, "{}", prefill_repeated=True)
    assert (read.text, read.full_text) == (answer, prefill + answer)
    assert not continues_prefill(stored)
    assert read_answer(stored, "{}").text == (answer if "<think>" in prefill else text)


@pytest.mark.parametrize(("prefill", "text"), OTHER)
def test_text_that_begins_otherwise_stays(prefill, text):
    stored = Completion("k", "ok", text=text, prefill=prefill)
    assert repeated_length(prefill, text) is None
    assert read_answer(stored, "{}", prefill_repeated=True).text == text


@pytest.mark.parametrize(
    ("completion", "shows"),
    [
        (Completion("k", "ok", text=" positive", prefill="Sentiment:"), True),
        (Completion("k", "truncated", text=" pos", prefill="Sentiment:"), True),
        (Completion("k", "ok", text=" ", prefill="Sentiment:"), False),
        (Completion("k", "refused", text="I can't.", prefill="Sentiment:"), False),
        (Completion("k", "filtered", text="I", prefill="Sentiment:"), False),
        (Completion("k", "ok", text="4", prefill="\n"), False),
        (Completion("k", "ok", text="4"), False),
    ],
)
def test_reply_that_shows_that_nothing_is_repeated(completion, shows):
    assert continues_prefill(completion) == shows
