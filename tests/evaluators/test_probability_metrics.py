"""Metrics of stated probabilities and numbers: calibration error, Brier score, correlation."""

import json
import math
from typing import Any

import numpy as np
import pytest
from draws import assert_rate, draws_of
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import brier_score_loss

from workbench.errors import WorkbenchError
from workbench.evaluator.contract import bind
from workbench.evaluators import brier_score as brier_module
from workbench.evaluators import calibration_error as calibration_module
from workbench.evaluators import correlation as correlation_module
from workbench.evaluators._confidence import Confidence, choice_probabilities, read_confidence
from workbench.evaluators.brier_score import brier_score
from workbench.evaluators.calibration_error import calibration_error
from workbench.evaluators.correlation import correlation, read_pair
from workbench.model import Completion
from workbench.scoring.run_metric import measure_run

YES = {"expected_response": "yes"}


def completion(text: str, **scores: float) -> Completion:
    return Completion("k", "ok", text, choice_scores=scores or None)


@pytest.mark.parametrize(
    ("text", "scores", "settings", "confidence"),
    [
        ("yes", {"yes": -0.1, "no": -2.1}, {}, Confidence(1 / (1 + math.exp(-2)), right=True)),
        ("no", {"yes": -3.0, "no": -3.0}, {}, Confidence(0.5, right=False)),
        ('{"answer": "Yes", "confidence": 0.7}', {}, {}, Confidence(0.7, right=True)),
        ('```json\n{"answer": "no", "confidence": "40%"}\n```', {}, {}, Confidence(0.4, False)),
        (
            'So: {"a": ["yes"], "p": 1}',
            {},
            {"answer": "$.a[0]", "confidence": "$.p"},
            Confidence(1.0, right=True),
        ),
    ],
)
def test_confidence_is_that_of_the_choice_or_of_the_json(
    text: str, scores: dict[str, float], settings: dict[str, Any], confidence: Confidence
) -> None:
    read = read_confidence(text, YES, completion(text, **scores), **settings)
    assert read.right == confidence.right
    assert read.stated == pytest.approx(confidence.stated)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yes", "the answer states no probability: "),
        ('{"answer": "yes"}', "the answer states no probability: "),
        ('{"answer": "yes", "confidence": 80}', "the confidence '80' is no probability"),
        ('{"answer": "yes", "confidence": "high"}', "the confidence 'high' is no probability"),
        ('{"answer": "yes", "confidence": "nan"}', "the confidence 'nan' is no probability"),
    ],
)
def test_an_answer_without_a_probability_is_an_error(text: str, message: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        read_confidence(text, YES, completion(text))
    assert str(refused.value).startswith(message)
    assert refused.value.fix


@pytest.mark.parametrize("bins", [1, 5, 10, 15])
def test_the_calibration_error_is_the_sum_over_bins(bins: int) -> None:
    rng = np.random.default_rng(bins)
    for _ in range(250):
        stated, right = rng.random(30).round(2), rng.random(30) < 0.6
        rows = [Confidence(float(s), bool(r)) for s, r in zip(stated, right, strict=True)]
        expected = 0.0
        for number in range(bins):
            inside = np.minimum((stated * bins).astype(int), bins - 1) == number
            if inside.any():
                expected += inside.mean() * abs(stated[inside].mean() - right[inside].mean())
        assert calibration_error(rows, bins=bins).value == pytest.approx(expected)


@pytest.mark.parametrize("bias", [0.0, 0.03, 0.25])
def test_the_interval_of_the_calibration_error_covers_it(bias: float) -> None:
    rng, count = np.random.default_rng(7), 400
    bound = bind(calibration_error, {}, name="calibration_error")

    def row(stated: float) -> dict[str, Any]:
        right = rng.random() < max(0.0, stated - bias)
        text = json.dumps({"answer": "yes" if right else "no", "confidence": stated})
        return {"outputs": text, "expectations": YES, "completion": completion(text)}

    stated = rng.beta(4, 1.5, size=1_000_000)
    truth = float(np.abs(np.minimum(stated, bias)).mean())
    covered = measured = 0
    while measured < draws_of(count) // 4:
        rows = [row(float(value)) for value in rng.beta(4, 1.5, size=60)]
        score = measure_run(bound, rows, range(60), 60)
        if score.problem:  # the bins hang on single rows
            continue
        measured += 1
        assert score.low is not None
        assert score.high is not None
        covered += score.low <= truth <= score.high
    assert_rate(4 * covered, count, truth=(0.85, 1.0), tight=(0.9, 1.0))


def test_brier_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    for _ in range(1_000):
        scores = dict(zip(("yes", "no", "maybe"), np.log(rng.dirichlet([1, 1, 1])), strict=True))
        expected = str(rng.choice(list(scores)))
        reply = completion("yes", **scores)
        shares = choice_probabilities(reply)
        labels = sorted(shares)
        drawn = [[shares[label] for label in labels]]
        value = brier_score_loss([expected], drawn, labels=labels, scale_by_half=True)
        score = brier_score("yes", {"expected_response": expected}, reply)
        assert score.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ('{"answer": "yes", "confidence": 0.9}', 0.01, "right, with confidence 0.9"),
        ('{"answer": "no", "confidence": 0.9}', 0.81, "wrong, with confidence 0.9"),
    ],
)
def test_a_stated_confidence_is_held_against_the_answer(
    text: str, value: float, reason: str
) -> None:
    score = brier_score(text, YES, completion(text))
    assert (score.value, score.reason) == (pytest.approx(value), reason)


def test_correlations_are_those_of_scipy() -> None:
    rng = np.random.default_rng(4)
    for _ in range(1_000):
        rows = [tuple(row) for row in rng.integers(0, 6, size=(12, 2)).astype(float).tolist()]
        columns = np.array(rows).T
        if len(set(columns[0])) < 2 or len(set(columns[1])) < 2:
            continue
        assert correlation(rows).value == pytest.approx(pearsonr(*columns).statistic)
        by_rank = correlation(rows, method="spearman").value
        assert by_rank == pytest.approx(spearmanr(*columns).statistic)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1.0, 2.0), (1.0, 3.0)], "all answers are equal"),
        ([(1.0, 2.0), (3.0, 2.0)], "all expected numbers are equal"),
    ],
)
def test_a_constant_correlates_with_nothing(rows: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        correlation(rows)


def test_numbers_alone_are_read() -> None:
    assert read_pair(" 3.5\n", {"expected_response": 4}) == (3.5, 4.0)
    with pytest.raises(WorkbenchError, match="the answer is not a number"):
        read_pair("about 3", {"expected_response": 4})


@pytest.mark.parametrize(
    ("module", "settings", "message"),
    [
        (calibration_module, {"bins": 0}, "calibration_error: bins is 0"),
        (calibration_module, {"answer": "answer"}, "calibration_error: answer: "),
        (brier_module, {"confidence": "$["}, "brier_score: confidence: "),
        (correlation_module, {"method": "kendall"}, "unknown method of correlation: 'kendall'"),
    ],
)
def test_bad_settings_are_refused(module: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        module.check_settings(**settings)
    assert str(refused.value).startswith(message)
