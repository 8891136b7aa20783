"""Metrics of time: two variants are compared only where both met the same load.

    latency of few_shot and zero_shot on one API model, asked row by row      blocks, a verdict
    … on two models, on a local model, or on answers of another day           a reason, no verdict

A local model answers a batch of one variant at a time, and the time of a row is the batch's share.
Two models have a load of their own, also behind one address. Neither says which one is faster at
another time.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from workbench.plan import Plan
from workbench.stats.blocks import BlockDifference, PairedTimes, block_difference
from workbench.stats.sample import RowValues

LOCAL = "a local model's time is that of its batches, one variant after the other"
TWO_MODELS = "two models have loads of their own, and those drift apart"
UNTIMED = "for some rows it is not known when they were asked for"


def compare_times(
    plan: Plan,
    pair: tuple[int, int],
    values: tuple[RowValues, RowValues],
    sent_at: Sequence[Mapping[int, float]],
) -> BlockDifference | None:
    """The difference of two variants' times, a row being one time; None where they share no row.

    `pair` are the numbers of the variants, `values` their times by row, and `sent_at` is, of every
    variant, when its rows were asked for, in seconds.
    """
    first, second = values
    before_sent, after_sent = (sent_at[number] for number in pair)
    rows = [row for row in first if first[row] and second.get(row)]
    if not rows:
        return None
    times = dict.fromkeys(  # rows that share their answers are one measurement
        (fmean(first[row]), fmean(second[row]), before_sent.get(row), after_sent.get(row))
        for row in rows
    )
    reason = _reason(plan, pair)
    if not reason and any(None in measured for measured in times):
        reason = UNTIMED
    table = np.array(list(times), dtype=np.float64)  # None becomes NaN
    return block_difference(PairedTimes(*table.T), rows=len(rows), reason=reason)


def _reason(plan: Plan, pair: tuple[int, int]) -> str:
    """Why two variants can't be compared in time; empty if they can."""
    models = [plan.variants[number].model for number in pair]
    if not all(model.provider.concurrent for model in models):
        return LOCAL
    return "" if models[0].model.label == models[1].model.label else TWO_MODELS
