"""Free text, generated one token at a time for a batch; finished rows are removed from it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from workbench.canonical import JSON
from workbench.providers.transformers.batches import Batch, BatchRow
from workbench.providers.transformers.forward import Reader
from workbench.providers.transformers.tokens import Tokens
from workbench.providers.transformers.uncached import UncachedReader

# Removing finished rows copies the cache, which pays off when enough rows have finished.
MAX_OPEN_SHARE = 0.75


@dataclass
class Answer:
    """The answer of one row, token by token.

    Attributes:
        finish: `stop` at the end of the text or a stop string, `length` at the most tokens,
            `nan` if the model computed NaN; empty until it has finished.
    """

    row: BatchRow
    end_ids: frozenset[int]
    generator: torch.Generator
    ids: list[int] = field(default_factory=list)
    text: str = ""
    finish: str = ""

    def add(self, token: int, tokens: Tokens) -> None:
        """Add `token`, and finish if it was the last."""
        self.ids.append(token)
        if token in self.end_ids:
            self.finish, self.text = "stop", tokens.decode(self.row.prompt, self.ids[:-1])
        elif self._may_hold_stop(tokens):
            text = tokens.decode(self.row.prompt, self.ids)
            cuts = [text.find(stop) for stop in self.stops if stop in text]
            if cuts:
                self.finish, self.text = "stop", text[: min(cuts)]
        if not self.finish and len(self.ids) == self.row.max_new:
            self.finish, self.text = "length", tokens.decode(self.row.prompt, self.ids)

    @property
    def stops(self) -> Sequence[str]:
        """The strings that end the answer, and are not part of it."""
        return tuple(self.row.question.body.get("stop", ()))

    def _may_hold_stop(self, tokens: Tokens) -> bool:
        """True if the last tokens may complete a stop string; cheaper than decoding all of them."""
        if not self.stops:
            return False
        reach = max(len(stop.encode()) for stop in self.stops) + 1
        recent = tokens.decode(self.row.prompt, self.ids[-reach:])
        return len(self.ids) <= reach or any(stop in recent for stop in self.stops)


def generate(
    reader: Reader | UncachedReader, batch: Batch, tokens: Tokens, end_ids: frozenset[int]
) -> list[Answer]:
    """One finished answer per row of the batch, in its order."""
    answers = [Answer(row, end_ids, _generator(row)) for row in batch.rows]
    reading = reader.read(batch)
    active = answers  # those in `reading`
    while True:
        picked = _pick(reading.logits, active)
        for answer, token in zip(active, picked.tolist(), strict=True):
            if not answer.finish:
                answer.add(token, tokens)
        open_rows = [number for number, answer in enumerate(active) if not answer.finish]
        if not open_rows:
            return answers
        if len(open_rows) <= MAX_OPEN_SHARE * len(active):
            reading.keep(open_rows)
            picked = picked[open_rows]
            active = [active[number] for number in open_rows]
        reader.step(reading, picked)  # type: ignore[arg-type]  # each reader has its own readings


def _pick(logits: torch.Tensor, answers: Sequence[Answer]) -> torch.Tensor:
    best, picked = logits.max(dim=-1)  # NaN if any logit is
    for number, is_number in enumerate(best.isfinite().tolist()):
        answer = answers[number]
        if answer.finish:
            continue
        body = answer.row.question.body
        if is_number and "repetition_penalty" in body:
            _penalize(logits[number], answer, body["repetition_penalty"])
            picked[number] = logits[number].argmax()
        if not is_number:
            answer.finish = "nan"
        elif body.get("temperature"):
            picked[number] = _sample(logits[number].cpu(), body, answer.generator)
    return picked


def _penalize(logits: torch.Tensor, answer: Answer, penalty: float) -> None:
    """Make tokens of the prompt and the answer less likely, as in CTRL (arXiv:1909.05858)."""
    used = torch.tensor([*answer.row.prompt, *answer.ids], device=logits.device).unique()
    scores = logits[used]
    logits[used] = torch.where(scores < 0, scores * penalty, scores / penalty)


def _sample(logits: torch.Tensor, body: Mapping[str, JSON], generator: torch.Generator) -> int:
    return int(torch.multinomial(_probabilities(logits, body), 1, generator=generator))


def _probabilities(logits: torch.Tensor, body: Mapping[str, JSON]) -> torch.Tensor:
    """Chances of the tokens, in proportion; 0 outside of top_k and top_p."""
    # In float64 even the smallest temperature gives no NaN: 0 for the best, -inf for the others.
    probabilities = ((logits - logits.max()).double() / body["temperature"]).softmax(dim=-1)
    if "top_k" in body:
        least = probabilities.topk(min(body["top_k"], len(probabilities))).values[-1]
        probabilities[probabilities < least] = 0
        probabilities /= probabilities.sum()
    if "top_p" in body:
        ordered, order = probabilities.sort(descending=True)
        before = ordered.cumsum(dim=-1) - ordered
        probabilities[order[before >= body["top_p"]]] = 0
    return probabilities


def _generator(row: BatchRow) -> torch.Generator:
    """A generator of the row's own, so that its text doesn't depend on the rest of the batch."""
    seed = row.question.body.get("seed")
    if seed is None:
        seed = int.from_bytes(hashlib.sha256(row.question.key.encode()).digest()[:7], "big")
    return torch.Generator().manual_seed(seed)
