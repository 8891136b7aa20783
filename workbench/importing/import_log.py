"""Report lines of an import, collected while a source is read.

>>> log = ImportLog()
>>> log.left_out("eval.json: testing_criteria[2]", "python grader 'length'", fix="write it anew")
>>> [(line.outcome.value, line.text) for line in log.lines]
[('left out', "python grader 'length'")]
"""

from workbench.importing.imported import ImportOutcome, ReportLine


class ImportLog:
    """Collects a line for each part of a source."""

    def __init__(self) -> None:
        self.lines: list[ReportLine] = []

    def carried(self, where: str, text: str, *, count: int = 1) -> None:
        """Add parts that mean the same here."""
        self.lines.append(ReportLine(where, ImportOutcome.CARRIED, text, count=count))

    def changed(self, where: str, text: str, *, fix: str = "", count: int = 1) -> None:
        """Add parts that are read in another way than their tool does; `text` says how."""
        self.lines.append(ReportLine(where, ImportOutcome.CHANGED, text, fix, count))

    def left_out(self, where: str, text: str, *, fix: str = "", count: int = 1) -> None:
        """Add parts that were not imported."""
        self.lines.append(ReportLine(where, ImportOutcome.LEFT_OUT, text, fix, count))
