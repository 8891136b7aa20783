"""The report of an import while it is made; equal lines become one with their count.

notes = ImportNotes()
notes.left_out("tests.yaml:3", "assert `python`", fix="workbench evaluators new NAME")
"""

from collections import Counter
from dataclasses import replace

from workbench.errors import WorkbenchError
from workbench.importing.imported import ImportOutcome, ReportLine


class ImportNotes:
    """The lines so far."""

    def __init__(self) -> None:
        self._lines: dict[tuple[ImportOutcome, str, str], ReportLine] = {}
        self._counts: Counter[tuple[ImportOutcome, str, str]] = Counter()

    @property
    def lines(self) -> list[ReportLine]:
        """The lines in the order of their first places."""
        return [replace(line, count=self._counts[key]) for key, line in self._lines.items()]

    def carried(self, where: str, text: str, count: int = 1) -> None:
        """Note parts that mean the same here."""
        self._add(ReportLine(where, ImportOutcome.CARRIED, text, count=count))

    def changed(self, where: str, text: str, fix: str = "", count: int = 1) -> None:
        """Note parts that are written or read otherwise here."""
        self._add(ReportLine(where, ImportOutcome.CHANGED, text, fix, count))

    def left_out(self, where: str, text: str, fix: str = "", count: int = 1) -> None:
        """Note parts that are missing here."""
        self._add(ReportLine(where, ImportOutcome.LEFT_OUT, text, fix, count))

    def refused(self, where: str, part: str, error: WorkbenchError) -> None:
        """Note a part that can't be read, with the reason."""
        self.left_out(error.where or where, f"{part}: {error.message}", error.fix)

    def _add(self, line: ReportLine) -> None:
        key = (line.outcome, line.text, line.fix)
        self._lines.setdefault(key, line)
        self._counts[key] += line.count
