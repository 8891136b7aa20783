"""Forward passes: the shared prefix of a batch once, then each row's own tokens.

cache of a batch:  [ shared prefix | padding | own tokens of the prompt | answer … ]
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import torch
from transformers import Cache, DynamicCache

from workbench.providers.transformers.attention import shared_prefix
from workbench.providers.transformers.batches import Batch
from workbench.providers.transformers.kv_cache import PreallocatedLayer, plain_layers

MAX_TOKENS_AT_ONCE = 1024  # their activations stay in the CPU's cache


@dataclass
class Reading:
    """The state of a batch in the model.

    Attributes:
        mask: 1 for a token, 0 for padding; (rows, tokens in the cache).
        positions: of each row's next token; (rows, 1).
        prefix: layers with the shared prefix of one row, if the cache doesn't hold it.
        logits: of each row's next token; (rows, vocabulary), float32.
    """

    cache: Any
    mask: torch.Tensor
    positions: torch.Tensor
    prefix: Sequence[Any] = ()
    logits: torch.Tensor = field(init=False)

    def keep(self, rows: list[int]) -> None:
        """Remove all rows but these."""
        indices = torch.tensor(rows, device=self.mask.device)
        self.cache.reorder_cache(indices)
        self.mask, self.positions = self.mask[indices], self.positions[indices]
        self.logits = self.logits[indices]


class Reader:
    """A model that reads batches, and caches the last shared prefix.

    Args:
        shares_prefix: the model's attention takes a prefix that is stored once for all rows.
    """

    def __init__(self, model: Any, *, shares_prefix: bool = False) -> None:
        self._model = model
        self._shares_prefix = shares_prefix
        takes_cache = "cache_params" in signature(model.forward).parameters  # Mamba
        self._cache_argument = "cache_params" if takes_cache else "past_key_values"
        self._prefix: tuple[tuple[int, ...], Sequence[Any]] | None = None

    def read(self, batch: Batch) -> Reading:
        """Read the prompts of a batch, their shared prefix once; fastest with the longest first."""
        longest = max(len(row.prompt) for row in batch.rows)
        layers = plain_layers(self._model.config, longest + batch.max_new)
        shared = batch.shared if layers else 0
        unshared_ids = [row.prompt[shared:] for row in batch.rows]
        rows, width = len(unshared_ids), longest - shared
        ids = self._tensor([[0] * (width - len(row)) + list(row) for row in unshared_ids])
        unshared_mask = self._tensor(
            [[0] * (width - len(row)) + [1] * len(row) for row in unshared_ids]
        )
        mask = torch.cat([unshared_mask.new_ones(rows, shared), unshared_mask], dim=1)
        positions = shared + (unshared_mask.cumsum(dim=1) - 1).clamp(min=0)
        reading = Reading(None, mask, positions)
        if layers:
            prefix = self._read_prefix(batch.rows[0].prompt[:shared])
            reading.prefix = prefix if self._shares_prefix else ()
            before = shared if reading.prefix else 0
            capacity = longest + batch.max_new - before
            reading.cache = Cache(
                layers=[PreallocatedLayer(rows, capacity, before) for _ in range(layers)]
            )
            if not reading.prefix:  # written at the beginning of every row
                for layer, source in zip(reading.cache.layers, prefix, strict=False):
                    states = (source.keys, source.values)
                    layer.update(*(state.expand(rows, -1, -1, -1) for state in states))
            reading.logits = self._read_parts(ids, reading)
        else:
            reading.cache = DynamicCache(config=self._model.config)
            reading.logits = self._forward(ids, reading)[:, -1]
        reading.positions = positions[:, -1:] + 1
        return reading

    def _read_parts(self, ids: torch.Tensor, reading: Reading) -> torch.Tensor:
        """The logits after each row, computed for a few rows at a time to skip most padding."""
        begin, logits, width = 0, [], ids.shape[1]
        before = reading.mask.shape[1] - width
        written = 0 if reading.prefix else before  # a prefix in the cache stays there
        while begin < len(ids):
            padding = int(reading.mask[begin:, before:].argmax(dim=1).min())
            rows = slice(begin, begin + max(1, MAX_TOKENS_AT_ONCE // (width - padding)))
            for layer in reading.cache.layers:
                layer.seek(rows, written + padding)
            positions = reading.positions[rows, padding:]
            part = Reading(reading.cache, reading.mask[rows], positions, reading.prefix)
            logits.append(self._forward(ids[rows, padding:], part)[:, -1])
            begin = rows.stop
        for layer in reading.cache.layers:
            layer.seek(slice(None), written + width)
        return torch.cat(logits)

    def step(self, reading: Reading, tokens: torch.Tensor) -> None:
        """Read one more token of each row; `tokens` is (rows,)."""
        reading.mask = torch.cat([reading.mask, reading.mask.new_ones(len(tokens), 1)], dim=1)
        reading.logits = self._forward(tokens[:, None], reading)[:, -1]
        reading.positions = reading.positions + 1

    def peek(self, reading: Reading, ids: torch.Tensor, ids_mask: torch.Tensor) -> torch.Tensor:
        """The logits after each of `ids`; `reading` is unchanged.

        Args:
            reading: of the same rows.
            ids: continuations padded on the right; (rows, tokens).
            ids_mask: 1 for a token, 0 for padding; (rows, tokens).

        Returns:
            (rows, tokens, vocabulary), float32.
        """
        mask = torch.cat([reading.mask, ids_mask], dim=1)
        positions = reading.positions + (ids_mask.cumsum(dim=1) - 1).clamp(min=0)
        if all(isinstance(layer, PreallocatedLayer) for layer in reading.cache.layers):
            cache = copy.copy(reading.cache)
            # The copies write behind the tokens of `reading`, never over them.
            cache.layers = [copy.copy(layer) for layer in reading.cache.layers]
        else:
            cache = copy.deepcopy(reading.cache)  # a recurrent state is changed in place
        extended = Reading(cache, mask, positions, reading.prefix)
        return self._forward(ids, extended, keep=ids.shape[1])

    def _forward(self, ids: torch.Tensor, reading: Reading, keep: int = 1) -> torch.Tensor:
        """The logits after the last `keep` of `ids`, which are added to the cache."""
        with shared_prefix(reading.prefix):
            output = self._model(
                input_ids=ids,
                attention_mask=reading.mask,
                position_ids=reading.positions,
                use_cache=True,
                logits_to_keep=keep,
                **{self._cache_argument: reading.cache},
            )
        logits: torch.Tensor = output.logits[:, -keep:].float()
        return logits

    def _read_prefix(self, ids: tuple[int, ...]) -> Sequence[Any]:
        """The layers of a cache that holds `ids` for one row; empty without ids."""
        if not ids:
            return ()
        if self._prefix is None or self._prefix[0] != ids:
            self._prefix = None  # free the last one first
            cache = DynamicCache(config=self._model.config)
            tokens = self._tensor([list(ids)])
            positions = torch.arange(len(ids), device=tokens.device)[None]
            self._forward(tokens, Reading(cache, torch.ones_like(tokens), positions))
            self._prefix = (ids, cache.layers)
        return self._prefix[1]

    def _tensor(self, rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor(rows, device=self._model.device)
