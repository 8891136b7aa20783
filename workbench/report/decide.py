"""A decision on a terminal and as JSON.

variant   accuracy              USD / 1,000 rows  latency  rows  best
few_shot  0.780 [0.707, 0.839]  0.0124            212 ms   150   97%   Pareto front; may be the best
"""

from collections.abc import Iterator
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Candidate, Decision, chance_text
from workbench.errors import pluralize
from workbench.report.compare import partial_lines
from workbench.report.safe_text import estimate, seconds, shorten
from workbench.report.tables import align_rows
from workbench.results.types import MetricResult


def decision_lines(
    compared: ExperimentComparison, decision: Decision, currency: str
) -> Iterator[str]:
    """One line per variant, the likeliest best first, then the decision in words."""
    cost = f"{shorten(currency)} / 1,000 rows"
    header = ("variant", shorten(decision.metric), cost, "latency", "rows", "best", "")
    cells = (_cells(compared, decision.metric, each) for each in decision.candidates)
    yield from align_rows([header, *cells])
    yield ""
    yield shorten(decision.words, 2_000)
    yield from partial_lines(compared, [each.variant for each in decision.candidates])


def decision_json(compared: ExperimentComparison, decision: Decision) -> dict[str, JSON]:
    """The decision as one object; costs are of 1,000 rows."""
    names = [variant.name for variant in compared.plan.variants]
    metrics = [result.metrics[decision.metric] for result in compared.results]
    return {
        "experiment": compared.plan.experiment.name,
        "metric": decision.metric,
        "candidates": [
            {
                **asdict(candidate),
                "variant": names[candidate.variant],
                "admissible": not candidate.against,
                "as_answered": _as_answered(metrics[candidate.variant]),
            }
            for candidate in decision.candidates
        ],
        "after_choosing": decision.after_choosing and asdict(decision.after_choosing),
        "may_be_best": [names[c.variant] for c in decision.candidates if c.as_good],
        "words": decision.words,
    }


def _as_answered(metric: MetricResult) -> dict[str, JSON]:
    return {name: getattr(metric, name) for name in ("mean", "low", "high", "n", "clusters")}


def _cells(compared: ExperimentComparison, metric: str, candidate: Candidate) -> tuple[str, ...]:
    remarks = list(candidate.against)
    if not remarks:
        remarks += ["Pareto front"] * candidate.on_front
        remarks += ["may be the best"] * candidate.as_good
        remarks += ["floor not certain"] * candidate.unsure
    if candidate.failed_rows:
        answered = compared.results[candidate.variant].metrics[metric].mean
        without = "" if answered is None else f": {answered:.3f} without"
        remarks.append(pluralize(candidate.failed_rows, "failed row") + without)
    return (
        shorten(compared.plan.variants[candidate.variant].name, 60),
        estimate(candidate.quality, candidate.low, candidate.high),
        "unknown" if candidate.cost is None else f"{candidate.cost:.4f}",
        "unknown" if candidate.latency_s is None else seconds(candidate.latency_s),
        f"{candidate.rows:,}",
        "" if candidate.against else chance_text(candidate.best_chance),
        shorten("; ".join(remarks), 200),
    )
