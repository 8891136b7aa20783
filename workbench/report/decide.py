"""A decision on a terminal and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing import Decision, ExperimentComparison
from workbench.comparing.decision import Candidate
from workbench.report.compare import align_rows, partial_lines
from workbench.report.safe_text import seconds, shorten

SCHEMA_VERSION = 1


def decision_lines(found: ExperimentComparison, decision: Decision, currency: str) -> Iterator[str]:
    """A line a variant, best first; then the sentence."""
    head = (
        "variant",
        shorten(decision.metric),
        f"{shorten(currency)} / 1,000 rows",
        "latency",
        "rows",
        "best in",
        "",
    )
    yield from align_rows([head, *(_cells(found, one) for one in decision.candidates)])
    yield ""
    yield shorten(decision.words, 2_000)
    yield from partial_lines(found, [one.variant for one in decision.candidates])


def decision_json(found: ExperimentComparison, decision: Decision) -> dict[str, JSON]:
    """The same; costs are of 1,000 rows."""
    names = [variant.name for variant in found.plan.variants]
    return {
        "schema_version": SCHEMA_VERSION,
        "experiment": found.plan.experiment.name,
        "metric": decision.metric,
        "candidates": [
            {
                **asdict(one),
                "variant": names[one.variant],
                "rows": _answered(found, one),
                "admissible": not one.against,
            }
            for one in decision.candidates
        ],
        "words": decision.words,
    }


def _cells(found: ExperimentComparison, one: Candidate) -> tuple[str, ...]:
    quality = f"{one.quality:.3f}"
    if one.low is not None and one.high is not None:
        quality += f" [{one.low:.3f}, {one.high:.3f}]"
    words = [*one.against]
    if not one.against:
        words += ["Pareto front"] * one.on_front + ["not clearly worse than the best"] * one.as_good
        words += ["floor not certain"] * one.unsure
    return (
        shorten(found.plan.variants[one.variant].name, 60),
        quality,
        "unknown" if one.cost is None else f"{one.cost:.4f}",
        "unknown" if one.latency_s is None else seconds(one.latency_s),
        f"{_answered(found, one):,}",
        "" if one.against else f"{one.best_chance:.0%}",
        shorten("; ".join(words), 200),
    )


def _answered(found: ExperimentComparison, one: Candidate) -> int:
    rows = found.results[one.variant].rows
    return rows.planned - rows.not_run
