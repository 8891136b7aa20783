"""Evaluator: number of tokens of the answer."""

from workbench.evaluator import evaluator
from workbench.model import Completion


@evaluator(higher_is_better=False, unit="tokens", kind="number")
def output_tokens(completion: Completion) -> int | None:
    """Tokens of the answer, counted by the provider; None: not reported. Lower is better."""
    return completion.usage.output_tokens
