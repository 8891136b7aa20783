"""Invented values: texts in the answer's JSON that don't stand in the e-mail."""

import json
from typing import Any

from workbench.evaluator import Score, evaluator


@evaluator(kind="pass")
def nothing_invented(inputs: dict[str, Any], outputs: str, *, fields: list[str]) -> Score | None:
    """True if the e-mail has the texts of these fields; None for an answer without an object."""
    try:
        order = json.loads(outputs)
    except ValueError:
        return None
    if not isinstance(order, dict):
        return None
    texts = [order[field] for field in fields if isinstance(order.get(field), str)]
    invented = [text for text in texts if text not in inputs["mail"]]
    return Score(not invented, f"not in the e-mail: {', '.join(invented)}" if invented else "")
