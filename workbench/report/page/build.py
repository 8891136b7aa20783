"""The page out of its parts: page.html, its style, its script, and the comparison as data.

What prompts, rows and models say stands in a data block that no browser runs, and the script puts
it in as text. The Content-Security-Policy allows this script and this style by their digests, and
nothing else: no address is ever asked for anything.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files

from workbench.canonical import JSON
from workbench.comparing import ExperimentComparison
from workbench.dataset import EXPECTED
from workbench.report.compare import prompt_diff_lines
from workbench.report.safe_text import plain
from workbench.results.metrics import Row, VariantResult, comparison_json

LONGEST = 4_000  # characters of an input or an answer
BUDGET = 14_000_000  # bytes of all rows; a page below 20 MB opens within seconds
PARTS = files("workbench.report.page")


def comparison_page(found: ExperimentComparison, *, currency: str) -> str:
    """The page of these variants; rows that don't fit are left out, those that differ last."""
    data = _summary(found, currency)
    kept, omitted = _fitting(_rows(found))
    head = _json({**data, "omitted": omitted})[:-1]
    style, script = (PARTS.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    page = PARTS.joinpath("page.html").read_text("utf-8")
    for name, text in (
        ("{style_hash}", _hash(style)),
        ("{script_hash}", _hash(script)),
        ("{style}", style),
        ("{script}", script),
    ):
        page = page.replace(name, text)
    before, _, after = page.partition("{data}")
    return f'{before}{head},"rows":[{",".join(kept)}]}}{after}'


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(value: JSON) -> str:
    """JSON that ends no element and no line, whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.encode("utf-8", "replace").decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(said: str) -> str:
    said = plain(said)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}… ({len(said):,} characters)"


def _summary(found: ExperimentComparison, currency: str) -> dict[str, JSON]:
    plan = found.plan
    places = {number: index for index, number in enumerate(found.compared_variants)}
    bases = {number: plan.baselines[number] for number in found.compared_variants}
    prompts = {
        (plan.variants[base].prompt.digest, plan.variants[number].prompt.digest): (base, number)
        for number, base in bases.items()
        if base is not None
    }
    pairs = [
        tuple(plan.variants[one].prompt for one in pair)
        for (before, after), pair in prompts.items()
        if before != after
    ]
    return {
        "experiment": plain(plan.experiment.name),
        "currency": plain(currency),
        "dataset": {
            "name": plain(plan.experiment.dataset.name),
            "digest": plan.experiment.dataset.digest,
            "rows": plan.rows,
        },
        "columns": [plain(name) for name in plan.experiment.dataset.columns],
        "metrics": [_metric(found, one.name) for one in plan.experiment.evaluators],
        "variants": [
            _variant(found.results[number], None if base is None else places[base])
            for number, base in bases.items()
        ],
        "diffs": [
            {"before": plain(a.ref), "after": plain(b.ref), "lines": list(prompt_diff_lines(a, b))}
            for a, b in pairs
        ],
    }


def _metric(found: ExperimentComparison, name: str) -> dict[str, JSON]:
    said = found.results[found.compared_variants[0]].metrics[name]
    kinds = {one.metrics[name].kind for one in found.results if one.metrics[name].n}
    return {
        "name": plain(name),
        "higher": said.higher_is_better,
        "unit": plain(said.unit),
        "kind": "pass" if kinds == {"pass"} else "number",
    }


def _variant(result: VariantResult, base: int | None) -> dict[str, JSON]:
    return {
        "name": plain(result.variant.name),
        "base": base,
        "stopped": plain(result.stopped),
        "cost": result.cost_of_1000,
        "latency": result.latency_s,
        "rows": {
            "planned": result.rows.planned,
            "scored": result.rows.scored,
            "failed": result.rows.failed,
            "not_run": result.rows.not_run,
        },
        "metrics": {
            plain(name): {
                "mean": one.mean,
                "low": one.low,
                "high": one.high,
                "n": one.n,
                "errors": one.errors,
            }
            for name, one in result.metrics.items()
        },
        "comparisons": {
            plain(name): comparison_json(one) for name, one in result.comparisons.items()
        },
    }


def _rows(found: ExperimentComparison) -> Iterator[tuple[bool, str]]:
    """Each row as JSON, and whether variants differ in it or one failed."""
    metrics = [one.name for one in found.plan.experiment.evaluators]
    columns = found.plan.experiment.dataset.columns
    cells = found.plan.cells[found.compared_variants[0]]
    start = 0
    for chunks in zip(
        *(found.read_rows(number) for number in found.compared_variants), strict=True
    ):
        own = [dict(chunk) for chunk in chunks]
        last = max((number for rows in own for number in rows), default=start - 1)
        for number in range(start, last + 1):
            made = [_cell(rows.get(number), metrics) for rows in own]
            said = {json.dumps(one and one["scores"]) for one in made}
            failed = any(one and one["state"] for one in made)
            example = cells[number].example
            expected = example.expectations.get(EXPECTED)
            row = {
                "id": _text(example.id),
                "repeat": cells[number].repeat,
                "inputs": [_text(_said(example.inputs.get(name))) for name in columns],
                "expected": None if expected is None else _text(_said(expected)),
                "cells": made,
            }
            yield failed or len(said) > 1, _json(row)
        start = last + 1


def _cell(row: Row | None, metrics: Sequence[str]) -> dict[str, JSON] | None:
    if row is None or row.completion is None:
        return None
    answer = row.completion
    state = "" if answer.scored else answer.error or answer.state
    return {
        "text": _text(answer.text),
        "state": _text(state),
        "scores": [score.number if (score := row.scores.get(name)) else None for name in metrics],
    }


def _said(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _fitting(rows: Iterator[tuple[bool, str]]) -> tuple[list[str], int]:
    """The rows that fit, in their order: those in which variants differ first, then others."""
    kept: list[tuple[int, bool, str]] = []
    sizes = {True: 0, False: 0}
    total = 0
    for number, (differs, text) in enumerate(rows):
        total += 1
        size = len(text.encode())
        if sizes[differs] + size <= BUDGET:
            sizes[differs] += size
            kept.append((number, differs, text))
    room = BUDGET - sizes[True]
    found: list[str] = []
    for _, differs, text in kept:
        if not differs:
            room -= len(text.encode())
        if differs or room >= 0:
            found.append(text)
    return found, total - len(found)
