"""The first sentences of a page and a run: the best variant by a metric, and the evidence.

few_shot is the best by exact_match: 0.840 [0.773, 0.890] on 150 rows. Corrected for choosing from 3
variants, expect 0.836 [0.762, 0.890]. Against the baseline zero_shot it is better: +0.200 [+0.112,
+0.288]. All other variants are worse.

They go by the rules of `decide` and show its numbers: failed rows count as the worst score.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.comparing.candidates import Candidate
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Limits, Ranking, decide
from workbench.errors import WorkbenchError, list_first, pluralize
from workbench.report.compare import difference_text, rows_needed_text
from workbench.report.safe_text import plain
from workbench.results.scores import mean_text
from workbench.stats.verdicts import EQUIVALENT, INCONCLUSIVE

MAX_NAMES = 5  # of variants in a sentence
VERDICTS = {EQUIVALENT: "equivalent", INCONCLUSIVE: "not clearly different"}


@dataclass(frozen=True)
class Headline:
    """The best variant by a metric, in words.

    Attributes:
        best: number of the variant that leads; None: none can be named or leads.
        is_clear: the tests exclude all other variants.
        sentences: the first names the variant with its numbers.
    """

    best: int | None
    is_clear: bool
    sentences: tuple[str, ...]


def run_headline(compared: ExperimentComparison) -> Headline | None:
    """The headline by the first metric with one; None: a single variant, or nothing measured."""
    if len(compared.compared_variants) < 2:
        return None
    names = (evaluator.name for evaluator in compared.plan.experiment.evaluators)
    return next(filter(None, (headline(compared, name) for name in names)), None)


def headline(compared: ExperimentComparison, metric: str) -> Headline | None:
    """The headline by a metric; None: no variant can be chosen by it, as by a time."""
    try:
        ranking = decide(compared, Limits(metric), compared.compared_variants)
    except WorkbenchError:
        return None
    within = [candidate for candidate in ranking.candidates if not candidate.against]
    names = [plain(variant.name) for variant in compared.plan.variants]
    if not within:
        reasons = [f"{names[c.variant]}: {', '.join(c.against)}" for c in ranking.candidates]
        text = f"No variant can be named the best by {plain(metric)} "
        return Headline(None, False, (f"{text}({list_first(reasons, MAX_NAMES, '; ')}).",))
    others = within[1:]
    if others and len({(c.quality, c.as_good) for c in within}) == 1:
        all_of_them = "both" if len(within) == 2 else f"all {len(within)}"
        text = f"No variant leads by {plain(metric)}: {all_of_them} have "
        return Headline(None, False, (f"{text}{_numbers(within[0])}.",))
    is_clear = bool(others) and not any(c.as_good for c in others)
    sentences = [
        *_first_sentences(ranking, within, names),
        *_evidence(compared, metric, within[0]),
    ]
    if is_clear:
        sentences.append(f"{'All other variants are' if others[1:] else 'The other one is'} worse.")
    return Headline(within[0].variant, is_clear, tuple(sentences))


def _first_sentences(
    ranking: Ranking, within: Sequence[Candidate], names: Sequence[str]
) -> Iterator[str]:
    """The variant that leads, and its estimate after choosing."""
    best, metric = within[0], plain(ranking.metric)
    name, numbers = names[best.variant], _numbers(best)
    if best.failed_rows:
        numbers += f" ({pluralize(best.failed_rows, 'failed row')} at the worst score)"
    close = [names[c.variant] for c in within[1:] if c.as_good]
    if not within[1:]:
        yield f"{name} has {metric} {numbers}; there is no other variant to compare it with."
    elif close:
        others = [*close[:MAX_NAMES], *[f"{n} more" for n in [len(close) - MAX_NAMES] if n > 0]]
        listed = " and ".join(filter(None, (", ".join(others[:-1]), others[-1])))
        yield (
            f"Not enough evidence to name one best variant: {name} leads by {metric} with "
            f"{numbers}, but {listed} may be as good."
        )
    else:
        yield f"{name} is the best by {metric}: {numbers}."
    if (chosen := ranking.after_choosing) and within[1:]:
        expected = mean_text(chosen.mean, chosen)
        yield f"Corrected for choosing from {len(within)} variants, expect {expected}."


def _numbers(candidate: Candidate) -> str:
    return f"{mean_text(candidate.quality, candidate)} on {pluralize(candidate.rows, 'row')}"


def _evidence(compared: ExperimentComparison, metric: str, best: Candidate) -> Iterator[str]:
    """The verdict of the best variant against its baseline."""
    comparison = compared.results[best.variant].comparisons.get(metric)
    if comparison is None:
        return
    difference, verdict = comparison.difference, comparison.verdict
    if comparison.worst and comparison.worst_verdict:
        difference, verdict = comparison.worst, comparison.worst_verdict
    baseline = plain(comparison.baseline)
    if verdict.reason:
        yield f"No verdict against the baseline {baseline}: {verdict.reason}."
        return
    word = VERDICTS.get(verdict.outcome, verdict.outcome)
    text = f"Against the baseline {baseline} it is {word}: {difference_text(difference)}"
    needed = rows_needed_text(verdict)
    yield f"{text}; {needed}." if needed else f"{text}."
