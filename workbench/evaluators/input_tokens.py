"""How many tokens a prompt takes."""

from workbench.evaluator import evaluator
from workbench.model import Completion


@evaluator(higher_is_better=False, unit="tokens", kind="number")
def input_tokens(completion: Completion) -> int | None:
    """Tokens of the prompt as the provider counted them; lower is better. None: it didn't say."""
    return completion.usage.input_tokens
