"""A decision on a terminal and as JSON.

variant   accuracy              USD / 1,000 rows  latency  rows  support
few_shot  0.780 [0.707, 0.839]  0.012             212 ms   150   0.97     may be the best
"""

from collections.abc import Iterator
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing.candidates import Candidate
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Ranking
from workbench.errors import cost_text, pluralize
from workbench.report.compare import caveat_lines
from workbench.report.estimates import estimate, with_median_note
from workbench.report.safe_text import seconds, shorten
from workbench.report.tables import align_rows
from workbench.results.score_notes import score_notes_json
from workbench.results.scores import number_text
from workbench.results.types import MetricResult

SUPPORT_NOTE = (
    "support orders the variants and is no probability; in 95% of cases the true best is among "
    "those that may be the best"
)


@with_median_note
def decision_lines(
    compared: ExperimentComparison, decision: Ranking, currency: str
) -> Iterator[str]:
    """One line per variant, the best supported first, then the decision in words."""
    cost = f"{shorten(currency)} / 1,000 rows"
    header = ("variant", shorten(decision.metric), cost, "latency", "rows", "support", "")
    cells = (_cells(compared, decision.metric, each) for each in decision.candidates)
    yield from align_rows([header, *cells])
    yield ""
    yield shorten(decision.words, 2_000)
    if sum(not each.against for each in decision.candidates) > 1:
        yield SUPPORT_NOTE
    for number in _without_value(compared, decision):
        name = shorten(compared.plan.variants[number].name, 60)
        metric = compared.results[number].metrics[decision.metric]
        yield f"{name} is left out, for it has no value: {_counts_text(metric)}"
    yield from caveat_lines(compared, [each.variant for each in decision.candidates])


def decision_json(compared: ExperimentComparison, decision: Ranking) -> dict[str, JSON]:
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
        "without_value": [names[number] for number in _without_value(compared, decision)],
        "may_be_best": [names[c.variant] for c in decision.candidates if c.as_good],
        "words": decision.words,
        **score_notes_json(compared.results),
    }


def _as_answered(metric: MetricResult) -> dict[str, JSON]:
    names = ("mean", "low", "high", "n", "clusters")
    median = asdict(metric.median) if metric.median else None
    return {name: getattr(metric, name) for name in names} | {"median": median}


def _without_value(compared: ExperimentComparison, decision: Ranking) -> list[int]:
    candidates = {candidate.variant for candidate in decision.candidates}
    return [number for number in range(len(compared.results)) if number not in candidates]


def _counts_text(metric: MetricResult) -> str:
    """`20 not applicable, 3 failed`."""
    names = ("errors", "not_applicable", "failed", "not_run")
    counts = [(getattr(metric, name), name.replace("_", " ")) for name in names]
    listed = [f"{count:,} {name}" for count, name in counts if count]
    return ", ".join(listed) or "its values are categories"


def _cells(compared: ExperimentComparison, metric: str, candidate: Candidate) -> tuple[str, ...]:
    remarks = list(candidate.against)
    if not remarks:
        remarks += ["Pareto front"] * candidate.on_front
        remarks += ["may be the best"] * candidate.as_good
        remarks += ["floor not certain"] * candidate.unsure
    result = compared.results[candidate.variant].metrics[metric]
    if candidate.failed_rows and not result.worst_unknown:
        without = "" if result.mean is None else f": {number_text(result.mean)} without"
        failed = pluralize(candidate.failed_rows, "failed row")
        if candidate.failed_rows != result.failed + result.errors:  # of some rows only repeats
            failed = f"failures in {pluralize(candidate.failed_rows, 'row')}"
        remarks.append(failed + without)
    return (
        shorten(compared.plan.variants[candidate.variant].name, 60),
        estimate(candidate.quality, candidate),
        "unknown" if candidate.cost is None else cost_text(candidate.cost),
        "unknown" if candidate.latency_s is None else seconds(candidate.latency_s),
        f"{candidate.rows:,}",
        "" if candidate.against else _support_text(candidate.support),
        shorten("; ".join(remarks), 200),
    )


def _support_text(support: float) -> str:
    """A share of the support; near an end as `>0.99` or `<0.01`, for it is never all of it."""
    if 0.99 < support < 1:
        return ">0.99"
    return "<0.01" if 0 < support < 0.01 else f"{support:.2f}"
