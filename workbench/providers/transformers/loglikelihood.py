"""Log-likelihood of given choices after a prompt; no text is generated."""

import torch

from workbench.providers.transformers.batches import Batch
from workbench.providers.transformers.forward import Reader, Reading
from workbench.providers.transformers.uncached import UncachedReader


def score(reader: Reader | UncachedReader, batch: Batch) -> list[list[float]]:
    """The log-likelihood of each choice of each row: the sum over the choice's tokens.

    The prompt is read once for all of a row's choices.
    """
    if isinstance(reader, UncachedReader):
        return [[reader.score(row.prompt, choice) for choice in row.choices] for row in batch.rows]
    reading = reader.read(batch)
    first = reading.logits.log_softmax(dim=-1)
    count = max(len(row.choices) for row in batch.rows)
    columns = [_score_nth(reader, reading, first, batch, nth) for nth in range(count)]
    return [
        [columns[nth][number] for nth in range(len(row.choices))]
        for number, row in enumerate(batch.rows)
    ]


def _score_nth(
    reader: Reader, reading: Reading, first: torch.Tensor, batch: Batch, nth: int
) -> list[float]:
    """The log-likelihood of every row's nth choice; 0 for a row that has fewer."""
    choices = [row.choices[nth] if nth < len(row.choices) else () for row in batch.rows]
    sums = [float(first[number, ids[0]]) if ids else 0.0 for number, ids in enumerate(choices)]
    width = max(len(ids) for ids in choices)
    if width < 2:
        return sums
    padded = torch.tensor(
        [[*ids, *[0] * (width - len(ids))] for ids in choices], device=first.device
    )
    is_token = torch.tensor(
        [[1] * len(ids) + [0] * (width - len(ids)) for ids in choices], device=first.device
    )
    log_probabilities = reader.peek(reading, padded[:, :-1], is_token[:, :-1]).log_softmax(dim=-1)
    following = log_probabilities.gather(2, padded[:, 1:, None])[:, :, 0] * is_token[:, 1:]
    return [total + float(more) for total, more in zip(sums, following.sum(dim=1), strict=True)]
