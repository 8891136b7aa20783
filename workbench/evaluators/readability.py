"""Evaluator: readability of the answer, as a grade of US schools.

>>> readability("The cat sat on the mat. It was warm.").reason
'9 words, 2 sentences, 2.9 characters a word'
"""

import re
from typing import Literal

import regex

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, pluralize
from workbench.evaluator import Score, Traits, evaluator
from workbench.evaluators._setting_checks import check_choice
from workbench.evaluators._words import split_sentences, split_words

FORMULAS = ("ari", "coleman_liau")
LEAST_LATIN = 0.9  # share of the letters
_COUNTED = re.compile(r"[^\W_]")  # letters and digits
_LETTER = re.compile(r"[^\W\d_]")
_LATIN = regex.compile(r"\p{Latin}")


@evaluator(higher_is_better=False)
def readability(
    outputs: str,
    *,
    formula: Literal["ari", "coleman_liau"] = "ari",
    max: float | None = None,  # noqa: A002
) -> Score:
    """The US school grade that the answer reads at; with `max`, true if it is not above.

    Lower is easier. Of `formula`, `ari` is the automated readability index (Smith and Senter 1967),
    4.71 times the characters a word, plus 0.5 times the words a sentence, minus 21.43.
    `coleman_liau` (Coleman and Liau 1975) is 0.0588 times the letters in 100 words, minus 0.296
    times the sentences in 100 words, minus 15.8. Both were fitted to English prose; a few words
    give no reliable grade, and it may be below 0. An answer without words, or with other letters
    than Latin ones in more than a tenth, is left out.
    """
    letters = _LETTER.findall(outputs)
    words = split_words(outputs)
    if not letters or not words:
        return Score(None, "no words")
    if len(_LATIN.findall("".join(letters))) < LEAST_LATIN * len(letters):
        return Score(None, "not in Latin letters")
    sentences = len(split_sentences(outputs))
    characters = sum(len(_COUNTED.findall(word)) for word in words)
    if formula == "ari":
        grade = 4.71 * characters / len(words) + 0.5 * len(words) / sentences - 21.43
    else:
        grade = 5.88 * len(letters) / len(words) - 29.6 * sentences / len(words) - 15.8
    counts = f"{pluralize(len(words), 'word')}, {pluralize(sentences, 'sentence')}"
    reason = f"{counts}, {characters / len(words):.1f} characters a word"
    if max is None:
        return Score(grade, reason)
    return Score(grade <= max, f"grade {grade:.1f}, at most {max:g} allowed")


def check_settings(**settings: JSON) -> None:
    """Check `formula` and `max`; raises WorkbenchError for one that isn't valid."""
    check_choice("readability", settings, "formula", FORMULAS)
    most = settings.get("max")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int | float)):
        raise WorkbenchError(f"readability: max is {most!r}", fix="write a grade: max: 8")


def traits_of(**settings: JSON) -> Traits:
    """A pass with `max`, or else a number of which less is better."""
    if settings.get("max") is None:
        return Traits(higher_is_better=False, kind="number")
    return Traits(kind="pass")
