"""What a model's answers were like so far, so that a plan can say what is to be expected.

History(answers=150, input_per_byte=0.27, output_tokens=3.1, latency_s=0.8)
"""

from dataclasses import dataclass

from workbench.store.database import Database

QUERY = """
SELECT count(*), sum(input_tokens), sum(CASE WHEN input_tokens IS NULL THEN 0 ELSE size END),
       avg(output_tokens), avg(latency_s)
FROM completions WHERE model = ?
"""


@dataclass(frozen=True)
class History:
    """Of one model, over all that is kept.

    Attributes:
        input_per_byte: input tokens a byte of the request's body; None where none was counted.
        output_tokens: the mean of an answer; None likewise.
        latency_s: the mean, seconds.
    """

    answers: int = 0
    input_per_byte: float | None = None
    output_tokens: float | None = None
    latency_s: float | None = None


def read_history(database: Database, model: str) -> History:
    """The history of `model`, `provider:name`."""
    ((answers, tokens, size, output, latency),) = database.read(QUERY, (model,))
    return History(answers, tokens / size if size else None, output, latency)
