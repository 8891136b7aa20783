"""Evaluator: the likelihood that the model gives to the expected choice.

>>> completion = Completion("k", "ok", "yes", choice_scores={"yes": -0.1, "no": -2.1})
>>> choice_likelihood({"expected_response": "yes"}, completion).reason
"log-likelihood of 'yes': -0.1"
"""

import math
from collections.abc import Mapping
from typing import Literal, get_args

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Traits, evaluator
from workbench.evaluators._confidence import choice_probabilities
from workbench.evaluators._setting_checks import check_choice
from workbench.evaluators._text import read_steps
from workbench.evaluators.exact_match import check_expected, exact_match
from workbench.model import Completion

__all__ = ["check_expected", "check_settings", "choice_likelihood", "traits_of"]

Measure = Literal["probability", "log_likelihood", "per_token", "perplexity"]


@evaluator(kind="number", range=(0, 1))
def choice_likelihood(
    expectations: Mapping[str, JSON],
    completion: Completion,
    *,
    measure: Measure = "probability",
    ignore_case: bool = False,
    normalize: JSON = None,
) -> Score:
    """The likelihood of the expected choice; rows without likelihoods of choices are left out.

    The `measure` is one of four. `probability`: its share among the choices, by the softmax of
    their log-likelihoods. `log_likelihood`: the natural logarithm, summed over the choice's tokens.
    `per_token`: that divided by the number of tokens, as in Brown et al. 2020 (arXiv:2005.14165).
    `perplexity`: exp(-per_token); lower is better. The expected answer is compared with the choices
    as by `exact_match`, with its `ignore_case` and `normalize`. Of several right choices the
    probabilities are added, as in MC2 of TruthfulQA (Lin et al. 2022, arXiv:2109.07958); of the
    other measures the best one counts.
    """
    scores = completion.choice_scores
    if not scores:
        return Score(reason="the answer has no likelihoods of choices")
    right = _right_choices(scores, expectations, ignore_case=ignore_case, normalize=normalize)
    likeliest = max(right, key=scores.__getitem__)
    reason = f"log-likelihood of {likeliest!r}: {scores[likeliest]:.4g}"
    if measure == "log_likelihood":
        return Score(scores[likeliest], reason)
    if measure == "probability":
        if max(scores.values()) == -math.inf:
            return Score(error="every choice has the likelihood 0")
        probabilities = choice_probabilities(completion)
        return Score(min(1.0, math.fsum(probabilities[choice] for choice in right)), reason)
    tokens = completion.choice_tokens
    if tokens is None:
        return Score(error="stored without the choices' token counts; --fresh computes them")
    mean, choice = max((scores[choice] / tokens[choice], choice) for choice in right)
    reason = f"log-likelihood of {choice!r}: {scores[choice]:.4g}, {tokens[choice]} tokens"
    return Score(_perplexity(mean) if measure == "perplexity" else mean, reason)


def check_settings(**settings: JSON) -> None:
    """Check `measure` and `normalize`; raises WorkbenchError for one that isn't valid."""
    check_choice("choice_likelihood", settings, "measure", get_args(Measure))
    read_steps(settings.get("normalize"), "choice_likelihood")


def traits_of(*, measure: str = "probability", **_settings: JSON) -> Traits:
    """A share, or else a number without bounds, of which `perplexity` is better if it is less."""
    if measure == "probability":
        return Traits(kind="number", range=(0, 1))
    return Traits(kind="number", higher_is_better=measure != "perplexity")


def _right_choices(
    choices: Mapping[str, float], expectations: Mapping[str, JSON], **settings: JSON
) -> list[str]:
    """The choices that equal an expected answer; raises WorkbenchError if none does."""
    right = [choice for choice in choices if exact_match(choice, expectations, **settings)]
    if not right:
        listed = ", ".join(map(repr, choices))
        expected = expectations["expected_response"]
        message = f"expected_response {expected!r:.60} is none of the choices"
        raise WorkbenchError(message, fix=f"the choices are {listed:.300}")
    return right


def _perplexity(log_likelihood: float) -> float:
    try:
        return math.exp(-log_likelihood)
    except OverflowError:
        return math.inf
