"""Messages between a run and its recorder, defined without MLflow.

RecordingJob(plan, rows=150, traces=10_000)
RowRecord(3, row, '{"model": …}', "a joy", sampled=True)
ResultSet(variants, digests, not_run, rows)
Recorded("sqlite:///…", experiment_id="1", parent_run_id="7c0f…", run_ids=["91ab…"])
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from workbench.canonical import JSON, digest
from workbench.comparing.history import Series, VariantRecord
from workbench.errors import ExitCode, StopCheck, WorkbenchError, not_stopped
from workbench.plan import Plan
from workbench.project import NO_TRACKING
from workbench.prompt import Prompt
from workbench.results.types import Row, VariantResult

# Messages to the recording process that are no pickles; those are longer.
STOP = b""  # stop at once
DETACH = b"d"  # the command ends, and the recording goes on
RESUME = "the same command, or workbench sync, records what is missing"
SAFE = f"the answers and scores are safe; {RESUME}"


def not_recorded_error(message: str, *, where: str = "", fix: str = SAFE) -> WorkbenchError:
    """An error that leaves the record in MLflow incomplete."""
    return WorkbenchError(message, where=where, fix=fix, exit_code=ExitCode.NOT_RECORDED)


@dataclass(frozen=True)
class RecordingJob:
    """An invocation to record.

    Attributes:
        plan: the header of the plan; see `plan.summarize_plan`.
        rows: per variant.
        traces: most traces per variant, not counting failed rows.
        figures: as `ProjectFile.mlflow_metrics`.
        again: create new runs although an equal invocation is recorded.
        reused: of each variant, the scored answers that come from the store; None: all of them, as
            nothing is sent.
    """

    plan: Plan
    rows: int
    traces: int
    figures: Sequence[str] | None = None
    again: bool = False
    reused: Sequence[int] | None = None


class RowRecord(NamedTuple):
    """One row of a variant, with what a record needs.

    Attributes:
        number: its place in the dataset's order, with the repeats of an example together.
        body: the request's body, as JSON.
        name: shown to people as the row's inputs.
        sampled: it gets a trace whatever its state.
        cluster: number of its cluster of dependent rows; None: every row is independent.
    """

    number: int
    row: Row
    body: str
    name: str
    sampled: bool
    cluster: int | None = None

    @property
    def needs_trace(self) -> bool:
        """True if the row gets a trace and a table row: sampled, failed, or an evaluator error."""
        return (
            self.sampled
            or not self.row.scored
            or any(score.error for score in self.row.scores.values())
        )


@dataclass(frozen=True)
class RecordLinks:
    """The runs of an invocation, for links to them.

    Attributes:
        run_ids, versions: of the variants' runs, and of their prompts in the registry.
    """

    experiment_id: str
    parent_run_id: str
    run_ids: Sequence[str]
    versions: Sequence[int | None]


@dataclass(frozen=True)
class Occasion:
    """The occasion of an invocation: what its parent run tells beside the results.

    Attributes:
        note: of the user.
        previous: a variant of the invocation before; None: there is none.
        changes: each variant by one metric, with its comparison to the invocation before.
        has_comparison: the comparison of all variants is an artifact of the parent run.
    """

    note: str = ""
    previous: VariantRecord | None = None
    changes: Sequence[Series] = ()
    has_comparison: bool = False


@dataclass(frozen=True)
class Overview:
    """An invocation as MLflow's pages show it.

    Attributes:
        headline: the best mean; empty: no variant has one.
        description: of the parent run, in Markdown.
        descriptions: of the variants' runs, in Markdown.
        metrics: of the parent run.
        order: numbers of the variants, best first.
        baseline: number of the variant with which the best one is compared; None: there is none.
    """

    headline: str
    description: str
    descriptions: Sequence[str]
    metrics: Mapping[str, float]
    order: Sequence[int]
    baseline: int | None = None


@dataclass(frozen=True)
class ResultSet:
    """Results of an invocation.

    Attributes:
        variants: their numbers.
        digests: of each variant's completions and scores.
        not_run: per variant, the sampled rows without a completion.
        rows: reads a variant's rows again, in batches and in order.
        pages: renders the files of the comparison, by name; none if nothing is compared.
        overview: describes the invocation for its parent run; None: it keeps its name.
    """

    variants: Sequence[VariantResult]
    digests: Sequence[str]
    not_run: Sequence[Sequence[RowRecord]]
    rows: Callable[[int], Iterable[Sequence[RowRecord]]]
    pages: Callable[[RecordLinks], Mapping[str, str]] | None = None
    overview: Callable[[RecordLinks, Occasion], Overview | None] | None = None

    @property
    def row_count(self) -> int:
        """Rows of all variants that have a completion."""
        return sum(result.answers.answered for result in self.variants)

    @property
    def rows_digest(self) -> str:
        """Digest of all completions and scores."""
        return digest(list(self.digests))[:16]


@dataclass(frozen=True)
class Recorded:
    """The record of an invocation in MLflow.

    Attributes:
        run_ids: of the variants; empty if nothing was recorded.
        versions: registry versions of the variants' prompts; empty if nothing was recorded.
        best, baseline: the run ids of the variants that the parent run's page compares; empty:
            it names none, or its page isn't written yet.
        has_comparison: the comparison of all variants is an artifact of the parent run.
        recorded_before: an earlier invocation recorded it; nothing was written.
        problems: errors that left the record incomplete.
        notes: remarks for the user, one line each; not failures.
        process: the number of the process that still records it; 0: none does.
    """

    tracking_uri: str
    experiment_id: str = ""
    parent_run_id: str = ""
    run_ids: Sequence[str] = ()
    versions: Sequence[int | None] = ()
    best: str = ""
    baseline: str = ""
    has_comparison: bool = False
    recorded_before: bool = False
    problems: tuple[WorkbenchError, ...] = ()
    notes: tuple[str, ...] = ()
    process: int = 0


class Recorder:
    """Records one invocation. This base class drops everything: tracking is turned off.

    Errors of MLflow are returned by `finish`, not raised.

    Attributes:
        tracking_uri: from the command line; empty: the project's.
    """

    tracking_uri = NO_TRACKING

    def begin(self, job: RecordingJob) -> None:
        """Start recording an invocation."""

    def add(self, variant: int, records: Sequence[RowRecord]) -> None:
        """Record scored rows of a variant, in any order."""

    def finish(self, results: ResultSet, stopped: StopCheck) -> Recorded:  # noqa: ARG002
        """Record the missing rows and the numbers, and read everything back.

        Raises:
            Stopped: `stopped` returned True; a later run continues from there.
        """
        return Recorded(NO_TRACKING)

    def hand_over(self, results: ResultSet, finished: Callable[[Recorded], None]) -> Recorded:
        """Have another process finish the recording, which calls `finished`; don't wait for it.

        Everything in `results` and `finished` can be pickled. This class has no other process.
        """
        recorded = self.finish(results, not_stopped)
        finished(recorded)
        return recorded

    def stop(self, timeout_s: float) -> None:
        """Stop recording now, complete or not. Also allowed after `finish`.

        Args:
            timeout_s: seconds to wait until the runs in MLflow are marked as killed; 0: don't wait.
        """


@dataclass(frozen=True)
class PromptStatus:
    """A template compared with the prompt registry.

    Attributes:
        version: the registered version with the same content; None: not registered.
        newest: the highest version; None: no version is registered.
        aliases: each with its version.
    """

    prompt: Prompt
    version: int | None
    newest: int | None
    aliases: dict[str, int]

    def as_json(self) -> dict[str, JSON]:
        """The fields of `--json`."""
        return {
            "task": self.prompt.task,
            "name": self.prompt.name,
            "digest": self.prompt.digest,
            "description": self.prompt.description,
            "version": self.version,
            "newest": self.newest,
            "aliases": self.aliases,
        }
