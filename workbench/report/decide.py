"""A decision on a terminal and as JSON.

variant   accuracy              USD / 1,000 rows  latency  rows  best in
few_shot  0.780 [0.707, 0.839]  0.0124            212 ms   150   97%      Pareto front
"""

from collections.abc import Iterator
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Candidate, Decision
from workbench.report.compare import partial_lines
from workbench.report.safe_text import estimate, seconds, shorten
from workbench.report.tables import align_rows


def decision_lines(
    compared: ExperimentComparison, decision: Decision, currency: str
) -> Iterator[str]:
    """One line per variant, best first, then the decision in words."""
    cost = f"{shorten(currency)} / 1,000 rows"
    header = ("variant", shorten(decision.metric), cost, "latency", "rows", "best in", "")
    yield from align_rows([header, *(_cells(compared, each) for each in decision.candidates)])
    yield ""
    yield shorten(decision.words, 2_000)
    yield from partial_lines(compared, [each.variant for each in decision.candidates])


def decision_json(compared: ExperimentComparison, decision: Decision) -> dict[str, JSON]:
    """The decision as one object; costs are of 1,000 rows."""
    names = [variant.name for variant in compared.plan.variants]
    return {
        "experiment": compared.plan.experiment.name,
        "metric": decision.metric,
        "candidates": [
            {
                **asdict(candidate),
                "variant": names[candidate.variant],
                "rows": compared.results[candidate.variant].rows.answered,
                "admissible": not candidate.against,
            }
            for candidate in decision.candidates
        ],
        "words": decision.words,
    }


def _cells(compared: ExperimentComparison, candidate: Candidate) -> tuple[str, ...]:
    remarks = list(candidate.against)
    if not remarks:
        remarks += ["Pareto front"] * candidate.on_front
        remarks += ["not clearly worse than the best"] * candidate.as_good
        remarks += ["floor not certain"] * candidate.unsure
    return (
        shorten(compared.plan.variants[candidate.variant].name, 60),
        estimate(candidate.quality, candidate.low, candidate.high),
        "unknown" if candidate.cost is None else f"{candidate.cost:.4f}",
        "unknown" if candidate.latency_s is None else seconds(candidate.latency_s),
        f"{compared.results[candidate.variant].rows.answered:,}",
        "" if candidate.against else f"{candidate.best_chance:.0%}",
        shorten("; ".join(remarks), 200),
    )
