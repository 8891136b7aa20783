"""The evidence that a variant is not the best, by bets on the leader."""

from itertools import product

import numpy as np
import pytest

from workbench.stats.leader import LeaderBets


def e_values(scores: np.ndarray, clusters: list[int] | None = None) -> list[float]:
    rows = list(range(len(scores))) if clusters is None else clusters
    bets = LeaderBets(scores.shape[1], max(rows.count(row) for row in rows))
    bets.add(scores, rows)
    return bets.e_values()


def test_without_rows_there_is_no_evidence() -> None:
    bets = LeaderBets(2)
    bets.add(np.zeros((0, 2)), [])
    assert bets.e_values() == [1.0, 1.0]
    assert bets.means().tolist() == [0.0, 0.0]


@pytest.mark.parametrize("clusters", [[0, 1, 2], [0, 0, 1]])
def test_the_bets_are_fair_whoever_leads(clusters: list[int]) -> None:
    """Over all outcomes of coins the wealth is 1 on average, though they choose the leader."""
    outcomes = [np.reshape(coins, (3, 3)) for coins in product([0.0, 1.0], repeat=9)]
    mean = np.mean([e_values(scores, clusters) for scores in outcomes], axis=0)
    assert mean == pytest.approx([1.0, 1.0, 1.0])


def test_evidence_against_all_but_the_best() -> None:
    rng = np.random.default_rng(1)
    evidence = e_values((rng.random((200, 3)) < [0.5, 0.9, 0.6]).astype(float))
    assert evidence[0] > 1_000
    assert evidence[1] < 1
    assert evidence[2] > 1_000


def test_batches_give_the_evidence_of_all_rows() -> None:
    scores = np.random.default_rng(2).random((60, 4))
    scores[3:9, 1] = np.nan
    bets = LeaderBets(4)
    for start, end in ((0, 20), (20, 30), (30, 60)):
        bets.add(scores[start:end], range(start, end))
    assert bets.e_values() == pytest.approx(e_values(scores))
    assert bets.means() == pytest.approx(np.nanmean(scores, axis=0))


def test_copies_of_a_row_say_no_more_than_the_row() -> None:
    scores = (np.random.default_rng(3).random((30, 3)) < 0.7).astype(float)
    copies = [row for row in range(30) for _ in range(5)]
    assert e_values(scores[copies], copies) == pytest.approx(e_values(scores))


def test_a_row_without_a_score_is_no_bet() -> None:
    """The second's 20 right rows are where the first has no score."""
    scores = np.array([[np.nan, 1.0]] * 20 + [[1.0, np.nan]] * 20)
    assert e_values(scores) == [1.0, 1.0]
