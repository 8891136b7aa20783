"""`columns:` and `drop:`: what is left out can't refuse a file."""

import json
from decimal import Decimal

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.dataset import DatasetSpec, load_dataset
from workbench.errors import WorkbenchError

TEXTS = [{"text": "a"}, {"text": "b"}]
NAN = b'{"text": "a", "raw": NaN}\n{"text": "b", "raw": {"n": [1e999, Infinity]}}\n'


@pytest.mark.parametrize("settings", [{"columns": ["text"]}, {"drop": ["raw"]}])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", NAN),
        ("r.json", b"[" + NAN.replace(b"\n", b",\n")[:-2] + b"]"),
        ("r.jsonl", b'{"text": "a", "raw": "\\ud800"}\n{"text": "b"}\n'),
        ("r.csv", b"text,raw,raw\na,1,2\nb,3,4\n"),
        ("r.csv", b"text,raw\na,1\nb,2\n"),
    ],
)
def test_a_column_that_is_not_read_refuses_no_file(name, content, settings, rows_of):
    assert rows_of(name, content, **settings) == TEXTS


@pytest.mark.parametrize("settings", [{"columns": ["text"]}, {"drop": ["raw"]}])
@pytest.mark.parametrize(
    "raw", [[b"x", b"y"], [Decimal("1.5"), None], [float("inf"), 1.0], [{"bytes": b"x"}, None]]
)
def test_a_column_of_a_table_that_is_not_read_refuses_none(raw, settings, tmp_path, rows_of):
    columns = {"text": ["a", "b"], "raw": raw}
    pq.write_table(pa.table(columns), tmp_path / "r.parquet")
    datasets.Dataset.from_dict({"text": ["a", "b"], "raw": [b"x", b"y"]}).save_to_disk(
        str(tmp_path / "saved")
    )
    saved = load_dataset(DatasetSpec(huggingface="saved", **settings), tmp_path)
    assert rows_of("r.parquet", **settings) == TEXTS
    assert [example.inputs for example in saved.examples] == TEXTS


ROW = {"id": 7, "text": "a", "label": "x", "split": "dev", "passage": 1, "raw": 2, "more": 3}


@pytest.mark.parametrize(
    ("settings", "inputs"),
    [
        ({"columns": ["text"], "expected": "label"}, {"text": "a"}),
        ({"columns": ["text"], "expected": "{{ label | upper }}"}, {"text": "a"}),
        (
            {"columns": ["text"], "cluster": "passage", "split": "dev"},
            {"text": "a", "passage": 1},
        ),
        ({"columns": ["text"], "id": "more"}, {"text": "a"}),
        (
            {"drop": ["raw", "id"], "expected": "label"},
            {"text": "a", "passage": 1, "more": 3},
        ),
    ],
)
def test_columns_that_other_settings_name_are_read_too(settings, inputs, rows_of):
    assert rows_of("r.jsonl", json.dumps(ROW).encode(), **settings) == [inputs]


def test_columns_of_nested_rows_are_those_of_their_inputs(tmp_path):
    row = {"inputs": {"text": "a", "raw": 1}, "expectations": {"expected_response": "b"}}
    (tmp_path / "r.jsonl").write_text(json.dumps({**row, "note": "x"}))
    for settings in ({"columns": ["text"]}, {"drop": ["raw", "note"]}):
        spec = DatasetSpec(path="r.jsonl", **settings)
        (example,) = load_dataset(spec, tmp_path).examples
        assert (example.inputs, example.expectations) == ({"text": "a"}, row["expectations"])


def test_ids_and_digest_are_those_of_the_columns_that_are_read(tmp_path):
    (tmp_path / "long.csv").write_text("text,raw\na,1\n")
    (tmp_path / "short.csv").write_text("text\na\n")
    long = load_dataset(DatasetSpec(path="long.csv", drop=["raw"]), tmp_path)
    short = load_dataset(DatasetSpec(path="short.csv"), tmp_path)
    assert (long.digest, long.examples) == (short.digest, short.examples)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"columns": ["txet"]},
            "r.csv: unknown column in `columns`: 'txet'\n"
            "  fix: did you mean 'text'? known: text, label, raw",
        ),
        (
            {"drop": ["rwa"]},
            "r.csv: unknown column in `drop`: 'rwa'\n"
            "  fix: did you mean 'raw'? known: raw, label, text",
        ),
        (
            {"columns": ["text"], "expected": "lable"},
            "r.csv:2: unknown column 'lable'\n  fix: known: text; `columns:` leaves out label, raw",
        ),
        (
            {"drop": ["raw"], "cluster": "row"},
            "r.csv:2: unknown column 'row'\n  fix: known: label, text; `drop:` leaves out raw",
        ),
    ],
)
def test_a_column_that_no_row_has_is_named(settings, expected, refusal_of):
    assert refusal_of("r.csv", b"text,label,raw\na,x,1\n", **settings) == expected


def test_a_column_that_a_folder_has_not_is_named(tmp_path):
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(WorkbenchError, match="unknown column in `columns`: 'txet'"):
        load_dataset(DatasetSpec(huggingface="saved", columns=["txet"]), tmp_path)


def test_a_column_of_some_rows_only_is_known(rows_of):
    rows = rows_of("r.jsonl", b'{"a": 1}\n{"a": 2, "raw": 3}\n', drop=["raw"])
    assert rows == [{"a": 1}, {"a": 2}]


def test_mlflow_records_are_selected(tmp_path):
    record = {"inputs": {"text": "a", "raw": b"x"}, "expectations": {}}
    spec = DatasetSpec(mlflow="qa", drop=["raw"])
    dataset = load_dataset(spec, tmp_path, mlflow_reader=lambda _: [record])
    assert dataset.examples[0].inputs == {"text": "a"}
    with pytest.raises(WorkbenchError, match=r"leave the column out: `drop: \[raw\]`"):
        load_dataset(DatasetSpec(mlflow="qa"), tmp_path, mlflow_reader=lambda _: [record])


RENAMED = {"text": "Review Text", "stars": "#1"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", b"Review Text,#1,raw\na,x,1\n"),
        ("r.jsonl", b'{"Review Text": "a", "#1": "x", "raw": NaN}\n'),
        ("r.jsonl", b'{"inputs": {"Review Text": "a", "#1": "x", "raw": NaN}}\n'),
        ("r.csv", b"text,Review Text,#1\nb,a,x\n"),
    ],
)
def test_columns_are_read_under_new_names(name, content, rows_of):
    assert rows_of(name, content, columns=RENAMED) == [{"text": "a", "stars": "x"}]


def test_other_settings_use_new_names(tmp_path):
    pq.write_table(
        pa.table({"Review Text": ["a"], "The Label": ["x"], "K": [7]}), tmp_path / "r.parquet"
    )
    columns = {"text": "Review Text", "label": "The Label", "key": "K"}
    spec = DatasetSpec(path="r.parquet", columns=columns, expected="label", id="key")
    (example,) = load_dataset(spec, tmp_path).examples
    assert (example.id, example.inputs, example.expectations) == (
        "7",
        {"text": "a"},
        {"expected_response": "x"},
    )


def test_columns_that_templates_can_not_name_are_noted(notes_of):
    assert notes_of("r.csv", b"Review Text,ok,a-b\nx,y,z\n") == (
        "templates can't read the columns 'Review Text', 'a-b': no names of variables; to rename: "
        "`columns: {text: 'Review Text'}`",
    )


def test_the_cure_is_yaml(refusal_of):
    assert refusal_of("r.jsonl", b'{"#1: x": NaN}').endswith('`drop: ["#1: x"]`')


@pytest.mark.parametrize("first", ["3,Wall St. Bears", f"a,{'word ' * 13}"])
def test_a_first_line_without_names_is_noted(first, notes_of):
    value = first.partition(",")[0] if first[0] == "3" else ("word " * 13)[:60]
    assert notes_of("r.csv", f"{first}\n1,x\n".encode())[0] == (
        f"r.csv:1: {value!r} is read as the name of a column, and looks like a value; the first "
        "line should hold the names of the columns"
    )
