"""No cell of an export is run by a spreadsheet, and every one can be read back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.csv_cells import escape_cell, unescape_cell

RUN = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "=cmd|'/c calc'!A0",
    "  =1",
    "\u200b=1",
    "\ufeff\u00a0-x",
    "\x00=1",
    "\u3164=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "﹣1",
    "-",
    "-5 + 1",
    "--5",
]
LEFT = ["", "word", "-5", "+5", "-0.5", "-1e-7", "5", "a=b", "'", "'quoted'", "  spaced", "\u200b"]


@pytest.mark.parametrize("text", RUN, ids=ascii)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert escape_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", LEFT, ids=ascii)
def test_other_texts_and_numbers_stay_as_they_are(text):
    assert escape_cell(text) == text


@given(st.text(st.sampled_from("'=+-@\t\r\n 5a＝\u200b"), max_size=6) | st.text())
def test_every_text_comes_back_from_its_cell(text):
    assert unescape_cell(escape_cell(text)) == text


@given(st.text(st.sampled_from("'=+-@\t\r\n 5a＝\u200b"), max_size=6))
def test_a_neutral_cell_begins_with_nothing_that_acts(text):
    cell = escape_cell(text)
    seen = cell.lstrip(" \u200b")
    acts = seen.startswith(tuple("=+-@\t\r\n＝"))
    assert cell.startswith("'") or not acts or re.fullmatch("[+-]5+", cell)
