"""How many tokens an answer takes."""

from workbench.evaluator import evaluator
from workbench.model import Completion


@evaluator(higher_is_better=False, unit="tokens", kind="number")
def output_tokens(completion: Completion) -> int | None:
    """Tokens of the answer as the provider counted them; lower is better. None: it didn't say."""
    return completion.usage.output_tokens
