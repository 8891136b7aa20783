"""Everything of a comparison's page but its rows.

{"experiment": "sentiment", "metrics": [{"name": "exact_match", …}], "variants": [{…}, …], …}
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.confusion import ConfusionTable
from workbench.page.headline import headline
from workbench.page.page_slices import page_slices
from workbench.report.compare import prompt_diff_lines
from workbench.report.safe_text import plain, shorten
from workbench.results.serialize import comparison_json
from workbench.results.types import MetricResult, VariantResult

ROW_COUNTS = ("planned", "scored", "failed", "not_run")
METRIC_FIELDS = ("mean", "low", "high", "n", "clusters", "errors")
MAX_CATEGORIES = 5
WORST_FIELDS = ("mean", "low", "high", "n")


def page_summary(compared: ExperimentComparison, currency: str) -> dict[str, JSON]:
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
            "repeats": experiment.repeats,
        },
        "columns": [plain(name) for name in experiment.dataset.columns],
        "metrics": [_metric(compared, evaluator.name) for evaluator in experiment.evaluators],
        "variants": [
            _variant(compared.results[number], None if base is None else positions[base])
            for number, base in bases.items()
        ],
        "slices": page_slices(compared),
        "diffs": [
            {"before": plain(a.ref), "after": plain(b.ref), "lines": list(prompt_diff_lines(a, b))}
            for a, b in prompts.values()
        ],
    }


def _metric(compared: ExperimentComparison, name: str) -> dict[str, JSON]:
    first = compared.results[compared.compared_variants[0]].metrics[name]
    results = (result.metrics[name] for result in compared.results)
    kinds = {metric.kind for metric in results if metric.n}
    kind = kinds.pop() if len(kinds) == 1 else "number"
    return {
        "name": plain(name),
        "higher": first.higher_is_better,
        "unit": plain(first.unit),
        "kind": kind,
        "worst": compared.scales[name].worst,
        "headline": _headline(compared, name),
    }


def _headline(compared: ExperimentComparison, name: str) -> JSON:
    best = headline(compared, name)
    if best is None:
        return None
    position = None if best.best is None else compared.compared_variants.index(best.best)
    return {"best": position, "clear": best.is_clear, "sentences": list(best.sentences)}


def _variant(result: VariantResult, base: int | None) -> dict[str, JSON]:
    return {
        "name": plain(result.variant.name),
        "base": base,
        "stopped": plain(result.stopped),
        "note": plain("; ".join(filter(None, (result.model_note, *result.judge_notes)))),
        "tokens": [result.input_tokens, result.output_tokens],
        "cost": result.cost_of_1000,
        "latency": result.latency_s,
        "times": asdict(result.latency) if result.latency else None,
        "rows": {name: getattr(result.rows, name) for name in ROW_COUNTS},
        "metrics": {
            plain(name): {
                **{field: getattr(metric, field) for field in METRIC_FIELDS},
                "not_applicable": 0 if metric.slice_of else metric.not_applicable,
                "median": asdict(metric.median) if metric.median else None,
                "worst": metric.worst
                and {field: getattr(metric.worst, field) for field in WORST_FIELDS},
                "worst_unknown": metric.worst_unknown,
                "outcomes": _categories(metric),
            }
            for name, metric in result.metrics.items()
        },
        "comparisons": {
            plain(name): comparison_json(comparison)
            for name, comparison in result.comparisons.items()
        },
    }


def _categories(metric: MetricResult) -> dict[str, int]:
    """The most frequent categories with their counts; empty for numbers."""
    outcomes = list(metric.outcomes.items()) if metric.kind == "category" else []
    return {shorten(name, 40): count for name, count in outcomes[:MAX_CATEGORIES]}


def confusion_tables(
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
