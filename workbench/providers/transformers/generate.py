"""Free text: a token at a time for a whole batch, rows leaving as they finish."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from workbench.canonical import JSON
from workbench.providers.transformers.batches import Batch, BatchRow
from workbench.providers.transformers.forward import Reader
from workbench.providers.transformers.tokens import Tokens

# Taking finished rows out copies the cache, which pays when a good part of the rows has finished.
KEPT_SHARE = 0.75


@dataclass
class Answer:
    """One row's answer while it grows.

    Attributes:
        finish: `stop` at the end of the text or a stop string, `length` where the room ran out,
            `nan` where the model computed no number to choose a token by.
    """

    row: BatchRow
    end_ids: frozenset[int]
    generator: torch.Generator
    ids: list[int] = field(default_factory=list)
    text: str = ""
    finish: str = ""

    def take(self, token: int, tokens: Tokens) -> None:
        """Go on with `token`, and see whether that was the last."""
        self.ids.append(token)
        if token in self.end_ids:
            self._finish("stop", tokens.decode(self.row.prompt, self.ids[:-1]))
        elif self._may_hold_stop(tokens):
            text = tokens.decode(self.row.prompt, self.ids)
            cuts = [text.find(stop) for stop in self.stops if stop in text]
            if cuts:
                self._finish("stop", text[: min(cuts)])
        if not self.finish and len(self.ids) == self.row.room:
            self._finish("length", tokens.decode(self.row.prompt, self.ids))

    def give_up(self) -> None:
        """End it without a text: what the model computes is no number."""
        self._finish("nan", "")

    @property
    def stops(self) -> Sequence[str]:
        """The strings before which the answer ends."""
        return tuple(self.row.question.body.get("stop", ()))

    def _may_hold_stop(self, tokens: Tokens) -> bool:
        """Whether a stop string may just have ended: decodes the last tokens, not all of them."""
        if not self.stops:
            return False
        reach = max(len(stop.encode()) for stop in self.stops) + 1
        recent = tokens.decode(self.row.prompt, self.ids[-reach:])
        return len(self.ids) <= reach or any(stop in recent for stop in self.stops)

    def _finish(self, reason: str, text: str) -> None:
        self.finish, self.text = reason, text


def answer(reader: Reader, batch: Batch, tokens: Tokens, end_ids: frozenset[int]) -> list[Answer]:
    """One finished answer per row of the batch, in its order."""
    room = max(row.room for row in batch.rows)
    answers = [Answer(row, end_ids, _generator(row)) for row in batch.rows]
    reading = reader.read([row.prompt for row in batch.rows], shared=batch.shared, room=room)
    growing = answers
    while True:
        picked = _pick(reading.logits, growing)
        for one, token in zip(growing, picked.tolist(), strict=True):
            if not one.finish:
                one.take(token, tokens)
        open_rows = [number for number, one in enumerate(growing) if not one.finish]
        if not open_rows:
            return answers
        if len(open_rows) <= KEPT_SHARE * len(growing):
            reading.keep(open_rows)
            picked = picked[open_rows]
            growing = [growing[number] for number in open_rows]
        reader.step(reading, picked)


def _pick(logits: torch.Tensor, growing: Sequence[Answer]) -> torch.Tensor:
    best, picked = logits.max(dim=-1)  # NaN where any is
    for number, sound in enumerate(best.isfinite().tolist()):
        one = growing[number]
        if one.finish:
            continue
        if not sound:
            one.give_up()
        elif one.row.question.body.get("temperature"):
            picked[number] = _sample(logits[number].cpu(), one.row.question.body, one.generator)
    return picked


def _sample(logits: torch.Tensor, body: Mapping[str, JSON], generator: torch.Generator) -> int:
    # In float64 the smallest temperature still leaves numbers: 0 for the best, -inf for others.
    chances = ((logits - logits.max()).double() / body["temperature"]).softmax(dim=-1)
    if "top_p" in body:
        ordered, order = chances.sort(descending=True)
        before = ordered.cumsum(dim=-1) - ordered
        chances[order[before >= body["top_p"]]] = 0
    return int(torch.multinomial(chances, 1, generator=generator))


def _generator(row: BatchRow) -> torch.Generator:
    """Each row has its own, so that its text doesn't depend on its neighbours in the batch."""
    seed = row.question.body.get("seed")
    if seed is None:
        seed = int.from_bytes(hashlib.sha256(row.question.key.encode()).digest()[:7], "big")
    return torch.Generator().manual_seed(seed)
