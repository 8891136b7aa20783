"""The rows and repeats that comparisons need, on a terminal and as JSON.

few_shot · m against zero_shot · m, exact_match: to find a difference of 0.05
  repeats  rows   rows for equivalence  requests  USD
  1        1,240  1,020                 2,480     0.41
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing.power import PowerEstimate
from workbench.errors import cost_text, pluralize
from workbench.plan import Plan
from workbench.report.safe_text import shorten
from workbench.report.tables import align_rows


def power_lines(
    plan: Plan, estimates: Sequence[PowerEstimate], difference: float, currency: str
) -> Iterator[str]:
    """A block per comparison: rows by repeats, and what the rows at hand show."""
    columns = ("repeats", "rows", "rows for equivalence", "requests", currency)
    for estimate in estimates:
        names = [shorten(plan.variants[n].name, 60) for n in (estimate.variant, estimate.base)]
        metric = shorten(estimate.metric)
        yield f"{names[0]} against {names[1]}, {metric}: to find a difference of {difference:g}"
        yield from align_rows(
            [
                columns,
                *(
                    (
                        str(option.repeats),
                        f"{option.rows:,}",
                        f"{option.rows_equivalence:,}",
                        f"{option.requests:,}",
                        "unknown" if option.cost is None else cost_text(option.cost),
                    )
                    for option in estimate.options
                ),
            ]
        )
        yield f"  {_source(estimate)}"
        if estimate.detectable is not None:
            rows = pluralize(estimate.dataset_rows, "row")
            repeats = plan.experiment.repeats
            times = f", {repeats} times each," if repeats > 1 else ""
            yield f"  the {rows} of the dataset{times} show {estimate.detectable:.3g} or more"
    if estimates:
        margins = dict.fromkeys(f"{estimate.margin:.3g}" for estimate in estimates)
        yield (
            "in 80% of cases, each verdict at 5% shared by all comparisons; equivalence: within "
            f"{', '.join(margins)} if there is no difference"
        )
    else:
        yield "no variant has a baseline: there is nothing to compare"


def _source(estimate: PowerEstimate) -> str:
    if not estimate.pilot_rows:
        sd = estimate.components.sd(1)
        return f"a guess: a row's difference has a standard deviation of {sd:.3g}"
    text = f"by the stored answers to {pluralize(estimate.pilot_rows, 'row')}"
    if estimate.design_effect > 1:
        text += f", of which some depend on each other (design effect {estimate.design_effect:.2f})"
    if shares := estimate.components.shares():
        share = shares["rows"]
        return f"{text}: {share:.0%} of the variance is between rows, which repeats don't lower"
    return f"{text}, without repeats: their effect is unknown"


def power_json(
    plan: Plan, estimates: Sequence[PowerEstimate], difference: float
) -> list[dict[str, JSON]]:
    """The same as a list of objects."""
    names = [variant.name for variant in plan.variants]
    return [
        {
            **asdict(estimate),
            "variant": names[estimate.variant],
            "base": names[estimate.base],
            "difference": difference,
            "shares": estimate.components.shares(),
        }
        for estimate in estimates
    ]
