"""Agreement among raters, held against other packages, published examples and simulated truths."""

import random
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest
from draws import assert_rate, draws_of
from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import binary_distance, interval_distance
from numpy.random import Generator
from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_cohen
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from workbench.stats.inter_rater import (
    Level,
    Undefined,
    cohens_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    raw_agreement,
)
from workbench.stats.rater_agreement import Rate
from workbench.stats.rating_table import rating_table

Rows = list[dict[int, str]]
LEVELS: tuple[Level, ...] = get_args(Level)


def rows_of(*raters: str) -> Rows:
    """Rows of ratings written a rater a line, with a point where one is missing."""
    columns = zip(*(line.split() for line in raters), strict=True)
    return [{n: label for n, label in enumerate(each) if label != "."} for each in columns]


def drawn_rows(seed: int, raters: int, labels: str, missing: float = 0.0) -> Rows:
    rng = random.Random(seed)
    rows: Rows = []
    for _ in range(40):
        truth = rng.choice(labels)
        ratings = {n: truth if rng.random() < 0.6 else rng.choice(labels) for n in range(raters)}
        rows.append({n: label for n, label in ratings.items() if rng.random() >= missing})
    return rows


# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A to D; the last is
# the example of the Python package krippendorff.
BINARY = rows_of("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")
NOMINAL = rows_of("a a b b d c c c e d d a", "b a b b b c c c e d d d")
FOUR = rows_of(
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
THREE = rows_of(
    ". . . . . 3 4 1 2 1 1 3 3 . 3",
    "1 . 2 1 3 3 4 3 . . . . . . .",
    ". . 2 1 3 4 4 . 2 1 1 3 3 . 4",
)
PUBLISHED: list[tuple[Rows, Level, float]] = [
    (BINARY, "nominal", 0.095),
    (NOMINAL, "nominal", 0.692),
    (FOUR, "nominal", 0.743),
    (FOUR, "ordinal", 0.815),
    (FOUR, "interval", 0.849),
    (THREE, "nominal", 0.691),
    (THREE, "interval", 0.811),
]


@pytest.mark.parametrize(("rows", "level", "alpha"), PUBLISHED)
def test_alpha_is_the_published_value(rows: Rows, level: Level, alpha: float) -> None:
    assert rate(krippendorff_alpha(rating_table(rows), level)).value == pytest.approx(
        alpha, abs=0.0006
    )


def rate(result: Rate | Undefined) -> Rate:
    assert isinstance(result, Rate), result
    assert result.low <= result.value <= result.high
    return result


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("labels", "missing"), [("12", 0.0), ("12459", 0.3), ("1234", 0.5)])
@pytest.mark.parametrize("level", LEVELS)
def test_alpha_equals_that_of_nltk(level: Level, labels: str, missing: float, seed: int) -> None:
    rows = drawn_rows(seed, 4, labels, missing)
    table = rating_table(rows)
    triples = [(n, row, int(label)) for row, each in enumerate(rows) for n, label in each.items()]
    if level == "ordinal":
        counts = table.weights @ table.patterns
        middles = np.cumsum(counts) - counts / 2
        ranks = dict(zip(map(int, table.labels), middles, strict=True))
        triples = [(n, row, float(ranks[label])) for n, row, label in triples if label in ranks]
    distance = binary_distance if level == "nominal" else interval_distance
    paired = [each for each in triples if len(rows[each[1]]) > 1]
    expected = AnnotationTask([*map(text_ids, paired)], distance).alpha()
    assert rate(krippendorff_alpha(table, level)).value == pytest.approx(expected, abs=1e-9)


def text_ids(triple: tuple[int, int, float]) -> tuple[str, str, float]:
    rater, row, label = triple
    return str(rater), str(row), label


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("raters", "labels"), [(2, "ab"), (3, "abc"), (7, "abcde")])
def test_kappas_equal_those_of_statsmodels(raters: int, labels: str, seed: int) -> None:
    rows = drawn_rows(seed, raters, labels)
    counts = np.array([[list(row.values()).count(label) for label in labels] for row in rows])
    fleiss = rate(fleiss_kappa(rating_table(rows))).value
    assert fleiss == pytest.approx(statsmodels_fleiss(counts), abs=1e-9)
    first, second = ([row[n] for row in rows] for n in (0, 1))
    crossed = np.array(
        [
            [sum(pair == (a, b) for pair in zip(first, second, strict=True)) for b in labels]
            for a in labels
        ]
    )
    cohen = rate(cohens_kappa(first, second)).value
    assert cohen == pytest.approx(statsmodels_cohen(crossed).kappa, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_raw_agreement_is_the_share_of_equal_pairs(seed: int) -> None:
    rows = drawn_rows(seed, 4, "abc", 0.3)
    pairs = [row[a] == row[b] for row in rows for a in row for b in row if a < b]
    assert rate(raw_agreement(rating_table(rows))).value == pytest.approx(
        sum(pairs) / len(pairs), abs=1e-12
    )


STATISTICS = {
    "raw": raw_agreement,
    "fleiss": fleiss_kappa,
    **{level: lambda table, level=level: krippendorff_alpha(table, level) for level in LEVELS},
}
SAME = "all labels are '1', so chance explains all agreement"
UNDEFINED = {
    "no labels": ([{}, {}], "there are no labels", STATISTICS),
    "one rater": (rows_of("1 2 1"), "all labels are of one person", STATISTICS),
    "no overlap": (rows_of("1 . 1", ". 2 ."), "no row has labels of two people", STATISTICS),
    "one row": (rows_of("1 1 1", ". . 2"), "only one row has labels of two people", STATISTICS),
    "one label": (rows_of("1 1 1", "1 1 1"), SAME, STATISTICS.keys() - {"raw"}),
    "the same number": (rows_of("1 1 1", "1.0 1 1"), SAME, STATISTICS.keys() - {"raw"}),
    "many": (
        rows_of(*[" ".join(map(str, range(101)))] * 2),
        "there are 101 different labels, more than 100: round numbers",
        STATISTICS,
    ),
    "unequal": (
        rows_of("1 2 1", "1 2 2", "1 . 2"),
        "rows have 2 to 3 labels, and it takes the same number on each",
        ["fleiss"],
    ),
    "words": (
        rows_of("a b a", "a b b"),
        "not all labels are numbers, so they have no distances",
        ["interval"],
    ),
}


@pytest.mark.parametrize("case", UNDEFINED)
def test_an_undefined_statistic_has_a_reason(case: str) -> None:
    rows, reason, names = UNDEFINED[case]
    table = rating_table(rows)
    assert {name: STATISTICS[name](table) for name in names} == dict.fromkeys(
        names, Undefined(reason)
    )


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([], [], "no row has labels of both"),
        (
            [*map(str, range(101))],
            ["1"] * 101,
            "there are 101 different labels, more than 100: round numbers",
        ),
        (["a"] * 9, ["a"] * 9, "all labels are 'a', so chance explains all agreement"),
    ],
)
def test_an_undefined_cohens_kappa_has_a_reason(
    first: Sequence[str], second: Sequence[str], reason: str
) -> None:
    assert cohens_kappa(first, second) == Undefined(reason)


@pytest.mark.parametrize("name", STATISTICS)
def test_perfect_agreement_of_few_rows_is_no_certainty(name: str) -> None:
    few, many = (
        rate(
            STATISTICS[name](
                rating_table(rows_of("1 2 3 1 2" + " 1 2 3" * more, "1 2 3 1 2" + " 1 2 3" * more))
            )
        )
        for more in (1, 100)
    )
    assert (few.value, few.high, many.value) == (1.0, 1.0, 1.0)
    assert few.low < 0.7 < 0.9 < many.low < 1


def test_an_order_of_words_makes_them_ordinal() -> None:
    words = {"1": "bad", "2": "fair", "3": "good"}
    numbers = drawn_rows(1, 3, "123")
    rows = [{n: words[label] for n, label in row.items()} for row in numbers]
    ordinal = krippendorff_alpha(rating_table(numbers), "ordinal")
    assert krippendorff_alpha(rating_table(rows, list(words.values())), "ordinal") == ordinal
    assert krippendorff_alpha(rating_table(rows, ["fair", "bad"]), "ordinal") != ordinal


# Raters who see the truth with a probability, and else guess: their joint distribution is known.
FULL = 2_000
COVERED, TIGHT_COVERED = (0.935, 0.965), (0.93, 0.97)
PRIOR = np.array([0.5, 0.3, 0.2])
VALUES = np.array([1.0, 2.0, 5.0])
SKILLS = [0.5, 0.8]


def joint(skill: float) -> np.ndarray:
    """The probability of each two labels of a row."""
    seen = skill * np.eye(3) + (1 - skill) * PRIOR
    return seen.T @ np.diag(PRIOR) @ seen


def true_value(name: str, skill: float) -> float:
    both = joint(skill)
    shares = both.sum(axis=0)
    places = {"ordinal": np.cumsum(shares) - shares / 2, "interval": VALUES}.get(name)
    distances = 1 - np.eye(3) if places is None else (places[:, None] - places) ** 2
    disagreement = float((both * distances).sum())
    if name == "raw":
        return 1 - disagreement
    return 1 - disagreement / float(shares @ distances @ shares)


def simulated(rng: Generator, rows: int, raters: int, missing: float, skill: float) -> Rows:
    truths = rng.choice(3, rows, p=PRIOR)[:, None]
    guesses = rng.choice(3, (rows, raters), p=PRIOR)
    labels = np.where(rng.random((rows, raters)) < skill, truths, guesses)
    given = rng.random((rows, raters)) >= missing
    return [
        {n: f"{VALUES[labels[row, n]]:g}" for n in range(raters) if given[row, n]}
        for row in range(rows)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("skill", SKILLS)
@pytest.mark.parametrize(
    ("name", "rows", "raters", "missing"),
    [
        *((name, 60, 2, 0.0) for name in ("raw", "cohen", *LEVELS)),
        *((name, 100, 3, 0.3) for name in ("raw", *LEVELS)),
        ("fleiss", 60, 5, 0.0),
    ],
)
def test_intervals_hold_the_truth(
    name: str, rows: int, raters: int, missing: float, skill: float
) -> None:
    rng, truth, covered = np.random.default_rng(20_261_201), true_value(name, skill), 0
    for _ in range(draws_of(FULL)):
        drawn = simulated(rng, rows, raters, missing, skill)
        if name == "cohen":
            shown = rate(cohens_kappa([row[0] for row in drawn], [row[1] for row in drawn]))
        else:
            shown = rate(STATISTICS[name](rating_table(drawn)))
        covered += shown.low <= truth <= shown.high
    print(name, rows, raters, missing, skill, covered / draws_of(FULL))
    assert_rate(covered, FULL, COVERED, TIGHT_COVERED)
