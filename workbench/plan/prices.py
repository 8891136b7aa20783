"""Prices that were meant for a model of the experiment and stand under another name.

price_notes({"openai:gpt4o-mini": …}, ["openai:gpt-4o-mini"])
    -> ["no price for 'openai:gpt-4o-mini'; did you mean 'openai:gpt4o-mini'?"]
"""

import difflib
from collections.abc import Collection, Sequence

ALIKE = 0.92  # gpt-4o and gpt-4.1 are two models, gpt4o-mini is a slip


def price_notes(priced: Collection[str], models: Sequence[str]) -> list[str]:
    """A note for each of `models` without a price that a name nearly like it has.

    Args:
        priced: the names under `prices:` of workbench.yaml.
        models: `provider:name` of those that are used.
    """
    spare = [name for name in priced if name not in models]
    notes: list[str] = []
    for model in dict.fromkeys(models):
        near = difflib.get_close_matches(model, spare, n=1, cutoff=ALIKE)
        if model not in priced and near:
            notes.append(f"no price for {model!r}; did you mean {near[0]!r}? (workbench.yaml)")
    return notes
