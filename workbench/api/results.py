"""The results of a run in Python."""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING

from rich.console import Console

from workbench.api.arguments import LimitOptions, check_arguments, check_texts
from workbench.api.html_tables import html_leaderboard, html_lines
from workbench.api.outcomes import (
    Comparison,
    Decision,
    ShownRow,
    build_comparison,
    build_decision,
    find_row,
)
from workbench.api.python_words import in_python_words, python_note, python_text
from workbench.canonical import JSON, SCHEMA_VERSION
from workbench.cli.setup import open_store
from workbench.comparing.comparison import ExperimentComparison, compare_stored, require_answers
from workbench.comparing.decision import Limits
from workbench.comparing.decision import decide as rank
from workbench.comparing.selectors import select_comparisons
from workbench.errors import ExitCode, WorkbenchError, pluralize
from workbench.plan import Plan
from workbench.project import Project
from workbench.report.leaderboard import leaderboard, verdict_lines
from workbench.report.run import invocation_json, summary
from workbench.report.safe_text import shorten
from workbench.run.summary import Invocation
from workbench.tracking.page_addresses import ExperimentPages, server_address

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TEMPLATES = "prompts/"  # of notes

Select = Callable[[Plan], Plan]
WIDTH = 160  # columns of a table as text


def user_notes(plan: Plan) -> tuple[str, ...]:
    """The notes of a plan in the words of Python; of `evaluate` without those on its templates."""
    reads_answers = any(variant.reads_answers for variant in plan.variants)
    notes = [n for n in plan.notes if not (reads_answers and n.startswith(TEMPLATES))]
    return tuple(python_note(note, plan.experiment.path) for note in notes)


class Results:
    """The results of a run: the leaderboard when shown, and all of it as data frames.

    Every number is the one that `workbench run --json`, `compare` and `decide` show.

    >>> results.leaderboard[["variant", "metric", "mean", "n"]]
      variant       metric  mean  n
    0   short  exact_match   1.0  2
    1    loud  exact_match   0.0  2
    >>> results.to_pandas()[["id", "text", "expected", "variant", "output", "exact_match"]]
      id text expected variant output  exact_match
    0  a  yes      yes   short    yes          1.0
    1  b   no       no   short     no          1.0
    2  a  yes      yes    loud    YES          0.0
    3  b   no       no    loud     NO          0.0
    """

    def __init__(self, project: Project, invocation: Invocation) -> None:
        self._project = project
        self._plan = invocation.plan
        self._invocation = invocation

    @contextmanager
    def _compared(
        self, select: Select | None = None, by: Sequence[str] = (), *, anytime: bool = False
    ) -> Iterator[ExperimentComparison]:
        """The variants compared by the stored answers, while the store is open."""
        with in_python_words(self._plan.experiment.path), open_store(self._project) as store:
            plan, prices = select(self._plan) if select else self._plan, self._project.prices
            yield compare_stored(plan, store, by=by, prices=prices, anytime=anytime)

    @property
    def variants(self) -> list[str]:
        """The names of the variants, in the order of the call."""
        return [variant.name for variant in self._plan.variants]

    @cached_property
    def leaderboard(self) -> "pd.DataFrame":
        """A line per variant and metric, best first: mean, interval, n, verdict, cost, latency."""
        from workbench.api.frames import leaderboard_frame

        return leaderboard_frame(self._invocation.variants)

    def to_pandas(self) -> "pd.DataFrame":
        """A line per row of each variant: data, output, state, scores, reasons, tokens, cost.

        `frame.pivot(index="id", columns="variant", values="exact_match")` has a line per row and
        a column per variant.
        """
        return self._rows.copy()

    @cached_property
    def _rows(self) -> "pd.DataFrame":
        from workbench.report.rows_frame import rows_frame

        with self._compared() as compared:
            return rows_frame(compared.plan, compared.read_rows, self._project.prices)

    def compare(
        self, *variants: str, by: str | Sequence[str] = (), anytime: bool = False
    ) -> Comparison:
        """Compare variants on the same rows.

        Args:
            variants: names of variants, prompts or models; the first is the baseline of the
                others. None: all variants with the baselines of the run.
            by: columns; the comparison is also made within each combination of their values.
            anytime: verdicts that hold at every look at the rows.

        Raises:
            WorkbenchError: there is no such variant or column, or nothing to compare.
        """
        check_texts(variants, "variants", "results.compare('first', 'second')")
        columns = check_texts(by, "by", "by=['first', 'second']") if by else []
        if anytime and columns:
            message = "slices have no verdicts that hold at every look"
            raise WorkbenchError(message, where="by", fix="leave by= or anytime= out")
        select = partial(select_comparisons, list(variants), by_slice=bool(columns))
        with self._compared(select, columns, anytime=anytime) as compared:
            require_answers(compared, compared.compared_variants)
            return build_comparison(compared, columns)

    def decide(
        self,
        metric: str = "",
        *,
        floor: float | None = None,
        max_cost: float | None = None,
        max_latency: float | None = None,
    ) -> Decision:
        """Choose a variant by quality, cost and latency.

        Args:
            metric: of quality; empty: the first.
            floor: the lowest mean (the highest, where lower is better).
            max_cost: of 1,000 rows.
            max_latency: seconds, the mean of the answers.

        Raises:
            WorkbenchError: there is no such metric, or it has no mean.
        """
        checked = check_arguments(LimitOptions, locals())
        limits = Limits(*checked.model_dump().values())
        with self._compared() as compared:
            currency = self._project.file.currency
            return build_decision(compared, rank(compared, limits), currency)

    def show(self, row: int | str = 0) -> ShownRow:
        """One row: its prompts, and each variant's output with scores and reasons.

        Args:
            row: its number from 0, as in the column `row` of `to_pandas()`, or its id.

        Raises:
            WorkbenchError: there is no such row.
        """
        plan = self._plan
        number = find_row(plan, row)
        return ShownRow(plan, number, self._rows[self._rows["row"] == number])

    @property
    def figures(self) -> "Mapping[str, Figure]":
        """A figure of matplotlib per metric: means with intervals and verdicts.

        `exact_match by cost` shows the means against the cost, where two variants have one; in the
        same way there are `… by latency` and, where no cost is known, `… by tokens`.
        """
        from workbench.api.shown_figures import ShownFigures
        from workbench.figures.cost_figures import cost_figures
        from workbench.figures.mean_figures import mean_figures

        variants, currency = self._invocation.variants, self._project.file.currency
        figures = mean_figures(variants)
        for metric in list(figures):
            for name, figure in cost_figures(metric, variants, currency).items():
                figures[f"{metric} by {name}"] = figure
        return ShownFigures(figures)

    @property
    def run_ids(self) -> dict[str, str]:
        """The MLflow run of each variant; empty where nothing is recorded."""
        pairs = zip(self.variants, self._invocation.variants, strict=True)
        return {name: result.run_id for name, result in pairs if result.run_id}

    @property
    def url(self) -> str:
        """The run's page on the MLflow server; empty without one: `workbench ui` starts one."""
        invocation = self._invocation
        server, run_id = server_address(invocation.tracking_uri), invocation.parent_run_id
        pages = ExperimentPages(server, invocation.experiment_id)
        return pages.run(run_id) if server and run_id else ""

    @property
    def exit_code(self) -> ExitCode:
        """The command's exit code: 0, or 3 (failed rows), 4 (budget), 6 (not recorded)."""
        return self._invocation.exit_code

    @property
    def problems(self) -> tuple[WorkbenchError, ...]:
        """Errors that did not end the run, in the order in which they happened."""
        return self._invocation.problems

    @property
    def failures(self) -> str:
        """The most frequent reasons of failed rows and evaluator errors; empty: none failed."""
        results = self._invocation.variants
        # A row on which several evaluators fail counts once, so it may be some more.
        errors = [max((m.answers.errors for m in r.metrics.values()), default=0) for r in results]
        failed = sum(result.answers.failed for result in results) + sum(errors)
        if not failed:
            return ""
        reasons = sum((Counter(result.reasons) for result in results), Counter[str]())
        listed = "; ".join(f"{n:,} × {shorten(text, 200)}" for text, n in reasons.most_common(3))
        planned = sum(result.answers.planned for result in results)
        return f"{failed:,} of {pluralize(planned, 'row')} failed: {listed}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the data, the prompts and the models."""
        return user_notes(self._plan)

    def to_dict(self) -> dict[str, JSON]:
        """The object that `workbench run --json` prints."""
        document = invocation_json(self._invocation, currency=self._project.file.currency)
        return {"schema_version": SCHEMA_VERSION, **document}

    def __repr__(self) -> str:
        console = Console(
            file=io.StringIO(), width=WIDTH, force_terminal=False, force_jupyter=False
        )
        with console.capture() as capture:
            currency = self._project.file.currency
            console.print(leaderboard(self._invocation.variants, currency=currency))
        return "\n".join([capture.get().rstrip(), *self._lines()])

    def _repr_html_(self) -> str:
        currency = self._project.file.currency
        table = html_leaderboard(self._invocation.variants, currency=currency)
        return table + html_lines(self._lines())

    def _lines(self) -> list[str]:
        currency = self._project.file.currency
        lines = [*verdict_lines(self._invocation.variants)]
        lines += summary(self._invocation, currency=currency)
        return [python_text(line) for line in lines]
