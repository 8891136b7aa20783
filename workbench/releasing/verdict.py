"""The ruling on a promotion: taken, or refused for what.

    taken                better or equivalent by each metric that decides, and the gate passed
    gate failed, worse   refused: the evidence is against it
    not enough evidence  refused: more rows would decide it
    no evidence          refused: answers, a record or a gate is missing

The metrics of the gate decide; without a gate the first metric. Where nothing is in production yet,
nothing can be compared, so the gate must have passed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.comparing.checks import FAILED, PASSED, Check
from workbench.errors import ExitCode
from workbench.evaluator.row_values import first_with_row_values
from workbench.experiment import Experiment
from workbench.results.types import MetricComparison
from workbench.stats.pairs import Difference
from workbench.stats.verdicts import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE, Verdict

TAKEN, GATE_FAILED, NO_EVIDENCE = "taken", "gate failed", "no evidence"
EXIT_CODES = {
    TAKEN: ExitCode.DONE,
    GATE_FAILED: ExitCode.GATE,
    WORSE: ExitCode.GATE,
    INCONCLUSIVE: ExitCode.UNDECIDED,
    NO_EVIDENCE: ExitCode.UNDECIDED,
}


@dataclass(frozen=True)
class Gap:
    """A part of the evidence that is missing, and the command that makes it."""

    message: str
    fix: str


@dataclass(frozen=True)
class Ruling:
    """The outcome, and the metrics and gaps that it goes by.

    Attributes:
        metrics: those that are worse or open.
    """

    outcome: str
    metrics: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a promotion that is not forced."""
        return EXIT_CODES[self.outcome]


def rule(
    comparisons: Mapping[str, MetricComparison | None], checks: Sequence[Check], gaps: Sequence[Gap]
) -> Ruling:
    """The ruling on a variant.

    Args:
        comparisons: with the variant in production, by each metric that decides, None where it has
            no difference; empty: nothing is in production.
        checks: of the gate on this variant; empty: there is no gate.
        gaps: what is missing of the evidence.
    """
    outcomes = {name: decisive_outcome(comparison) for name, comparison in comparisons.items()}
    worse = tuple(name for name, outcome in outcomes.items() if outcome == WORSE)
    taken = (BETTER, EQUIVALENT)
    unclear = tuple(name for name, outcome in outcomes.items() if outcome not in (*taken, WORSE))
    if gaps:
        return Ruling(NO_EVIDENCE, gaps=tuple(gaps))
    if any(check.outcome == FAILED for check in checks):
        return Ruling(GATE_FAILED)
    if worse:
        return Ruling(WORSE, worse)
    if unclear or any(check.outcome != PASSED for check in checks):
        return Ruling(INCONCLUSIVE, unclear)
    return Ruling(TAKEN)


def deciding_metrics(experiment: Experiment) -> list[str]:
    """The metrics of the gate; without a gate the first one with a value of each row, if any."""
    gated = [e.name for e in experiment.evaluators if e.name in experiment.gate]
    return gated or [*filter(None, [first_with_row_values(experiment.evaluators)])]


def decisive(comparison: MetricComparison) -> tuple[Difference, Verdict]:
    """The difference and the verdict that count: failed answers with the worst score."""
    if comparison.worst and comparison.worst_verdict:
        return comparison.worst, comparison.worst_verdict
    return comparison.difference, comparison.verdict


def decisive_outcome(comparison: MetricComparison | None) -> str:
    """The outcome that counts; failed answers without a worst score leave it open."""
    if comparison is None or comparison.worst_unknown:
        return INCONCLUSIVE
    _, verdict = decisive(comparison)
    return INCONCLUSIVE if verdict.reason else verdict.outcome
