"""One row at a time, its whole text read again for each token: slow, and right for every model.

It is for models whose state can't be continued, and for texts that cross the length above which
a model with `longrope` computes all rotary positions with other factors.
"""

from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch

from workbench.providers.transformers.batches import Batch


@dataclass
class UncachedReading:
    """A row's tokens, and the logits of its next token; (1, vocabulary), float32."""

    ids: list[int]
    logits: torch.Tensor

    def keep(self, rows: list[int]) -> None:
        """Do nothing: the only row is among `rows`."""


class UncachedReader:
    """A model that reads one row at a time, without a cache."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._takes_keep = "logits_to_keep" in signature(model.forward).parameters

    def read(self, batch: Batch) -> UncachedReading:
        """Read the prompt of a batch of one row."""
        (row,) = batch.rows
        ids = list(row.prompt)
        return UncachedReading(ids, self.logits(ids, keep=1))

    def step(self, reading: UncachedReading, tokens: torch.Tensor) -> None:
        """Add one token; `tokens` is (1,)."""
        reading.ids += tokens.tolist()
        reading.logits = self.logits(reading.ids, keep=1)

    def score(self, prompt: tuple[int, ...], choice: tuple[int, ...]) -> float:
        """The log-likelihood of `choice` behind `prompt`, both read at once."""
        logits = self.logits([*prompt, *choice], keep=len(choice) + 1)[:-1]
        following = torch.tensor(choice, device=logits.device)[:, None]
        return float(logits.log_softmax(dim=-1).gather(1, following).sum())

    def logits(self, ids: list[int], *, keep: int) -> torch.Tensor:
        """The logits after the last `keep` of `ids`; (tokens, vocabulary), float32."""
        options = {"logits_to_keep": keep} if self._takes_keep else {}
        output = self._model(
            input_ids=torch.tensor([ids], device=self._model.device), use_cache=False, **options
        )
        logits: torch.Tensor = output.logits[0, -keep:].float()
        return logits


def rope_border(config: Any) -> int:
    """Tokens above which `longrope` changes all positions; 0: the model has no such border."""
    parameters = getattr(config, "rope_parameters", None) or {}
    kinds = [parameters] if "rope_type" in parameters else list(parameters.values())
    borders = [
        kind.get("original_max_position_embeddings")
        or getattr(config, "original_max_position_embeddings", 0)
        for kind in kinds
        if isinstance(kind, dict) and kind.get("rope_type") == "longrope"
    ]
    return min(borders, default=0)
