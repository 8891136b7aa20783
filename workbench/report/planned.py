"""What a plan would do, as a table and as JSON."""

from rich.table import Table
from rich.text import Text

from workbench.canonical import JSON
from workbench.plan import Plan
from workbench.report.text import one_line

SCHEMA_VERSION = 1


def plan_table(plan: Plan) -> Table:
    """A line a variant: rows, requests to send, input tokens where they can be counted."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("variant", "rows", "to send", "input tokens"):
        table.add_column(name, justify="left" if name == "variant" else "right")
    for index, variant in enumerate(plan.variants):
        tokens = _tokens(plan, index)
        table.add_row(
            Text(one_line(variant.name, 60)),
            f"{len(plan.cells[index]):,}",
            f"{len(plan.requests[index]):,}",
            "unknown" if tokens is None else f"{tokens:,}",
        )
    return table


def plan_json(plan: Plan) -> dict[str, JSON]:
    """The same as one object."""
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
        "variants": [
            {
                "name": variant.name,
                "rows": len(plan.cells[index]),
                "to_send": len(plan.requests[index]),
                "input_tokens": _tokens(plan, index),
            }
            for index, variant in enumerate(plan.variants)
        ],
        "notes": list(plan.notes),
    }


def _tokens(plan: Plan, index: int) -> int | None:
    """Input tokens of what is to be sent; None where only the server could tell."""
    provider = plan.variants[index].model.provider
    total = 0
    for request in plan.requests[index]:
        count = provider.count_tokens(request.body)
        if count is None:
            return None
        total += count
    return total
