"""The numbers people look at, every row in exactly one count. tally.py adds them up.

VariantResult(rows=RowCounts(planned=150, scored=149, failed=1, not_run=0),
              metrics={"label_match": MetricResult(mean=0.83, low=0.77, high=0.88, n=149, …)})
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from workbench.canonical import JSON
from workbench.evaluator import Score
from workbench.model import Completion
from workbench.plan import Cell, Variant
from workbench.stats import Difference, Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One cell and its answer.

    Attributes:
        completion: None where nothing was sent for it.
        scores: by evaluator; empty unless the answer is one that is scored.
    """

    cell: Cell
    completion: Completion | None
    scores: Mapping[str, Score] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`scored`, `failed` or `not_run`: the three that add up to the planned rows."""
        if self.completion is None:
            return "not_run"
        return "scored" if self.completion.scored else "failed"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """planned = scored + failed + not_run; the rest says more of these.

    Attributes:
        truncated, refused: of the scored, answers cut at max_tokens, and refusals.
    """

    planned: int
    scored: int
    failed: int
    not_run: int
    truncated: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One evaluator over one variant; n + errors + not_applicable + failed + not_run = planned.

    Attributes:
        mean: None where no row has a value, and for categories.
        low, high: the 95% interval of the mean.
        n: rows with a value (with repeats, every repeat counts).
        outcomes: how often each category or named outcome came.
        kind: `pass`, `number` or `category`; told from the values.
        pass_at, pass_all: of pass or fail with repeats, by k: the chance that one of k tries
            passes (pass@k), and that all do (pass^k).
        flaky: numbers of the rows of the dataset that passed and failed, too.
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
    """One metric of a variant beside its baseline's, on the rows both have a value of.

    Attributes:
        baseline: the name of the other variant.
        difference: this variant minus its baseline.
        margin: what is no difference in practice.
        left_out: rows that one of the two has no value of.
        worst: the difference if whoever has no value of a row had the worst; None where no answer
            failed and none could not be judged.
    """

    baseline: str
    difference: Difference
    verdict: Verdict
    margin: float
    left_out: int
    worst: Difference | None


@dataclass(frozen=True)
class VariantResult:
    """What one variant came to.

    Attributes:
        input_tokens, output_tokens: sums; None where the provider counted none.
        cost: in the project's currency; None where a price or a token count is not known.
        seconds: model time, the sum of the rows' latencies.
        reasons: why rows failed and evaluators could not decide, each with how often.
        run_id: the MLflow run; empty while it has none.
        comparisons: of each metric that can be compared, with the baseline's.
        flaky: of each metric the ids of rows whose repeats pass and fail.
        stopped: why it was not run to the end, where it was meant not to be.
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

    @property
    def missing(self) -> int:
        """Rows that were to be run and have no answer that is scored."""
        return self.rows.failed + (0 if self.stopped else self.rows.not_run)

    @property
    def cost_of_1000(self) -> float | None:
        """What 1,000 rows cost; None where it is not known."""
        cost = _per_answer(self.cost, self.rows)
        return None if cost is None else 1_000 * cost

    @property
    def latency_s(self) -> float | None:
        """Seconds, the mean of the answers; None where none was timed."""
        return _per_answer(self.seconds or None, self.rows)


@dataclass(frozen=True)
class RecordedVariant:
    """A variant as a run in MLflow says it was.

    Attributes:
        prompt: with its version, as `few_shot@3`.
        digest: of the prompt.
        model: `provider:name`.
    """

    task: str
    prompt: str
    digest: str
    model: str
    parameters: Mapping[str, JSON]


def _per_answer(total: float | None, rows: RowCounts) -> float | None:
    answered = rows.planned - rows.not_run
    return None if total is None or not answered else total / answered


def interval_text(metric: MetricResult) -> str:
    """A metric on one line: `0.833 [0.766, 0.884] n=150, 2 errors`."""
    parts = [] if metric.mean is None else [f"{metric.mean:.3f}"]
    if metric.low is not None and metric.high is not None:
        parts.append(f"[{metric.low:.3f}, {metric.high:.3f}]")
    aside = [f"{count} {name}" for name, count in metric.outcomes.items()]
    aside += [f"{metric.errors} errors"] if metric.errors else []
    aside += [f"{metric.not_applicable} not applicable"] if metric.not_applicable else []
    return ", ".join([" ".join([*parts, f"n={metric.n}"]), *aside])


def variant_json(result: VariantResult) -> dict[str, JSON]:
    """A variant as `run --json` prints it and as `results.json` of its run holds it."""
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
        "reasons": dict(result.reasons),
        "stopped": result.stopped,
        "comparisons": {name: comparison_json(one) for name, one in result.comparisons.items()},
    }


def comparison_json(comparison: Comparison) -> dict[str, JSON]:
    """A comparison as JSON: differences are this variant's value minus the baseline's."""
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
    said = {name: getattr(difference, name) for name in names}
    return {"difference": said.pop("mean"), **said}
