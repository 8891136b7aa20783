"""The results of an invocation for its record: rows and comparison files, read from the store.

    results.rows(1)     [[RowRecord(number=0, …), …], …]
    results.files(links)       {"comparison.html": "<!doctype html>…", "comparison.json": "{…}"}
    results.overview(links, occasion)    Overview(headline="0.93", description="Take …", …)

They can be pickled: the process that records them opens the store itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.trace_links import TraceLinks
from workbench.project import Price
from workbench.results.types import Row, VariantResult
from workbench.scoring.scored_rows import ScoredRows
from workbench.tracking.protocol import Occasion, Overview, RecordLinks, RowRecord
from workbench.tracking.row_records import RowRecords

MAX_COMPARED_ROWS = 100_000  # rows of all variants above which no comparison page is written


class ResultCallbacks:
    """Callbacks with an invocation's results. The base class ignores them.

    They are pickled for the process that records the results.
    """

    def show(self, comparison: ExperimentComparison) -> None:
        """All rows are scored; MLflow may not have all of them yet. The store is open."""

    def comparison_files(self, comparison: ExperimentComparison) -> Mapping[str, str]:  # noqa: ARG002
        """Return files to keep beside the runs, text by name."""
        return {}

    def overview(
        self,
        comparison: ExperimentComparison,  # noqa: ARG002
        links: RecordLinks,  # noqa: ARG002
        occasion: Occasion,  # noqa: ARG002
    ) -> Overview | None:
        """Return what MLflow's pages show of the invocation; None: the names in its plan."""
        return None


@dataclass(frozen=True)
class StoredResults:
    """Results of an invocation whose rows are all scored.

    Attributes:
        max_traces: rows of a variant that get a trace.
        callbacks: make the comparison files and the overview.
        prices: of models, by `provider:name`.
        traces: of the rows, once they are recorded.
    """

    scored: ScoredRows
    variants: Sequence[VariantResult]
    max_traces: int
    callbacks: ResultCallbacks
    prices: Mapping[str, Price] = field(default_factory=dict)
    traces: TraceLinks = field(default_factory=TraceLinks)

    def described(self) -> "StoredResults":
        """The same with descriptions of the providers, which can't be pickled."""
        return replace(self, scored=self.scored.described())

    def rows(self, variant: int) -> Iterator[Sequence[RowRecord]]:
        """The records of a variant's rows, some at a time, in order."""
        return (self._records.build(variant, rows) for rows in self.scored.rows(variant))

    def files(self, links: RecordLinks) -> Mapping[str, str]:
        """The comparison files; none if nothing is compared, or too many rows are."""
        plan = self.scored.plan
        compares = any(variant.comparisons for variant in self.variants)
        if not plan.experiment.evaluators:  # a page to read the answers side by side
            compares = any(base is not None for base in plan.baselines)
        if not compares or plan.planned > MAX_COMPARED_ROWS:
            return {}
        return self.callbacks.comparison_files(self._comparison(links))

    def overview(self, links: RecordLinks, occasion: Occasion) -> Overview | None:
        """The names, descriptions, metrics and order of the runs on MLflow's pages."""
        return self.callbacks.overview(self._comparison(links), links, occasion)

    def unanswered(self, variant: int) -> list[RowRecord]:
        """The unanswered rows of a variant that would get a trace."""
        if self.variants[variant].stopped:
            return []
        cells = self.scored.plan.cells[variant]
        rows = ((n, Row(cells[n], None)) for n in self.scored.tallies[variant].missing())
        return [record for record in self._records.build(variant, rows) if record.sampled]

    def _comparison(self, links: RecordLinks) -> ExperimentComparison:
        """The comparison, with the ids of runs and the versions of prompts."""
        results = [
            replace(
                result,
                run_id=run_id,
                variant=replace(
                    result.variant, prompt=replace(result.variant.prompt, version=version)
                ),
            )
            for result, run_id, version in zip(
                self.variants, links.run_ids, links.versions, strict=True
            )
        ]
        scored = self.scored
        compared = ExperimentComparison(scored.plan, results, scored.tallies, scored.rows)
        return replace(compared, prices=self.prices, scored=scored, traces=self.traces)

    @cached_property
    def _records(self) -> RowRecords:
        return RowRecords(self.scored.plan, self.max_traces)
