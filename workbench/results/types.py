"""Results of a variant: every row in exactly one count, a metric per evaluator.

VariantResult(rows=RowCounts(planned=150, scored=149, failed=1, not_run=0),
              metrics={"label_match": MetricResult(mean=0.83, low=0.77, high=0.88, n=149, …)})
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from workbench.canonical import JSON
from workbench.errors import pluralize
from workbench.evaluator import Score
from workbench.model import Completion
from workbench.plan import Cell, Variant
from workbench.stats.pairs import Difference
from workbench.stats.quantiles import TimeSummary
from workbench.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One cell, its completion and its scores.

    Attributes:
        completion: None where nothing was sent.
        scores: by evaluator; empty unless the completion is scored.
    """

    cell: Cell
    completion: Completion | None
    scores: Mapping[str, Score] = field(default_factory=dict)

    @property
    def scored(self) -> bool:
        """True if the completion can be scored."""
        return self.completion is not None and self.completion.scored


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Counts of rows: planned = scored + failed + not_run.

    Attributes:
        truncated, refused: scored answers that were cut at max_tokens, or were refusals.
    """

    planned: int
    scored: int
    failed: int
    not_run: int
    truncated: int = 0
    refused: int = 0

    @property
    def answered(self) -> int:
        """Rows with a completion, scored or failed."""
        return self.planned - self.not_run


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One evaluator's metric; n + errors + not_applicable + failed + not_run = planned.

    Attributes:
        mean: None where no row has a value, and for categories.
        low, high: 95% confidence interval of the mean.
        n: rows with a value; with repeats, every repeat counts.
        outcomes: count of each category or labelled outcome.
        kind: `pass`, `number` or `category`, derived from the values.
        pass_at, pass_all: for pass/fail with repeats, by k: probability that at least one of k
            repeats passes (pass@k), and that all do (pass^k).
        flaky: numbers of dataset rows whose repeats disagree.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    errors: int
    not_applicable: int
    failed: int
    not_run: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    kind: str = "number"
    higher_is_better: bool = True
    unit: str = ""
    pass_at: Mapping[int, float] = field(default_factory=dict)
    pass_all: Mapping[int, float] = field(default_factory=dict)
    flaky: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of a variant compared with its baseline, on rows where both have a value.

    Attributes:
        difference: this variant minus its baseline.
        margin: largest difference that does not matter in practice.
        left_out: rows where one of the two has no value.
        worst: the difference if missing values were the worst score; None if no answer failed and
            no evaluator erred.
    """

    baseline: str
    difference: Difference
    verdict: Verdict
    margin: float
    left_out: int
    worst: Difference | None


@dataclass(frozen=True)
class VariantResult:
    """Results of one variant.

    Attributes:
        input_tokens, output_tokens: sums; None where the provider reported none.
        cost: in the project's currency; None without a price or token counts.
        seconds: sum of the rows' latencies.
        reasons: counts of failure reasons and evaluator errors.
        run_id: of the MLflow run; empty if there is none.
        flaky: ids of rows whose repeats disagree, by metric.
        stopped: why the variant dropped out of a race; empty: it did not.
        replies: rows that got a reply, also one that can't be scored: `cost` is of these.
        latency: times of the scored answers; None if none was timed.
    """

    variant: Variant
    rows: RowCounts
    metrics: Mapping[str, MetricResult]
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    seconds: float
    reasons: Mapping[str, int] = field(default_factory=dict)
    run_id: str = ""
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    flaky: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stopped: str = ""
    replies: int = 0
    latency: TimeSummary | None = None

    @property
    def missing(self) -> int:
        """Rows without a scored answer, those not run because of a race excepted."""
        return self.rows.failed + (0 if self.stopped else self.rows.not_run)

    @property
    def cost_of_1000(self) -> float | None:
        """Cost of 1,000 rows with a reply, useless replies included; None if unknown."""
        return None if self.cost is None or not self.replies else 1_000 * self.cost / self.replies

    @property
    def latency_s(self) -> float | None:
        """Mean seconds of a scored answer; None if none was timed."""
        return self.latency.mean if self.latency else None


@dataclass(frozen=True)
class RecordedVariant:
    """A variant, read back from its MLflow run.

    Attributes:
        prompt: with its version, as `few_shot@3`.
        model: `provider:name`.
    """

    task: str
    prompt: str
    digest: str
    model: str
    parameters: Mapping[str, JSON]


def interval_text(metric: MetricResult) -> str:
    """Format a metric on one line: `0.833 [0.766, 0.884] n=150, 2 errors`."""
    parts = [] if metric.mean is None else [f"{metric.mean:.3f}"]
    if metric.low is not None and metric.high is not None:
        parts.append(f"[{metric.low:.3f}, {metric.high:.3f}]")
    notes = [f"{count} {name}" for name, count in metric.outcomes.items()]
    notes += [pluralize(metric.errors, "error")] if metric.errors else []
    notes += [f"{metric.not_applicable} not applicable"] if metric.not_applicable else []
    return ", ".join([" ".join([*parts, f"n={metric.n}"]), *notes])


def variant_json(result: VariantResult) -> dict[str, JSON]:
    """Return a variant as in `run --json` and in its run's `results.json`."""
    variant = result.variant
    return {
        "name": variant.name,
        "prompt": variant.prompt.ref,
        "version": variant.prompt.version,
        "digest": variant.prompt.digest,
        "model": variant.model.model.ref,
        "parameters": dict(variant.parameters),
        "choice_method": variant.choice_method,
        "run_id": result.run_id,
        "rows": asdict(result.rows),
        "metrics": {
            name: asdict(metric) | {"flaky": list(result.flaky.get(name, ()))}
            for name, metric in result.metrics.items()
        },
        "usage": {"input_tokens": result.input_tokens, "output_tokens": result.output_tokens},
        "cost": result.cost,
        "seconds": result.seconds,
        "latency": asdict(result.latency) if result.latency else None,
        "reasons": dict(result.reasons),
        "stopped": result.stopped,
        "comparisons": {
            name: comparison_json(comparison) for name, comparison in result.comparisons.items()
        },
    }


def comparison_json(comparison: Comparison) -> dict[str, JSON]:
    """Return a comparison as JSON; differences are this variant minus its baseline."""
    verdict = comparison.verdict
    return {
        "baseline": comparison.baseline,
        "verdict": verdict.outcome,
        **_difference_json(comparison.difference),
        "p_adjusted": verdict.p,
        "margin": comparison.margin,
        "p_equivalence": verdict.p_equivalence,
        "rows_needed": verdict.rows_needed,
        "least_shown": verdict.detectable,
        "left_out": comparison.left_out,
        "worst_case": None if comparison.worst is None else _difference_json(comparison.worst),
    }


def _difference_json(difference: Difference) -> dict[str, JSON]:
    names = ("before", "after", "mean", "low", "high", "p", "test", "rows", "up", "down")
    fields = {name: getattr(difference, name) for name in names}
    return {"difference": fields.pop("mean"), **fields}
