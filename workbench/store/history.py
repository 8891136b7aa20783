"""Averages of a model's stored completions, for the forecast of a plan.

History(input_per_byte=0.27, output_tokens=3.1, latency_s=0.8)
"""

from dataclasses import dataclass

from workbench.store.database import Database

QUERY = """
SELECT sum(input_tokens), sum(CASE WHEN input_tokens IS NULL THEN 0 ELSE size END),
       avg(output_tokens), avg(latency_s)
FROM completions WHERE model = ?
"""


@dataclass(frozen=True)
class History:
    """Averages over all stored completions of one model; None if there is nothing to average.

    Attributes:
        input_per_byte: input tokens per byte of the request body.
        output_tokens: mean.
        latency_s: mean, seconds.
    """

    input_per_byte: float | None = None
    output_tokens: float | None = None
    latency_s: float | None = None


def read_history(database: Database, model: str) -> History:
    """Return the history of `model`, `provider:name`."""
    ((tokens, size, output_tokens, latency_s),) = database.read(QUERY, (model,))
    return History(tokens / size if size else None, output_tokens, latency_s)
