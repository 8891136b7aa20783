"""The confidence that an answer states, and whether it is right.

>>> completion = Completion("k", "ok", '{"answer": "yes", "confidence": "80%"}')
>>> read_confidence(completion.text, {"expected_response": "no"}, completion)
Confidence(stated=0.8, right=False)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator.transform import NoPartError, read_transform
from workbench.evaluators.exact_match import exact_match
from workbench.model import Completion


@dataclass(frozen=True, slots=True)
class Confidence:
    """The probability that an answer states for itself, and whether it is right."""

    stated: float
    right: bool


def read_confidence(
    outputs: str,
    expectations: Mapping[str, JSON],
    completion: Completion,
    *,
    answer: str = "$.answer",
    confidence: str = "$.confidence",
) -> Confidence:
    """The probability of the chosen choice, else what the answer says in JSON at `confidence`.

    An answer in JSON is right if what it has at `answer` is the expected one, whatever its case.

    Raises:
        WorkbenchError: the answer states no probability, or the row has no expected answer.
    """
    probabilities = choice_probabilities(completion)
    if probabilities:
        right = exact_match(outputs, expectations, ignore_case=True)
        return Confidence(probabilities[max(probabilities, key=probabilities.__getitem__)], right)
    texts = [_part(outputs, path) for path in (answer, confidence)]
    right = exact_match(texts[0], expectations, ignore_case=True)
    return Confidence(_probability(texts[1]), right)


def choice_probabilities(completion: Completion) -> dict[str, float]:
    """The probability of each choice by their log-likelihoods; empty: there are none."""
    scores = completion.choice_scores or {}
    best = max(scores.values(), default=0.0)
    weights = {choice: math.exp(score - best) for choice, score in scores.items()}
    return {choice: weight / sum(weights.values()) for choice, weight in weights.items()}


def check_paths(name: str, settings: Mapping[str, JSON]) -> None:
    """Check the paths of an evaluator's settings; raises WorkbenchError if one is none."""
    for setting in ("answer", "confidence"):
        if setting in settings:
            try:
                read_transform({"json": settings[setting]})
            except WorkbenchError as error:
                error.message = f"{name}: {setting}: {error.message}"
                raise


def _part(text: str, path: str) -> str:
    try:
        return read_transform({"json": path}).apply(text)
    except NoPartError as error:
        raise WorkbenchError(
            f"the answer states no probability: {error}",
            fix='ask for {"answer": "…", "confidence": 0.8}, or give the prompt `choices:`, whose '
            "likelihoods are taken",
        ) from error


def _probability(text: str) -> float:
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        message = f"the confidence {text[:40]!r} is no probability"
        raise WorkbenchError(message, fix="from 0 to 1, or with a percent sign")
    return value
