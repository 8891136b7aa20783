"""Rows written in any format come back as they were."""

import csv
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset import DatasetSpec, load_dataset

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | FLOATS


def rows_in(content: bytes, name: str, folder: Path) -> list:
    (folder / name).write_bytes(content)
    dataset = load_dataset(DatasetSpec(path=name), folder)
    return [dict(example.inputs) for example in dataset.examples]


@given(st.lists(st.fixed_dictionaries({"a": TEXTS | NUMBERS, "b": TEXTS}), min_size=1))
def test_rows_come_back_from_jsonl(rows):
    for ascii_only in (True, False):
        text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
        with tempfile.TemporaryDirectory() as folder:
            assert rows_in(text.encode(), "r.jsonl", Path(folder)) == rows


@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS}), min_size=1))
def test_rows_come_back_from_csv(rows):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["a", "b"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        assert rows_in(text.getvalue().encode(), "r.csv", Path(folder)) == rows


@given(
    st.lists(
        st.fixed_dictionaries({"a": FLOATS, "b": TEXTS, "c": st.lists(TEXTS)}),
        min_size=1,
    )
)
def test_rows_come_back_from_parquet(rows):
    with tempfile.TemporaryDirectory() as folder:
        table = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), table)
        assert rows_in(table.getvalue(), "r.parquet", Path(folder)) == rows
