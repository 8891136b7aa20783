"""What k tries of a row come to, beside every choice of k."""

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
    said = [(sum(row), len(row)) for row in rows]
    chosen = [list(combinations(row, k)) for row in rows if len(row) >= k]
    if not chosen:
        assert (pass_at(said, k), pass_all(said, k)) == (None, None)
        return
    for found, of in ((pass_at(said, k), any), (pass_all(said, k), all)):
        wanted = sum(sum(map(of, own)) / len(own) for own in chosen) / len(chosen)
        assert found == pytest.approx(wanted)
