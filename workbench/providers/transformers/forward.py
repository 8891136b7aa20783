"""Prompts through the model: the shared beginning once, then each row's own rest.

cache of a batch:  [ shared beginning | padding | rest of the prompt | answer … ]
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from workbench.providers.transformers.attention import adopt, beginning
from workbench.providers.transformers.kv_cache import plain_layers, roomy, write_for_all

PIECE = 1024  # tokens read at once: what they come to in between stays in the processor's cache


@dataclass
class Reading:
    """What the model holds of a batch.

    Attributes:
        mask: 1 where a token is, 0 where there is padding; (rows, tokens in the cache).
        positions: where each row's next token stands; (rows, 1).
        begun: layers of one row that every row begins with and the cache doesn't hold.
        logits: of each row's next token; (rows, vocabulary), float32.
    """

    cache: Any
    mask: torch.Tensor
    positions: torch.Tensor
    begun: Sequence[Any] = ()
    logits: torch.Tensor = field(init=False)

    def keep(self, rows: list[int]) -> None:
        """Forget all rows but these."""
        kept = torch.tensor(rows, device=self.mask.device)
        self.cache.batch_select_indices(kept)
        self.mask, self.positions = self.mask[kept], self.positions[kept]
        self.logits = self.logits[kept]


class Reader:
    """A model that reads batches, and remembers the last shared beginning."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept_once = adopt(model)
        self._begun: tuple[tuple[int, ...], Sequence[Any]] | None = None

    def read(self, prompts: Sequence[tuple[int, ...]], *, shared: int, room: int) -> Reading:
        """Read a batch of prompts.

        Args:
            prompts: ids, of any lengths; quickest with the longest first.
            shared: how many first tokens the prompts have in common and are read once.
            room: the most tokens that will be read after them.
        """
        longest = max(len(prompt) for prompt in prompts)
        layers = plain_layers(self._model.config, longest + room)
        shared = shared if layers else 0
        rests = [prompt[shared:] for prompt in prompts]
        width = longest - shared
        ids = self._tensor([[0] * (width - len(rest)) + list(rest) for rest in rests])
        own = self._tensor([[0] * (width - len(rest)) + [1] * len(rest) for rest in rests])
        mask = torch.cat([own.new_ones(len(rests), shared), own], dim=1)
        positions = shared + (own.cumsum(dim=1) - 1).clamp(min=0)
        reading = Reading(None, mask, positions)
        if layers:
            begun = self._beginning(prompts[0][:shared])
            reading.begun = begun if self._kept_once else ()
            kept = shared if reading.begun else 0
            reading.cache = roomy(
                layers, rows=len(rests), capacity=longest + room - kept, before=kept
            )
            if not reading.begun:
                write_for_all(reading.cache, begun, len(rests))
            reading.logits = self._in_pieces(ids, reading, width=width)
        else:
            reading.cache = DynamicCache(config=self._model.config)
            reading.logits = self._forward(ids, reading)[:, -1]
        reading.positions = positions[:, -1:] + 1
        return reading

    def _in_pieces(self, ids: torch.Tensor, reading: Reading, *, width: int) -> torch.Tensor:
        """The logits after each row, read a few rows at a time, without most of their padding."""
        begin, logits = 0, []
        written = reading.cache.get_seq_length() - reading.mask.shape[1] + width
        before = reading.mask.shape[1] - width
        while begin < len(ids):
            padding = int(reading.mask[begin:, before:].argmax(dim=1).min())
            rows = slice(begin, begin + max(1, PIECE // (width - padding)))
            for layer in reading.cache.layers:
                layer.turn_to(rows, written + padding)
            places = reading.positions[rows, padding:]
            piece = Reading(reading.cache, reading.mask[rows], places, reading.begun)
            logits.append(self._forward(ids[rows, padding:], piece)[:, -1])
            begin = rows.stop
        for layer in reading.cache.layers:
            layer.turn_to(slice(None), written + width)
        return torch.cat(logits)

    def step(self, reading: Reading, tokens: torch.Tensor) -> None:
        """Read one more token of each row; `tokens` is (rows,)."""
        reading.mask = torch.cat([reading.mask, reading.mask.new_ones(len(tokens), 1)], dim=1)
        reading.logits = self._forward(tokens[:, None], reading)[:, -1]
        reading.positions = reading.positions + 1

    def peek(self, reading: Reading, ids: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """The logits after each of `ids`, leaving `reading` as it was.

        Args:
            reading: of the same rows.
            ids: continuations padded on the right; (rows, tokens).
            own: 1 where `ids` has a token, 0 where it is padded.

        Returns:
            (rows, tokens, vocabulary), float32.
        """
        mask = torch.cat([reading.mask, own], dim=1)
        positions = reading.positions + torch.arange(ids.shape[1], device=ids.device)
        cache = copy.copy(reading.cache)
        # Reading on writes behind what `reading` knows of, never over it.
        cache.layers = [copy.copy(layer) for layer in reading.cache.layers]
        ahead = Reading(cache, mask, positions, reading.begun)
        return self._forward(ids, ahead, keep=ids.shape[1])

    def _forward(self, ids: torch.Tensor, into: Reading, keep: int = 1) -> torch.Tensor:
        """The logits after the last `keep` of `ids`, whose keys and values go `into` its cache."""
        with beginning(into.begun):
            found = self._model(
                input_ids=ids,
                attention_mask=into.mask,
                position_ids=into.positions,
                past_key_values=into.cache,
                use_cache=True,
                logits_to_keep=keep,
            )
        logits: torch.Tensor = found.logits.float()
        return logits

    def _beginning(self, ids: tuple[int, ...]) -> Sequence[Any]:
        """The layers of a cache that holds `ids` for one row; none where there are no ids."""
        if not ids:
            return ()
        if self._begun is None or self._begun[0] != ids:
            self._begun = None  # free the last one first
            cache = DynamicCache(config=self._model.config)
            tokens = self._tensor([list(ids)])
            places = torch.arange(len(ids), device=tokens.device)[None]
            self._forward(tokens, Reading(cache, torch.ones_like(tokens), places))
            self._begun = (ids, cache.layers)
        return self._begun[1]

    def _tensor(self, rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor(rows, device=self._model.device)
