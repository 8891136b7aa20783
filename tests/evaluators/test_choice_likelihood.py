"""The likelihood of the expected choice, by four measures."""

import math
import random
from pathlib import Path
from typing import Any

import pytest
from expected_rows import wanted
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator, Spec, Traits
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.evaluators.choice_likelihood import choice_likelihood
from workbench.model import Completion

MEASURES = ("probability", "log_likelihood", "per_token", "perplexity")
# Worked by hand: likelihoods 1/2, 1/8 and 1/8, of 1, 3 and 2 tokens.
SCORES = {" Rome": math.log(1 / 2), " Paris": math.log(1 / 8), " Lyon": math.log(1 / 8)}
TOKENS = {" Rome": 1, " Paris": 3, " Lyon": 2}


def completion(
    scores: dict[str, float] | None = SCORES, tokens: dict[str, int] | None = TOKENS
) -> Completion:
    return Completion("k", "ok", "", choice_scores=scores, choice_tokens=tokens)


def evaluator_with(**settings: Any) -> Evaluator:
    return load_evaluator(Spec("choice_likelihood", settings, Path("/nowhere")))


@pytest.mark.parametrize(
    ("answer", "settings", "value"),
    [
        ("Rome", {}, 2 / 3),
        ("Paris", {}, 1 / 6),
        (["Paris", "Lyon", "Oslo"], {}, 1 / 3),
        (["Rome", "Paris", "Lyon"], {}, 1),
        ("PARIS", {"ignore_case": True}, 1 / 6),
        ("the Paris.", {"normalize": {"punctuation": True, "articles": True}}, 1 / 6),
        ("Paris", {"measure": "log_likelihood"}, math.log(1 / 8)),
        (["Paris", "Rome"], {"measure": "log_likelihood"}, math.log(1 / 2)),
        ("Paris", {"measure": "per_token"}, math.log(1 / 2)),
        ("Lyon", {"measure": "per_token"}, math.log(1 / 8) / 2),
        (["Paris", "Lyon"], {"measure": "per_token"}, math.log(1 / 2)),
        ("Rome", {"measure": "perplexity"}, 2),
        ("Paris", {"measure": "perplexity"}, 2),
        (["Lyon", "Paris"], {"measure": "perplexity"}, 2),
        ("Lyon", {"measure": "perplexity"}, math.sqrt(8)),
    ],
)
def test_likelihood_of_the_expected_choice(
    answer: object, settings: dict[str, Any], value: float
) -> None:
    score = choice_likelihood(wanted(answer), completion(), **settings)
    assert (score.value, score.error) == (pytest.approx(value), "")


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        ("probability", "log-likelihood of ' Lyon': -2.079"),
        ("per_token", "log-likelihood of ' Lyon': -2.079, 2 tokens"),
    ],
)
def test_the_reason_names_the_choice(measure: Any, reason: str) -> None:
    assert choice_likelihood(wanted("Lyon"), completion(), measure=measure).reason == reason


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("scores", [None, {}])
def test_an_answer_that_was_not_chosen_is_left_out(measure: Any, scores: Any) -> None:
    score = choice_likelihood(wanted("Lyon"), completion(scores), measure=measure)
    assert (score.value, score.reason, score.error) == (
        None,
        "the answer has no likelihoods of choices",
        "",
    )


@pytest.mark.parametrize(
    ("scores", "tokens", "measure", "error"),
    [
        ({"a": -math.inf, "b": -math.inf}, {}, "probability", "every choice has the likelihood 0"),
        ({"a": -math.inf}, {}, "log_likelihood", "returned -inf, not a finite number"),
        ({"a": -math.inf}, {"a": 1}, "per_token", "returned -inf, not a finite number"),
        ({"a": -math.inf}, {"a": 1}, "perplexity", "returned inf, not a finite number"),
        ({"a": -1000.0}, {"a": 1}, "perplexity", "returned inf, not a finite number"),
        *(
            (
                {"a": -1.0},
                None,
                measure,
                "stored without the choices' token counts; --fresh computes them",
            )
            for measure in ("per_token", "perplexity")
        ),
    ],
)
def test_a_likelihood_that_is_no_number_is_an_error(
    scores: dict[str, float], tokens: Any, measure: Any, error: str
) -> None:
    score = choice_likelihood(wanted("a"), completion(scores, tokens), measure=measure)
    assert (score.value, score.error) == (None, error)


def test_an_impossible_choice_has_the_probability_0() -> None:
    scores = {"a": -math.inf, "b": -1.0}
    assert choice_likelihood(wanted("a"), completion(scores)).value == 0


def test_an_expected_answer_that_is_no_choice_is_an_error_of_the_row() -> None:
    with pytest.raises(WorkbenchError) as caught:
        choice_likelihood(wanted("Oslo"), completion())
    assert str(caught.value) == (
        "expected_response 'Oslo' is none of the choices\n"
        "  fix: the choices are ' Rome', ' Paris', ' Lyon'"
    )


def test_values_are_those_of_scipy_on_drawn_likelihoods() -> None:
    draw = random.Random(5)
    for _ in range(1_000):
        count = draw.randint(2, 6)
        scores = {str(number): -draw.expovariate(0.1) for number in range(count)}
        tokens = {choice: draw.randint(1, 9) for choice in scores}
        reply, expected = completion(scores, tokens), draw.choice(list(scores))
        values = [choice_likelihood(wanted(expected), reply, measure=m).value for m in MEASURES]
        shares = dict(zip(scores, softmax(list(scores.values())), strict=True))
        mean = scores[expected] / tokens[expected]
        assert values == pytest.approx(
            [shares[expected], scores[expected], mean, math.exp(-mean)], rel=1e-9
        )


@given(st.lists(st.floats(max_value=0, allow_infinity=False), min_size=1, max_size=6))
def test_probabilities_are_shares_in_the_order_of_the_likelihoods(likelihoods: list[float]) -> None:
    reply = completion({str(number): value for number, value in enumerate(sorted(likelihoods))})
    scores = [choice_likelihood(wanted(choice), reply) for choice in reply.choice_scores or {}]
    values = [score.number for score in scores if score.number is not None]
    assert len(values) == len(likelihoods)
    assert values == sorted(values)
    assert math.fsum(values) == pytest.approx(1)


@given(text=st.text(st.characters()), measure=st.sampled_from(MEASURES))
def test_any_choice_has_a_score(text: str, measure: Any) -> None:
    reply = completion({text: -1.0, "b": -2.0}, {text: 2, "b": 1})
    assert choice_likelihood(wanted("b"), reply, measure=measure).error == ""


@pytest.mark.parametrize(
    ("settings", "traits"),
    [
        ({}, Traits(kind="number", range=(0, 1))),
        ({"measure": "log_likelihood"}, Traits(kind="number")),
        ({"measure": "per_token"}, Traits(kind="number")),
        ({"measure": "perplexity"}, Traits(kind="number", higher_is_better=False)),
    ],
)
def test_the_direction_and_the_range_follow_the_measure(
    settings: dict[str, Any], traits: Traits
) -> None:
    assert evaluator_with(**settings).traits == traits


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"measure": "bits"},
            "unknown value of choice_likelihood's `measure`: 'bits'\n"
            "  fix: known: log_likelihood, per_token, perplexity, probability",
        ),
        (
            {"normalize": {"case": True}},
            "unknown step of choice_likelihood's `normalize`: 'case'\n"
            "  fix: known: articles, markdown, punctuation, quotes, spaces, unicode, width",
        ),
        ({"ignore_case": 1}, "evaluator 'choice_likelihood': ignore_case is 1, not true or false"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        evaluator_with(**settings)
    assert str(caught.value) == message


def test_a_row_without_an_expected_answer_is_named_before_anything_is_sent() -> None:
    check = expected_check(evaluator_with())
    assert check
    with pytest.raises(WorkbenchError) as caught:
        check(wanted(""))
    assert str(caught.value) == (
        "this row has no expected_response\n"
        "  fix: add `expected: COLUMN` to the dataset, or fill in that column"
    )
