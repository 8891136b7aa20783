"""Tables without a terminal: the lines are those that rich prints."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from workbench.report.tables import fits, new_table, plain_lines, stack_cells

NAMES = ("variant", "rows", "正解率")


def rich_lines(table) -> list[str]:
    output = io.StringIO()
    Console(width=1000, file=output).print(table)
    return output.getvalue().splitlines()


def table_of(*rows):
    table = new_table(NAMES, right=NAMES[1:], no_wrap=NAMES)
    for row in rows:
        table.add_row(*row)
    return table


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(Text("few_shot"), "1,200", "about 9,800")],
        [("a", "", ""), ("", "é", "up to 0.1"), ("a much longer name", "👍🏽", "正解")],
        [(Text("[red]x[/red] :smile: \\[y"), "1:30", "a  b")],
        [("e\u0301", "☃️", "👍"), ("❤️", "🇩🇪", "—")],
    ],
)
def test_lines_are_those_of_rich(rows):
    table = table_of(*rows)
    assert plain_lines(table) == rich_lines(table)


@pytest.mark.parametrize("cell", ["[b]x[/b]", ":smile:", "\\[x", "a\nb", "a ", "a\u200bb", "a\tb"])
def test_other_cells_are_left_to_rich(cell):
    assert plain_lines(table_of(("a", cell, "b"))) == []


def test_cells_are_stacked_where_their_columns_have_no_room() -> None:
    table = table_of((Text("few_shot"), "1,200", ""), ("zero_shot", "40", "正解"))
    assert (fits(table, 24), fits(table, 23)) == (True, False)
    assert stack_cells(table).plain.splitlines() == [
        "few_shot",
        "  rows: 1,200",
        "zero_shot",
        "  rows: 40",
        "  正解率: 正解",
    ]


def test_a_long_name_is_no_reason_to_stack() -> None:
    assert fits(table_of(("long" * 20, "40", "")), 24 + 2 + 4 + 2 + 6)
