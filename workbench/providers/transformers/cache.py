"""Keys and values of a batch in memory taken once, written on in place.

A cache that grows by copying itself at every token spends half of all time on that.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values, with room for `capacity` tokens."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._room: tuple[torch.Tensor, ...] = ()

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write on, and return all that is written; (rows, heads, tokens, size)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._room = tuple(self._take(states) for states in (key_states, value_states))
        begin = self.get_seq_length()
        end = begin + key_states.shape[-2]
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, begin:end] = states
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only these rows."""
        end = self.get_seq_length()
        self._room = tuple(room[indices] for room in self._room)
        self._show(end)

    def _take(self, states: torch.Tensor) -> torch.Tensor:
        rows, heads, _, size = states.shape
        return states.new_empty(rows, heads, self._capacity, size)

    def _show(self, end: int) -> None:
        self.keys, self.values = (room[:, :, :end] for room in self._room)


def roomy(begun: Sequence[Any], *, layers: int, rows: int, capacity: int) -> Cache:
    """A cache for `rows` rows, each beginning with what `begun`, layers of one row, hold."""
    made = [RoomyLayer(capacity) for _ in range(layers)]
    for layer, beginning in zip(made, begun, strict=False):
        layer.update(
            beginning.keys.expand(rows, -1, -1, -1), beginning.values.expand(rows, -1, -1, -1)
        )
    return Cache(layers=made)


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
