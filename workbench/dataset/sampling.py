"""A random sample of rows: the first ones of an order that a seed and the rows' ids decide.

So the first 20 rows of a sample of 50 are the sample of 20, and a row keeps its rank when the file
is sorted otherwise. With strata the ranks of all of them are interleaved by their sizes: every
beginning of the sample has each stratum's share of all rows, as near as whole rows can be
(Sainte-Laguë, https://en.wikipedia.org/wiki/Sainte-Laguë_method).

>>> rows = [f"{label}{number}" for label in "aaaab" for number in range(20)]
>>> ids = [f"{row}-{number}" for number, row in enumerate(rows)]
>>> order = draw_sample(ids, 10, seed=7, key=str, stratum=lambda row: row[0])
>>> [sum(row[0] == "b" for row in order[:size]) for size in (5, 10)]
[1, 2]
>>> draw_sample(ids, 3, seed=7, key=str, stratum=lambda row: "") == draw_sample(
...     reversed(ids), 9, seed=7, key=str, stratum=lambda row: "")[:3]
True
"""

import hashlib
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass
class _Stratum(Generic[Row]):
    """The rows of a stratum with the lowest keys, as a heap of negative keys."""

    rows: list[tuple[int, int, Row]] = field(default_factory=list)
    count: int = 0


def draw_sample(
    rows: Iterable[Row],
    size: int,
    *,
    seed: int,
    key: Callable[[Row], str],
    stratum: Callable[[Row], str],
) -> list[Row]:
    """The first `size` rows in the order of `seed`; memory grows with the sample only.

    `key` is a row's id; rows with equal `stratum` are a stratum.
    """
    strata: dict[str, _Stratum[Row]] = {}
    for number, row in enumerate(rows):
        part = strata.setdefault(stratum(row), _Stratum())
        part.count += 1
        text = f"{seed}\0{key(row)}".encode("utf-8", "surrogatepass")
        rank = -int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
        if len(part.rows) < size:
            heapq.heappush(part.rows, (rank, -number, row))
        elif (rank, -number) > part.rows[0][:2]:
            heapq.heapreplace(part.rows, (rank, -number, row))
    ranked = []
    for part in strata.values():
        ordered = sorted(part.rows, key=lambda entry: entry[:2], reverse=True)
        for index, (rank, number, row) in enumerate(ordered):
            ranked.append(((index + 0.5) / part.count, -rank, -number, row))
    ranked.sort(key=lambda entry: entry[:3])
    return [row for *_, row in ranked[:size]]
