"""A comparison as one HTML file: page.html, page.css, page.js, and the comparison as JSON.

    <script type="application/json" id="data">{"experiment":"sentiment","variants":[…],"rows":[…]}

Prompts, rows and outputs are in a data block that no browser executes, and the script inserts them
as text. The Content-Security-Policy allows this script and this style by their digests, images that
the page holds, and nothing else: no address is requested.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.confusion import ConfusionTable
from workbench.dataset import EXPECTED
from workbench.report.compare import prompt_diff_lines
from workbench.report.page_images import PageImages
from workbench.report.safe_text import plain
from workbench.results.serialize import comparison_json
from workbench.results.types import Row, VariantResult

MAX_TEXT = 4_000  # characters of an input or an output
MAX_BYTES = 14_000_000  # of all rows: a page below 20 MB opens within seconds
ROW_COUNTS = ("planned", "scored", "failed", "not_run")
METRIC_FIELDS = ("mean", "low", "high", "n", "clusters", "tail_unknown", "errors", "not_applicable")
WORST_FIELDS = ("mean", "low", "high", "n")
PARTS = files("workbench.report")


def comparison_page(compared: ExperimentComparison, *, currency: str) -> str:
    """The page of the compared variants; of rows that don't fit, those that differ are kept."""
    count = len(compared.compared_variants)
    evaluators = compared.plan.experiment.evaluators
    tables = [ConfusionTable(evaluator.name, count) for evaluator in evaluators]
    rows, omitted = _select_rows(_rows(compared, tables))
    summary = _summary(compared, currency)
    head = _json({**summary, "confusions": _confusions(summary, tables), "omitted": omitted})[:-1]
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
    return f'{before}{head},"rows":[{",".join(rows)}]}}{after}'


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(value: JSON) -> str:
    """JSON that ends no HTML element and no line, whatever it contains."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.encode("utf-8", "replace").decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(value: JSON) -> str:
    text = plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"


def _summary(compared: ExperimentComparison, currency: str) -> dict[str, JSON]:
    """Everything except the rows."""
    plan, experiment = compared.plan, compared.plan.experiment
    positions = {number: index for index, number in enumerate(compared.compared_variants)}
    bases = {number: plan.baselines[number] for number in compared.compared_variants}
    prompts = {
        (before.digest, after.digest): (before, after)
        for before, after in (
            (plan.variants[base].prompt, plan.variants[number].prompt)
            for number, base in bases.items()
            if base is not None
        )
        if before.digest != after.digest
    }
    return {
        "experiment": plain(experiment.name),
        "currency": plain(currency),
        "dataset": {
            "name": plain(experiment.dataset.name),
            "digest": experiment.dataset.digest,
            "rows": plan.rows,
        },
        "columns": [plain(name) for name in experiment.dataset.columns],
        "metrics": [_metric(compared, evaluator.name) for evaluator in experiment.evaluators],
        "variants": [
            _variant(compared.results[number], None if base is None else positions[base])
            for number, base in bases.items()
        ],
        "diffs": [
            {"before": plain(a.ref), "after": plain(b.ref), "lines": list(prompt_diff_lines(a, b))}
            for a, b in prompts.values()
        ],
    }


def _metric(compared: ExperimentComparison, name: str) -> dict[str, JSON]:
    first = compared.results[compared.compared_variants[0]].metrics[name]
    results = (result.metrics[name] for result in compared.results)
    kinds = {metric.kind for metric in results if metric.n}
    return {
        "name": plain(name),
        "higher": first.higher_is_better,
        "unit": plain(first.unit),
        "kind": kinds.pop() if kinds in ({"pass"}, {"column"}) else "number",
    }


def _variant(result: VariantResult, base: int | None) -> dict[str, JSON]:
    return {
        "name": plain(result.variant.name),
        "base": base,
        "stopped": plain(result.stopped),
        "note": plain(result.model_note),
        "cost": result.cost_of_1000,
        "latency": result.latency_s,
        "times": asdict(result.latency) if result.latency else None,
        "rows": {name: getattr(result.rows, name) for name in ROW_COUNTS},
        "metrics": {
            plain(name): {
                **{field: getattr(metric, field) for field in METRIC_FIELDS},
                "median": asdict(metric.median) if metric.median else None,
                "worst": metric.worst
                and {field: getattr(metric.worst, field) for field in WORST_FIELDS},
                "worst_unknown": metric.worst_unknown,
            }
            for name, metric in result.metrics.items()
        },
        "comparisons": {
            plain(name): comparison_json(comparison)
            for name, comparison in result.comparisons.items()
        },
    }


def _confusions(
    summary: Mapping[str, JSON], tables: Sequence[ConfusionTable]
) -> list[Mapping[str, JSON]]:
    """The tables of pass or fail metrics that read labels; of the first metric if none does."""
    passes = [metric["kind"] == "pass" for metric in summary["metrics"]]
    judged = [table for table, is_pass in zip(tables, passes, strict=True) if is_pass]
    reading = [table for table in judged if table.reads_labels] or judged[:1]
    return [
        {
            **table_json,
            "metric": plain(table_json["metric"]),
            **{key: [plain(label) for label in table_json[key]] for key in ("expected", "columns")},
        }
        for table in reading
        if (table_json := table.as_json())
    ]


def _rows(
    compared: ExperimentComparison, tables: Sequence[ConfusionTable]
) -> Iterator[tuple[bool, str]]:
    """Each row as JSON, and True if variants differ in it or one of them failed.

    Each answer is counted in the tables.
    """
    metrics = [evaluator.name for evaluator in compared.plan.experiment.evaluators]
    columns = compared.plan.experiment.dataset.columns
    cells = compared.plan.cells[compared.compared_variants[0]]
    patterns = {pattern.metric: pattern for pattern in compared.patterns}
    repeats = compared.plan.experiment.repeats
    rows_of = {
        key: [frozenset(getattr(patterns.get(name), key, ())) for name in metrics]
        for key in ("suspect", "same")
    }
    images = PageImages(compared.plan, compared.compared_variants)
    start = 0
    readers = (compared.read_rows(number) for number in compared.compared_variants)
    for chunks in zip(*readers, strict=True):
        by_number = [dict(chunk) for chunk in chunks]
        last = max((number for rows in by_number for number in rows), default=start - 1)
        for number in range(start, last + 1):
            answers = [_cell(rows.get(number), metrics) for rows in by_number]
            for table in tables:
                for variant, rows in enumerate(by_number):
                    table.add(variant, rows.get(number))
            scores = {json.dumps(answer and answer["scores"]) for answer in answers}
            failed = any(answer and answer["state"] for answer in answers)
            example = cells[number].example
            expected = example.expectations.get(EXPECTED)
            row = {
                "id": _text(example.id),
                "repeat": cells[number].repeat,
                "inputs": [_text(example.inputs.get(name)) for name in columns],
                "expected": None if expected is None else _text(expected),
                "cells": answers,
            }
            if urls := images.of_row(number):
                row["images"] = urls
            for key, by_metric in rows_of.items():  # indexes of the metrics; most rows have none
                if marked := [n for n, rows in enumerate(by_metric) if number // repeats in rows]:
                    row[key] = marked
            yield failed or len(scores) > 1 or "suspect" in row, _json(row)
        start = last + 1


def _cell(row: Row | None, metrics: Sequence[str]) -> dict[str, JSON] | None:
    if row is None or row.completion is None:
        return None
    completion = row.completion
    state = "" if completion.scored else completion.error or completion.state
    scores = [row.scores.get(name) for name in metrics]
    errors = [n for n, score in enumerate(scores) if score and score.error]
    return {
        "text": _text(completion.text),
        "state": _text(state),
        "scores": [score.number if score else None for score in scores],
        **({"errors": errors} if errors else {}),  # indexes of the metrics
    }


def _select_rows(rows: Iterator[tuple[bool, str]]) -> tuple[list[str], int]:
    """The rows that fit, in their order, and the number omitted; rows that differ take priority."""
    candidates: list[tuple[bool, str]] = []
    sizes = {True: 0, False: 0}
    total = 0
    for differs, text in rows:
        total += 1
        size = len(text.encode())
        if sizes[differs] + size <= MAX_BYTES:
            sizes[differs] += size
            candidates.append((differs, text))
    left = MAX_BYTES - sizes[True]
    selected: list[str] = []
    for differs, text in candidates:
        if not differs:
            left -= len(text.encode())
        if differs or left >= 0:
            selected.append(text)
    return selected, total - len(selected)
