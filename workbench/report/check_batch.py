"""What `run --check-batch` says: which answers of a sample change at batch 1.

checked at batch 1: few_shot · smollm2: 2 of 32 answers change
  1039: 'positive' in the batch, 'negative' alone
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.completing import Checked
from workbench.report.safe_text import shorten

SHOWN = 3  # changes of a variant
WIDTH = 60  # characters of an answer


def checked_lines(checked: Sequence[Checked]) -> Iterator[str]:
    """A line a variant, and its first changes under it."""
    if not checked:
        yield "checked at batch 1: no model of this run answers in batches"
    for one in checked:
        failed = f" ({one.failed} could not be answered alone)" if one.failed else ""
        yield (
            f"checked at batch 1: {one.variant}: {len(one.changes)} of {one.rows} answers "
            f"change{failed}"
        )
        for change in one.changes[:SHOWN]:
            batched, alone = shorten(change.batched, WIDTH), shorten(change.alone, WIDTH)
            yield f"  {shorten(change.row, WIDTH)}: {batched!r} in the batch, {alone!r} alone"


def checked_json(checked: Sequence[Checked]) -> list[JSON]:
    """The same, every change with both texts."""
    return [asdict(one) for one in checked]
