"""Texts that an answer must have or must not have: a row's expected ones, or those of a setting.

>>> texts = required_texts({}, ["Paris", "Rome"], frozenset(), ignore_case=True)
>>> judge_presence(texts, lambda text: "rome" in text.forms, match="all").reason
'missing: Paris'
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, list_first, unknown_name
from workbench.evaluator import Score
from workbench.evaluator.lookup import ExpectedUse
from workbench.evaluators._text import normalize_text, normalized_answers, read_steps

MATCHES = ("any", "all", "none")
MOST_SHOWN = 4


class RequiredText(NamedTuple):
    """A text and its other spellings, normalised; `boolean` for true and false."""

    shown: str
    forms: tuple[str, ...]
    boolean: bool


def required_texts(
    expectations: Mapping[str, JSON] | None,
    texts: Sequence[str] | None,
    steps: frozenset[str],
    *,
    ignore_case: bool,
) -> list[RequiredText]:
    """The texts of the setting, or else of the row.

    Raises:
        WorkbenchError: there are none.
    """
    expected = {"expected_response": list(texts)} if texts is not None else expectations or {}
    return [
        RequiredText(answer.forms[0], fold(answer.forms, ignore_case), answer.boolean)
        for answer in normalized_answers(expected, steps)
    ]


def fold(texts: Sequence[str], ignore_case: bool) -> tuple[str, ...]:
    """The texts as they are compared."""
    return tuple(text.casefold() if ignore_case else text for text in texts)


def judge_presence(
    texts: Sequence[RequiredText],
    is_present: Callable[[RequiredText], bool],
    *,
    match: str,
    place: str = "",
) -> Score:
    """The score of an answer; its reason names what is missing or must not be there."""
    present = [text.shown for text in texts if is_present(text)]
    if match == "none":
        reason = f"must not be {place or 'there'}: {_listed(present)}"
        return Score(not present, reason if present else "")
    missing = [text.shown for text in texts if text.shown not in present]
    if not missing or (match == "any" and present):
        return Score(True)
    choice = "any of " if match == "any" and len(missing) > 1 else ""
    return Score(False, f"missing{f' {place}' if place else ''}: {choice}{_listed(missing)}")


def check_presence_settings(
    evaluator: str, settings: Mapping[str, JSON], matches: Sequence[str] = MATCHES
) -> None:
    """Check `texts`, `match` and `normalize`.

    Raises:
        WorkbenchError: one of them isn't valid.
    """
    steps = read_steps(settings.get("normalize"), evaluator)
    if (match := settings.get("match", "any")) not in matches:
        raise unknown_name(f"value of {evaluator}'s `match`:", str(match), matches)
    if (texts := settings.get("texts")) is None:
        return
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        fix = 'write a list of strings: texts: ["first", "second"]'
        raise WorkbenchError(f"{evaluator}: texts is {texts!r}", fix=fix)
    if blank := [text for text in texts if not normalize_text(text, steps).strip()]:
        message = f"{evaluator}: nothing is left of the text {blank[0]!r} after `normalize`"
        raise WorkbenchError(message, fix="remove it from `texts`, or switch a step off")


def use_of_expected(texts: JSON, match: JSON) -> ExpectedUse:
    """The use that these evaluators make of a row's expected value."""
    if texts is not None:
        return "none"
    return "other" if match == "none" else "answer"


def _listed(texts: Sequence[str]) -> str:
    return list_first([text if len(text) <= 60 else f"{text[:60]}…" for text in texts], MOST_SHOWN)
