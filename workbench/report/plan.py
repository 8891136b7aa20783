"""What a plan would do, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from workbench.canonical import JSON
from workbench.plan import Plan
from workbench.plan.forecast import Forecast, total
from workbench.report.safe_text import seconds, shorten

SCHEMA_VERSION = 1


def plan_table(plan: Plan, forecasts: Sequence[Forecast], currency: str) -> Table:
    """A line a variant: rows, requests to send, and the tokens, cost and time expected of them."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("variant", "rows", "to send", "tokens in", "tokens out", currency, "time"):
        table.add_column(name, justify="left" if name == "variant" else "right", no_wrap=True)
    for variant, cells, one in zip(plan.variants, plan.cells, forecasts, strict=True):
        table.add_row(
            Text(shorten(variant.name, 60)), f"{len(cells):,}", f"{one.requests:,}", *_cells(one)
        )
    return table


def plan_lines(plan: Plan, forecasts: Sequence[Forecast], currency: str) -> list[str]:
    """Under the table: the sums."""
    lines = [
        f"{plan.planned:,} rows: {plan.stored:,} stored, {plan.shared:,} shared, "
        f"{plan.to_send:,} requests to send"
    ]
    if plan.to_send:
        tokens_in, tokens_out, cost, time = _cells(total(forecasts))
        lines.append(
            f"expected: {tokens_in} tokens in, {tokens_out} out, "
            f"cost {currency} {cost}, time {time}"
        )
        if plan.race:
            lines.append(f"a race by {plan.race}: so much at the most, less if variants drop out")
    return lines


def plan_json(plan: Plan, forecasts: Sequence[Forecast], currency: str) -> dict[str, JSON]:
    """The same as one object; `key`s are of the requests to send, for `store explain`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "experiment": plan.experiment.name,
        "plan_digest": plan.digest,
        "requests": {
            "planned": plan.planned,
            "stored": plan.stored,
            "shared": plan.shared,
            "to_send": plan.to_send,
        },
        "currency": currency,
        "expected": asdict(total(forecasts)),
        "variants": [
            {
                "name": variant.name,
                "rows": len(plan.cells[index]),
                "to_send": len(plan.requests[index]),
                "input_tokens": forecasts[index].input_tokens,
                "expected": asdict(forecasts[index]),
                "keys": [request.key for request in plan.requests[index]],
            }
            for index, variant in enumerate(plan.variants)
        ],
        "notes": list(plan.notes),
    }


def _cells(one: Forecast) -> tuple[str, str, str, str]:
    """Tokens in and out, cost, time; `about` where they are estimated."""
    if not one.requests:
        return "0", "0", "0", ""
    tokens = f"{one.input_tokens:,}" if one.exact else f"about {one.input_tokens:,}"
    output = "unknown" if one.output_tokens is None else f"about {one.output_tokens:,}"
    time = "unknown" if one.seconds is None else f"about {seconds(one.seconds)}"
    return tokens, output, _cost(one), time


def _cost(one: Forecast) -> str:
    """`0.0123 to 0.0480`, what is known of it."""
    if one.high is None:
        return "unknown" if one.low is None else f"{one.low:.4f} or more"
    if one.low is None or one.low == one.high:
        return f"up to {one.high:.4f}" if one.high else "0"
    return f"{one.low:.4f} to {one.high:.4f}"
