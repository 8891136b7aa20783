"""Evaluator: length of the answer.

>>> length("Two words.", unit="words")
Score(value=2, reason='', label='', error='', parsed='')
>>> length("Two words.", unit="words", max=1)
Score(value=False, reason='2 words, at most 1 allowed', label='', error='', parsed='')
"""

from collections.abc import Callable
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, pluralize
from workbench.evaluator import Score, Traits, evaluator
from workbench.evaluators._setting_checks import check_choice, check_integer
from workbench.evaluators._words import count_characters, split_sentences, split_words

_COUNTS: dict[str, Callable[[str], int]] = {
    "characters": count_characters,
    "words": lambda text: len(split_words(text)),
    "sentences": lambda text: len(split_sentences(text)),
    "lines": lambda text: sum(1 for line in text.splitlines() if line.strip()),
}


@evaluator(higher_is_better=False)
def length(
    outputs: str,
    *,
    unit: Literal["characters", "words", "sentences", "lines"] = "characters",
    min: int | None = None,  # noqa: A002
    max: int | None = None,  # noqa: A002
) -> Score:
    """The length of the answer; with `min` or `max`, true if it is within these limits.

    The `unit` is what is counted. Characters are those that a reader sees: `é`, `👩‍👧` and a flag
    are one. A word is letters and digits; in scripts without spaces (Chinese, Japanese, Thai and
    others) each letter is one. A sentence ends at a full stop, question or exclamation mark of any
    script, or at the end of a line. Lines are those with text. White space at both ends is not
    counted. Without limits it is a number, and shorter is better.
    """
    count = _COUNTS[unit](outputs.strip())
    if min is None and max is None:
        return Score(count)
    counted = pluralize(count, unit.removesuffix("s"))
    if min is not None and count < min:
        return Score(False, f"{counted}, at least {min:,} wanted")
    if max is not None and count > max:
        return Score(False, f"{counted}, at most {max:,} allowed")
    return Score(True, counted)


def check_settings(**settings: JSON) -> None:
    """Check the unit and the limits.

    Raises:
        WorkbenchError: one isn't valid, or `min` is above `max`.
    """
    check_choice("length", settings, "unit", tuple(_COUNTS))
    check_integer("length", settings, "min", 0)
    check_integer("length", settings, "max", 0)
    least, most = settings.get("min"), settings.get("max")
    if least is not None and most is not None and least > most:
        raise WorkbenchError(f"length: min is {least}, max is {most}", fix="swap them")


def traits_of(*, unit: str = "characters", **settings: JSON) -> Traits:
    """A pass with `min` or `max`, or else a number of which less is better."""
    if settings.get("min") is None and settings.get("max") is None:
        return Traits(higher_is_better=False, unit=unit, kind="number")
    return Traits(kind="pass")
