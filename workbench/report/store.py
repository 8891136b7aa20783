"""Statistics, removals and repairs of the store, on a terminal and as JSON.

model               answers  tokens in  tokens out  USD     size
openai:gpt-6-luna  ok 150   9,800      450         0.0017  182.4 kB
scores: exact_match 150
file: 204.8 kB
"""

from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from workbench.canonical import JSON
from workbench.errors import bytes_text, cost_text, pluralize
from workbench.report.safe_text import shorten
from workbench.report.tables import new_table
from workbench.store.leases import UnansweredCall
from workbench.store.prune import Removal
from workbench.store.repair import Repair
from workbench.store.selection import Table as StoreTable
from workbench.store.statistics import ModelStatistics, OutcomeTotal, Statistics

MAX_LISTED = 20
UNNAMED = "(model not noted)"


def statistics_tables(statistics: Statistics, currency: str) -> list[Table]:
    """The completions by model, and the calls of unknown outcome."""
    numbers = ("tokens in", "tokens out", currency, "size")
    models = new_table(("model", "answers", *numbers), right=numbers)
    for model in statistics.models:
        models.add_row(*_model_cells(model))
    calls = new_table(("unknown since", "model", "key", currency, "reason"), right=[currency])
    for call in statistics.unknown[:MAX_LISTED]:
        calls.add_row(*_call_cells(call))
    return [table for table in (models, calls) if table.row_count]


def statistics_lines(statistics: Statistics, currency: str) -> list[str]:
    """Under the tables: scores, calls, the processes that use the store, its size."""
    scores = (f"{shorten(name, 60)} {count:,}" for name, count in statistics.scores.items())
    lines = [f"scores: {', '.join(scores) or 'none'}"]
    lines += [f"calls without an answer: {_total(calls, currency)}" for calls in statistics.calls]
    if (more := len(statistics.unknown) - MAX_LISTED) > 0:
        lines.append(f"{more:,} more of unknown outcome: --json lists them all")
    lines += [
        f"requests without a reply, sent again by the next run: {shorten(model, 60)} {count:,}"
        for model, count in statistics.no_replies.items()
    ]
    for person, counts in statistics.ratings.items():
        values = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
        lines.append(f"ratings by {shorten(person, 60)}: {values}")
    lines += [f"in use by: {owner}" for owner in statistics.running]
    lines.append(f"file: {bytes_text(statistics.size)}")
    return lines


def statistics_json(statistics: Statistics, currency: str) -> dict[str, JSON]:
    """The statistics as one object, with every call of unknown outcome."""
    return {"currency": currency, **asdict(statistics)}


def removal_lines(removal: Removal, currency: str, table: StoreTable) -> list[str]:
    """The rows to remove from a table, and their cost if they are sent again."""
    if table != "completions":
        count = removal.scores if table == "scores" else removal.ratings
        return [f"{pluralize(count, table[:-1])}, {bytes_text(removal.size)}"]
    lines = [
        f"{pluralize(removal.answers, 'completion')}, {bytes_text(removal.size)}: "
        f"{pluralize(removal.input_tokens, 'token')} in, {removal.output_tokens:,} out"
    ]
    if removal.cost is not None:
        lines.append(f"sending them again would cost about {currency} {cost_text(removal.cost)}")
    if removal.unpriced:
        names = ", ".join(shorten(name, 60) or UNNAMED for name in removal.unpriced)
        lines.append(f"no price for: {names}")
    if removal.uncounted:
        lines.append(f"{removal.uncounted:,} of them without a token count")
    return lines


def removal_json(removal: Removal, currency: str, freed: int | None) -> dict[str, JSON]:
    """The removal as one object; `freed`: bytes, None if nothing was removed."""
    return {
        "removed": freed is not None,
        "freed": freed,
        "currency": currency,
        **asdict(removal),
    }


def repair_lines(repair: Repair) -> list[str]:
    """The damage, the recovered rows and the lost keys."""
    recovered = repair.recovered
    if recovered is None:
        return ["the store is not damaged; nothing was changed"]
    lines = [f"damaged: {shorten(finding, 160)}" for finding in repair.findings[:MAX_LISTED]]
    counts = f"{pluralize(recovered.answers, 'completion')}, {pluralize(recovered.scores, 'score')}"
    if recovered.ratings:
        counts += f", {pluralize(recovered.ratings, 'rating')}"
    lines.append(f"recovered {counts} and {pluralize(recovered.calls, 'unanswered call')}")
    if not recovered.used_shell:
        lines.append("SQL only: no `sqlite3` with `.recover`, which can read more, was found")
    completions, scores = len(recovered.lost), len(recovered.lost_scores)
    if completions or scores:
        counts = f"{pluralize(completions, 'completion')} and {pluralize(scores, 'score')}"
        lines.append(f"lost: {counts}")
    else:
        lines.append("no loss is known")
    lines += [f"  {key}" for key in recovered.lost[:MAX_LISTED]]
    if completions > MAX_LISTED:
        lines.append(f"  and {completions - MAX_LISTED:,} more, listed in lost.txt")
    return [*lines, f"the damaged store is kept in {repair.damaged_folder}"]


def repair_json(repair: Repair) -> dict[str, JSON]:
    """The repair as one object, with every lost key that can be read."""
    return {
        "damaged": bool(repair.findings),
        "findings": list(repair.findings),
        **(asdict(repair.recovered) if repair.recovered else {}),
        "put_by": str(repair.damaged_folder) if repair.damaged_folder else None,
    }


def _model_cells(model: ModelStatistics) -> list[Text]:
    states = ", ".join(f"{state} {count:,}" for state, count in model.states.items())
    uncounted = f" ({model.uncounted:,} not counted)" if model.uncounted else ""
    cost = "no price" if model.cost is None else cost_text(model.cost)
    tokens = (f"{model.input_tokens:,}{uncounted}", f"{model.output_tokens:,}")
    cells = (shorten(model.model, 60) or UNNAMED, states, *tokens, cost, bytes_text(model.size))
    return [Text(cell) for cell in cells]


def _call_cells(call: UnansweredCall) -> list[Text]:
    cost = "unknown" if call.cost is None else cost_text(call.cost)
    cells = (call.noted_at[:19] + "Z", shorten(call.model, 60), call.key[:12], cost)
    return [Text(cell) for cell in (*cells, shorten(call.reason, 80))]


def _total(calls: OutcomeTotal, currency: str) -> str:
    """`2 unknown, at most USD 0.2500, 1 without a price`."""
    text = f"{calls.count:,} {calls.outcome.replace('_', ' ')}"
    if calls.most is not None:
        text += f", at most {currency} {cost_text(calls.most)}"
        text += f", {calls.unpriced:,} without a price" if calls.unpriced else ""
    return text
