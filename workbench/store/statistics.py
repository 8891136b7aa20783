"""What the store holds, in numbers.

Statistics(models=(ModelStatistics("openai:gpt-4o-mini", {"ok": 150}, …),), size=1_843_200, …)
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from workbench.project import Price
from workbench.store.completions import Store
from workbench.store.leases import Owner, PendingCall

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
    """The answers of one model.

    Attributes:
        model: `provider:name`; empty for what the first format kept.
        states: answers by state.
        uncounted: answers whose tokens the provider did not say.
        size: bytes of answers and requests.
        cost: at today's prices, of the tokens that were counted; None without a price.
    """

    model: str
    states: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    uncounted: int = 0
    size: int = 0
    cost: float | None = None


@dataclass(frozen=True)
class LostCalls:
    """Calls without an answer that ended alike.

    Attributes:
        most: what they may have cost, at the most; None where no cost is known.
        unpriced: calls of which no cost is known.
    """

    outcome: str
    count: int
    most: float | None
    unpriced: int


@dataclass(frozen=True)
class Statistics:
    """Of a whole store.

    Attributes:
        scores: by evaluator.
        size: bytes of the file and its log.
        unknown: calls of unknown outcome, newest first.
        running: the processes at work on it.
    """

    models: tuple[ModelStatistics, ...]
    scores: Mapping[str, int]
    size: int
    calls: tuple[LostCalls, ...]
    unknown: tuple[PendingCall, ...]
    running: tuple[Owner, ...]


def statistics(store: Store, prices: Mapping[str, Price]) -> Statistics:
    """Everything that can be counted; reads every row once."""
    scores = store.database.read(
        "SELECT evaluator, count(*) FROM scores GROUP BY evaluator ORDER BY evaluator"
    )
    unknown = [call for call in store.ledger.calls() if call.outcome == "unknown"]
    return Statistics(
        models=tuple(_models(store, prices)),
        scores={str(name): int(count) for name, count in scores},
        size=file_size(store),
        calls=tuple(LostCalls(*row) for row in store.database.read(BY_OUTCOME)),
        unknown=tuple(sorted(unknown, key=lambda call: call.noted_at, reverse=True)),
        running=tuple(store.ledger.running()),
    )


def file_size(store: Store) -> int:
    """Bytes of the file and of its log."""
    size = 0
    for end in ("", "-wal"):
        with suppress(FileNotFoundError):
            size += store.database.path.with_name(store.database.path.name + end).stat().st_size
    return size


def _models(store: Store, prices: Mapping[str, Price]) -> list[ModelStatistics]:
    found: dict[str, ModelStatistics] = {}
    for model, state, count, tokens_in, tokens_out, uncounted, size in store.database.read(
        BY_MODEL
    ):
        one = found.setdefault(model, ModelStatistics(model))
        one.states[state] = count
        one.input_tokens += tokens_in
        one.output_tokens += tokens_out
        one.uncounted += uncounted
        one.size += size
    for one in found.values():
        if price := prices.get(one.model):
            one.cost = price.cost(one.input_tokens, one.output_tokens)
    return list(found.values())
