"""A finding of a check: refused before anything is sent, or noted.

>>> str(Finding("'{question}' is text", "prompts/qa/plain.jinja:2", "write {{ question }}"))
"prompts/qa/plain.jinja:2: '{question}' is text; write {{ question }}"
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.dataset import Dataset
from workbench.errors import WorkbenchError

_MAX_ROWS = 3  # named in one finding


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        message: what is wrong, with the offending value.
        where: a file or `file:line`; empty: no file.
        fix: how to fix it.
        refused: True if it can't be right; otherwise it is noted.
    """

    message: str
    where: str = ""
    fix: str = ""
    refused: bool = False

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}; {self.fix}" if self.fix else head

    @property
    def error(self) -> WorkbenchError:
        """The finding as the error of a refusal."""
        return WorkbenchError(self.message, where=self.where, fix=self.fix)


def accept(findings: Iterable[Finding], *, refuses: bool = True) -> list[str]:
    """Return the notes; without `refuses` all findings are notes.

    Raises:
        WorkbenchError: the first finding that is refused.
    """
    notes: list[str] = []
    for finding in findings:
        if finding.refused and refuses:
            raise finding.error
        notes.append(str(finding))
    return list(dict.fromkeys(notes))


def count_rows(dataset: Dataset, indices: Sequence[int], total: int) -> str:
    """`2 of 150 rows (first: a, reviews.jsonl:12; b, reviews.jsonl:17)`."""
    first = "; ".join(dataset.row_label(index) for index in indices[:_MAX_ROWS])
    return f"{len(indices):,} of {total:,} rows (first: {first})"
