"""Dataset files: accepted contents of each format, and errors."""

import datetime
import os
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.dataset import DatasetSpec, load_dataset

ENCODING_FIX = (
    "\n  fix: name its encoding, such as `encoding: cp1252` (Excel on Windows) or latin-1"
)
TEXT_FIX = "; `quoting: none` reads quotes as text"
DROP_A = ", or leave the column out: `drop: [a]`"
TWO = [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", b'{"a": "1", "b": "x"}\n{"a": "2", "b": "y"}\n'),
        ("r.jsonl", b'{"a": "1", "b": "x"}\n{"a": "2", "b": "y"}'),
        ("r.jsonl", b'\xef\xbb\xbf{"a": "1", "b": "x"}\r\n{"a": "2", "b": "y"}\r\n'),
        ("r.ndjson", b'\n{"a": "1", "b": "x"}\n \t\n{"a": "2", "b": "y"}\n\n\n'),
        ("r.json", b'[{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]'),
        ("r.json", b'\xef\xbb\xbf \r\n[\n{"a": "1", "b": "x"}\n,\n{"a": "2", "b": "y"}\n]\n'),
        ("r.csv", b"a,b\n1,x\n2,y\n"),
        ("r.CSV", b'\xef\xbb\xbfa,b\r\n1,"x"\r\n2,y'),
        ("r.csv", b"\na,b\n\n1,x\n2,y\n\n"),
        ("r.tsv", b"a\tb\n1\tx\n2\ty\n"),
    ],
)
def test_every_way_to_write_the_same_rows_gives_the_same_rows(name, content, rows_of):
    assert rows_of(name, content) == TWO


def test_control_characters_are_data(rows_of):
    assert rows_of("r.csv", b"a,b\n\x00,\x1b[31m\n") == [{"a": "\x00", "b": "\x1b[31m"}]


def test_a_field_may_hold_line_ends_and_a_megabyte(rows_of):
    long = "x\n" * 500_000
    assert rows_of("r.csv", f'a\n"{long}"\n'.encode()) == [{"a": long}]


def test_csv_values_stay_text(rows_of):
    assert rows_of("r.csv", b"a,b\n1,null\n") == [{"a": "1", "b": "null"}]


def test_rows_of_a_csv_file_know_the_line_they_begin_on(tmp_path):
    (tmp_path / "r.csv").write_text('a\n"1\n2"\n\n3\n')
    assert load_dataset(DatasetSpec(path="r.csv"), tmp_path).row_numbers == (2, 5)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "r.csv",
            b"a,b\n1,x\n2,y,z\n",
            "r.csv:3: 3 fields, but the header has 2; the last is 'z'\n"
            "  fix: the columns are a, b; put a field that contains commas in double quotes",
        ),
        (
            "r.tsv",
            b"a\tb\n1\n",
            "r.tsv:2: 1 field, but the header has 2; the last is '1'\n"
            "  fix: the columns are a, b; write a tab between two fields; fields in double quotes "
            "need `quoting: double`",
        ),
        (
            "r.csv",
            b'a,b\n1,x\n2,"y\n3,z\n',
            "r.csv:3: a quoted field of this row is never closed\n"
            '  fix: close it; write "" for a quote inside' + TEXT_FIX,
        ),
        (
            "r.csv",
            b'a,b\n1,"x" y\n',
            "r.csv:2: bad CSV: ',' expected after '\"'\n"
            '  fix: put a field that contains quotes in quotes, and write "" for each quote inside'
            + TEXT_FIX,
        ),
        (
            "r.csv",
            b"a,b\r1,x\r",
            "r.csv:1: a bare carriage return between two fields\n"
            "  fix: save the file with LF or CRLF line ends",
        ),
        (
            "r.csv",
            b"id;text\n1;x\n",
            "r.csv:1: the header is a single column, 'id;text'\n"
            '  fix: it seems to be separated by semicolons: `delimiter: ";"`',
        ),
        (
            "r.csv",
            b"id\ttext\n1\tx\n",
            "r.csv:1: the header is a single column, 'id\\ttext'\n"
            '  fix: it seems to be separated by tabs: `delimiter: "\\t"`',
        ),
        (
            "r.csv",
            b"a,b,a\n",
            "r.csv:1: two columns are named 'a'\n  fix: rename one of them",
        ),
        (
            "r.csv",
            b",text\n0,x\n",
            "r.csv:1: column 1 has no name\n  fix: name it, or list the columns to read: "
            "`columns: [text]`",
        ),
        ("r.csv", b"a,b\n", "r.csv: 0 rows\n  fix: add at least one row"),
        ("r.csv", b"", "r.csv: 0 rows\n  fix: add at least one row"),
        (
            "r.csv",
            b"a\ncaf\xe9\n",
            "r.csv:2: byte 5, b'\\xe9', is not UTF-8" + ENCODING_FIX,
        ),
        (
            "r.txt",
            b"x",
            "r.txt: unknown dataset format '.txt'\n"
            "  fix: use one of .jsonl, .ndjson, .json, .csv, .tsv, .parquet, or add `delimiter:` "
            "to read it as CSV",
        ),
        (
            "r.xlsx",
            b"PK",
            "r.xlsx: unknown dataset format '.xlsx'\n  fix: save the sheet as CSV UTF-8; use one "
            "of .jsonl, .ndjson, .json, .csv, .tsv, .parquet",
        ),
        (
            "r.jsonl.gz",
            b"x",
            "r.jsonl.gz: can't be read: Not a gzipped file (b'x')\n"
            "  fix: check the file and its suffix, or pack it again",
        ),
        (
            "r.jsonl",
            b"PAR1....",
            "r.jsonl: is Parquet, not text\n  fix: rename it to .parquet",
        ),
    ],
)
def test_a_bad_table_is_named(name, content, expected, refusal_of):
    assert refusal_of(name, content) == expected


def test_a_missing_file_names_its_nearest_neighbour(tmp_path, refusal_of):
    (tmp_path / "reviews.jsonl").touch()
    assert refusal_of("review.jsonl") == (
        "review.jsonl: unknown dataset file 'review.jsonl'\n"
        "  fix: did you mean 'reviews.jsonl'? known: reviews.jsonl"
    )


def test_a_folder_a_pipe_and_a_device_are_named_at_once(tmp_path, refusal_of):
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    assert [refusal_of(f"{name}.jsonl") for name in ("folder", "pipe", "zero")] == [
        "folder.jsonl: is a folder, not a file\n"
        "  fix: name a file; for a folder of the `datasets` library use {huggingface: FOLDER}",
        "pipe.jsonl: is a pipe, not a file\n  fix: name a file",
        "zero.jsonl: is a device, not a file\n  fix: name a file",
    ]


def test_a_path_no_system_knows_is_an_error_all_the_same(tmp_path, refusal_of):
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    assert "can't be read" in refusal_of("loop.jsonl")
    assert "can't be read: " in refusal_of("a\0.jsonl")


def parquet(folder: Path, **columns: list) -> str:
    pq.write_table(pa.table(columns), folder / "r.parquet")
    return "r.parquet"


def test_parquet_dates_become_text(tmp_path, rows_of):
    day = datetime.date(2024, 2, 29)
    at = datetime.datetime(2024, 2, 29, 12, 30)
    assert rows_of(parquet(tmp_path, day=[day], at=[at])) == [
        {"day": "2024-02-29", "at": "2024-02-29T12:30:00"}
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            [b"x", b"y"],
            "r.parquet row 1: column 'a': bytes is not a JSON type\n"
            "  fix: store a string or a number" + DROP_A,
        ),
        (
            [None, Decimal("1.5")],
            "r.parquet row 2: column 'a': Decimal is not a JSON type\n"
            "  fix: store a string or a number" + DROP_A,
        ),
        (
            [1.5, float("inf")],
            "r.parquet row 2: column 'a': inf is not a JSON number\n"
            "  fix: write null for a missing number" + DROP_A,
        ),
    ],
)
def test_parquet_values_that_are_no_json_are_named(values, expected, tmp_path, refusal_of):
    assert refusal_of(parquet(tmp_path, a=values)) == expected


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1" * 8])
def test_what_is_no_parquet_is_named(content, refusal_of):
    assert "r.parquet: can't be read as Parquet" in refusal_of("r.parquet", content)


def test_a_parquet_file_without_rows_is_named(tmp_path, refusal_of):
    assert refusal_of(parquet(tmp_path, a=[])).startswith("r.parquet: 0 rows")
