"""JSON documents that hold their rows in another shape than a list of objects."""

import json

import pytest

from workbench.dataset import DatasetSpec, load_dataset

AB = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(AB, id="records"),
        pytest.param({"data": AB}, id="data"),
        pytest.param({"version": "1.1", "data": AB}, id="data beside others"),
        pytest.param({"canary": "x", "examples": AB}, id="examples"),
        pytest.param({"features": [{"name": "a"}], "rows": AB}, id="rows beside a list"),
        pytest.param({"reviews": AB, "count": 2}, id="the only list"),
        pytest.param({"meta": {"n": 1}, "dataset": {"items": AB}}, id="in an inner object"),
        pytest.param({"meta": {"n": 1}, "result": {"data": AB}}, id="in an object of any name"),
        pytest.param({"a": [1, 2], "b": ["x", "y"]}, id="columns"),
        pytest.param({"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}}, id="pandas columns"),
        pytest.param({"a": {"3": 1, "7": 2}, "b": {"3": "x", "7": "y"}}, id="pandas, filtered"),
        pytest.param(
            {"columns": ["a", "b"], "index": [0, 1], "data": [[1, "x"], [2, "y"]]}, id="split"
        ),
        pytest.param({"0": AB[0], "1": AB[1]}, id="index"),
        pytest.param(
            {"schema": {"fields": []}, "data": [{"id": 0, **AB[0]}, {"id": 1, **AB[1]}]},
            id="pandas table",
        ),
        pytest.param({"q1": AB[0], "q2": AB[1]}, id="by id"),
        pytest.param({"split": "dev", "tests": AB}, id="a word beside"),
    ],
)
def test_the_rows_of_a_document_are_found(document, rows_of):
    assert rows_of("r.json", json.dumps(document).encode()) == AB


def test_keys_of_rows_are_ids(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps({"q1": {"a": 1}, "q2": {"a": 2}}))
    dataset = load_dataset(DatasetSpec(path="r.json"), tmp_path)
    assert [example.id for example in dataset.examples] == ["q1", "q2"]


def test_lists_in_a_document_are_its_splits(rows_of, refusal_of):
    content = json.dumps({"train": AB[:1], "test": AB[1:]}).encode()
    assert rows_of("r.json", content, split="test") == AB[1:]
    assert refusal_of("r.json") == (
        "r.json: has several lists of objects: train, test\n  fix: add `split: train`"
    )
    assert refusal_of("r.json", split="tset") == (
        "r.json: unknown split 'tset'\n  fix: did you mean 'test'? known: test, train"
    )


NO_LIST = "\n  fix: put [ ] around the objects, or name a file with one object a line .jsonl"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": 1, "b": 2}', "r.json:1: has no list of objects; its keys are a, b" + NO_LIST),
        (b"{}", "r.json:1: is not a list of objects" + NO_LIST),
        (b'"text"', "r.json:1: is not a list of objects" + NO_LIST),
        (b'{"data": [["a", 1]]}', "r.json:1: has no list of objects; its keys are data" + NO_LIST),
        (b'{"data": NaN}', "r.json:1: has no list of objects; its keys are data" + NO_LIST),
    ],
)
def test_a_document_without_rows_is_named(content, expected, refusal_of):
    assert refusal_of("r.json", content) == expected


TEXTS = '\n  fix: write texts in the list "columns"'
EACH = "\n  fix: write one value for each column, null where it is missing"


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        ([0, 1], ["x", 1], "r.json: the name of a column is 0, not a text" + TEXTS),
        ([["a", "b"]], ["x"], "r.json: the name of a column is ['a', 'b'], not a text" + TEXTS),
        (["a", "b"], ["x"], "r.json row 2: 1 value, but 2 columns" + EACH),
        (["a", "b"], ["x", 1, 2], "r.json row 2: 3 values, but 2 columns" + EACH),
        (["a", "a"], ["x", 1], "r.json: two columns are named 'a'\n  fix: rename one of them"),
    ],
)
def test_no_value_of_separate_columns_is_lost(columns, row, expected, refusal_of):
    document = {"columns": columns, "data": [["y"] * len(columns), row]}
    assert refusal_of("r.json", json.dumps(document).encode()) == expected


@pytest.mark.parametrize(
    ("content", "fix"),
    [
        (b'{"a": 1},\n{"a": 2},\n', "remove the comma at the end of each line"),
        (
            b'[\n{"a": 1},\n',
            "write each object on one line, or name a file that is one JSON document .json",
        ),
        (
            b'{\n"a": 1\n}\n',
            "write each object on one line, or name a file that is one JSON document .json",
        ),
        (b'[{"a": 1},\n{"a": 2}]\n', "name a file that is one list of objects .json"),
    ],
)
def test_a_list_that_is_named_jsonl_is_named(content, fix, refusal_of):
    assert refusal_of("r.jsonl", content).endswith(f"\n  fix: {fix}")
