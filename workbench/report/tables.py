"""Tables without borders: rich's, and lines of plain text.

>>> list(align_rows([("metric", "rows"), ("label_match", "150"), ("正解率", "150")]))
['  metric       rows', '  label_match  150', '  正解率       150']
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from workbench.report.safe_text import escape_markdown

GAP = 2  # columns between two cells
LEAST_NAME = 24  # columns of a row's name, which may be cut off
LEAST_FOLDED = 12  # columns in which folded text can be read


def new_table(
    names: Sequence[str] = (), *, right: Collection[str] = (), no_wrap: Collection[str] = ()
) -> Table:
    """An empty table.

    Args:
        names: of its columns.
        right: the columns that are aligned to the right.
        no_wrap: the columns that are cut off, not folded, where they don't fit.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            name, justify="right" if name in right else "left", no_wrap=name in no_wrap
        )
    return table


def plain_lines(table: Table) -> list[str]:
    """Lines of a `new_table` as rich prints them without a terminal, in a tenth of its time.

    Empty if only rich can: a cell has markup, an emoji, several lines, or spaces at its end.
    """
    columns: list[list[str]] = []
    for column in table.columns:
        cells = [column.header, *column.cells]
        if not all(map(_is_plain, cells)):
            return []
        texts = [str(cell) for cell in cells]
        width = max(map(cell_len, texts))
        blanks = [" " * (width - cell_len(text)) for text in texts]
        pairs = zip(texts, blanks, strict=True)
        is_right = column.justify == "right"
        columns.append([blank + text if is_right else text + blank for text, blank in pairs])
    return ["  ".join(cells) for cells in zip(*columns, strict=True)]


def fits(table: Table, width: int) -> bool:
    """True if the names of its rows and folded cells have some room, and other cells all."""
    needed = -GAP
    for number, column in enumerate(table.columns):
        longest = max(cell_len(str(cell)) for cell in (column.header, *column.cells))
        most = longest if column.no_wrap else LEAST_FOLDED
        needed += GAP + min(longest, most if number else LEAST_NAME)
    return needed <= width


def stack_cells(table: Table) -> Text:
    """The table for a narrow terminal: a block per row, a line per cell behind its column."""
    first, *others = table.columns
    text = Text()
    rows = zip(*(column.cells for column in others), strict=True) if others else ()
    for title, cells in zip(first.cells, rows, strict=True):
        text.append(f"{title}\n", style="bold")
        for column, cell in zip(others, cells, strict=True):
            if str(cell):
                text.append(f"  {column.header}: {cell}\n")
    text.rstrip()
    return text


def _is_plain(cell: RenderableType) -> bool:
    text = str(cell)
    has_markup = isinstance(cell, str) and ("[" in text or "\\" in text or text.count(":") > 1)
    return (
        isinstance(cell, str | Text)
        and not has_markup
        and text.isprintable()
        and text == text.rstrip()
    )


def align_rows(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of cells as lines, each column as wide as its longest cell."""
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (f"{c}{' ' * (width - cell_len(c))}" for c, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table whose first row is its header."""
    header, *lines = (f"| {' | '.join(map(escape_markdown, row))} |" for row in rows)
    return [header, "|---" * len(rows[0]) + "|", *lines]


def without_last_blank(lines: Iterable[str]) -> Iterator[str]:
    """The lines, of which the last isn't empty.

    >>> list(without_last_blank(["", "few_shot", "", "zero_shot", "", ""]))
    ['', 'few_shot', '', 'zero_shot']
    """
    blank: list[str] = []
    for line in lines:
        if line:
            yield from (*blank, line)
            blank = []
        else:
            blank.append(line)
