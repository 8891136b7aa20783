"""Scores made of the values that evaluators return, and of their errors."""

import math

import numpy as np
import pytest
from bench import refusal

from workbench.evaluator import Score, bind, evaluator
from workbench.evaluator.contract import Evaluator
from workbench.model import Completion

DONE = Completion("k", "ok", text="Paris")


def judge(function, **settings) -> Score:
    return bind(function, settings, name="mine").score(inputs={}, expectations={}, completion=DONE)


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (True, Score(True)),
        (False, Score(False)),
        (1, Score(1.0)),
        (0.25, Score(0.25)),
        ("polite", Score("polite")),
        (None, Score(None)),
        (Score(1, reason="so", label="right"), Score(1.0, "so", "right")),
        (Score(error="could not"), Score(error="could not")),
        (np.bool_(True), Score(True)),
        (np.float32(0.5), Score(0.5)),
        (np.int64(3), Score(3.0)),
        (math.nan, Score(error="returned nan, not a finite number")),
        (-math.inf, Score(error="returned -inf, not a finite number")),
        (10**400, Score(error="returned a whole number too large for a float")),
        ([1], Score(error="returned list, not a bool, number, str or Score")),
        ({}, Score(error="returned dict, not a bool, number, str or Score")),
        (1j, Score(error="returned complex, not a bool, number, str or Score")),
        (np.array([1.0]), Score(error="returned ndarray, not a bool, number, str or Score")),
        (Score([1]), Score(error="returned list, not a bool, number, str or Score")),
    ],
)
def test_result_becomes_a_score(returned, expected):
    score = judge(lambda outputs: returned)
    assert (score, type(score.value)) == (expected, type(expected.value))


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (0, Score(0.0)),
        (1, Score(1.0)),
        (-1, Score(error="returned -1, outside its range [0, 1]")),
        (7, Score(error="returned 7, outside its range [0, 1]")),
        ("0.9", Score(error="returned the string '0.9', not a number")),
    ],
)
def test_number_outside_its_range_is_an_error(returned, expected):
    @evaluator(range=(0, 1), kind="number")
    def mine(outputs):
        return returned

    assert judge(mine) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no"), "ValueError: no"),
        (KeyError("expected_response"), "KeyError: 'expected_response'"),
        (SystemExit(0), "SystemExit: 0"),
        (RecursionError("deep"), "RecursionError: deep"),
        (StopIteration(), "StopIteration: "),
    ],
)
def test_what_an_evaluator_raises_is_an_error_with_its_place(error, expected):
    def mine(outputs):
        raise error

    line = mine.__code__.co_firstlineno + 1
    assert judge(mine) == Score(error=f"{expected} ({__file__}:{line})")


def test_evaluator_gets_what_it_asks_for_and_can_change_none_of_it():
    inputs, expectations = {"a": [1]}, {"expected_response": "Paris"}

    def mine(completion, expectations, inputs, outputs, *, bonus=0):
        inputs["a"].append(2)
        expectations.clear()
        return len(outputs) + len(completion.text) + bonus

    bound = bind(mine, {"bonus": 2}, name="mine")
    score = bound.score(inputs=inputs, expectations=expectations, completion=DONE)
    assert (score, inputs, expectations, bound.arguments) == (
        Score(12.0),
        {"a": [1]},
        {"expected_response": "Paris"},
        ("completion", "expectations", "inputs", "outputs"),
    )


def no_data(): ...
def strange(outputs, other): ...
def starred(outputs, **rest): ...
def data_as_setting(outputs, *, inputs): ...
def needing(outputs, *, level): ...
def typed(outputs, *, flag: bool = True, n: int = 1, x: float = 1.0, s: str = "", y: list = []): ...  # noqa: B006


ARGUMENTS = (
    "\n  fix: use arguments among inputs, outputs, expectations, completion, prompt; make settings "
    "keyword-only"
)


@pytest.mark.parametrize(
    ("function", "settings", "expected"),
    [
        (no_data, {}, "evaluator 'mine' takes no data" + ARGUMENTS),
        (strange, {}, "evaluator 'mine' takes other" + ARGUMENTS),
        (starred, {}, "evaluator 'mine' takes rest" + ARGUMENTS),
        (data_as_setting, {}, "evaluator 'mine' takes inputs" + ARGUMENTS),
        (math.hypot, {}, "evaluator 'mine' has no signature"),
        (
            needing,
            {},
            "evaluator 'mine' needs the setting 'level'\n  fix: `mine: {level: …}`",
        ),
        (
            needing,
            {"levl": 1},
            "unknown setting of evaluator 'mine': 'levl'\n"
            "  fix: did you mean 'level'? known: level",
        ),
        (typed, {"flag": "no"}, "evaluator 'mine': flag is 'no', not true or false"),
        (typed, {"flag": 1}, "evaluator 'mine': flag is 1, not true or false"),
        (typed, {"n": 1.5}, "evaluator 'mine': n is 1.5, not a whole number"),
        (typed, {"n": True}, "evaluator 'mine': n is True, not a whole number"),
        (typed, {"x": "1"}, "evaluator 'mine': x is '1', not a number"),
        (typed, {"s": 1}, "evaluator 'mine': s is 1, not a string"),
    ],
)
def test_signature_or_setting_that_does_not_fit_is_named(function, settings, expected):
    assert refusal(bind, function, settings, name="mine") == expected


def test_settings_that_fit_are_kept():
    settings = {"flag": False, "n": 2, "x": 3, "s": "t", "y": 5}
    assert bind(typed, settings, name="mine") == Evaluator("mine", typed, settings, ("outputs",))


async def waits(outputs):
    return True


def yields(outputs):
    yield True


@pytest.mark.parametrize("function", [waits, yields])
def test_async_functions_and_generators_are_refused(function):
    message = refusal(bind, function, {}, name="judge")
    assert message == (
        "evaluator 'judge' is async or a generator\n  fix: write a plain `def` that returns a value"
    )


def test_what_an_evaluator_prints_stays_off_stdout(capsys):
    def chatty(outputs):
        print("hello")
        return True

    judge = bind(chatty, {}, name="chatty")
    judge.score(inputs={}, expectations={}, completion=Completion("key", "ok"))
    assert capsys.readouterr() == ("", "hello\n")
