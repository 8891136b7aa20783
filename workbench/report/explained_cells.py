"""The cells of a plan's row, or the places that a key has in a plan, for `store explain`.

explain_row("r1", plan, store, renderer)     [CellReport("short", 0, KeyReport(…), …), …]
"""

from collections import defaultdict
from collections.abc import Sequence

from workbench.errors import unknown_name
from workbench.model import Model, Request
from workbench.plan import Plan
from workbench.prompt import Renderer
from workbench.report.explain import CellReport, JudgeReport
from workbench.scoring.judge_calls import JudgeCall, judge_calls
from workbench.store import Store
from workbench.store.explain import KeyReport, MissingCompletion, explain_key, explain_missing


def explain_row(row: str, plan: Plan, store: Store, renderer: Renderer) -> list[CellReport]:
    """The reports about the cells of a row, variant by variant, with the calls of judges.

    Raises:
        WorkbenchError: there is no such row.
    """
    ids = [example.id for example in plan.examples]
    if row not in ids:
        raise unknown_name("row", row, ids)
    calls: dict[tuple[int, int], list[JudgeCall]] = defaultdict(list)
    for call in judge_calls(plan, store, renderer, rows=[row]):
        calls[call.variant, call.repeat].append(call)
    return [
        CellReport(
            plan.variants[number].name,
            cell.repeat,
            *_explain(store, plan.bodies[cell.key], plan.variants[number].model.model),
            [_judge_report(call, store, plan) for call in calls[number, cell.repeat]],
        )
        for number, cells in enumerate(plan.cells)
        for cell in cells
        if cell.example.id == row
    ]


def key_places(key: str, plan: Plan, store: Store, renderer: Renderer) -> list[str]:
    """The places of a key, or of its first digits: `row r1 of short`, `judge kind on row r1 …`."""
    places = [
        f"row {cell.example.id} of {variant.name}"
        for variant, cells in zip(plan.variants, plan.cells, strict=True)
        for cell in cells
        if cell.key.startswith(key)
    ]
    for call in judge_calls(plan, store, renderer):
        if call.request and call.request.key.startswith(key):
            title = _title(plan, call)
            places.append(f"{title} on row {call.row} of {_variant(plan, call)}")
    return list(dict.fromkeys(places))


def _variant(plan: Plan, call: JudgeCall) -> str:
    order = ", the baseline's answer first" if call.swapped else ""
    return f"{plan.variants[call.variant].name}{order}"


def _title(plan: Plan, call: JudgeCall) -> str:
    """`judge polite`; of another evaluator whose scores models give, its name."""
    return f"judge {call.judge}" if call.judge in plan.experiment.judges else call.judge


def _judge_report(call: JudgeCall, store: Store, plan: Plan) -> JudgeReport:
    names = (_title(plan, call), call.judge, call.model, call.swapped, call.reason)
    return JudgeReport(*names, *(_explain(store, call.request) if call.request else ()))


def _explain(
    store: Store, request: Request, model: Model | None = None
) -> tuple[KeyReport, MissingCompletion | None]:
    """Everything about a request, and the nearest stored one if nothing is known of it."""
    report = explain_key(store, request.key, {request.key: model} if model else {})
    sent: Sequence[object] = (report.stored, report.calls, report.owner)
    return report, None if any(sent) else explain_missing(store, request)
