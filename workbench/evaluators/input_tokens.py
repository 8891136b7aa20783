"""Evaluator: number of tokens of the prompt."""

from workbench.evaluator import evaluator
from workbench.model import Completion


@evaluator(higher_is_better=False, unit="tokens", kind="number")
def input_tokens(completion: Completion) -> int | None:
    """Tokens of the prompt, counted by the provider; None: not reported. Lower is better."""
    return completion.usage.input_tokens
