"""A stored request, or the reason that a row is not stored, on a terminal and as JSON.

row r12

few_shot · m  3f9a1c0b77de
  not stored: never sent
  nearest stored: 0ac53a159583, 2026-11-23 18:47:50Z
    body.temperature: 0 → 0.7
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from workbench.canonical import JSON
from workbench.errors import cost_text, pluralize
from workbench.model import SCORED_STATES
from workbench.report.export import completion_json
from workbench.report.safe_text import plain, seconds, shorten
from workbench.store.explain import NEWEST, KeyReport, MissingCompletion
from workbench.store.leases import UnansweredCall
from workbench.store.selection import StoredCompletion

MAX_TEXT = 2_000  # characters of a request or an output
REUSED = "runs with this request reuse it"
UNSCORED = "it has no score; --retry-failed sends it again"
IDENTITY = "identity."


@dataclass(frozen=True)
class JudgeReport:
    """A call of a judge about a cell's answer.

    Attributes:
        title: `judge` and its name, or the name of another evaluator that asks a model.
        swapped: of a pair whose baseline's answer stands first.
        reason: why there is no call; empty: there is one.
        key_report: None: there is no call.
        missing: as in `CellReport`.
    """

    title: str
    judge: str
    model: str
    swapped: bool
    reason: str
    key_report: KeyReport | None = None
    missing: MissingCompletion | None = None


@dataclass(frozen=True)
class CellReport:
    """A cell of a plan: one row of a variant.

    Attributes:
        missing: the nearest stored request; None if the store knows of this one.
        judges: the calls of judges about its answer.
    """

    variant: str
    repeat: int
    key_report: KeyReport
    missing: MissingCompletion | None = None
    judges: Sequence[JudgeReport] = ()


def key_lines(report: KeyReport, currency: str, places: Sequence[str] = ()) -> list[str]:
    """Everything about one key; `places`: those of a plan that it is requested for."""
    lines = [f"key       {report.key}", *(f"for       {shorten(place)}" for place in places)]
    if report.stored is None:
        lines.append(_not_stored(report))
    else:
        completion, request = report.stored.completion, report.stored.request
        usage = completion.usage
        counts = [
            "? tokens in"
            if usage.input_tokens is None
            else f"{pluralize(usage.input_tokens, 'token')} in",
            "? out" if usage.output_tokens is None else f"{usage.output_tokens:,} out",
            *([] if completion.latency_s is None else [seconds(completion.latency_s)]),
        ]
        lines += [
            f"stored    {_time(report.stored.stored_at)}, {completion.state}",
            f"model     {plain(report.stored.model)}",
            f"usage     {', '.join(counts)}",
            f"reuse     {REUSED if completion.state in SCORED_STATES else UNSCORED}",
        ]
        fields = json.dumps(_key_fields(report.stored), indent=2, ensure_ascii=False)
        lines += _section("request", json.dumps(request["body"], indent=2, ensure_ascii=False))
        lines += _section("other fields of the key", fields)
        lines += _section("output", completion.text or "(empty)")
    return lines + [f"lost      {_call(call, currency)}" for call in report.calls]


def key_json(report: KeyReport, places: Sequence[str] = ()) -> dict[str, JSON]:
    """The same as one object, with nothing cut off."""
    fields: dict[str, JSON] = {"key": report.key, "stored": report.stored is not None}
    fields |= {"for": list(places)} if places else {}
    if report.stored:
        fields |= {**completion_json(report.stored), "asked": _key_fields(report.stored)}
        fields["scored"] = report.stored.completion.state in SCORED_STATES
    fields["under_way"] = asdict(report.owner) if report.owner else None
    fields["calls"] = [asdict(call) for call in report.calls]
    fields["no_reply"] = asdict(report.no_reply) if report.no_reply else None
    return fields


def row_lines(row: str, cells: Sequence[CellReport], currency: str) -> list[str]:
    """For each variant: when the row was stored, or why it is not stored."""
    lines = [f"row {shorten(row)}"]
    for cell in cells:
        report = cell.key_report
        repeat = f", repeat {cell.repeat}" if cell.repeat else ""
        lines += ["", f"{shorten(cell.variant)}{repeat}  {report.key[:12]}"]
        lines += [f"  {line}" for line in _report_lines(report, cell.missing, currency)]
        lines += [f"  {line}" for judge in cell.judges for line in _judge_lines(judge, currency)]
    return lines


def _report_lines(report: KeyReport, missing: MissingCompletion | None, currency: str) -> list[str]:
    if report.stored:
        state = report.stored.completion.state
        note = "" if state in SCORED_STATES else f"; {UNSCORED}"
        return [f"stored: {_time(report.stored.stored_at)}, {state}{note}"]
    sent = report.owner or report.calls or report.no_reply
    return [
        _not_stored(report) if sent else "not stored: never sent",
        *(f"lost: {_call(call, currency)}" for call in report.calls),
        *_nearest_lines(missing),
    ]


def _judge_lines(judge: JudgeReport, currency: str) -> list[str]:
    """The call of a judge, with the order of a pair, or the reason why there is none."""
    if judge.key_report is None:
        return [f"{shorten(judge.title)}: not asked: {shorten(judge.reason, 200)}"]
    order = ", the baseline's answer first" if judge.swapped else ""
    name = f"{shorten(judge.title)} on {shorten(judge.model)}{order}"
    lines = _report_lines(judge.key_report, judge.missing, currency)
    return [f"{name}  {judge.key_report.key[:12]}", *(f"  {line}" for line in lines)]


def row_json(row: str, cells: Sequence[CellReport]) -> dict[str, JSON]:
    """The same as one object."""
    return {
        "row": row,
        "cells": [
            {
                "variant": cell.variant,
                "repeat": cell.repeat,
                **key_json(cell.key_report),
                **({"nearest": _nearest_json(cell.missing)} if cell.missing else {}),
                **({"judges": [_judge_json(j) for j in cell.judges]} if cell.judges else {}),
            }
            for cell in cells
        ],
    }


def _judge_json(report: JudgeReport) -> dict[str, JSON]:
    if report.key_report is None:
        return {"judge": report.judge, "not_asked": report.reason}
    return {
        "judge": report.judge,
        "model": report.model,
        "swapped": report.swapped,
        **key_json(report.key_report),
        **({"nearest": _nearest_json(report.missing)} if report.missing else {}),
    }


def _key_fields(stored: StoredCompletion) -> dict[str, JSON]:
    return {name: value for name, value in stored.request.items() if name != "body"}


def _nearest_lines(missing: MissingCompletion | None) -> list[str]:
    if missing is None:
        return []
    scope = f" (of the newest {NEWEST:,}; there are more)" if missing.truncated else ""
    nearest = missing.nearest
    if nearest is None:
        return [f"nothing similar is stored{scope}"]
    lines = [f"nearest stored{scope}: {nearest.key[:12]}, {_time(nearest.stored_at)}"]
    lines += [f"  {shorten(str(difference), 200)}" for difference in nearest.differences]
    if not nearest.same_model:
        lines.append("  it was sent to another model")
    elif any(difference.path.startswith(IDENTITY) for difference in nearest.differences):
        lines.append("  the weights or the endpoint changed")
    return lines


def _nearest_json(missing: MissingCompletion) -> JSON:
    nearest = missing.nearest
    return nearest and {
        "key": nearest.key,
        "model": nearest.model,
        "kept_at": nearest.stored_at,
        "same_model": nearest.same_model,
        "differences": [difference.as_json() for difference in nearest.differences],
        "compared_all": not missing.truncated,
    }


def _not_stored(report: KeyReport) -> str:
    if report.owner:
        return f"not stored: in flight, sent by {report.owner}"
    if note := report.no_reply:
        return f"not stored: no reply on {_time(note.noted_at)}: {shorten(note.reason)}"
    if report.calls:
        return f"not stored; calls without an answer: {len(report.calls):,}"
    return "not stored: unknown to this store"


def _call(call: UnansweredCall, currency: str) -> str:
    cost = "" if call.cost is None else f", at most {currency} {cost_text(call.cost)}"
    return f"{_time(call.noted_at)}, {call.outcome.replace('_', ' ')}: {shorten(call.reason)}{cost}"


def _time(timestamp: str) -> str:
    return f"{timestamp[:10]} {timestamp[11:19]}Z"


def _section(name: str, text: str) -> list[str]:
    more = f"\n… {len(text) - MAX_TEXT:,} characters more: --json" if len(text) > MAX_TEXT else ""
    lines = (plain(text[:MAX_TEXT]) + more).split("\n")
    return [f"{name}:", *(f"  {line}" for line in lines)]
