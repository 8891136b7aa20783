"""Totals of the store: completions, tokens and cost by model, calls without a completion.

ModelStatistics("openai:gpt-4o-mini", {"ok": 150}, input_tokens=120_000, cost=0.018, …)
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from workbench.project import Price
from workbench.store.completions import Store
from workbench.store.leases import Owner, UnansweredCall

BY_MODEL = """
SELECT model, state, count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
       sum(input_tokens IS NULL OR output_tokens IS NULL),
       sum(length(completion) + length(request))
FROM completions GROUP BY model, state ORDER BY model, state
"""
BY_OUTCOME = """
SELECT outcome, count(*), sum(cost), sum(cost IS NULL) FROM calls GROUP BY outcome ORDER BY outcome
"""


@dataclass
class ModelStatistics:
    """Totals of one model.

    Attributes:
        model: `provider:name`.
        states: completions by state.
        uncounted: completions without token counts from the provider.
        size: bytes of completions and requests.
        cost: of the counted tokens, at today's prices; None without a price.
    """

    model: str
    states: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    uncounted: int = 0
    size: int = 0
    cost: float | None = None


@dataclass(frozen=True)
class OutcomeTotal:
    """Calls without a completion that have the same outcome.

    Attributes:
        most: the most that they may have cost; None if no cost is known.
        unpriced: calls without a known cost.
    """

    outcome: str
    count: int
    most: float | None
    unpriced: int


@dataclass(frozen=True)
class Statistics:
    """Totals of a store.

    Attributes:
        scores: by evaluator.
        size: bytes of the file and its log.
        unknown: calls of unknown outcome, newest first.
        running: other processes that use the store.
    """

    models: tuple[ModelStatistics, ...]
    scores: Mapping[str, int]
    size: int
    calls: tuple[OutcomeTotal, ...]
    unknown: tuple[UnansweredCall, ...]
    running: tuple[Owner, ...]


def statistics(store: Store, prices: Mapping[str, Price]) -> Statistics:
    """Count everything in the store; reads every row once."""
    scores = store.database.read(
        "SELECT evaluator, count(*) FROM scores GROUP BY evaluator ORDER BY evaluator"
    )
    unknown = [call for call in store.leases.unanswered_calls() if call.outcome == "unknown"]
    return Statistics(
        models=tuple(_count_models(store, prices)),
        scores={str(name): int(count) for name, count in scores},
        size=file_size(store),
        calls=tuple(OutcomeTotal(*row) for row in store.database.read(BY_OUTCOME)),
        unknown=tuple(sorted(unknown, key=lambda call: call.noted_at, reverse=True)),
        running=tuple(store.leases.live_owners()),
    )


def file_size(store: Store) -> int:
    """Size of the file and its log in bytes."""
    size = 0
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            size += (
                store.database.path.with_name(f"{store.database.path.name}{suffix}").stat().st_size
            )
    return size


def _count_models(store: Store, prices: Mapping[str, Price]) -> list[ModelStatistics]:
    models: dict[str, ModelStatistics] = {}
    rows = store.database.read(BY_MODEL)
    for name, state, count, tokens_in, tokens_out, uncounted, size in rows:
        model = models.setdefault(name, ModelStatistics(name))
        model.states[state] = count
        model.input_tokens += tokens_in
        model.output_tokens += tokens_out
        model.uncounted += uncounted
        model.size += size
    for model in models.values():
        if price := prices.get(model.model):
            model.cost = price.cost(model.input_tokens, model.output_tokens)
    return list(models.values())
