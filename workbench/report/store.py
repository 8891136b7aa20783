"""What the store holds, what was removed from it and what became of a damaged one."""

from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from workbench.canonical import JSON
from workbench.report.safe_text import shorten
from workbench.store.leases import UnansweredCall
from workbench.store.prune import Removal
from workbench.store.repair import Repair
from workbench.store.statistics import ModelStatistics, OutcomeTotal, Statistics

SCHEMA_VERSION = 1
SHOWN = 20  # of a list
UNNAMED = "(model not noted)"


def statistics_tables(found: Statistics, currency: str) -> list[Table]:
    """Answers by model, and the calls whose outcome nobody knows."""
    answers = _table("model", "answers", "tokens in", "tokens out", currency, "size")
    for one in found.models:
        answers.add_row(*_model_cells(one))
    tables = [answers] if found.models else []
    if found.unknown:
        unknown = _table("unknown since", "model", "key", currency, "reason")
        for call in found.unknown[:SHOWN]:
            unknown.add_row(*_call_cells(call))
        tables.append(unknown)
    return tables


def statistics_lines(found: Statistics, currency: str) -> list[str]:
    """Under the tables: scores, calls, who is at work, the file."""
    scores = ", ".join(f"{shorten(name, 60)} {count:,}" for name, count in found.scores.items())
    lines = [f"scores: {scores or 'none'}"]
    for one in found.calls:
        lines.append(f"calls without an answer: {_lost(one, currency)}")
    if len(found.unknown) > SHOWN:
        lines.append(f"{len(found.unknown) - SHOWN:,} more unknown ones: --json lists them all")
    lines += [f"at work now: {one}" for one in found.running]
    lines.append(f"file: {bytes_text(found.size)}")
    return lines


def statistics_json(found: Statistics, currency: str) -> dict[str, JSON]:
    """The same as one object, with every unknown call."""
    return {"schema_version": SCHEMA_VERSION, "currency": currency, **asdict(found)}


def removal_lines(found: Removal, currency: str, *, scores: bool) -> list[str]:
    """What goes, and what it would cost to have it back."""
    if scores:
        return [f"{many(found.scores, 'score')}, {bytes_text(found.size)}"]
    lines = [
        f"{many(found.answers, 'answer')}, {bytes_text(found.size)}: "
        f"{found.input_tokens:,} tokens in, "
        f"{found.output_tokens:,} out"
    ]
    if found.cost is not None:
        lines.append(f"asking again would cost about {currency} {found.cost:.4f}")
    if found.unpriced:
        names = ", ".join(shorten(name, 60) or UNNAMED for name in found.unpriced)
        lines.append(f"no price is known of: {names}")
    if found.uncounted:
        lines.append(f"{found.uncounted:,} of them came without a count of their tokens")
    return lines


def removal_json(found: Removal, currency: str, freed: int | None) -> dict[str, JSON]:
    """The same as one object; `freed`: bytes, None where nothing was removed."""
    said = {"removed": freed is not None, "freed": freed, "currency": currency, **asdict(found)}
    return {"schema_version": SCHEMA_VERSION, **said}


def repair_lines(repair: Repair) -> list[str]:
    """The damage, the recovered rows and the lost keys."""
    recovered = repair.recovered
    if recovered is None:
        return ["the store is not damaged; nothing was changed"]
    lines = [f"damaged: {shorten(finding, 160)}" for finding in repair.findings[:SHOWN]]
    counts = f"{many(recovered.answers, 'completion')}, {many(recovered.scores, 'score')}"
    lines.append(f"recovered {counts} and {many(recovered.calls, 'unanswered call')}")
    if not recovered.used_shell:
        lines.append("SQL only: no `sqlite3` with `.recover`, which can read more, was found")
    lost = (many(len(recovered.lost), "completion"), many(len(recovered.lost_scores), "score"))
    if recovered.lost or recovered.lost_scores:
        lines.append(f"lost: {lost[0]} and {lost[1]}")
    else:
        lines.append("no loss is known")
    lines += [f"  {key}" for key in recovered.lost[:SHOWN]]
    if len(recovered.lost) > SHOWN:
        lines.append(f"  and {len(recovered.lost) - SHOWN:,} more, listed in lost.txt")
    return [*lines, f"the damaged store is kept in {repair.damaged_folder}"]


def repair_json(repair: Repair) -> dict[str, JSON]:
    """The same as one object, with every lost key that can be read."""
    return {
        "schema_version": SCHEMA_VERSION,
        "damaged": bool(repair.findings),
        "findings": list(repair.findings),
        **(asdict(repair.recovered) if repair.recovered else {}),
        "put_by": str(repair.damaged_folder) if repair.damaged_folder else None,
    }


def many(count: int, word: str) -> str:
    """`1 answer`, `1,200 answers`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def bytes_text(size: int) -> str:
    """`812 B`, `1.4 kB`, `3.2 MB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(size) >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size} B"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    texts = ("model", "answers", "unknown since", "key", "reason")
    for name in names:
        table.add_column(name, justify="left" if name in texts else "right")
    return table


def _model_cells(one: ModelStatistics) -> list[Text]:
    states = ", ".join(f"{state} {count:,}" for state, count in one.states.items())
    more = f" ({one.uncounted:,} not counted)" if one.uncounted else ""
    cost = "no price" if one.cost is None else f"{one.cost:.4f}"
    tokens = (f"{one.input_tokens:,}{more}", f"{one.output_tokens:,}")
    cells = (shorten(one.model, 60) or UNNAMED, states, *tokens, cost, bytes_text(one.size))
    return [Text(cell) for cell in cells]


def _call_cells(call: UnansweredCall) -> list[Text]:
    cost = "unknown" if call.cost is None else f"{call.cost:.4f}"
    cells = (call.noted_at[:19] + "Z", shorten(call.model, 60), call.key[:12], cost)
    return [Text(cell) for cell in (*cells, shorten(call.reason, 80))]


def _lost(one: OutcomeTotal, currency: str) -> str:
    cost = "" if one.most is None else f", at most {currency} {one.most:.4f}"
    free = f", {one.unpriced:,} without a price" if one.unpriced and one.most is not None else ""
    return f"{one.count:,} {one.outcome.replace('_', ' ')}{cost}{free}"
