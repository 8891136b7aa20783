"""By what a person knows each row of a run: its one text, or all inputs.

names([cell, …])    ["a joy", "r2 · a bore", "r3 · a bore"]

MLflow's comparison pairs the rows of two runs by this text and nothing else, so rows that read the
same are told apart by their ids, and repeats by their numbers.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from workbench.canonical import JSON
from workbench.plan import Cell

PREVIEW = 1000  # characters


def names(cells: Sequence[Cell]) -> list[str]:
    """Of all rows of a run, in their order: a part of them may get other names."""
    texts = [_preview(cell.example.inputs) for cell in cells]
    seen = Counter(texts)
    found: list[str] = []
    for text, cell in zip(texts, cells, strict=True):
        if seen[text] > 1 or len(text) > PREVIEW:
            repeat = f" #{cell.repeat + 1}" if seen[text] > 1 else ""
            found.append(f"{cell.example.id}{repeat} · {text}"[:PREVIEW])
        else:
            found.append(text)
    return found


def _preview(inputs: Mapping[str, JSON]) -> str:
    values = list(inputs.values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return json.dumps(dict(inputs), ensure_ascii=False)
