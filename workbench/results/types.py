"""Results of a variant: every row in exactly one count, a metric per evaluator.

VariantResult(rows=RowCounts(planned=150, scored=149, failed=1, not_run=0),
              metrics={"label_match": MetricResult(mean=0.83, low=0.77, high=0.88, n=149, …)})
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields

from workbench.answers.finish_reason import TIE
from workbench.canonical import JSON
from workbench.errors import pluralize
from workbench.evaluator import Score
from workbench.model import Completion
from workbench.model.sent_messages import SentMessage
from workbench.plan import Cell, Variant
from workbench.results.scores import Measure, mean_text
from workbench.stats.judge_error import Corrected
from workbench.stats.pairs import Difference
from workbench.stats.quantiles import Quantile, TimeSummary
from workbench.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One cell, its completion and its scores.

    Attributes:
        completion: None where nothing was sent.
        scores: by evaluator; empty unless the completion is scored.
        baseline: its answer to the same row, for pairwise judges; None: not known yet.
        prompt: the messages as sent, for evaluators that read them; empty: none does.
    """

    cell: Cell
    completion: Completion | None
    scores: Mapping[str, Score] = field(default_factory=dict)
    baseline: Completion | None = None
    prompt: Sequence[SentMessage] = ()

    @property
    def scored(self) -> bool:
        """True if the completion can be scored."""
        return self.completion is not None and self.completion.scored


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Counts of rows, or of answers: planned = scored + failed + not_run.

    Attributes:
        scored: rows with a scored answer; `failed` are those of the others that were asked.
        truncated, refused: scored answers that were cut at max_tokens, or were refusals.
        rejected: failed rows whose request the API refused.
    """

    planned: int
    scored: int
    failed: int
    not_run: int
    truncated: int = 0
    refused: int = 0
    rejected: int = 0

    @property
    def answered(self) -> int:
        """Rows with a completion, scored or failed."""
        return self.planned - self.not_run


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """Counts of a metric: n + errors + not_applicable + failed + not_run = planned."""

    n: int
    errors: int
    not_applicable: int
    failed: int
    not_run: int


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One evaluator's metric; rows: n + errors + not_applicable + failed + not_run = planned.

    Attributes:
        mean: over the rows with a value; None where no row has one, and for categories. Of kind
            `column` the one value of all answers that the metric could read.
        low, high: 95% confidence interval of the mean; None as in `Measure`.
        n: rows with a value; a row counts once however often it is repeated.
        errors, not_applicable, failed, not_run: rows without a value, by the first that applies.
        answers: the same counts over answers, repeats apart.
        outcomes: count of each category or labelled outcome, over answers.
        kind: `pass`, `number` or `category`, derived from the values; or `column`.
        clusters: groups of rows that depend on each other; `n` if none do.
        tail_unknown, median: as in `Estimate`.
        worst: the metric with the worst score for each answer that failed, or on which the
            evaluator failed; None if there is none, or no worst score.
        worst_unknown: there are such answers, and the metric has no range.
        pass_at, pass_all, pass_rows: as in `Measure`.
        flaky: numbers of dataset rows whose repeats disagree.
        problem: why the value of kind `column` gives no verdict; empty: it does.
        reason: the words of the metric of kind `column` about its value.
        slice_of: the metric of all rows that this is a slice of; empty: it is none.
        corrected: a judge's mean corrected by people's labels; None: there are too few.
        variance: with repeats, share of the variance between `rows`, `answers` and, where an answer
            was judged twice, `judge`; empty: unknown.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    errors: int
    not_applicable: int
    failed: int
    not_run: int
    answers: ScoreCounts
    outcomes: Mapping[str, int] = field(default_factory=dict)
    kind: str = "number"
    higher_is_better: bool = True
    unit: str = ""
    clusters: int = 0
    tail_unknown: bool = False
    median: Quantile | None = None
    worst: Measure | None = None
    worst_unknown: bool = False
    pass_at: Mapping[int, float] = field(default_factory=dict)
    pass_all: Mapping[int, float] = field(default_factory=dict)
    pass_rows: Mapping[int, int] = field(default_factory=dict)
    flaky: tuple[int, ...] = ()
    variance: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""
    reason: str = ""
    slice_of: str = ""
    corrected: Corrected | None = None

    @property
    def decisive(self) -> float | None:
        """The mean that ranks and floors go by: with the worst score for failed answers.

        None where it is unknown.
        """
        return self.worst.mean if self.worst else None if self.worst_unknown else self.mean


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of a variant compared with its baseline, on rows where both have a value.

    Attributes:
        difference: this variant minus its baseline; where `imputed`, the same as `worst`.
        margin: largest difference that does not matter in practice.
        left_out: rows where one of the two has no value.
        not_applicable: of these, rows to which the evaluator does not apply in one of the two.
        worst, worst_verdict: the difference and the verdict with the worst score for each answer
            that failed, or on which the evaluator failed; None if there is none, or no worst score.
        worst_unknown: there are such answers, and the metric has no range.
        imputed: no row has a value of both.
    """

    baseline: str
    difference: Difference
    verdict: Verdict
    margin: float
    left_out: int
    not_applicable: int = 0
    worst: Difference | None = None
    worst_verdict: Verdict | None = None
    worst_unknown: bool = False
    imputed: bool = False


@dataclass(frozen=True)
class VariantResult:
    """Results of one variant.

    Attributes:
        rows, answers: counts of rows, and of answers with every repeat apart.
        input_tokens, output_tokens: sums; None where the provider reported none.
        cached_tokens: those of the input that came from the provider's cache.
        cost: in the project's currency; None without a price or token counts.
        seconds: sum of the rows' latencies.
        reasons: counts of failure reasons and evaluator errors.
        run_id: of the MLflow run; empty if there is none.
        flaky: ids of rows whose repeats disagree, by metric.
        stopped: why the variant dropped out of a race; empty: it did not.
        replies: answers that were billed, also those that can't be scored: `cost` is of these.
        latency: times of the scored answers; None if none was timed.
        reasoning: answers with reasoning that is no part of their text.
        scored_digest: digest of the scored answers; it changes when any of them does.
        notable_finishes: scored answers by a finish reason that is unknown, or `tie`.
        judge_notes: on the judges of its metrics, and their corrected means.
    """

    variant: Variant
    rows: RowCounts
    answers: RowCounts
    metrics: Mapping[str, MetricResult]
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    seconds: float
    reasons: Mapping[str, int] = field(default_factory=dict)
    run_id: str = ""
    comparisons: Mapping[str, MetricComparison] = field(default_factory=dict)
    flaky: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stopped: str = ""
    replies: int = 0
    latency: TimeSummary | None = None
    reasoning: int = 0
    scored_digest: str = ""
    cached_tokens: int = 0
    notable_finishes: Mapping[str, int] = field(default_factory=dict)
    judge_notes: tuple[str, ...] = ()

    @property
    def model_note(self) -> str:
        """A word about the model's scores, as `four-bit weights: …`; empty: they need none."""
        return str(self.variant.model.provider.facts.get("note", ""))

    @property
    def ties(self) -> int:
        """Answers whose choices were equally likely, so that the first was taken."""
        return self.notable_finishes.get(TIE, 0)

    @property
    def unknown_finishes(self) -> dict[str, int]:
        """Scored answers by a finish reason that has no known meaning."""
        return {word: n for word, n in self.notable_finishes.items() if word != TIE}

    @property
    def missing(self) -> int:
        """Answers that can't be scored or were not run, those spared by a race excepted."""
        return self.answers.failed + (0 if self.stopped else self.answers.not_run)

    @property
    def failures(self) -> int:
        """Missing answers and evaluator errors, as `max_failed` counts them."""
        return self.missing + sum(metric.errors for metric in self.metrics.values())

    @property
    def cost_of_1000(self) -> float | None:
        """Cost of 1,000 billed answers, useless ones included; None if unknown."""
        return None if self.cost is None or not self.replies else 1_000 * self.cost / self.replies

    @property
    def tokens(self) -> int | None:
        """Tokens of all billed answers, input and output; None if unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

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
    """Format a metric on one line: `0.833 [0.766, 0.884] n=150, 2 errors, at worst 0.82 […]`."""
    parts = [] if metric.mean is None else [mean_text(metric.mean, metric)]
    notes = [f"{count} {name}" for name, count in metric.outcomes.items()]
    notes += count_notes(metric)
    if metric.worst:
        worst = metric.worst
        notes.append(f"at worst {mean_text(worst.mean, worst)} n={worst.n}")
    return ", ".join([" ".join([*parts, f"n={metric.n}"]), *notes])


def count_notes(metric: MetricResult) -> list[str]:
    """Name the counts that are not in the mean: `5 clusters`, `2 errors`, `1 not applicable`."""
    answers = metric.answers
    notes = [pluralize(metric.clusters, "cluster")] if 0 < metric.clusters < metric.n else []
    notes += [pluralize(answers.errors, "error")] if answers.errors else []
    if answers.not_applicable and not metric.slice_of:
        repeated = sum(astuple(answers)) > sum(getattr(metric, f.name) for f in fields(answers))
        count = answers.not_applicable
        notes.append(f"{pluralize(count, 'answer') if repeated else count} not applicable")
    notes += [metric.problem] if metric.problem else []
    unknown = "without failed rows" if metric.kind == "column" else "worst case unknown: no range"
    return notes + ([unknown] if metric.worst_unknown else [])
