"""The slices of a comparison in the page: each value of a column with means and verdicts.

{"column": "language", "omitted": 0, "tests": {"exact_match": ["few_shot: the difference …"]},
 "values": [{"value": "de", "rows": 50, "variants": [{"exact_match": {"mean": 0.7, …}}, …]}]}
"""

from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.slices import Slice
from workbench.report.safe_text import plain, shorten
from workbench.report.slices import MAX_SLICES, interaction_lines
from workbench.results.serialize import comparison_json

MAX_VALUE = 60  # characters


def page_slices(compared: ExperimentComparison) -> JSON:
    """The largest slices with the values and comparisons by metric; None: there are none."""
    if not compared.slices:
        return None
    tests: dict[str, list[str]] = {}
    for number in compared.compared_variants:
        for metric, text in interaction_lines(compared, number):
            name = plain(compared.plan.variants[number].name)
            tests.setdefault(plain(metric), []).append(f"{name}: {text}")
    return {
        "column": shorten(compared.slices[0].column, MAX_VALUE),
        "omitted": max(0, len(compared.slices) - MAX_SLICES),
        "tests": tests,
        "values": [
            {
                "value": shorten(part.value, MAX_VALUE),
                "rows": len(part.rows),
                "variants": [_metrics(part, number) for number in compared.compared_variants],
            }
            for part in compared.slices[:MAX_SLICES]
        ],
    }


def _metrics(part: Slice, number: int) -> dict[str, JSON]:
    """Of one variant each metric's mean in the slice, and its comparison with the baseline."""
    comparisons, unpaired = part.comparisons.get(number, {}), part.unpaired.get(number, {})
    return {
        plain(name): {
            "mean": value and value.mean,
            "low": value and value.low,
            "high": value and value.high,
            "n": value.n if value else 0,
            "median": asdict(value.median) if value and value.median else None,
            "comparison": comparison_json(comparisons[name]) if name in comparisons else None,
            "unpaired": name in unpaired,
        }
        for name, value in part.values[number].items()
    }
