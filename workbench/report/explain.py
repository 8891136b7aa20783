"""Why something is answered from the store or isn't, in words and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from workbench.canonical import JSON
from workbench.model import SCORED_STATES
from workbench.report.export import answer_json
from workbench.report.safe_text import plain, seconds, shorten
from workbench.store.explain import NEWEST, KeyReport, MissingCompletion, Nearest
from workbench.store.leases import UnansweredCall

SCHEMA_VERSION = 1
LONGEST = 2_000  # characters of a body or an answer that are shown
REUSED = "a run that asks this gets it from here"
UNSCORED = "it is kept and not scored; --retry-failed asks again"
IDENTITY = "identity."


@dataclass(frozen=True)
class Answered:
    """A cell of a plan: one variant's row.

    Attributes:
        missing: the nearest that is kept; None where the store says itself what became of it.
    """

    variant: str
    repeat: int
    known: KeyReport
    missing: MissingCompletion | None = None


def known_lines(known: KeyReport, currency: str) -> list[str]:
    """Everything about one key."""
    lines = [f"key       {known.key}"]
    if known.stored is None:
        lines.append(_not_kept(known))
    else:
        kept, said = known.stored, known.stored.completion
        usage = said.usage
        counts = [
            "? tokens in" if usage.input_tokens is None else f"{usage.input_tokens:,} tokens in",
            "? out" if usage.output_tokens is None else f"{usage.output_tokens:,} out",
            *([] if said.latency_s is None else [seconds(said.latency_s)]),
        ]
        lines += [
            f"kept      {_time(kept.stored_at)}, {said.state}",
            f"model     {plain(kept.model)}",
            f"took      {', '.join(counts)}",
            f"so        {REUSED if said.state in SCORED_STATES else UNSCORED}",
        ]
        beside = {name: value for name, value in kept.request.items() if name != "body"}
        lines += _long("asked", json.dumps(kept.request["body"], indent=2, ensure_ascii=False))
        lines += _long("beside it", json.dumps(beside, indent=2, ensure_ascii=False))
        lines += _long("answer", said.text or "(empty)")
    return lines + [f"lost      {_call(call, currency)}" for call in known.calls]


def known_json(known: KeyReport) -> dict[str, JSON]:
    """The same as one object, nothing cut."""
    said: dict[str, JSON] = {"key": known.key, "stored": known.stored is not None}
    if known.stored:
        beside = {name: value for name, value in known.stored.request.items() if name != "body"}
        said |= {**answer_json(known.stored), "asked": beside}
        said["scored"] = known.stored.completion.state in SCORED_STATES
    said["under_way"] = asdict(known.owner) if known.owner else None
    said["calls"] = [asdict(call) for call in known.calls]
    return said


def row_lines(row: str, cells: Sequence[Answered], currency: str) -> list[str]:
    """For each variant: from the store, or why not."""
    lines = [f"row {shorten(row)}"]
    for cell in cells:
        again = f", repeat {cell.repeat}" if cell.repeat else ""
        lines += ["", f"{shorten(cell.variant)}{again}  {cell.known.key[:12]}"]
        if cell.known.stored:
            kept = cell.known.stored
            state = kept.completion.state
            so = "" if state in SCORED_STATES else f"; {UNSCORED}"
            lines.append(f"  stored: kept {_time(kept.stored_at)}, {state}{so}")
        else:
            asked = cell.known.owner or cell.known.calls
            lines.append(f"  {_not_kept(cell.known)}" if asked else "  not stored: never asked")
            lines += [f"  lost: {_call(call, currency)}" for call in cell.known.calls]
            lines += [f"  {line}" for line in _missing(cell.missing)]
    return lines


def row_json(row: str, cells: Sequence[Answered]) -> dict[str, JSON]:
    """The same as one object."""
    return {
        "schema_version": SCHEMA_VERSION,
        "row": row,
        "cells": [
            {
                "variant": cell.variant,
                "repeat": cell.repeat,
                **known_json(cell.known),
                **({"nearest": _nearest_json(cell.missing)} if cell.missing else {}),
            }
            for cell in cells
        ],
    }


def _missing(missing: MissingCompletion | None) -> list[str]:
    if missing is None:
        return []
    cut = f" (of the newest {NEWEST:,}; there are more)" if missing.truncated else ""
    if missing.nearest is None:
        return [f"nothing like it is kept{cut}"]
    near = missing.nearest
    lines = [f"the nearest that is kept{cut}: {near.key[:12]}, {_time(near.stored_at)}"]
    lines += [f"  {shorten(str(one), 200)}" for one in near.differences]
    if not near.same_model:
        lines.append("  it was asked of another model")
    elif any(one.path.startswith(IDENTITY) for one in near.differences):
        lines.append("  the weights or the endpoint changed")
    return lines


def _nearest_json(missing: MissingCompletion) -> JSON:
    near: Nearest | None = missing.nearest
    if near is None:
        return None
    return {
        "key": near.key,
        "model": near.model,
        "kept_at": near.stored_at,
        "same_model": near.same_model,
        "differences": [one.as_json() for one in near.differences],
        "compared_all": not missing.truncated,
    }


def _not_kept(known: KeyReport) -> str:
    if known.owner:
        return f"not stored: it is being asked now, by {known.owner}"
    if known.calls:
        return f"not stored; calls without an answer: {len(known.calls):,}"
    return "not stored: nothing is known of it"


def _call(call: UnansweredCall, currency: str) -> str:
    cost = "" if call.cost is None else f", at most {currency} {call.cost:.4f}"
    return f"{_time(call.noted_at)}, {call.outcome.replace('_', ' ')}: {shorten(call.reason)}{cost}"


def _time(said: str) -> str:
    return f"{said[:10]} {said[11:19]}Z"


def _long(name: str, text: str) -> list[str]:
    cut = f"\n… {len(text) - LONGEST:,} characters more: --json" if len(text) > LONGEST else ""
    shown = plain(text[:LONGEST]) + cut
    return [f"{name}:", *(f"  {line}" for line in shown.split("\n"))]
