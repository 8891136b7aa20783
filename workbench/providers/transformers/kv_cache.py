"""Keys and values of a batch in memory that is allocated once.

    (rows, heads, capacity, size):  [ written tokens | zeros … ]

A cache that grows by copying itself at every token spends half of the time on copying.
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer


class PreallocatedLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values.

    Args:
        rows: number of rows.
        capacity: the most tokens per row.
        before: tokens of a shared prefix that is stored elsewhere, and counts as written.
    """

    def __init__(self, rows: int, capacity: int, before: int) -> None:
        super().__init__()
        self._rows, self._capacity = rows, capacity
        self._before = before
        self._written = 0
        self._part = slice(None)
        self._storage: tuple[torch.Tensor, ...] = ()

    def seek(self, part: slice, written: int) -> None:
        """Write these rows from now on, starting at that token."""
        self._part, self._written = part, written

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append, and return all that is written; (rows, heads, tokens, size)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            # Zeros, because masked padding must not be NaN.
            self._storage = tuple(
                states.new_zeros(self._rows, states.shape[1], self._capacity, states.shape[3])
                for states in (key_states, value_states)
            )
        begin, end = self._written, self._written + key_states.shape[-2]
        for storage, states in zip(self._storage, (key_states, value_states), strict=True):
            storage[self._part, :, begin:end] = states
        self._written = end
        self.keys, self.values = (storage[self._part, :, :end] for storage in self._storage)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens of a row, with those of the shared prefix."""
        return self._before + self._written

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Keep only these rows."""
        self._storage = tuple(storage[beam_idx] for storage in self._storage)


def plain_layers(config: Any, length: int) -> int:
    """Number of a model's layers if each keeps all of `length` tokens; otherwise 0.

    A sliding-window layer counts the padding between a shared prefix and a row's own tokens, so
    everything must fit into its window.
    """
    layers = DynamicCache(config=config).layers
    if any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers):
        return 0
    windows = [layer.sliding_window for layer in layers if layer.is_sliding]
    return len(layers) if all(length <= window for window in windows) else 0
