"""Rows and repeats that a comparison needs, from stored answers or from a guess.

    plan_power(comparison, forecasts, Target("exact_match", difference=0.05))
    [PowerEstimate(variant=1, base=0, pilot_rows=150, options=(PowerOption(1, 1240, …), …), …)]

A difference that the pilot shows is not planned with: it is the most uncertain figure of all, and
the one to find out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.metrics import DEFAULT_MARGIN, MetricFamily
from workbench.errors import WorkbenchError, pluralize, unknown_name
from workbench.evaluator.row_values import (
    first_with_row_values,
    require_evaluators,
    require_row_values,
)
from workbench.plan.forecast import Forecast
from workbench.stats.agreement import ALPHA
from workbench.stats.components import (
    Components,
    assured_components,
    design_effect,
    difference_components,
)
from workbench.stats.sample import MIN_UNRANGED, Scale
from workbench.stats.verdicts import detectable_difference, rows_for_equivalence, rows_to_detect

REPEATS = (1, 2, 3, 5, 10)
MIN_PILOT_ROWS = 10
GUESSED_SD = 0.5  # of a range: half the rows pass, and two variants correlate by 0.5


@dataclass(frozen=True)
class Target:
    """The difference to plan for.

    Attributes:
        metric: empty: the first.
        difference: in the metric's unit, more than 0.
        sd: guess of the standard deviation of a row's difference; None: from stored answers.
    """

    metric: str
    difference: float
    sd: float | None = None


@dataclass(frozen=True)
class PowerOption:
    """The rows that are needed with so many repeats of each.

    Attributes:
        rows: that show the difference in 80% of cases.
        rows_equivalence: that show in 80% of cases, if there is no difference, that it is within
            the margin.
        requests: for the greater of the two, of both variants.
        cost: of these requests, in the project's currency; None: unknown.
    """

    repeats: int
    rows: int
    rows_equivalence: int
    requests: int
    cost: float | None


@dataclass(frozen=True)
class PowerEstimate:
    """The plan of one comparison.

    Attributes:
        margin: for equivalence, in the metric's unit.
        pilot_rows: rows with stored answers of both; 0: the standard deviation is a guess.
        design_effect: factor on the rows because rows of the pilot depend on each other, 1 or more.
        components: of a row's difference, as planned with.
        dataset_rows: in scope.
        detectable: least difference that these show in 80% of cases at the file's repeats; None:
            there are too few, or the effect of repeats is unknown.
    """

    variant: int
    base: int
    metric: str
    margin: float
    pilot_rows: int
    design_effect: float
    components: Components
    options: tuple[PowerOption, ...]
    dataset_rows: int
    detectable: float | None


def plan_power(
    comparison: ExperimentComparison, forecasts: Sequence[Forecast], target: Target
) -> list[PowerEstimate]:
    """Return the plan of every variant's comparison with its baseline; nothing is sent.

    `forecasts` are of the plan's variants, for the cost of those without stored answers.

    Raises:
        WorkbenchError: no such metric, it has categories or is a time, or there is nothing to guess
            from.
    """
    plan = comparison.plan
    evaluators = {evaluator.name: evaluator for evaluator in plan.experiment.evaluators}
    require_evaluators(evaluators, "--power", where=plan.experiment.path)
    metric = target.metric or first_with_row_values(evaluators.values())
    if metric not in evaluators:
        raise unknown_name("metric", metric, evaluators, where="--metric")
    fix = "--metric with a metric that has a value of each row"
    require_row_values(evaluators[metric], "--power", where=plan.experiment.path, fix=fix)
    if evaluators[metric].traits.measures_time:
        raise WorkbenchError(
            f"{metric} is a time: the server's load decides how many rows show a difference",
            fix="--metric with a metric of the answers",
        )
    family = MetricFamily.build(evaluators[metric], comparison.tallies, plan)
    if not family.has_row_numbers:
        raise WorkbenchError(
            f"{metric} has categories, which have no mean",
            fix="--metric with a number or pass/fail",
        )
    return list(_estimates(comparison, forecasts, replace(target, metric=metric), family))


def _estimates(
    comparison: ExperimentComparison,
    forecasts: Sequence[Forecast],
    target: Target,
    family: MetricFamily,
) -> Iterator[PowerEstimate]:
    plan = comparison.plan
    pairs = [(n, base) for n, base in enumerate(plan.baselines) if base is not None]
    alpha = ALPHA / max(1, len(pairs))
    for number, base in pairs:
        components, pilot_rows, effect = _components(family, base, number, target)
        costs = [_request_cost(comparison, forecasts, n) for n in (base, number)]
        cost = None if None in costs else sum(cost or 0.0 for cost in costs)
        margin = plan.experiment.margin(target.metric)
        if margin is None:
            width = family.scale.width
            margin = DEFAULT_MARGIN * width if width else target.difference
        needs = _Needs(family.scale, components, target.difference, margin, alpha)
        yield PowerEstimate(
            variant=number,
            base=base,
            metric=target.metric,
            margin=margin,
            pilot_rows=pilot_rows,
            design_effect=effect,
            components=components,
            options=tuple(needs.options(cost)),
            dataset_rows=plan.rows,
            detectable=needs.detectable(plan.rows, plan.experiment.repeats),
        )


@dataclass(frozen=True)
class _Needs:
    """Rows that the verdicts of one pair need, at a level of `alpha`."""

    scale: Scale
    components: Components
    difference: float
    margin: float
    alpha: float

    def options(self, request_cost: float | None) -> Iterator[PowerOption]:
        """The rows by number of repeats; `request_cost` is that of one request of each variant."""
        is_binary = self.scale.pass_fail and self.components.rows is None
        for repeats in REPEATS if self.components.rows is not None else REPEATS[:1]:
            sd, unseen = self.components.sd(repeats), self._unseen(repeats)
            rows = rows_to_detect(
                self.difference, sd, self.alpha, is_binary=is_binary, unseen=unseen
            )
            equivalent = rows
            if self.margin:
                equivalent = rows_for_equivalence(self.margin, sd, self.alpha, unseen=unseen)
            if self.scale.width is None:
                rows, equivalent = max(rows, MIN_UNRANGED), max(equivalent, MIN_UNRANGED)
            requests = 2 * max(rows, equivalent) * repeats
            cost = None if request_cost is None else request_cost * requests / 2
            yield PowerOption(repeats, rows, equivalent, requests, cost)

    def detectable(self, rows: int, repeats: int) -> float | None:
        """The least difference that so many rows show; None: too few, or unknown."""
        if self.components.rows is None and repeats > 1:
            return None
        sd = self.components.sd(repeats)
        return detectable_difference(rows, sd, self.alpha, unseen=self._unseen(repeats))

    def _unseen(self, repeats: int) -> float:
        """The difference that the tests assume not to have been seen."""
        return 0.0 if self.scale.pass_fail and repeats == 1 else self.scale.width or 0.0


def _components(
    family: MetricFamily, base: int, number: int, target: Target
) -> tuple[Components, int, float]:
    """The variance of a row's difference to plan with, its rows, and their design effect."""
    if target.sd is not None:
        return Components(None, target.sd**2), 0, 1.0
    first, second = (family.imputed(n) or {} for n in (base, number))
    observed = difference_components(first, second)
    rows = len(first.keys() & second.keys())
    if observed and rows >= MIN_PILOT_ROWS and family.scale.width is not None:
        least = family.scale.width**2 / rows  # as if one more row differed
        if observed.rows is None:
            observed = replace(observed, answers=max(observed.answers, least))
        else:  # that row would differ in each of its repeats
            observed = replace(observed, rows=max(observed.rows, least - observed.answers))
    if observed and rows >= MIN_PILOT_ROWS and observed.total:
        clusters = family.plan.clusters((base, number))
        effect, groups = design_effect(first, second, clusters)
        return assured_components(observed, max(groups, 2), effect), rows, effect
    if family.scale.width is None:
        stored = "no row differs" if observed and rows >= MIN_PILOT_ROWS else pluralize(rows, "row")
        raise WorkbenchError(
            f"{target.metric} has no range, and the stored answers of both variants are too few "
            f"to tell how much its differences vary ({stored})",
            fix="run some rows first (workbench run --limit 50), or add --sd with a guess of the "
            "standard deviation of a row's difference",
        )
    return Components(None, (GUESSED_SD * family.scale.width) ** 2), 0, 1.0


def _request_cost(
    comparison: ExperimentComparison, forecasts: Sequence[Forecast], number: int
) -> float | None:
    """The cost of a request of a variant; None: unknown."""
    if not comparison.plan.variants[number].model.provider.billed:
        return 0.0
    stored, forecast = comparison.results[number].cost_of_1000, forecasts[number]
    if stored is not None:
        return stored / 1_000
    cost = forecast.high if forecast.low is None else forecast.low
    return None if cost is None or not forecast.requests else cost / forecast.requests
