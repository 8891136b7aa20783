"""Evaluator: the squared distance of stated probabilities from what is right.

>>> completion = Completion("k", "ok", '{"answer": "yes", "confidence": 0.8}')
>>> round(brier_score(completion.text, {"expected_response": "no"}, completion).value, 3)
0.64
"""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.evaluator import Score, evaluator
from workbench.evaluators._confidence import (
    check_paths,
    choice_probabilities,
    read_confidence,
)
from workbench.evaluators.exact_match import check_expected, exact_match
from workbench.model import Completion

__all__ = ["brier_score", "check_expected", "check_settings"]


@evaluator(range=(0, 1), higher_is_better=False, kind="number")
def brier_score(
    outputs: str,
    expectations: Mapping[str, JSON],
    completion: Completion,
    *,
    answer: str = "$.answer",
    confidence: str = "$.confidence",
) -> Score:
    """The squared distance of the stated probabilities from what is right; 0 is best.

    Of choices with likelihoods, half the sum over all of them; else the square of the distance of
    `confidence` from 1 for a right answer, from 0 for a wrong one. G. W. Brier, Monthly Weather
    Review 78 (1950) 1. `answer` and `confidence` are their paths in an answer in JSON.
    """
    if probabilities := choice_probabilities(completion):
        squares = [
            (share - exact_match(choice, expectations, ignore_case=True)) ** 2
            for choice, share in probabilities.items()
        ]
        return Score(sum(squares) / 2)
    stated = read_confidence(
        outputs, expectations, completion, answer=answer, confidence=confidence
    )
    word = "right" if stated.right else "wrong"
    return Score((stated.stated - stated.right) ** 2, f"{word}, with confidence {stated.stated:g}")


def check_settings(**settings: JSON) -> None:
    """Check the paths; raises WorkbenchError if one is none."""
    check_paths("brier_score", settings)
