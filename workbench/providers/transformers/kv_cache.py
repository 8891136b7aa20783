"""Keys and values of a batch in memory taken once, written on in place.

A cache that grows by copying itself at every token spends half of all time on that.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values.

    Args:
        rows: that there is room for.
        capacity: tokens that there is room for.
        before: tokens of a shared beginning that is kept elsewhere, and counts.
    """

    def __init__(self, rows: int, capacity: int, before: int) -> None:
        super().__init__()
        self._size = (rows, capacity)
        self._before = before
        self._written = 0
        self._part = slice(None)
        self._room: tuple[torch.Tensor, ...] = ()

    def turn_to(self, part: slice, written: int) -> None:
        """From here on these rows are written, from that token on."""
        self._part, self._written = part, written

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write on, and return all that is written; (rows, heads, tokens, size)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._room = tuple(self._take(states) for states in (key_states, value_states))
        begin, end = self._written, self._written + key_states.shape[-2]
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[self._part, :, begin:end] = states
        self._written = end
        self.keys, self.values = (room[self._part, :, :end] for room in self._room)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens that a row has, with those of the shared beginning."""
        return self._before + self._written

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only these rows."""
        self._room = tuple(room[indices] for room in self._room)

    def _take(self, states: torch.Tensor) -> torch.Tensor:
        _, heads, _, size = states.shape
        rows, capacity = self._size
        # Zeros: what is padding and not written counts for nothing, unless it is no number.
        return states.new_zeros(rows, heads, capacity, size)


def roomy(layers: int, *, rows: int, capacity: int, before: int = 0) -> Cache:
    """A cache of `layers` layers like that."""
    return Cache(layers=[RoomyLayer(rows, capacity, before) for _ in range(layers)])


def write_for_all(cache: Cache, begun: Sequence[Any], rows: int) -> None:
    """Writes what `begun`, layers of one row, hold at the beginning of every row."""
    for layer, one in zip(cache.layers, begun, strict=False):
        layer.update(one.keys.expand(rows, -1, -1, -1), one.values.expand(rows, -1, -1, -1))


def plain_layers(config: Any, length: int) -> int:
    """How many layers a model has that keep all of `length` tokens; 0 where some layer doesn't.

    A layer that looks back over a window counts the padding between a shared beginning and a
    row's own rest, so it is plain only while everything fits into its window.
    """
    layers = DynamicCache(config=config).layers
    if any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers):
        return 0
    windows = [layer.sliding_window for layer in layers if layer.is_sliding]
    return len(layers) if all(length <= window for window in windows) else 0
