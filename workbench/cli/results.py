"""Results of a run on the terminal, and as files beside its runs in MLflow."""

import sys
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.text import Text

from workbench.cli.output import print_lines, print_styled, terminal_width
from workbench.comparing.comparison import ExperimentComparison
from workbench.page.headline import run_headline
from workbench.page.page_document import comparison_page
from workbench.project import Project
from workbench.report.compare import compare_json
from workbench.report.leaderboard import leaderboard, leaderboard_blocks, verdict_lines
from workbench.report.run_overview import run_overview
from workbench.report.safe_text import json_line
from workbench.run.stored_results import ResultCallbacks
from workbench.tracking.protocol import Occasion, Overview, RecordLinks
from workbench.view.page_cache import cache_page

Receive = Callable[[ExperimentComparison], None]
PIPED_WIDTH = 160  # columns of a table beyond which a file or a log gets blocks


class TerminalResults(ResultCallbacks):
    """Prints the leaderboard as soon as all rows are scored.

    Args:
        quiet: print nothing; the results follow as JSON.
        receive: called then, in this process only.
    """

    def __init__(self, project: Project, *, quiet: bool, receive: Receive | None = None) -> None:
        self._project, self._currency = project, project.file.currency
        self._quiet, self._receive = quiet, receive

    def __getstate__(self) -> dict[str, object]:
        """The attributes that the process that records gets."""
        return {**vars(self), "_receive": None}

    def show(self, comparison: ExperimentComparison) -> None:
        """Print the leaderboard; then cache the page of a large comparison."""
        if not self._quiet:
            self.print_results(comparison)
        if self._receive:
            self._receive(comparison)
        cache_page(comparison, self._project)

    def print_results(self, comparison: ExperimentComparison) -> None:
        """Print the headline, the leaderboard and its verdicts."""
        width, variants = terminal_width(PIPED_WIDTH), comparison.results
        best = run_headline(comparison)
        if best:
            print_styled(Text(f"{' '.join(best.sentences)}\n"))
        first = best.best if best else None
        table = leaderboard(variants, currency=self._currency, best=first)
        fits = Console(width=10_000).measure(table).maximum <= width
        blocks = leaderboard_blocks(variants, currency=self._currency, best=first)
        print_styled(table if fits else blocks)
        print_lines([*verdict_lines(variants), ""])
        sys.stdout.flush()

    def comparison_files(self, comparison: ExperimentComparison) -> Mapping[str, str]:
        """See `ResultCallbacks`."""
        page = comparison_page(comparison, currency=self._currency)
        document = {**compare_json(comparison), "confusions": [*page.confusions]}
        return {"comparison.html": page.html, "comparison.json": json_line(document)}

    def overview(
        self, comparison: ExperimentComparison, links: RecordLinks, occasion: Occasion
    ) -> Overview:
        """See `ResultCallbacks`."""
        return run_overview(comparison, links, occasion, currency=self._currency)
