"""Evaluator: the answer names the expected label."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_answers

# Separators of a list of labels, which is no answer: `positive or negative`.
_LISTED = re.compile(r"[^\S\n]*(?:[/|,;&]|\bor\b|\band\b|\bvs\b)[^\S\n]*", re.IGNORECASE)
_UNPARSED = ("wrong", "not_applicable")


@evaluator(kind="pass")
def label_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    labels: Sequence[str],
    ignore_case: bool = True,
    unparsed: Literal["wrong", "not_applicable"] = "wrong",
) -> Score:
    """True if the answer names the expected label; the score's label is right, wrong or unparsed.

    An answer names the label it begins with, or else the only label in it, as a whole word. With
    no label, several of them later on, or a list (`positive or negative`) it is unparsed.
    Negations are not understood: `not positive` names positive.

    Args:
        outputs: the answer.
        expectations: `expected_response` must be in `labels`.
        labels: every possible answer; where two match, the longer one counts.
        ignore_case: `POSITIVE` names positive.
        unparsed: score an unparsed answer False (`wrong`), or leave it out (`not_applicable`).

    Raises:
        WorkbenchError: `expected_response` is not in `labels`.
    """
    expected = _expected_labels(expectations, labels, ignore_case)
    named = _named_labels(outputs, tuple(labels), ignore_case)
    if len(named) != 1:
        reason = f"names {', '.join(sorted(named)) or 'no label'}"
        return Score(False if unparsed == "wrong" else None, reason=reason, label="unparsed")
    (label,) = named
    right = label in expected
    reason = f"{label}, expected {' or '.join(expected)}"
    return Score(right, reason=reason, label="right" if right else "wrong")


def check_expected(
    expectations: Mapping[str, JSON],
    *,
    labels: Sequence[str],
    ignore_case: bool = True,
    **_settings: JSON,
) -> None:
    """Check that the row's acceptable answers are labels.

    Raises:
        WorkbenchError: one isn't, as in `label_match`.
    """
    _expected_labels(expectations, labels, ignore_case)


def check_settings(**settings: JSON) -> None:
    """Check that the labels differ and that `unparsed` is a valid choice.

    Raises:
        WorkbenchError: they don't, or it isn't.
    """
    labels, unparsed = settings["labels"], settings.get("unparsed", "wrong")
    if unparsed not in _UNPARSED:
        raise unknown_name("value of label_match's `unparsed`:", str(unparsed), _UNPARSED)
    is_list = isinstance(labels, list) and bool(labels)
    if not is_list or not all(isinstance(label, str) and label.strip() for label in labels):
        fix = "write a list of strings: labels: [positive, negative]"
        raise WorkbenchError(f"label_match: labels is {labels!r}", fix=fix)
    folded = [_folded(label, settings.get("ignore_case", True)) for label in labels]
    for label in folded:
        if folded.count(label) > 1:
            raise WorkbenchError(f"label_match: duplicate label {label!r}", fix="keep one")


def _expected_labels(
    expectations: Mapping[str, JSON], labels: Sequence[str], ignore_case: bool
) -> list[str]:
    """The labels that the acceptable answers stand for."""
    spellings = {_folded(label, ignore_case): label for label in labels}
    expected: list[str] = []
    for answer in expected_answers(expectations):
        forms = (_folded(form, ignore_case) for form in answer.forms)
        label = next((spellings[form] for form in forms if form in spellings), None)
        if label is None:
            raise unknown_name("label (in expected_response)", answer.forms[0], labels)
        expected.append(label)
    return list(dict.fromkeys(expected))


def _named_labels(text: str, labels: tuple[str, ...], ignore_case: bool) -> set[str]:
    """The labels that `text` names; exactly one if it is an answer."""
    longest = tuple(sorted(labels, key=len, reverse=True))
    matches = list(_pattern(longest, ignore_case).finditer(text))
    names = [longest[(match.lastindex or 1) - 1] for match in matches]
    if len(set(names)) < 2:
        return set(names)
    begins = not any(character.isalnum() for character in text[: matches[0].start()])
    other = next(index for index, name in enumerate(names) if name != names[0])
    between = text[matches[other - 1].end() : matches[other].start()]
    return {names[0]} if begins and not _LISTED.fullmatch(between) else set(names)


@cache
def _pattern(labels: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    """Each label as a group and a whole word; `non-positive` is another word than `positive`."""
    groups = [r"\s+".join(re.escape(word) for word in label.split()) for label in labels]
    words = "|".join(f"({group})" for group in groups)
    pattern = rf"(?<![^\W_])(?<![^\W_]-)(?:{words})(?![^\W_])(?!-[^\W_])"
    return re.compile(pattern, re.IGNORECASE if ignore_case else 0)


def _folded(label: str, ignore_case: bool) -> str:
    words = " ".join(label.split())
    return words.casefold() if ignore_case else words
