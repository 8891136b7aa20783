"""The recorded runs of a task over time: each variant beside its own earlier measurement.

    label_match of few_shot · smollm2
      2026-11-20 14:02  1f2e3d4a  3  0.780 [0.707, 0.839]
      2026-11-21 09:11  9ab0c1d2  4  0.840 [0.773, 0.890]  +0.060 better  prompt version 3 → 4

A series is one prompt on one model with one setting of parameters. It goes on through edits: of two
variants that never ran in the same invocation, the later one continues the earlier one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from workbench.evaluator import Traits
from workbench.results.types import MetricComparison
from workbench.stats.quantiles import Quantile
from workbench.stats.sample import MIN_UNRANGED

DATASET_LABELS = ("dataset name", "dataset", "rows", "repeats", "cluster")
Settings = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RecordedEvaluator:
    """An evaluator at the time of an invocation.

    Attributes:
        digest: of its source and settings.
        limits: the least and the greatest value; None: unknown.
        margin: the largest difference that doesn't matter; None: the default.
    """

    digest: str = ""
    higher_is_better: bool = True
    limits: tuple[float, float] | None = None
    unit: str = ""
    margin: float | None = None

    @property
    def measures_time(self) -> bool:
        """See `Traits`."""
        return Traits(unit=self.unit).measures_time


@dataclass(frozen=True)
class RecordedMean:
    """A metric of a recorded variant; see `MetricResult`.

    Attributes:
        clusters: 0 if unknown.
        tail_unknown, median: as in `Estimate`.
        worst: the metric with the worst score for failed answers; None as in `MetricResult`.
    """

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    clusters: int = 0
    kind: str = "number"
    worst: "RecordedMean | None" = None
    tail_unknown: bool = False
    median: Quantile | None = None

    def __post_init__(self) -> None:
        """Drop the interval of a mean that an older version recorded although rows were too few."""
        if self.tail_unknown and self.low is not None:
            is_dropped = (self.clusters or self.n) < MIN_UNRANGED
            object.__setattr__(self, "tail_unknown", is_dropped)
            if is_dropped:
                object.__setattr__(self, "low", None)
                object.__setattr__(self, "high", None)


@dataclass(frozen=True)
class VariantRecord:
    """One variant of one invocation, as its run in MLflow describes it.

    Attributes:
        invocation: id of the parent run.
        started_ms: start of the invocation, in milliseconds since 1970.
        commit: of the project; empty outside a repository.
        modified: the project's files differed from the commit.
        settings: the prompt's reference, the model's identity and the parameters.
        dataset: its name, digest, numbers of rows and of repeats, and the column of its groups with
            their digest, by DATASET_LABELS.
        answers: digest of all completions.
        stopped: why it dropped out of a race; empty: it did not.
        note: of the user, on the invocation.
        artifacts: address of the run's artifacts.
        all_rows_file: its rows are in rows.parquet; the table has some of them.
    """

    invocation: str
    run_id: str
    started_ms: int
    name: str
    prompt: str
    version: str
    model: str
    answers: str
    commit: str = ""
    modified: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    dataset: Mapping[str, str] = field(default_factory=dict)
    evaluators: Mapping[str, RecordedEvaluator] = field(default_factory=dict)
    metrics: Mapping[str, RecordedMean] = field(default_factory=dict)
    stopped: str = ""
    artifacts: str = ""
    all_rows_file: bool = False
    note: str = ""

    def evaluator(self, metric: str) -> RecordedEvaluator:
        """The evaluator of a metric; with default values if it was not recorded."""
        return self.evaluators.get(metric, RecordedEvaluator())


@dataclass(frozen=True)
class RecordedRows:
    """The scores of one metric in one run, by row id.

    Attributes:
        contents: digest of each row's inputs and expectations.
        values: one per scored repeat.
        lost: number of answers that failed or could not be scored.
        not_applicable: rows to which the evaluator does not apply.
        clusters: cluster of each row; empty if every row is independent.
    """

    contents: Mapping[str, str]
    values: Mapping[str, Sequence[float]]
    lost: Mapping[str, int]
    not_applicable: Set[str] = frozenset()
    clusters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """An edit between two runs: `prompt version`, `dataset`, `temperature`, `evaluator`.

    Attributes:
        before, after: the values; empty where it was not set.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Measurement:
    """A variant's result in an invocation in which something changed or was measured again.

    Attributes:
        changes: edits since the measurement before; empty for the first, and where the same
            requests got other answers.
        equal: later runs with the same answers, in order.
        comparison: with the measurement before; None for the first, and where there is none.
        not_compared: the reason why there is no comparison; empty for the first.
        edited, added, removed: rows with other content, and in this or the other run only.
    """

    record: VariantRecord
    changes: tuple[Change, ...] = ()
    equal: tuple[VariantRecord, ...] = ()
    comparison: MetricComparison | None = None
    not_compared: str = ""
    edited: int = 0
    added: int = 0
    removed: int = 0


@dataclass(frozen=True)
class Series:
    """The measurements of one variant and one metric, oldest first."""

    name: str
    metric: str
    measurements: Sequence[Measurement]


@dataclass(frozen=True)
class TaskHistory:
    """The series of one metric of an experiment.

    Attributes:
        metric: empty: no run has a metric with a mean.
        metrics: all of its metrics that have a mean.
        incomplete: runs of variants that are left out, because their recording was not completed.
        older: True if there are invocations before those.
    """

    experiment: str
    metric: str
    metrics: Sequence[str]
    series: Sequence[Series]
    incomplete: int = 0
    older: bool = False


# A run's rows with the scores of one metric; None: they can't be read.
ReadRows = Callable[[VariantRecord, str], RecordedRows | None]


def metric_names(records: Sequence[VariantRecord]) -> list[str]:
    """The metrics with a mean, those of the newest invocation first, in the file's order."""
    newest_first = sorted(records, key=lambda record: -record.started_ms)
    names = [
        name for record in newest_first for name, m in record.metrics.items() if m.mean is not None
    ]
    return list(dict.fromkeys(names))


def build_series(records: Sequence[VariantRecord], metric: str) -> list[Series]:
    """The series of a metric, in the order of the newest invocation's variants.

    `records` has the variants of each invocation in their order. A run without a value stays in its
    place, for it may be the one that failed. An empty metric stands for runs that measure nothing.
    """
    groups: dict[tuple[str, str], list[VariantRecord]] = {}
    for record in sorted(records, key=lambda record: record.started_ms):
        mean = record.metrics.get(metric)
        if not metric or (mean and mean.kind != "category"):
            groups.setdefault((record.prompt, record.model), []).append(record)
    chains = [chain for group in groups.values() for chain in _chains(group)]
    places = {record.run_id: place for place, record in enumerate(records)}
    chains.sort(key=lambda chain: (-chain[-1].started_ms, places[chain[-1].run_id]))
    return [Series(chain[-1].name, metric, _measurements(chain, metric)) for chain in chains]


def _chains(group: Sequence[VariantRecord]) -> list[list[VariantRecord]]:
    """The records of one prompt and model, divided into series.

    Settings that ran in the same invocation are different variants. Other settings continue the
    series from which they differ in the fewest values.
    """
    invocations: dict[Settings, set[str]] = {}
    for record in group:
        invocations.setdefault(_settings(record), set()).add(record.invocation)
    chains: list[list[Settings]] = []
    for settings, ran_in in invocations.items():
        free = [
            chain
            for chain in chains
            if all(ran_in.isdisjoint(invocations[member]) for member in chain)
        ]
        if free:
            nearest = min(free, key=lambda chain: len({*chain[-1]} ^ {*settings}))
            nearest.append(settings)
        else:
            chains.append([settings])
    return [[record for record in group if _settings(record) in chain] for chain in chains]


def _settings(record: VariantRecord) -> Settings:
    return tuple(sorted(record.settings.items()))


def _measurements(chain: Sequence[VariantRecord], metric: str) -> list[Measurement]:
    measurements = [Measurement(chain[0])]
    for record in chain[1:]:
        latest = measurements[-1]
        changes = tuple(_changes(latest.record, record, metric))
        if changes or record.answers != latest.record.answers:
            measurements.append(Measurement(record, changes))
        else:
            measurements[-1] = replace(latest, equal=(*latest.equal, record))
    return measurements


def _changes(before: VariantRecord, after: VariantRecord, metric: str) -> Iterator[Change]:
    """The edits between two runs that may change a metric."""
    old, new = (
        {
            "prompt version": record.version,
            **{name: value for name, value in record.settings.items() if name != "prompt"},
            **record.dataset,
            "evaluator": record.evaluator(metric).digest[:8],
        }
        for record in (before, after)
    )
    for name in dict.fromkeys([*old, *new]):
        if old.get(name, "") != new.get(name, ""):
            yield Change(name, old.get(name, ""), new.get(name, ""))
