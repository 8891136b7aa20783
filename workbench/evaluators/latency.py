"""How long an answer took."""

from workbench.evaluator import evaluator
from workbench.model import Completion


@evaluator(higher_is_better=False, unit="s", kind="number")
def latency(completion: Completion) -> float | None:
    """Seconds from sending the request to the last byte of the answer; lower is better.

    For a stored answer, as measured when it was made. None where it was not measured.
    """
    return completion.latency_s
