"""Evaluator: the answer chooses the right one of several options, by its letter or its text.

>>> row = {"options": ["Rome", "Paris"], "question": "The capital of France?"}
>>> choice("It is (B).", row, {"expected_response": "Paris"}, choices="options")
Score(value=True, reason='B, expected B', label='right', error='', parsed='B')
"""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._answered import named_labels
from workbench.evaluators._choices import Choices, read_choices
from workbench.evaluators._labels import find_mentions
from workbench.evaluators._text import normalize_text, read_steps

_READINGS = ("any", "letter", "text", "index")
_UNPARSED = ("wrong", "not_applicable")


@evaluator(kind="pass")
def choice(
    outputs: str,
    inputs: Mapping[str, JSON],
    expectations: Mapping[str, JSON],
    *,
    choices: JSON,
    expected: str = "any",
    unparsed: str = "wrong",
    normalize: JSON = None,
) -> Score:
    """True if the answer chooses the expected option; labelled right, wrong or unparsed.

    The answer names a letter, as in `label_match`, or else the text of exactly one option. A letter
    with the text of another option behind it (`B) Rome`, where Rome is A) is unparsed.

    Args:
        outputs: the answer.
        inputs: the row, with the options if `choices` is a column.
        expectations: `expected_response` is a letter, a text or a position from 0.
        choices: a column, or a list of texts (A, B, C …), or a mapping of letters to texts. A
            column holds one of the two, also as JSON text, or `{"label": […], "text": […]}`.
        expected: how `expected_response` is read: `letter`, `text` or `index`; `any` takes the only
            reading that there is.
        unparsed: score an unparsed answer False (`wrong`), or leave it out (`not_applicable`).
        normalize: steps of normalisation that are on or off; `none` for none.

    Raises:
        WorkbenchError: the row has no options, or `expected_response` is none of them.
    """
    steps = read_steps(normalize)
    options = read_choices(choices, inputs, steps)
    right = options.expected_letter(expectations.get("expected_response"), expected)
    text = normalize_text(outputs, steps)
    letters = _chosen(text, options)
    if len(letters) != 1:
        reason = f"names {', '.join(sorted(letters)) or 'no option'}"
        return Score(False if unparsed == "wrong" else None, reason, "unparsed")
    (letter,) = letters
    label = "right" if letter == right else "wrong"
    return Score(letter == right, f"{letter}, expected {right}", label, parsed=letter)


def check_expected(
    expectations: Mapping[str, JSON],
    *,
    choices: JSON,
    expected: str = "any",
    normalize: JSON = None,
    **_settings: JSON,
) -> None:
    """Check that the row expects one of the options, if these are a setting.

    Raises:
        WorkbenchError: it doesn't, as in `choice`.
    """
    if not isinstance(choices, str):
        options = read_choices(choices, {}, read_steps(normalize))
        options.expected_letter(expectations.get("expected_response"), expected)


def check_settings(**settings: JSON) -> None:
    """Check the options, and the settings with a choice of words.

    Raises:
        WorkbenchError: one of them isn't valid.
    """
    for name, words in (("expected", _READINGS), ("unparsed", _UNPARSED)):
        if (word := settings.get(name, words[0])) not in words:
            raise unknown_name(f"value of choice's `{name}`:", str(word), words)
    steps = read_steps(settings.get("normalize"), "choice")
    if not isinstance(settings["choices"], str):
        read_choices(settings["choices"], {}, steps)


def _chosen(text: str, options: Choices) -> set[str]:
    """The letters of the options that a text chooses; exactly one if it is an answer."""
    mentions = find_mentions(text, tuple(options.texts))
    letters = named_labels(text, mentions)
    if len(letters) == 1:
        (letter,) = letters
        places = [mention.end for mention in mentions if mention.label == letter]
        glosses = {gloss for place in places if (gloss := options.text_at(text, place))}
        return letters if glosses <= {letter} else letters | glosses
    if letters:
        return letters
    if letter := options.by_text(text):
        return {letter}
    by_text = options.letters_of_texts
    named = named_labels(text, find_mentions(text, tuple(by_text)))
    return {letter for name in named for letter in by_text[name]}
