"""Rows a few at a time, for whoever decides on some before asking for more.

row_order(plan)          [417, 3, 1_905, …]     rows as if drawn: never by what stands in them
waves(2_000)             [20, 30, 45, 68, …, 2_000]
round_of(plan, {0, 2}, rows, asked)             what these variants ask of these rows
"""

import math
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b

from workbench.model import Request
from workbench.plan.types import Plan

FIRST = 20  # rows before anything is decided
GROWTH = 1.5  # of the rows so far, how many there are after the next wave


def row_order(plan: Plan) -> list[int]:
    """The numbers of the rows in an order that is the same each time and has to do with nothing."""

    def lot(row: int) -> bytes:
        name = f"wave\0{plan.examples[row].id}"
        return blake2b(name.encode("utf-8", "backslashreplace"), digest_size=8).digest()

    return sorted(range(plan.rows), key=lot)


def waves(rows: int, begun: int = 0) -> Iterator[int]:
    """How many of so many rows there are after each wave, `begun` of them being there already."""
    done = begun
    while done < rows:
        done = min(rows, max(FIRST, math.ceil(done * GROWTH)))
        yield done


def round_of(
    plan: Plan, variants: Collection[int], rows: Sequence[int], asked: set[str]
) -> tuple[tuple[Request, ...], ...]:
    """Of each variant of the plan what these ask of some rows, an equal request once.

    Args:
        plan: what it need not send is in no round.
        variants: the numbers of those that ask.
        rows: their numbers.
        asked: keys of earlier rounds; those of this one are added.
    """
    repeats = plan.experiment.repeats
    needed = {request.key for requests in plan.requests for request in requests} - asked
    found: list[tuple[Request, ...]] = []
    for number, cells in enumerate(plan.cells):
        own: dict[str, Request] = {}
        for row in rows if number in variants else ():
            for cell in cells[row * repeats : (row + 1) * repeats]:
                if cell.key in needed:
                    own.setdefault(cell.key, plan.bodies[cell.key])
        needed.difference_update(own)
        asked.update(own)
        found.append(tuple(own.values()))
    return tuple(found)
