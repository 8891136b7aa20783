"""`plan --power`: the rows and repeats that a comparison needs."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import invoke

from workbench.stats.components import Components, assured_components
from workbench.stats.verdicts import rows_for_equivalence, rows_to_detect


def test_stored_answers_say_how_many_rows_are_needed(project: Path) -> None:
    """`better` is right in ten more of forty rows, and wrong in one more."""
    document = json.loads(invoke(project, "plan", "--power", "0.1", "--json").stdout)
    (estimate,) = document["power"]
    pilot = np.array([1.0] * 10 + [-1.0] + [0.0] * 29).var(ddof=1)
    sd = assured_components(Components(None, float(pilot)), 40).sd(1)
    rows, equivalent = rows_to_detect(0.1, sd, is_binary=True), rows_for_equivalence(0.05, sd)
    assert (estimate["variant"], estimate["base"], estimate["pilot_rows"]) == (
        "better",
        "plain",
        40,
    )
    assert estimate["options"] == [
        {
            "repeats": 1,
            "rows": rows,
            "rows_equivalence": equivalent,
            "requests": 2 * equivalent,
            "cost": 0.0,
        }
    ]


def test_the_text_says_where_its_figures_come_from(project: Path) -> None:
    done = invoke(project, "plan", "--power", "0.1")
    assert done.returncode == 0
    assert "better against plain, exact_match: to find a difference of 0.1" in done.stdout
    assert "by the stored answers to 40 rows, without repeats" in done.stdout
    guessed = invoke(project, "plan", "--power", "0.1", "--sd", "0.4").stdout
    assert "a guess: a row's difference has a standard deviation of 0.4" in guessed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sd", "1"), "--metric and --sd belong to --power"),
        (("--power", "0"), "--power 0: no number of rows shows it"),
        (("--power", "1", "--metric", "exact_mach"), "did you mean 'exact_match'"),
        (("--power", "1", "--metric", "output_tokens"), "too few to tell how much its differences"),
    ],
)
def test_a_plan_without_figures_is_refused(
    project: Path, words: tuple[str, ...], message: str
) -> None:
    done = invoke(project, "plan", *words)
    assert (done.returncode, message in done.stderr) == (2, True)
