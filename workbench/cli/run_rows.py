"""Rows of `workbench run`: `--show wrong` lists them, `-o rows.csv` writes them.

$ workbench run sentiment --show wrong
few_shot: 12 of 150 rows are wrong by exact_match
  row 13, r12: 'Is water wet?' (expected 'yes')
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import complete_shown_rows
from workbench.cli.output import print_lines
from workbench.cli.output_file import UNKNOWN, OutputFile
from workbench.cli.signals import write_stderr
from workbench.errors import WorkbenchError, unknown_name
from workbench.report.safe_text import escape_commands, plain

if TYPE_CHECKING:
    from workbench.comparing.comparison import ExperimentComparison
    from workbench.project import Project

# The beginnings of files by which the command knows its own, by ending.
BEGINNINGS = {".csv": b"row,id,", ".json": rb'\[(\{"row":\s*1,|\]\n)', ".parquet": UNKNOWN}
Show = Annotated[
    str,
    typer.Option(
        help="Also list rows of the best variant, or of each of --only: wrong, failed, all.",
        metavar="ROWS",
        autocompletion=complete_shown_rows,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the rows of all variants to this .csv, .parquet or .json.",
    ),
]


@dataclass
class RunRows:
    """The rows that a run lists and writes as soon as all are scored.

    Attributes:
        kind: those to list; empty: none.
        every: list those of every variant, and not of the best one alone.
        path: of the file to write; None: none.
        error: the reason why the file could not be written.
    """

    kind: str
    every: bool
    path: Path | None
    project: "Project"
    force: bool
    error: WorkbenchError | None = None

    def __post_init__(self) -> None:
        """Check the file before anything is sent."""
        self._file = rows_file(self.path, self.project, force=self.force) if self.path else None

    def receive(self, compared: "ExperimentComparison") -> None:
        """List and write the rows; an error must not keep the run from being recorded."""
        from workbench.report.leaderboard import rank_numbers
        from workbench.report.listed_rows import listed_lines

        if self.kind:
            ranked = rank_numbers(compared.results)
            variants = ranked if self.every else ranked[:1]
            print_lines([*listed_lines(compared, self.kind, variants), ""])
        if self._file and self.path:
            try:
                write_rows(compared, self._file, self.path.suffix.lower())
            except WorkbenchError as error:
                self.error = error
                write_stderr(f"error: {escape_commands(str(error))}\n")
            else:
                sys.stderr.write(f"written: {plain(str(self.path))}\n")


def rows_file(path: Path, project: "Project", *, force: bool) -> OutputFile:
    """The file for rows, checked at once.

    Raises:
        WorkbenchError: its ending is unknown, it must not be replaced, or can't be written.
    """
    ending = path.suffix.lower()
    if ending not in BEGINNINGS:
        raise unknown_name("ending of a file", ending, BEGINNINGS, where=str(path))
    return OutputFile(path, project, BEGINNINGS[ending], force=force)


def write_rows(compared: "ExperimentComparison", file: OutputFile, ending: str) -> None:
    """Write a line per row of each variant; rows are numbered from 1, as `show` takes them.

    Raises:
        WorkbenchError: the file can't be written.
    """
    from workbench.report.rows_frame import WRITERS, rows_frame

    frame = rows_frame(compared.plan, compared.read_rows, compared.prices)
    frame["row"] += 1
    with file.writer() as stream:
        WRITERS[ending](frame, stream)
