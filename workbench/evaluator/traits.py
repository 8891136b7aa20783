"""Declared properties of an evaluator's values; they are kept on its function.

@evaluator(range=(0, 1))
def brevity(outputs: str) -> float: ...

@evaluator(over="run", range=(0, 1))
@per_row(read_label)
def macro_f1(rows: list[str]) -> float: ...
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

TIME_UNITS = frozenset({"s", "sec", "seconds", "ms", "us", "µs", "ns", "min", "h"})
# Attributes of functions.
TRAITS, ROW = "__workbench_traits__", "__workbench_row__"
UNSEEN, MAY_BE_BEST = "__workbench_unseen__", "__workbench_may_be_best__"
Kind = Literal["pass", "number", "category"]
Over = Literal["row", "run"]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Traits:
    """Declared properties of an evaluator's values.

    Attributes:
        range: least and greatest allowed value; None: any number.
        unit: of the number, for tables (`s`, `tokens`).
        kind: None: inferred from the first values.
        cache: False if the same row may get another score next time.
        by_column, judged: one value of all answers, none of a row; each is a model's verdict.
    """

    higher_is_better: bool = True
    range: tuple[float, float] | None = None
    unit: str = ""
    kind: Kind | None = None
    cache: bool = True
    by_column: bool = False
    judged: bool = False

    @property
    def measures_time(self) -> bool:
        """True if the unit is one of time, or something per time (`tokens/s`)."""
        return self.unit.rpartition("/")[2].strip() in TIME_UNITS


def evaluator(
    *,
    higher_is_better: bool = True,
    range: tuple[float, float] | None = None,  # noqa: A002  the field's word for it
    unit: str = "",
    kind: Kind | None = None,
    cache: bool = True,
    over: Over = "row",
) -> Callable[[Function], Function]:
    """Declare properties of an evaluator's values; see `Traits` for each argument.

    `over="run"` makes it a metric of all of a variant's rows at once.

    >>> @evaluator(range=(0, 1))
    ... def brevity(outputs: str) -> float: return min(1.0, 80 / len(outputs))

    Raises:
        ValueError: `over` is neither `row` nor `run`, or doesn't go with `kind`.
    """
    if over not in get_args(Over):
        raise ValueError(f"over is {over!r}, not 'row' or 'run'")
    if over == "run":
        if kind not in (None, "number"):
            raise ValueError(f"a metric of a run is a number, not {kind!r}")
        kind = "number"
    traits = Traits(higher_is_better, range, unit, kind, cache, by_column=over == "run")

    def mark(function: Function) -> Function:
        setattr(function, TRAITS, traits)
        return function

    return mark


def per_row(
    read: Callable[..., Any],
    *,
    unseen: Callable[[Sequence[Any]], Sequence[Any]] | None = None,
    may_be_best: Callable[..., bool] | None = None,
) -> Callable[[Function], Function]:
    """Give a metric of a run the list of what `read` returns, as its argument `rows`.

    `read` is called once for each row, with its data and the settings that it takes; an exception
    is an error of that row. The metric is computed several hundred times, for its interval.

    `unseen` returns entries of `rows` that may be missing by chance, as an error in a class that
    has none: the interval allows for one of each. Where `may_be_best`, of the rows and settings, is
    true, the best possible value is in the interval: for a metric that chance alone makes worse.
    """

    def mark(function: Function) -> Function:
        setattr(function, ROW, read)
        setattr(function, UNSEEN, unseen)
        setattr(function, MAY_BE_BEST, may_be_best)
        return function

    return mark
