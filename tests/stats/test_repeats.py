"""pass@k and pass^k beside every choice of k attempts."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats.repeats import pass_all, pass_at


@given(
    st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=5),
    st.integers(1, 6),
)
def test_every_choice_of_k_tries_counts_alike(rows: list[list[bool]], k: int) -> None:
    attempts = [(sum(row), len(row)) for row in rows]
    choices = [list(combinations(row, k)) for row in rows if len(row) >= k]
    for by_k, passes in ((pass_at(attempts, k), any), (pass_all(attempts, k), all)):
        if not choices:
            assert k not in by_k
            continue
        expected = sum(sum(map(passes, row)) / len(row) for row in choices) / len(choices)
        assert by_k[k] == pytest.approx(expected)
