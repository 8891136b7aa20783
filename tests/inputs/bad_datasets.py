"""B13 to B25: rows that can't be used."""

import gzip
import json
import os
from pathlib import Path

from walk import ROWS, Case


def rows(text: str | bytes, name: str = "rows.jsonl") -> dict[str, str | bytes]:
    return {name: text}


def csv(text: str | bytes) -> dict:
    return {"files": rows(text, "rows.csv"), "dataset": "{path: rows.csv, expected: label}"}


def _instead(make):
    def put(task: Path) -> None:
        (task / "rows.jsonl").unlink()
        make(task / "rows.jsonl")

    return put


GOOD = '{"text": "one", "label": "1"}\n'

DATASETS = [
    Case(
        "B13-expected",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: unknown column 'lable'\n"
            "  fix: did you mean 'label'? known: label, text\n"
        ),
        dataset="{path: rows.jsonl, expected: lable}",
    ),
    Case(
        "B13-id",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: unknown column 'idd'\n"
            "  fix: did you mean 'id'? known: id, label, text\n"
        ),
        dataset="{path: rows.jsonl, expected: label, id: idd}",
    ),
    Case(
        "B13-row",
        (
            "error: prompts/qa/plain.jinja:2:4: unknown variable 'text' (row "
            "0189000b8c197a41, rows.jsonl:2)\n"
            "  fix: did you mean 'txt'? known: txt\n"
        ),
        rows(GOOD + '{"txt": "one", "label": "1"}\n'),
    ),
    Case(
        "B14-middle",
        (
            "error: {root}/prompts/qa/rows.jsonl:5001:16: bad JSON: expecting ',' "
            'delimiter, near \'{"text": "one" "label": "1"}\'\n'
            "  fix: put names and strings in double quotes, and a comma between two values\n"
        ),
        rows(GOOD * 5000 + '{"text": "one" "label": "1"}\n' + GOOD * 4999),
    ),
    Case(
        "B15-list",
        (
            'error: {root}/prompts/qa/rows.jsonl:1: ["one"] is not an object\n'
            "  fix: write one JSON object a line; name a file that is one list of objects .json\n"
        ),
        rows('["one"]\n'),
    ),
    Case(
        "B15-duplicate",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: duplicate key 'text' in one object\n"
            "  fix: keep one\n"
        ),
        rows('{"text": "one", "text": "two", "label": "1"}\n'),
    ),
    Case(
        "B15-nan",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: column 'text': NaN is not JSON\n"
            "  fix: write null for a missing number, "
            "or leave the column out: `drop: [text]`\n"
        ),
        rows('{"text": NaN, "label": "1"}\n'),
    ),
    Case(
        "B15-huge",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: column 'text': the number "
            "100000000000000000000000000000… (401 characters) is too large\n"
            "  fix: write it as a string, or leave the column out: `drop: [text]`\n"
        ),
        rows('{"text": 1' + "0" * 400 + ', "label": "1"}\n'),
    ),
    Case(
        "B15-1e400",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: column 'text': the number 1e400 is too "
            "large\n"
            "  fix: write it as a string, or leave the column out: `drop: [text]`\n"
        ),
        rows('{"text": 1e400, "label": "1"}\n'),
    ),
    Case(
        "B15-deep",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: nested deeper than 100 levels\n"
            "  fix: write the inner levels as a string\n"
        ),
        rows('{"text": ' + "[" * 10000 + "]" * 10000 + ', "label": "1"}\n'),
    ),
    Case(
        "B15-deep-200",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: nested deeper than 100 levels\n"
            "  fix: write the inner levels as a string\n"
        ),
        rows('{"text": ' + "[" * 200 + "]" * 200 + ', "label": "1"}\n'),
    ),
    Case(
        "B15-surrogate",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: '\\ud800' is half a character\n"
            "  fix: write the character itself, or both halves of its \\u escape\n"
        ),
        rows('{"text": "\\ud800", "label": "1"}\n'),
    ),
    Case(
        "B15-single-quotes",
        (
            "error: {root}/prompts/qa/rows.jsonl:1:2: bad JSON: expecting property name "
            "enclosed in double quotes, near \"{'text': 'one', 'labe\"\n"
            "  fix: put names and strings in double quotes, and a comma between two values\n"
        ),
        rows("{'text': 'one', 'label': '1'}\n"),
    ),
    Case(
        "B15-object",
        (
            "error: {root}/prompts/qa/rows.json:1: has no list of objects; its keys are text\n"
            "  fix: put [ ] around the objects, or name a file with one object a line .jsonl\n"
        ),
        rows(json.dumps({"text": 1}), "rows.json"),
        dataset="rows.json",
    ),
    Case(
        "B16-bom-crlf",
        "",
        rows(b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode() + b"\r\n\r\n"),
        words=("plan", "--json"),
        code=0,
        shown='"planned": 2',
    ),
    Case(
        "B16-no-final-newline",
        "",
        rows(ROWS.rstrip("\n")),
        words=("plan", "--json"),
        code=0,
        shown='"planned": 2',
    ),
    Case(
        "B17-control",
        "",
        rows('{"id": "a", "text": "\\u0000\\u001b[31m\\u202e", "label": "1"}\n'),
        words=("prompts", "lint"),
        code=0,
    ),
    Case(
        "B18-mixed",
        (
            "note: prompts/qa/plain.jinja: all 2 rows render to the same text\n"
            "note: column 'text' holds numbers ({root}/prompts/qa/rows.jsonl:1: 1) and strings "
            "({root}/prompts/qa/rows.jsonl:2: '1')\n"
        ),
        rows('{"text": 1, "label": "1"}\n{"text": "1", "label": "1"}\n'),
        words=("plan",),
        code=0,
    ),
    Case(
        "B19-empty",
        ("error: {root}/prompts/qa/rows.jsonl: 0 rows\n  fix: add at least one row\n"),
        rows(""),
    ),
    Case(
        "B19-header",
        ("error: {root}/prompts/qa/rows.csv: 0 rows\n  fix: add at least one row\n"),
        **csv("text,label\n"),
    ),
    Case(
        "B19-split",
        (
            "error: {root}/prompts/qa/rows.jsonl: unknown split 'trian'\n"
            "  fix: did you mean 'train'? known: train\n"
        ),
        rows('{"text": "a", "label": "1", "split": "train"}\n'),
        dataset="{path: rows.jsonl, expected: label, split: trian}",
    ),
    Case(
        "B19-no-split",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: there is no column 'split' to find "
            "'dev' in\n"
            "  fix: the columns are id, text, label; remove `split:` to use every row\n"
        ),
        dataset="{path: rows.jsonl, expected: label, split: dev}",
    ),
    Case(
        "B19-list",
        ("error: {root}/prompts/qa/rows.json: 0 rows\n  fix: add at least one row\n"),
        rows("[]", "rows.json"),
        dataset="rows.json",
    ),
    Case(
        "B20-ids",
        (
            "error: {root}/prompts/qa/rows.jsonl:3: the id '1' is already used in "
            "{root}/prompts/qa/rows.jsonl:1\n"
            "  fix: give each row its own id, or ignore the column: `id: null`\n"
        ),
        rows(
            '{"id": 1, "text": "a", "label": "1"}\n'
            '{"id": 2, "text": "a", "label": "1"}\n'
            '{"id": "1", "text": "b", "label": "1"}\n'
        ),
    ),
    Case(
        "B20-null",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: the id is null, not a string or a whole "
            "number\n"
            "  fix: fill in column 'id', or ignore the column: `id: null`\n"
        ),
        rows('{"id": null, "text": "a", "label": "1"}\n'),
    ),
    Case(
        "B21-ragged",
        (
            "error: {root}/prompts/qa/rows.csv:2: 3 fields, but the header has 2; the last is '2'\n"
            "  fix: the columns are text, label; put a field that contains commas in double "
            "quotes\n"
        ),
        **csv("text,label\na,1,2\n"),
    ),
    Case(
        "B21-short",
        (
            "error: {root}/prompts/qa/rows.csv:2: 1 field, but the header has 2; the last is 'a'\n"
            "  fix: the columns are text, label; put a field that contains commas in double "
            "quotes\n"
        ),
        **csv("text,label\na\n"),
    ),
    Case(
        "B21-quote",
        (
            "error: {root}/prompts/qa/rows.csv:2: a quoted field of this row is never closed\n"
            '  fix: close it; write "" for a quote inside; `quoting: none` reads quotes as text\n'
        ),
        **csv('text,label\n"a,1\nb,2\n'),
    ),
    Case(
        "B21-semicolon",
        (
            "error: {root}/prompts/qa/rows.csv:1: the header is a single column, 'text;label'\n"
            '  fix: it seems to be separated by semicolons: `delimiter: ";"`\n'
        ),
        **csv("text;label\na;1\n"),
    ),
    Case(
        "B21-twice",
        (
            "error: {root}/prompts/qa/rows.csv:1: two columns are named 'text'\n"
            "  fix: rename one of them\n"
        ),
        **csv("text,label,text\na,1,b\n"),
    ),
    Case(
        "B21-unnamed",
        (
            "error: {root}/prompts/qa/rows.csv:1: column 1 has no name\n"
            "  fix: name it, or list the columns to read: `columns: [text, label]`\n"
        ),
        **csv(",text,label\n0,a,1\n"),
    ),
    Case(
        "B21-stray-quote",
        (
            "error: {root}/prompts/qa/rows.csv:2: bad CSV: ',' expected after '\"'\n"
            "  fix: put a field that contains quotes in quotes, "
            'and write "" for each quote inside; `quoting: none` reads quotes as text\n'
        ),
        **csv('text,label\n"a"b,1\n'),
    ),
    Case(
        "B21-large-field",
        "",
        **csv("text,label\n" + "x" * 1_000_000 + ",1\n"),
        words=("plan", "--json"),
        code=0,
        shown='"planned": 1',
    ),
    Case(
        "B23-latin-1",
        (
            "error: {root}/prompts/qa/rows.jsonl:1: byte 13, b'\\xe9', is not UTF-8\n"
            "  fix: name its encoding, such as `encoding: cp1252` (Excel on Windows) or latin-1\n"
        ),
        rows('{"text": "caf\xe9", "label": "1"}\n'.encode("latin-1")),
    ),
    Case(
        "B23-utf-16",
        "",
        rows(ROWS.encode("utf-16")),
        words=("plan", "--json"),
        code=0,
        shown='"planned": 2',
    ),
    Case(
        "B23-utf-16-no-bom",
        (
            "error: {root}/prompts/qa/rows.jsonl: is UTF-16 text without a mark\n"
            "  fix: encoding: utf-16-le\n"
        ),
        rows(ROWS.encode("utf-16-le")),
    ),
    Case(
        "B24-gzip",
        (
            "error: {root}/prompts/qa/rows.jsonl: is gzip, not text\n"
            "  fix: name it .gz, as in rows.jsonl.gz, or unpack it\n"
        ),
        rows(gzip.compress(ROWS.encode())),
    ),
    Case(
        "B24-gz",
        "",
        rows(gzip.compress(ROWS.encode()), "rows.jsonl.gz"),
        dataset="{path: rows.jsonl.gz, expected: label}",
        words=("plan", "--json"),
        code=0,
        shown='"planned": 2',
    ),
    Case(
        "B24-zip",
        (
            "error: {root}/prompts/qa/rows.csv: is a zip archive (or a spreadsheet), not "
            "text\n"
            "  fix: unpack it, or export it as CSV\n"
        ),
        rows(b"PK\x03\x04....", "rows.csv"),
        dataset="rows.csv",
    ),
    Case(
        "B24-folder",
        (
            "error: {root}/prompts/qa/rows.jsonl: is a folder, not a file\n"
            "  fix: name a file; for a folder of the `datasets` library use {huggingface: FOLDER}\n"
        ),
        make=_instead(Path.mkdir),
    ),
    Case(
        "B24-missing",
        (
            "error: {root}/prompts/qa/rws.jsonl: unknown dataset file 'rws.jsonl'\n"
            "  fix: did you mean 'rows.jsonl'? known: rows.jsonl, experiment.yaml, "
            "plain.jinja\n"
        ),
        dataset="rws.jsonl",
    ),
    Case(
        "B24-fifo",
        ("error: {root}/prompts/qa/rows.jsonl: is a pipe, not a file\n  fix: name a file\n"),
        make=_instead(os.mkfifo),
    ),
    Case(
        "B24-zero",
        ("error: {root}/prompts/qa/rows.jsonl: is a device, not a file\n  fix: name a file\n"),
        make=_instead(lambda path: path.symlink_to("/dev/zero")),
    ),
    Case(
        "B24-zero-direct",
        ("error: /dev/zero: is a device, not a file\n  fix: name a file\n"),
        dataset="/dev/zero",
    ),
    Case(
        "B24-suffix",
        (
            "error: {root}/prompts/qa/rows.txt: unknown dataset format '.txt'\n"
            "  fix: use one of .jsonl, .ndjson, .json, .csv, .tsv, .parquet, or add `delimiter:` "
            "to read it as CSV\n"
        ),
        rows(ROWS, "rows.txt"),
        dataset="rows.txt",
    ),
    Case(
        "B24-parquet",
        (
            "error: {root}/prompts/qa/rows.parquet: can't be read as Parquet: Parquet "
            "file size is 4 bytes, smaller than the minimum file footer (8 bytes)\n"
            "  fix: check the file's format and suffix, or write the file again\n"
        ),
        rows("text", "rows.parquet"),
        dataset="rows.parquet",
    ),
    Case(
        "B24-parquet-named-jsonl",
        (
            "error: {root}/prompts/qa/rows.jsonl: is Parquet, not text\n"
            "  fix: rename it to .parquet\n"
        ),
        rows(b"PAR1..."),
    ),
    Case(
        "B24-nul-name",
        (
            "error: {root}/prompts/qa/ab.jsonl: can't be read: its name contains NUL\n"
            "  fix: name a readable file\n"
        ),
        dataset='"a\\0b.jsonl"',
    ),
    Case(
        "B24-long-name",
        f"error: {'x' * 60}…: can't be read: File name too long\n  fix: name a readable file\n",
        dataset="x" * 5000 + ".jsonl",
    ),
    Case(
        "B24-template-fifo",
        ("error: prompts/qa/plain.jinja: is a pipe, not a file\n  fix: put a file there\n"),
        make=lambda task: ((task / "plain.jinja").unlink(), os.mkfifo(task / "plain.jinja")),
    ),
    Case(
        "B24-experiment-fifo",
        ("error: prompts/qa/experiment.yaml: is a pipe, not a file\n  fix: put a file there\n"),
        make=lambda task: (
            (task / "experiment.yaml").unlink(),
            os.mkfifo(task / "experiment.yaml"),
        ),
    ),
    Case(
        "B13-null-labels",
        (
            "error: prompts/qa/experiment.yaml: the evaluator 'exact_match' needs "
            "expectations, and `expected: label` is null or empty in every row\n"
            "  fix: fill it in {root}/prompts/qa/rows.jsonl, or name another column\n"
        ),
        rows('{"text": "a", "label": null}\n'),
    ),
]
