"""Evaluator: similarity to the expected text by edit distance.

>>> edit_similarity("kitten", {"expected_response": "sitting"}).reason
'3 edits, 7 characters'
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from rapidfuzz.distance import Levenshtein

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, pluralize
from workbench.evaluator import Score, evaluator
from workbench.evaluators._setting_checks import check_choice
from workbench.evaluators._text import normalize_text, normalized_answers, read_steps
from workbench.evaluators._words import split_words

UNITS = ("characters", "words")
# Product of two lengths, summed over the acceptable answers, above which a row takes seconds.
MOST_COST = 10_000_000_000


@evaluator(kind="number", range=(0, 1))
def edit_similarity(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    unit: Literal["characters", "words"] = "characters",
    ignore_case: bool = False,
    normalize: JSON = None,
) -> Score:
    """The share of the text that needs no edit to become `expected_response`; 1: equal.

    It is 1 − d / n, with the Levenshtein distance d (insertions, deletions, substitutions) and the
    length n of the longer text, in characters or words (`unit`). White space at both ends is
    ignored, and in words punctuation, too. Of a list, the most similar entry counts. Two texts of
    more than 100,000 characters each are an error of the row. `ignore_case` and `normalize` make
    texts alike, as in `exact_match`.
    """

    def sequence(text: str) -> Sequence[str]:
        text = text.strip().casefold() if ignore_case else text.strip()
        return split_words(text) if unit == "words" else text

    steps = read_steps(normalize)
    answer = sequence(normalize_text(outputs, steps))
    expected = [sequence(form) for form in _expected_forms(expectations, steps, unit)]
    if answer in expected:
        return Score(1.0, "equal")
    lengths = " and ".join(f"{len(text):,}" for text in (answer, max(expected, key=len)))
    if sum(len(answer) * len(text) for text in expected) > MOST_COST:
        return Score(error=f"the texts are too long to compare: {lengths} {unit}")
    edits = [(Levenshtein.distance(answer, text), max(len(answer), len(text))) for text in expected]
    distance, longer = min(edits, key=lambda pair: pair[0] / pair[1])
    reason = f"{pluralize(distance, 'edit')}, {pluralize(longer, unit.removesuffix('s'))}"
    return Score(1 - distance / longer, reason)


def check_expected(
    expectations: Mapping[str, JSON],
    *,
    unit: str = "characters",
    normalize: JSON = None,
    **_settings: JSON,
) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError as the evaluator does."""
    _expected_forms(expectations, read_steps(normalize), unit)


def check_settings(**settings: JSON) -> None:
    """Check `unit` and `normalize`; raises WorkbenchError for one that isn't valid."""
    read_steps(settings.get("normalize"), "edit_similarity")
    check_choice("edit_similarity", settings, "unit", UNITS)


def _expected_forms(
    expectations: Mapping[str, JSON], steps: frozenset[str], unit: str
) -> list[str]:
    """Every text of every acceptable answer, normalised; with `unit: words` each has words."""
    answers = normalized_answers(expectations, steps)
    forms = [form for answer in answers for form in answer.forms]
    if unit == "words" and (blank := [form for form in forms if not split_words(form)]):
        message = f"expected_response {blank[0]!r} has no words"
        raise WorkbenchError(message, fix="use `unit: characters`")
    return forms
