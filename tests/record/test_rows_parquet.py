"""rows.parquet: every row once and in the dataset's order, however they came."""

from dataclasses import fields as fields_of
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset import Example
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion, Usage
from workbench.plan import Cell
from workbench.results.types import Row
from workbench.tracking import rows_parquet
from workbench.tracking.protocol import RowRecord
from workbench.tracking.rows_parquet import RowsParquet


def record(number: int) -> RowRecord:
    answer = Completion(f"{number:064x}", "ok", text=f"answer {number}", latency_s=0.5)
    cell = Cell(Example(f"r{number}", {"text": number}, {}), 0, answer.key)
    row = Row(
        cell,
        answer,
        {"exact_match": Score(number % 2 == 0, f"of {number}", parsed=f"read {number}")},
    )
    return RowRecord(number, row, "{}", f"r{number}", sampled=False)


@given(st.permutations(range(37)), st.integers(1, 40), st.integers(1, 50))
@settings(max_examples=30)
def test_rows_stand_in_order_whatever_order_they_come_in(
    tmp_path, monkeypatch: pytest.MonkeyPatch, order, together, at_once
) -> None:
    monkeypatch.setattr(rows_parquet, "BATCH", at_once)
    rows = RowsParquet([load_evaluator(Spec("exact_match", {}, tmp_path))])
    for start in range(0, len(order), together):
        rows.add([record(number) for number in order[start : start + together]])
    stored_rows = pq.read_table(rows.write(tmp_path)).to_pylist()
    assert [row["row"] for row in stored_rows] == list(range(37))
    assert [row["output"] for row in stored_rows] == [f"answer {n}" for n in range(37)]
    assert [row["exact_match/reason"] for row in stored_rows] == [f"of {n}" for n in range(37)]
    assert [row["exact_match/parsed"] for row in stored_rows] == [f"read {n}" for n in range(37)]


def test_the_parts_of_an_answer_are_columns(tmp_path) -> None:
    scores = {" yes": -0.25, " no": float("-inf")}
    chosen = replace(record(0).row.completion, prefill="It is", choice_scores=scores, attempts=3)
    rows = RowsParquet([])
    rows.add([record(0)._replace(row=replace(record(0).row, completion=chosen)), record(1)])
    table = pq.read_table(rows.write(tmp_path))
    assert {name: table[name].to_pylist() for name in ("prefill", "attempts", "choice_scores")} == {
        "prefill": ["It is", ""],
        "attempts": [3, 1],
        "choice_scores": ['{" yes":-0.25," no":null}', None],
    }
    fields = {field.name for field in fields_of(Completion)} - {"key", "stored", "raw"}
    columns = {"text": "output", "usage": "input_tokens", "model": "reply_model"}
    usage = {field.name for field in fields_of(Usage)}
    assert {columns.get(name, name) for name in fields} | usage <= set(table.column_names)


def test_rows_that_are_missing_leave_no_gap(tmp_path) -> None:
    rows = RowsParquet([])
    rows.add([record(number) for number in (20_011, 5)])
    assert pq.read_table(rows.write(tmp_path))["id"].to_pylist() == ["r5", "r20011"]


def test_no_row_is_an_empty_file(tmp_path) -> None:
    assert pq.read_table(RowsParquet([]).write(tmp_path)).num_rows == 0
