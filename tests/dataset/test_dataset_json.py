"""JSON files: errors and their positions."""

import gzip
import json

import pytest

from workbench.dataset import DatasetSpec, load_dataset

JSON_FIX = "\n  fix: put names and strings in double quotes, and a comma between two values"
ENCODING_FIX = (
    "\n  fix: name its encoding, such as `encoding: cp1252` (Excel on Windows) or latin-1"
)
DROP_A = ", or leave the column out: `drop: [a]`"
LIST_FIX = "\n  fix: write one JSON object a line; name a file that is one list of objects .json"


def test_rows_of_a_json_list_are_numbered(tmp_path):
    (tmp_path / "r.json").write_text('[\n {"a":\n 1}, {"a": 2},\n\n {"a": 3}]')
    dataset = load_dataset(DatasetSpec(path="r.json"), tmp_path)
    assert (dataset.row_numbers, dataset.unit) == ((1, 2, 3), "row")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b'{"a": 1}\n{"a" 2}\n',
            "r.jsonl:2:6: bad JSON: expecting ':' delimiter, near '{\"a\" 2}'" + JSON_FIX,
        ),
        (
            b'{"a": 1} {"a": 2}\n',
            'r.jsonl:1:10: bad JSON: extra data, near \'{"a": 1} {"a": 2}\'' + JSON_FIX,
        ),
        (
            b'{"a": 1, "a": 2}\n',
            ("r.jsonl:1: duplicate key 'a' in one object\n  fix: keep one"),
        ),
        (
            b'\n{"a": NaN}\n',
            "r.jsonl:2: column 'a': NaN is not JSON\n"
            "  fix: write null for a missing number" + DROP_A,
        ),
        (
            b'{"a": -Infinity}\n',
            "r.jsonl:1: column 'a': -Infinity is not JSON\n"
            "  fix: write null for a missing number" + DROP_A,
        ),
        (
            b'{"a": 1' + b"0" * 400 + b"}\n",
            "r.jsonl:1: column 'a': the number 1" + "0" * 29 + "… (401 characters) is too large\n"
            "  fix: write it as a string" + DROP_A,
        ),
        (
            b'{"a": 1e999}\n',
            "r.jsonl:1: column 'a': the number 1e999 is too large\n"
            "  fix: write it as a string" + DROP_A,
        ),
        (
            b'{"a": ' + b"[" * 10_000 + b"}\n",
            ("r.jsonl:1: nested deeper than 100 levels\n  fix: write the inner levels as a string"),
        ),
        (
            b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}\n",
            ("r.jsonl:1: nested deeper than 100 levels\n  fix: write the inner levels as a string"),
        ),
        (
            b'{"a": "\\ud800"}\n',
            "r.jsonl:1: '\\ud800' is half a character\n"
            "  fix: write the character itself, or both halves of its \\u escape",
        ),
        (b"[1, 2]\n", "r.jsonl:1: [1, 2] is not an object" + LIST_FIX),
        (b'"text"\n', 'r.jsonl:1: "text" is not an object' + LIST_FIX),
        (b"17\n", "r.jsonl:1: 17 is not an object" + LIST_FIX),
        (b"null\n", "r.jsonl:1: null is not an object" + LIST_FIX),
        (
            '{"a": "x"}\n{"a": "café"}\n'.encode("latin-1"),
            "r.jsonl:2: byte 21, b'\\xe9', is not UTF-8" + ENCODING_FIX,
        ),
        (
            '\ufeff{"a": "'.encode() + b'\xff"}\n',
            "r.jsonl:1: byte 10, b'\\xff', is not UTF-8" + ENCODING_FIX,
        ),
        (
            '{"a": 1}\n'.encode("utf-16-le"),
            "r.jsonl: is UTF-16 text without a mark\n  fix: encoding: utf-16-le",
        ),
        (
            gzip.compress(b"{}", mtime=0),
            "r.jsonl: is gzip, not text\n  fix: name it .gz, as in rows.jsonl.gz, or unpack it",
        ),
        (
            b"PK\x03\x04....",
            "r.jsonl: is a zip archive (or a spreadsheet), not text\n"
            "  fix: unpack it, or export it as CSV",
        ),
        (b"", "r.jsonl: 0 rows\n  fix: add at least one row"),
        (b"\n \n", "r.jsonl: 0 rows\n  fix: add at least one row"),
    ],
)
def test_a_bad_json_line_is_named(content, expected, refusal_of):
    assert refusal_of("r.jsonl", content) == expected


def test_the_bad_line_among_many_is_named(refusal_of):
    lines = [b'{"a": 1}\n'] * 10_000
    lines[5_000] = b'{"a": 1\n'
    message = refusal_of("r.jsonl", b"".join(lines))
    assert (
        message == "r.jsonl:5001:8: bad JSON: expecting ',' delimiter, near '{\"a\": 1'" + JSON_FIX
    )


def test_texts_with_brackets_are_not_deep(rows_of):
    row = {"a": '"[' * 300, "b": [[1]]}
    assert rows_of("r.jsonl", json.dumps(row).encode()) == [row]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b'\n{"a": 1}\n{"a": 2}\n',
            "r.json:1: is not a list of objects\n"
            "  fix: put [ ] around the objects, or name a file with one object a line .jsonl",
        ),
        (
            b'[{"a": 1},\n {"a": 2}\n {"a": 3}]',
            'r.json:3:2: bad JSON: expecting \',\' delimiter, near \'"a": 1},\\n {"a": 2}\\n '
            '{"a": 3}]\'' + JSON_FIX,
        ),
        (
            b'[{"a": 1},\n]',
            "r.json:1:10: bad JSON: trailing comma, near '[{\"a\": 1},\\n]'" + JSON_FIX,
        ),
        (
            b'[{"a": 1}\n]\n]',
            "r.json:3:1: bad JSON: extra data, near '[{\"a\": 1}\\n]\\n]'" + JSON_FIX,
        ),
        (b'[{"a": 1},\n\n3]', "r.json row 2: 3 is not an object" + LIST_FIX),
        (b"[]", "r.json: 0 rows\n  fix: add at least one row"),
    ],
)
def test_a_bad_json_list_is_named(content, expected, refusal_of):
    assert refusal_of("r.json", content) == expected
