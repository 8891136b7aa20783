"""Whether the label that the answer names is the expected one."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_text

# Between two labels on one line, this makes them a list and not an answer: `positive or negative`.
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
    """True where the answer names `expected_response`; label right, wrong or unparsed.

    An answer names the label it begins with, or else the only one in it, as a whole word. No label,
    several further in, or a list of them (`positive or negative`): unparsed. What goes before a
    label is not understood: `not positive` names positive.

    Args:
        outputs: the answer.
        expectations: `expected_response` is one of `labels`.
        labels: every answer that can be right; of two that fit, the longer counts.
        ignore_case: `POSITIVE` names positive.
        unparsed: such an answer is False (`wrong`), or in no mean (`not_applicable`).

    Raises:
        WorkbenchError: `expected_response` is none of the labels.
    """
    wanted = expected_text(expectations)
    folded = [_folded(label, ignore_case) for label in labels]
    if _folded(wanted, ignore_case) not in folded:
        raise unknown_name("label (in expected_response)", wanted, labels)
    named = _named(outputs, tuple(labels), ignore_case)
    if len(named) != 1:
        reason = f"names {', '.join(sorted(named)) or 'no label'}"
        return Score(False if unparsed == "wrong" else None, reason=reason, label="unparsed")
    (found,) = named
    right = _folded(found, ignore_case) == _folded(wanted, ignore_case)
    reason = f"{found}, expected {wanted}"
    return Score(right, reason=reason, label="right" if right else "wrong")


def check_settings(**settings: JSON) -> None:
    """Makes sure that the labels can be told apart and `unparsed` is a word known here.

    Raises:
        WorkbenchError: otherwise.
    """
    labels, unparsed = settings["labels"], settings.get("unparsed", "wrong")
    if unparsed not in _UNPARSED:
        raise unknown_name("value of label_match's `unparsed`:", str(unparsed), _UNPARSED)
    texts = isinstance(labels, list) and all(isinstance(x, str) and x.strip() for x in labels)
    if not texts or not labels:
        what = f"label_match: labels is {labels!r}"
        raise WorkbenchError(what, fix="a list of texts: labels: [positive, negative]")
    folded = [_folded(label, settings.get("ignore_case", True)) for label in labels]
    twice = next((label for label in folded if folded.count(label) > 1), None)
    if twice is not None:
        raise WorkbenchError(f"label_match: {twice!r} is there twice", fix="name each label once")


def _named(text: str, labels: tuple[str, ...], ignore_case: bool) -> set[str]:
    """The labels that `text` names: one where it is an answer."""
    longest = tuple(sorted(labels, key=len, reverse=True))
    found = list(_pattern(longest, ignore_case).finditer(text))
    names = [longest[(match.lastindex or 1) - 1] for match in found]
    if len(set(names)) < 2:
        return set(names)
    begins = not any(character.isalnum() for character in text[: found[0].start()])
    other = next(index for index, name in enumerate(names) if name != names[0])
    between = text[found[other - 1].end() : found[other].start()]
    return {names[0]} if begins and not _LISTED.fullmatch(between) else set(names)


@cache
def _pattern(labels: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    """Each label as a group and a whole word; `non-positive` is another word than `positive`."""
    groups = [r"\s+".join(re.escape(word) for word in label.split()) for label in labels]
    words = "|".join(f"({group})" for group in groups)
    whole = rf"(?<![^\W_])(?<![^\W_]-)(?:{words})(?![^\W_])(?!-[^\W_])"
    return re.compile(whole, re.IGNORECASE if ignore_case else 0)


def _folded(label: str, ignore_case: bool) -> str:
    words = " ".join(label.split())
    return words.casefold() if ignore_case else words
