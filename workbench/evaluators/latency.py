"""Evaluator: seconds until the answer."""

from workbench.evaluator import evaluator
from workbench.model import Completion


@evaluator(higher_is_better=False, unit="s", kind="number")
def latency(completion: Completion) -> float | None:
    """Seconds from sending the request to the last byte of the answer; lower is better.

    A stored answer keeps its first measurement. None: not measured.
    """
    return completion.latency_s
