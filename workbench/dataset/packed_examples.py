"""Examples as compressed blocks; a block is decoded when one of its rows is read.

blocks = list(pack_examples(dataset.examples))
PackedExamples(blocks, 100_000)[17]      Example("17", …)
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from typing import overload

from workbench.canonical import encode_function
from workbench.dataset.types import Example
from workbench.workers.garbage import paused_gc

BLOCK = 50  # rows; a page shows as many at first
RECENT = 16  # decoded blocks that stay in memory
LEVEL = 1  # of zlib: a higher one takes three times as long for a tenth of the size

_encode = encode_function(json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=dict))


def pack_examples(examples: Sequence[Example]) -> Iterator[bytes]:
    """Blocks of examples, in order.

    Raises:
        TypeError, ValueError: a value is no JSON.
    """
    for start in range(0, len(examples), BLOCK):
        rows = [(e.id, *e.columns(), e.turn) for e in examples[start : start + BLOCK]]
        yield zlib.compress(_encode(rows).encode("ascii"), LEVEL)


class PackedExamples(Sequence[Example]):
    """The examples of a dataset; once all have been read, all stay in memory.

    Args:
        blocks: as `pack_examples` makes them.
        count: of the examples.
    """

    def __init__(self, blocks: Sequence[bytes | memoryview], count: int) -> None:
        if len(blocks) != -(-count // BLOCK):
            raise ValueError("the blocks are those of another dataset")
        self._blocks, self._count = blocks, count
        self._block = lru_cache(RECENT)(self._decode)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        """The example at a position, or those of a slice."""
        if isinstance(index, slice):
            return self._all[index]
        if "_all" in self.__dict__:
            return self._all[index]
        block, place = divmod(range(self._count)[index], BLOCK)
        return self._block(block)[place]

    def __iter__(self) -> Iterator[Example]:
        return iter(self._all)

    def __reduce__(self) -> tuple[type, tuple[tuple[Example, ...]]]:
        """Another process gets a tuple."""
        return tuple, (self._all,)

    def texts(self) -> Iterator[str]:
        """The JSON of each block, in which every text of its rows stands."""
        return (zlib.decompress(block).decode("ascii") for block in self._blocks)

    @cached_property
    def _all(self) -> tuple[Example, ...]:
        with paused_gc():
            return tuple(chain.from_iterable(map(self._decode, range(len(self._blocks)))))

    def _decode(self, number: int) -> list[Example]:
        rows = json.loads(zlib.decompress(self._blocks[number]))
        return [Example(*row) for row in rows]
