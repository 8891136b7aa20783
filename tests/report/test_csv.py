"""CSV read back by csv and pandas equals what was exported."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.dataset.csv_cells import csv_line, unescape_cell

SIGNS = "\r\n\t\"',;|=+-@ ＝\x00\u2028\u2029\x85\ufeff#a1\x1a\x0b\x0c\x1c\\"
cells = st.text(
    st.one_of(st.sampled_from(SIGNS), st.characters(exclude_categories=["Cs"])), max_size=12
)


def read_by_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))[1:]


def read_by_pandas(content: bytes) -> list[list[str]]:
    options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8"}
    return pd.read_csv(io.BytesIO(content), **options).to_numpy().tolist()


def read_by_polars(content: bytes) -> list[list[str]]:
    polars = pytest.importorskip("polars")
    table = polars.read_csv(content, infer_schema=False)
    return [list(row) for row in table.fill_null("").rows()]


@pytest.mark.parametrize("reader", [read_by_csv, read_by_pandas, read_by_polars])
def test_every_text_is_read_back(reader) -> None:
    @settings(max_examples=60)
    @given(st.lists(st.tuples(cells, cells), min_size=1, max_size=4))
    @example([("\0=", "a\0")])
    @example([("ok\r=1+1", "x"), ("a\r\nb", "\r"), ('a"\rb', " ＝1 "), ("\u2028=2", "-5")])
    def check(rows: list[tuple[str, str]]) -> None:
        read = reader(csv_line(["a", "b"]) + b"".join(map(csv_line, rows)))
        wanted = [[cell.replace("\0", "\ufffd") for cell in row] for row in rows]
        assert [[unescape_cell(cell) for cell in row] for row in read] == wanted

    check()


def test_no_reader_sees_a_formula_behind_a_line_end() -> None:
    assert csv_line(["ok\r=1+1", "ok\n=1+1", "=1", "-5", None, 0.5]) == (
        b'"ok\r=1+1","ok\n=1+1","\'=1",-5,,0.5\n'
    )
