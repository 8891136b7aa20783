"""A judge held against people: each figure by an example that can be counted by hand."""

import pytest

from workbench.calibration.calibration import LabelledAnswer, calibrate
from workbench.judges.judge import Judge
from workbench.prompt import Prompt
from workbench.prompt.settings import PromptSettings

VALUES = {"yes": 1.0, "partly": 0.5, "no": 0.0}
PROMPT = Prompt("judges", "polite", "judges/polite", "", "", PromptSettings(scores=VALUES))
JUDGE = Judge("polite", PROMPT, VALUES, ())


def judged(people: str, choice: str | None, variant: str = "a", length: int = 9) -> LabelledAnswer:
    """`people`: labels with a blank between them."""
    by_person = {f"p{n}": label for n, label in enumerate(people.split())}
    return LabelledAnswer(variant, by_person, choice, length)


def test_agreement_sensitivity_and_specificity() -> None:
    answers = [
        *[judged("yes", "yes")] * 40,
        *[judged("yes", "no")] * 10,
        *[judged("no", "no")] * 20,
        *[judged("no", "yes")] * 30,
    ]
    calibration = calibrate(JUDGE, answers)
    assert calibration.total
    assert calibration.sensitivity
    assert calibration.specificity
    assert (calibration.total.share.value, calibration.answers) == (0.6, 100)
    assert calibration.total.kappa
    assert calibration.total.kappa.value == pytest.approx(0.2)
    assert (calibration.sensitivity.value, calibration.sensitivity.n) == (0.8, 50)
    assert (calibration.specificity.value, calibration.specificity.n) == (0.4, 50)
    assert {name: rate.value for name, rate in calibration.total.by_class.items()} == {
        "yes": 0.8,
        "no": 0.4,
    }
    assert calibration.people is None


def test_a_choice_worth_half_of_the_range_does_not_pass() -> None:
    calibration = calibrate(JUDGE, [judged("yes", "partly"), judged("no", "partly")])
    assert calibration.sensitivity
    assert calibration.specificity
    assert (calibration.sensitivity.value, calibration.specificity.value) == (0.0, 1.0)


def test_the_majority_of_people_counts_and_ties_are_left_out() -> None:
    answers = [judged("yes yes no", "yes"), judged("yes no", "yes"), judged("no", None)]
    calibration = calibrate(JUDGE, answers)
    assert (calibration.answers, calibration.ties, calibration.unparsed) == (1, 1, 1)
    assert calibration.persons == ["p0", "p1", "p2"]
    assert calibration.people
    assert (calibration.people.value, calibration.people.n) == (0.25, 2)


def test_each_variant_has_an_agreement_of_its_own() -> None:
    answers = [judged("yes", "yes", "a")] * 3 + [judged("yes", "no", "b")] * 2
    by_variant = calibrate(JUDGE, answers).by_variant
    assert {name: each.share.value for name, each in by_variant.items()} == {"a": 1.0, "b": 0.0}


def test_a_judge_of_long_answers_is_seen_in_the_correlation() -> None:
    longer = [judged("yes", "yes" if n > 5 else "no", length=n) for n in range(12)]
    length = calibrate(JUDGE, longer).length
    assert length is not None
    assert length > 0.8
    assert calibrate(JUDGE, [judged("yes", "yes")] * 12).length is None


def test_samples_that_differ_are_contradictions() -> None:
    answers = [
        LabelledAnswer("a", {"ann": "yes"}, "yes", 9, ("yes", "yes", "no"), cost=0.002),
        LabelledAnswer("a", {"ann": "yes"}, "yes", 9, ("yes", "yes", "yes"), cost=0.004),
    ]
    calibration = calibrate(JUDGE, answers)
    assert calibration.contradicts
    assert calibration.contradicts.value == 0.5
    assert calibration.cost_of_1000 == pytest.approx(3.0)


def test_nothing_labelled_is_no_agreement() -> None:
    calibration = calibrate(JUDGE, [])
    assert (calibration.total, calibration.answers, calibration.cost_of_1000) == (None, 0, None)
