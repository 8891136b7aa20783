"""The order in which scores that are made of others can be computed.

combination_order(evaluators)     [quality, which is made of two others, passed, made of quality]
"""

from collections.abc import Iterable

from workbench.evaluator.contract import Evaluator


def combination_order(evaluators: Iterable[Evaluator]) -> list[Evaluator]:
    """Return the evaluators that combine the scores of a row, each behind those it is made of."""
    waiting = {e.name: e for e in evaluators if e.combination and not e.traits.by_column}
    ordered: list[Evaluator] = []

    def add(name: str) -> None:
        evaluator = waiting.pop(name, None)
        if evaluator and evaluator.combination:
            for part in evaluator.combination.parts:
                add(part.name)
            ordered.append(evaluator)

    for name in list(waiting):
        add(name)
    return ordered
