"""Judges' scores corrected by people's labels of the answers, as far as a calibration has them.

labels of the answers themselves      prediction-powered: means and differences
of other answers, pass or fail only   Rogan–Gladen: means alone

A metric of numbers that repeats or clusters make dependent is not corrected.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from workbench.evaluator import Evaluator
from workbench.judges.judge import Judge
from workbench.judges.judge_record import label_key
from workbench.plan import Plan
from workbench.results.scores import MetricScores
from workbench.results.tally import Tally
from workbench.results.types import MetricResult, VariantResult
from workbench.stats.judge_error import (
    MIN_LABELS,
    Corrected,
    JudgeRates,
    corrected_difference,
    corrected_rate,
    rate_by_error,
)
from workbench.stats.labelled_difference import correct_difference
from workbench.stats.pairs import Difference
from workbench.stats.sample import RowValues

EVEN = 0.5  # the value of a pair that nobody wins
UNCORRECTED = (
    f"a verdict on a difference that fewer than {MIN_LABELS} rows with labels of both answers "
    "correct is the judge's word alone"
)
Values = tuple[RowValues, RowValues]


def is_pairwise(evaluator: Evaluator) -> bool:
    """True for a judge that compares a variant's answer with its baseline's."""
    return evaluator.traits.judged and "baseline" in evaluator.arguments


def even_scores(scores: MetricScores) -> MetricScores:
    """The scores of a baseline against itself, to compare those of pairs with."""
    return MetricScores({row: [EVEN] for row in scores.values}, clusters=scores.clusters)


def judged_difference(
    judge: Judge, plan: Plan, pair: tuple[int, int], difference: Difference, values: Values
) -> Difference:
    """A difference by a judge: corrected where labels allow, without a verdict by a doubted one.

    Args:
        judge: whose values were compared.
        plan: of the variants.
        pair: the numbers of the baseline and of the variant.
        difference: of their values.
        values: of both; those of pairs are compared with even ones.
    """
    corrected = None
    if not difference.anytime_valid and judge.record and _independent(plan, pair):
        corrected = _corrected_difference(judge, plan, pair, values)
    if corrected:
        difference = correct_difference(difference, corrected)
    return replace(difference, reason=judge.doubt) if judge.doubt else difference


def _corrected_difference(
    judge: Judge, plan: Plan, pair: tuple[int, int], values: Values
) -> Corrected | None:
    first, second = values
    base, number = pair
    rows = [row for row in second if second[row] and first.get(row)]
    after = _row_labels(judge, plan, number)
    before = dict.fromkeys(rows, EVEN) if judge.pairwise else _row_labels(judge, plan, base)
    width = judge.ends[1] - judge.ends[0]
    judged = [(second[row][0] - first[row][0]) / width for row in rows]
    labels = {
        n: (after[row] - before[row]) / width
        for n, row in enumerate(rows)
        if row in after and row in before
    }
    corrected = corrected_difference(judged, labels)
    return corrected.scaled(0.0, width) if corrected else None


def correct_means(
    results: Sequence[VariantResult], tallies: Sequence[Tally], plan: Plan
) -> list[VariantResult]:
    """The results with the corrected means of the metrics that judges give, and notes on them."""
    return [
        _correct_result(result, number, tally, plan)
        for number, (result, tally) in enumerate(zip(results, tallies, strict=True))
    ]


def _correct_result(result: VariantResult, number: int, tally: Tally, plan: Plan) -> VariantResult:
    metrics: dict[str, MetricResult] = dict(result.metrics)
    notes: list[str] = []
    for name, judge in plan.experiment.judges.items():
        corrected = correct_mean(judge, plan, number, tally.scores(name).values)
        metrics[name] = replace(metrics[name], corrected=corrected)
        notes += judge_notes(judge, metrics[name], result)
    return replace(result, metrics=metrics, judge_notes=tuple(notes))


def judge_notes(judge: Judge, metric: MetricResult, result: VariantResult) -> list[str]:
    """Notes on what is known of a judge's error, and a variant's corrected mean."""
    models = ", ".join(model.model.ref for model in judge.models)
    name, judged_by = judge.name, f"judged by {judge.prompt_name} on {models}"
    if judge.record is None:
        return [
            f"{name}: {judged_by}, uncalibrated: its verdicts are the judge's word alone "
            f"(workbench judge calibrate {name!r} holds it against people)"
        ]
    if judge.doubt:
        return [f"{name}: it decides nothing: {judge.doubt}"]
    notes = [f"{name}: {judged_by}: {judge.record.kappa_text}"]
    comparison = result.comparisons.get(name)
    if comparison and not comparison.difference.corrected:
        notes.append(f"{name}: {UNCORRECTED}")
    if corrected := metric.corrected:
        where = "of other answers" if corrected.elsewhere else "of its answers"
        notes.append(
            f"{name} of {result.variant.name}: {corrected.mean:.3f} "
            f"[{corrected.low:.3f}, {corrected.high:.3f}] by people's standard, corrected by "
            f"{corrected.labels:,} labels {where}; the judge says {metric.mean:.3f}"
        )
    return notes


def correct_mean(judge: Judge, plan: Plan, number: int, values: RowValues) -> Corrected | None:
    """The corrected mean of a variant's values; None: too few labels, or rows that depend."""
    if judge.record is None or not _independent(plan, (number,)):
        return None
    rows = [row for row in values if values[row]]
    low, high = judge.ends
    judged = [(values[row][0] - low) / (high - low) for row in rows]
    labels = _row_labels(judge, plan, number)
    truth = {n: (labels[r] - low) / (high - low) for n, r in enumerate(rows) if r in labels}
    corrected = corrected_rate(judged, truth)
    record = judge.record
    if corrected is None and record and not judge.pairwise and {*judged} <= {0.0, 1.0} and rows:
        rates = JudgeRates(record.sensitivity, record.specificity, record.passed, record.failed)
        corrected = rate_by_error(fmean(judged), len(rows), rates)
    return corrected.scaled(low, high) if corrected else None


def _row_labels(judge: Judge, plan: Plan, number: int) -> dict[int, float]:
    """The worth of people's labels of a variant's answers, by row."""
    assert judge.record
    labels, cells = judge.record.labels, plan.cells[number]
    base = plan.judged_baselines[number] if judge.pairwise and plan.baselines else None
    keys = [
        label_key(cell.key, plan.cells[base][row].key if base is not None else "")
        for row, cell in enumerate(cells)
    ]
    return {row: labels[key] for row, key in enumerate(keys) if key in labels}


def _independent(plan: Plan, variants: tuple[int, ...]) -> bool:
    """True if each row has one answer and depends on no other row."""
    return plan.experiment.repeats == 1 and max(plan.clusters(variants), default=0) + 1 == plan.rows
