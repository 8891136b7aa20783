"""The order in which scores that are made of others can be computed.

combination_order(evaluators)     [quality, which is made of two others, passed, made of quality]
"""

from collections.abc import Iterable
from graphlib import TopologicalSorter

from workbench.evaluator.contract import Evaluator


def combination_order(evaluators: Iterable[Evaluator]) -> list[Evaluator]:
    """Return the evaluators that combine the scores of a row, each behind those it is made of."""
    combined = {e.name: e for e in evaluators if e.combination and not e.traits.by_column}
    parts = {
        name: [part.name for part in evaluator.combination.parts if part.name in combined]
        for name, evaluator in combined.items()
        if evaluator.combination
    }
    return [combined[name] for name in TopologicalSorter(parts).static_order()]
