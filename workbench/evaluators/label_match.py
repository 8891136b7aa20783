"""Evaluator: the answer names the expected label.

>>> label_match("Not positive.", {"expected_response": "positive"}, labels=["positive", "negative"])
Score(value=False, reason='names positive, negated', label='unparsed', error='', parsed='')
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._answered import named_labels
from workbench.evaluators._labels import find_mentions, fold_label
from workbench.evaluators._text import normalize_text, normalized_answers, read_steps

_UNPARSED = ("wrong", "not_applicable")


@evaluator(kind="pass")
def label_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    labels: Sequence[str],
    ignore_case: bool = True,
    unparsed: Literal["wrong", "not_applicable"] = "wrong",
    normalize: JSON = None,
) -> Score:
    """True if the answer names the expected label; the score's label is right, wrong or unparsed.

    An answer names the label it begins with, or else the one after `answer is` (or the like), or
    else the only label in it, as a whole word; spaces, `-` and `_` between the words of a label are
    the same. With no label, several of them later on, or a list (`positive or negative`) it is
    unparsed. A negated label (`not positive`, `isn't toxic`) is none, or the label that says so
    (`non-toxic`). A label of one letter counts in upper case, alone, in brackets or after
    `answer is`, and never as an article.

    Args:
        outputs: the answer.
        expectations: `expected_response` must be in `labels`; of a list, each entry.
        labels: every possible answer; where two match, the longer one counts.
        ignore_case: `POSITIVE` names positive.
        unparsed: score an unparsed answer False (`wrong`), or leave it out (`not_applicable`).
        normalize: steps of normalisation that are on or off; `none` for none.

    Raises:
        WorkbenchError: `expected_response` is not in `labels`.
    """
    steps = read_steps(normalize)
    spellings = {normalize_text(label, steps): label for label in labels}
    expected = _expected_labels(expectations, spellings, ignore_case, steps)
    mentions = find_mentions(
        normalize_text(outputs, steps), tuple(spellings), ignore_case=ignore_case
    )
    named = named_labels(normalize_text(outputs, steps), mentions)
    if len(named) != 1:
        negated = "".join(sorted({f"{m.label}, negated" for m in mentions if m.negated})[:1])
        reason = f"names {', '.join(sorted(named)) or negated or 'no label'}"
        return Score(False if unparsed == "wrong" else None, reason=reason, label="unparsed")
    label = spellings[named.pop()]
    reason = f"{label}, expected {' or '.join(expected)}"
    right = label in expected
    return Score(right, reason, label="right" if right else "wrong", parsed=label)


def check_expected(
    expectations: Mapping[str, JSON],
    *,
    labels: Sequence[str],
    ignore_case: bool = True,
    normalize: JSON = None,
    **_settings: JSON,
) -> None:
    """Check that the row's acceptable answers are labels.

    Raises:
        WorkbenchError: one isn't, as in `label_match`.
    """
    steps = read_steps(normalize)
    spellings = {normalize_text(label, steps): label for label in labels}
    _expected_labels(expectations, spellings, ignore_case, steps)


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
    read_steps(settings.get("normalize"), "label_match")
    folded = [fold_label(label, settings.get("ignore_case", True)) for label in labels]
    for label in folded:
        if folded.count(label) > 1:
            raise WorkbenchError(f"label_match: duplicate label {label!r}", fix="keep one")


def _expected_labels(
    expectations: Mapping[str, JSON],
    spellings: Mapping[str, str],
    ignore_case: bool,
    steps: frozenset[str],
) -> list[str]:
    """The labels that the acceptable answers stand for; `spellings`: by their normalised text."""
    folds = {fold_label(text, ignore_case): label for text, label in spellings.items()}
    expected: list[str] = []
    for answer in normalized_answers(expectations, steps):
        forms = [*answer.forms, *(form.removesuffix(".0") for form in answer.forms)]
        label = next(
            (folds[f] for f in (fold_label(f, ignore_case) for f in forms) if f in folds), ""
        )
        if not label:
            labels = tuple(spellings.values())
            raise unknown_name("label (in expected_response)", answer.forms[0], labels)
        expected.append(label)
    return list(dict.fromkeys(expected))
