"""Means and differences with their intervals as text, and the note on means that have none.

>>> from workbench.stats.means import Estimate
>>> from workbench.stats.quantiles import Quantile
>>> estimate(-0.275, Estimate(-0.275, -0.543, -0.000158, rows=20, clusters=20), "+")
'-0.275 [-0.543, -0.0002]'
>>> median = Quantile(8.0, 7.0, 9.5)
>>> estimate(9.3, Estimate(9.3, None, None, 20, 20, tail_unknown=True, median=median))
'9.300, median 8.000 [7.000, 9.500]'
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from textwrap import wrap
from typing import ParamSpec

from workbench.results.scores import SMALL, MeanInterval, number_text, shown_ends
from workbench.stats.sample import MIN_UNRANGED

P = ParamSpec("P")
WIDTH = 80  # characters
MEDIAN = re.compile(r"\d, median [-+]?\d")
MEDIAN_NOTE = (
    f"no interval of a mean without a range below {MIN_UNRANGED} rows, since rare large values may "
    "not have been seen: the median has one (`range=` on the evaluator gives the mean one)"
)


def estimate(value: float, interval: MeanInterval, sign: str = "") -> str:
    """A mean and its interval, or the median's; `sign`: "+" for differences.

    A bound that isn't 0 is not rounded to 0: an interval shows on which side of 0 it lies.
    """
    text, ends = number_text(value, sign), shown_ends(interval)
    text += f", median {number_text(interval.median.value, sign)}" if interval.median else ""
    show = number_text if 0 < abs(value) < SMALL else _bound  # both alike
    return text + (f" [{show(ends[0], sign)}, {show(ends[1], sign)}]" if ends else "")


def _bound(bound: float, sign: str) -> str:
    decimals = 3
    if 0 < abs(bound) < SMALL:
        decimals = min(12, -math.floor(math.log10(abs(bound))))
    return f"{bound + 0.0:{sign}.{decimals}f}"


def add_median_note(lines: Iterable[str]) -> Iterator[str]:
    """The lines, then a note if a median among them stands for the interval of a mean."""
    has_median = False
    for line in lines:
        has_median = has_median or MEDIAN.search(line) is not None
        yield line
    if has_median:
        yield from wrap(MEDIAN_NOTE, WIDTH, subsequent_indent="  ")


def with_median_note(lines: Callable[P, Iterable[str]]) -> Callable[P, Iterator[str]]:
    """A function whose lines have the note of `add_median_note`."""

    @wraps(lines)
    def noted(*args: P.args, **options: P.kwargs) -> Iterator[str]:
        return add_median_note(lines(*args, **options))

    return noted
