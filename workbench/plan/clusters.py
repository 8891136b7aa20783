"""Clusters: rows that are not independent, because they are copies or belong to one group.

    row  text         passage  cluster
    0    A fun ride.  a        0
    1    Dull.        b        1
    2    A fun ride.  c        0        renders to the same request as row 0
    3    Loved it.    b        1        is in row 1's group, by the dataset's `cluster:` column

>>> number_clusters(4, [find_copies("xyxz"), find_copies("abcb")])
(0, 1, 0, 1)
"""

from collections.abc import Hashable, Iterable

Copies = tuple[tuple[int, int], ...]  # number of a row, and of the first row that is equal


def find_copies(keys: Iterable[Hashable]) -> Copies:
    """Return each row whose key an earlier row has, with the first row of that key."""
    first_rows: dict[Hashable, int] = {}
    firsts = enumerate([first_rows.setdefault(key, row) for row, key in enumerate(keys)])
    return tuple((row, first) for row, first in firsts if row != first)


def number_clusters(rows: int, links: Iterable[Copies]) -> tuple[int, ...]:
    """Return the number of each row's cluster, by first appearance, from 0.

    Rows that are linked, directly or through others, are one cluster.
    """
    links = [copies for copies in links if copies]
    if not links:
        return tuple(range(rows))
    parents = list(range(rows))  # union-find

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for row, first in (pair for copies in links for pair in copies):
        earlier, later = sorted((root(row), root(first)))
        parents[later] = earlier
    numbers: dict[int, int] = {}
    return tuple(numbers.setdefault(root(row), len(numbers)) for row in range(rows))
