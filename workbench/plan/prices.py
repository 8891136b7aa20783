"""Misspelt model names under `prices:`.

>>> price_notes(["openai:gpt4o-mini"], ["openai:gpt-4o-mini"])
["no price for 'openai:gpt-4o-mini'; did you mean 'openai:gpt4o-mini'? (workbench.yaml)"]
"""

import difflib
from collections.abc import Collection, Sequence

MIN_SIMILARITY = 0.92  # gpt-4o and gpt-4.1 are two models, gpt4o-mini is a typo


def price_notes(priced: Collection[str], models: Sequence[str]) -> list[str]:
    """Return a note for each model without a price whose near namesake has one.

    Args:
        priced: the names under `prices:` of workbench.yaml.
        models: `provider:name` of the models in use.
    """
    unused = [name for name in priced if name not in models]
    notes: list[str] = []
    for model in dict.fromkeys(models):
        matches = difflib.get_close_matches(model, unused, n=1, cutoff=MIN_SIMILARITY)
        if model not in priced and matches:
            notes.append(f"no price for {model!r}; did you mean {matches[0]!r}? (workbench.yaml)")
    return notes
