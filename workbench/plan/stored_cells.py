"""The cells of a plan by their keys alone, and its requests as the store holds them.

    pack_keys(plan)                    [b"5f2c…", b"77ab…"]      32 bytes a cell, by variant
    with_keys(outline, keys, store)    Plan(…, cells=(StoredCells, StoredCells), …)

A plan that is only read needs no template rendered, once its keys are known.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import overload

from workbench.dataset import Example
from workbench.model import Request
from workbench.plan.types import Cell, Plan
from workbench.store import Store

KEY_BYTES = 32  # a SHA-256


class StoredCells(Sequence[Cell]):
    """The cells of one variant; each is made when it is read.

    Args:
        keys: of all cells, in order, 32 bytes each.
        repeats: cells of an example, which stand together.
    """

    def __init__(self, examples: Sequence[Example], keys: bytes, repeats: int) -> None:
        self._examples, self._keys, self._repeats = examples, keys, repeats

    def __len__(self) -> int:
        return len(self._keys) // KEY_BYTES

    @overload
    def __getitem__(self, index: int) -> Cell: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Cell, ...]: ...
    def __getitem__(self, index: int | slice) -> Cell | tuple[Cell, ...]:
        """The cell at a position, or those of a slice."""
        if isinstance(index, slice):
            return tuple(map(self._cell, range(*index.indices(len(self)))))
        return self._cell(range(len(self))[index])

    def numbers(self, keys: Set[str]) -> list[int]:
        """The numbers of the cells with these keys, in order; no cell is made."""
        wanted = {bytes.fromhex(key) for key in keys}
        return [n for n, key in enumerate(_split(self._keys)) if key in wanted] if wanted else []

    def _cell(self, number: int) -> Cell:
        row, repeat = divmod(number, self._repeats)
        key = self._keys[number * KEY_BYTES : (number + 1) * KEY_BYTES]
        return Cell(self._examples[row], repeat, key.hex())


class StoredRequests(Mapping[str, Request]):
    """The requests of a plan by key; each is read from the store, where secrets are redacted.

    Args:
        keys: of the plan's cells, 32 bytes each, by variant.
    """

    def __init__(self, keys: Sequence[bytes], store: Store) -> None:
        self._packed, self._store = keys, store

    def __getitem__(self, key: str) -> Request:
        for request in self._store.requests([key]).values():
            return request
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bytes.fromhex(key) in self._keys

    def __iter__(self) -> Iterator[str]:
        return (key.hex() for key in self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def _keys(self) -> set[bytes]:
        return set(chain.from_iterable(map(_split, self._packed)))


def cell_numbers(cells: Sequence[Cell], keys: Set[str]) -> list[int]:
    """The numbers of the cells of one variant with these keys, in order."""
    if isinstance(cells, StoredCells):
        return cells.numbers(keys)
    return [number for number, cell in enumerate(cells) if cell.key in keys] if keys else []


def pack_keys(plan: Plan) -> list[bytes]:
    """The keys of each variant's cells, in order."""
    return [bytes.fromhex("".join(cell.key for cell in cells)) for cells in plan.cells]


def with_keys(outline: Plan, keys: Sequence[bytes], store: Store) -> Plan:
    """The plan with cells of these keys, by variant, and the requests of the stored answers.

    Raises:
        ValueError: a variant has another number of cells.
    """
    repeats = outline.experiment.repeats
    cells = tuple(StoredCells(outline.examples, packed, repeats) for packed in keys)
    expected = [len(outline.examples) * repeats] * len(outline.variants)
    if [len(each) for each in cells] != expected:
        raise ValueError("the keys are those of another plan")
    stored = sum(expected)
    return replace(outline, cells=cells, bodies=StoredRequests(keys, store), stored=stored)


def _split(keys: bytes) -> Iterator[bytes]:
    return (keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES))
