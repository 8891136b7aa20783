"""Totals of the store: completions, tokens and cost by model, calls without a completion.

ModelStatistics("openai:gpt-6-luna", {"ok": 150}, input_tokens=120_000, cost=0.018, …)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from workbench.project import Price
from workbench.store.access import Owner
from workbench.store.completions import Store
from workbench.store.leases import UnansweredCall
from workbench.store.selection import Selection

BY_MODEL = """
SELECT model, state, count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
       sum(state != 'rejected' AND (input_tokens IS NULL OR output_tokens IS NULL)),
       sum(length(completion) + length(request)),
       sum(CASE WHEN json_valid(completion)
           THEN coalesce(json_extract(completion, '$.usage.cached_tokens'), 0) ELSE 0 END)
FROM completions {where} GROUP BY model, state ORDER BY model, state
"""
BY_OUTCOME = """
SELECT outcome, count(*), sum(cost), sum(cost IS NULL) FROM calls GROUP BY outcome ORDER BY outcome
"""


@dataclass(frozen=True)
class ModelStatistics:
    """Totals of one model.

    Attributes:
        model: `provider:name`.
        states: completions by state.
        uncounted: billed completions without token counts from the provider.
        size: bytes of completions and requests.
        cost: of the counted tokens, at today's prices; None without a price.
    """

    model: str
    states: dict[str, int]
    input_tokens: int
    output_tokens: int
    uncounted: int
    size: int
    cost: float | None


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
        no_replies: requests that got no reply the last time they were sent, by model.
        ratings: entries by person and value.
        running: other processes that use the store.
    """

    models: tuple[ModelStatistics, ...]
    scores: Mapping[str, int]
    size: int
    calls: tuple[OutcomeTotal, ...]
    unknown: tuple[UnansweredCall, ...]
    no_replies: Mapping[str, int]
    ratings: Mapping[str, Mapping[str, int]]
    running: tuple[Owner, ...]


def statistics(store: Store, prices: Mapping[str, Price]) -> Statistics:
    """Count everything in the store; reads every row once."""
    scores = store.database.read(
        "SELECT evaluator, count(*) FROM scores GROUP BY evaluator ORDER BY evaluator"
    )
    unknown = [call for call in store.leases.unanswered_calls() if call.outcome == "unknown"]
    return Statistics(
        models=tuple(count_completions(store, prices)),
        scores={str(name): int(count) for name, count in scores},
        size=file_size(store),
        calls=tuple(OutcomeTotal(*row) for row in store.database.read(BY_OUTCOME)),
        unknown=tuple(sorted(unknown, key=lambda call: call.noted_at, reverse=True)),
        no_replies=store.no_replies.by_model(),
        ratings=store.ratings.counts(),
        running=tuple(store.leases.live_owners()),
    )


def file_size(store: Store) -> int:
    """Size of the file and its log in bytes."""
    path = store.database.path
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def count_completions(
    store: Store, prices: Mapping[str, Price], selection: Selection | None = None
) -> list[ModelStatistics]:
    """Count the selected completions by model; None: all of them."""
    where, values = (selection or Selection()).where(store.database)
    models = []
    rows = store.database.read(BY_MODEL.format(where=where), values)
    for model, group in groupby(rows, itemgetter(0)):
        _, states, counts, *columns = zip(*group, strict=True)
        tokens_in, tokens_out, uncounted, size, cached = map(sum, columns)
        by_state = dict(zip(states, counts, strict=True))
        calls = sum(counts)
        price = prices.get(model)
        cost = price.cost(tokens_in, tokens_out, cached, calls) if price else None
        models.append(
            ModelStatistics(model, by_state, tokens_in, tokens_out, uncounted, size, cost)
        )
    return models
