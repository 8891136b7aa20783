"""Rows in batches that grow, for decisions that are made before all rows are asked for.

>>> list(batch_ends(200))
[20, 30, 45, 68, 102, 153, 200]
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b

from workbench.model import Request
from workbench.plan.types import Plan

FIRST_BATCH = 20  # rows before anything is decided
GROWTH = 1.5  # factor on the number of rows from one batch to the next


def shuffled_rows(plan: Plan) -> list[int]:
    """Return the row numbers in a fixed order that is independent of the rows' content.

    The rows of a cluster stand together; a cluster is one for all variants of the plan.
    """
    clusters = plan.clusters(range(len(plan.variants)))

    def order(row: int) -> bytes:
        name = f"wave\0{plan.examples[row].id}"
        return blake2b(name.encode("utf-8", "backslashreplace"), digest_size=8).digest()

    digests = [order(row) for row in range(plan.rows)]
    firsts: dict[int, bytes] = {}
    for cluster, row_digest in zip(clusters, digests, strict=True):
        firsts.setdefault(cluster, row_digest)
    return sorted(
        range(plan.rows), key=lambda row: (firsts[clusters[row]], clusters[row], digests[row])
    )


def batch_ends(rows: int, done: int = 0) -> Iterator[int]:
    """Yield how many of `rows` rows are asked for after each batch; `done` were before."""
    while done < rows:
        done = min(rows, max(FIRST_BATCH, math.ceil(done * GROWTH)))
        yield done


def cluster_ends(order: Sequence[int], clusters: Sequence[int], done: int = 0) -> Iterator[int]:
    """As `batch_ends` of these rows, but no batch ends between two rows of a cluster.

    >>> list(cluster_ends(range(50), clusters=[row // 16 for row in range(50)]))
    [32, 48, 50]
    """
    for end in batch_ends(len(order), done):
        while end < len(order) and clusters[order[end]] == clusters[order[end - 1]]:
            end += 1
        if end > done:
            yield end
        done = max(done, end)


def batch_requests(
    plan: Plan, variants: Collection[int], rows: Sequence[int], sent: set[str]
) -> tuple[tuple[Request, ...], ...]:
    """Return the requests of some variants for some rows, by variant, equal requests once.

    Requests that the plan need not send are left out, and those whose keys are in `sent`; the keys
    of this batch are added to it.
    """
    repeats = plan.experiment.repeats
    unsent = {request.key for requests in plan.requests for request in requests} - sent
    batch: list[tuple[Request, ...]] = []
    for number, cells in enumerate(plan.cells):
        by_key: dict[str, Request] = {}
        for row in rows if number in variants else ():
            for cell in cells[row * repeats : (row + 1) * repeats]:
                if cell.key in unsent:
                    by_key.setdefault(cell.key, plan.bodies[cell.key])
        unsent.difference_update(by_key)
        sent.update(by_key)
        batch.append(tuple(by_key.values()))
    return tuple(batch)


def interleave(plan: Plan, requests: Iterable[Request], rows: Sequence[int]) -> list[Request]:
    """Return the requests row by row, in the order of `rows`.

    A server's load drifts, so variants are fairly compared in time only where their answers to a
    row are asked for together. Within a row the order is that of the keys: they are digests, so
    for each row it is as good as drawn, and no variant is always asked first.
    """
    repeats, by_key = plan.experiment.repeats, {request.key: request for request in requests}
    positions = {row: position for position, row in enumerate(rows)}
    first: dict[str, int] = {}
    for cells in plan.cells:
        for index, cell in enumerate(cells):
            if cell.key in by_key:
                position = positions[index // repeats]
                first[cell.key] = min(position, first.get(cell.key, position))
    return [by_key[key] for key in sorted(by_key, key=lambda key: (first[key], key))]
