"""Candidates of a decision, and the decision in words.

Take few_shot: exact_match 0.840 [0.773, 0.890], n=150.
After choosing from 3 variants, expect 0.836 [0.762, 0.890]. May be the best, too: terse; of these
terse costs 67% as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.results.scores import mean_text
from workbench.stats.means import Estimate
from workbench.stats.quantiles import Quantile

MAX_LISTED = 5  # variants in a list of the conclusion
CLEAR_GAIN = 0.95  # of the cost or the time of the best; above it no gain is named
WITHIN, NO_INTERVAL = "the floor is within its interval", "its mean has no interval"


@dataclass(frozen=True)
class Candidate:
    """A variant with its quality, cost and latency.

    Attributes:
        quality, low, high: the mean and its interval, failed rows at the worst of the range; None
            where `tail_unknown`.
        rows, clusters: number of rows of that mean, and of groups that depend on each other.
        failed_rows: rows with an answer that failed or could not be scored.
        cost: of 1,000 rows; None: unknown.
        latency_s: seconds, the mean of the answers; None: no answer was timed.
        against: reasons in words for not taking it, such as the limits that it exceeds.
        tail_unknown, median: as in `Estimate`.
        unsure: the floor is within the interval, of the one to take that after choosing; or the
            mean has no interval.
        on_front: of the variants within the limits none is as good in all and better in one.
        support: of the data for it as the best of the variants within the limits, 0 to 1; all of
            them add up to 1. No probability of being right.
        as_good: it may be the best: the tests do not exclude it.
    """

    variant: int
    quality: float
    low: float | None
    high: float | None
    rows: int
    clusters: int
    failed_rows: int
    cost: float | None
    latency_s: float | None
    against: tuple[str, ...] = ()
    tail_unknown: bool = False
    median: Quantile | None = None
    unsure: bool = False
    on_front: bool = False
    support: float = 0.0
    as_good: bool = False


def no_candidate_text(names: Sequence[str], outside: Sequence[Candidate]) -> str:
    """The reasons for which no variant can be taken; `names` are those of all variants."""
    reasons = "; ".join(f"{names[c.variant]}: {', '.join(c.against)}" for c in outside[:MAX_LISTED])
    reasons += f"; and {len(outside) - MAX_LISTED} more" if len(outside) > MAX_LISTED else ""
    return f"No variant can be taken ({reasons})."


def choice_text(names: Sequence[str], metric: str, candidates: Sequence[Candidate]) -> str:
    """The variant to take, as it was measured."""
    best = candidates[0]
    measured = f"{metric} {mean_text(best.quality, best)}, n={best.rows:,}"
    alone = "" if candidates[1:] else ", the only one that can be taken"
    return f"Take {names[best.variant]}: {measured}{alone}."


def caution_text(names: Sequence[str], candidates: Sequence[Candidate], chosen: Estimate) -> str:
    """The estimate after choosing, and the variants that may be the best, too."""
    best, sentences = candidates[0], []
    if candidates[1:]:
        expected = mean_text(chosen.mean, chosen)
        sentences.append(f"After choosing from {len(candidates)} variants, expect {expected}.")
        close = [c for c in candidates[1:] if c.as_good]
        listed = [names[c.variant] for c in close[:MAX_LISTED]]
        listed += [f"{len(close) - MAX_LISTED} more"] if len(close) > MAX_LISTED else []
        others = f"May be the best, too: {_join(listed)}" if close else "All others are worse"
        gains = [_gain(c, best, names[c.variant]) for c in close if c.on_front]
        gains = list(filter(None, gains))[:MAX_LISTED]
        sentences.append(f"{others}; of these {_join(gains)}." if gains else f"{others}.")
    if best.unsure:
        reason = NO_INTERVAL if chosen.tail_unknown else WITHIN
        sentences.append(f"It may be beyond the floor: {reason}.")
    return " ".join(sentences)


def _gain(candidate: Candidate, best: Candidate, name: str) -> str:
    gains = []
    cost, latency = candidate.cost, candidate.latency_s
    if cost is not None and best.cost and cost < CLEAR_GAIN * best.cost:
        gains.append(f"costs {cost / best.cost:.0%} as much")
    if latency and best.latency_s and latency < CLEAR_GAIN * best.latency_s:
        gains.append(f"takes {latency / best.latency_s:.0%} as long")
    return f"{name} {' and '.join(gains)}" if gains else ""


def _join(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
