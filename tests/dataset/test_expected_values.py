"""Expected values: lists, booleans, an index into a column, nested columns, whole floats."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.dataset import DatasetSpec, load_dataset
from workbench.errors import WorkbenchError

INDEX = "{{ choices[answer] }}"
ARC = {"text": ["ice", "fire"], "label": ["A", "B"]}


@pytest.fixture
def load(tmp_path, renderer):
    def read(rows: list | str, expected: str):
        name = "rows.csv" if isinstance(rows, str) else "rows.jsonl"
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name).write_text(text)
        return load_dataset(DatasetSpec(path=name, expected=expected), tmp_path, renderer=renderer)

    return read


def answers(dataset) -> list:
    return [example.expectations.get("expected_response") for example in dataset.examples]


@pytest.mark.parametrize(
    ("row", "expected", "answer", "inputs"),
    [
        ({"q": "?", "a": ["4", "four"]}, "a", ["4", "four"], {"q": "?"}),
        ({"q": "?", "a": False}, "a", False, {"q": "?"}),
        ({"choices": ["no", "yes"], "answer": 1}, INDEX, "yes", {"choices": ["no", "yes"]}),
        ({"choices": ["no", "yes"], "answer": 1.0}, INDEX, "yes", {"choices": ["no", "yes"]}),
        ({"choices": [True, 7], "answer": 0}, INDEX, True, {"choices": [True, 7]}),
        (
            {"choices": ARC, "key": "B"},
            "{{ choices.text[choices.label.index(key)] }}",
            "fire",
            {"choices": ARC},
        ),
        ({"A": "x", "B": "y", "k": "B"}, "{{ {'A': A, 'B': B}[k] }}", "y", {"A": "x", "B": "y"}),
        (
            {"choices": ["ice", "fire"], "k": "B"},
            "{{ choices['ABCD'.index(k)] }}",
            "fire",
            {"choices": ["ice", "fire"]},
        ),
        ({"q": "?", "best": "a", "other": ["b"]}, "{{ [best] + other }}", ["a", "b"], {"q": "?"}),
        ({"q": "?", "a": "7"}, "{{ a | int }}", 7, {"q": "?"}),
        ({"q": "?", "a": 1.0}, "{{ a }}", 1.0, {"q": "?"}),
        ({"q": "?", "first": "Ada", "n": 2}, "{{ first }} {{ n }}", "Ada 2", {"q": "?"}),
        ({"q": "?", "answers": {"text": ["x", "y"]}}, "answers.text", ["x", "y"], {"q": "?"}),
        ({"q": "?", "answers": {"text": ["x", "y"]}}, "answers.text.1", "y", {"q": "?"}),
        ({"q": "?", "answers": [{"text": "x"}, {"text": "y"}]}, "answers.text", ["x", "y"], None),
        (
            {"q": "?", "notes": [{"by": [{"tags": ["x"]}, {"tags": ["y"]}]}]},
            "notes.by.tags",
            ["x", "y"],
            {"q": "?"},
        ),
        ({"qa": {"q": "?", "a": "x"}}, "qa.a", "x", {"qa": {"q": "?"}}),
        ({"qa": {"q": "?", "a": "x"}}, "{{ qa.a | upper }}", "X", {"qa": {"q": "?"}}),
        ({"q": "?", "a.b": "x", "a": {"b": "y"}}, "a.b", "x", {"q": "?", "a": {"b": "y"}}),
        ({"q": "?", "meta.x": {"a": "y"}}, "meta.x.a", "y", {"q": "?"}),
    ],
)
def test_answer_is_read_and_leaves_the_inputs(load, row, expected, answer, inputs):
    (example,) = load([row], expected).examples
    inputs = {"q": "?"} if inputs is None else inputs
    assert (example.expectations, example.inputs) == ({"expected_response": answer}, inputs)
    assert type(example.expectations["expected_response"]) is type(answer)


def test_values_of_many_rows_stay_with_their_rows(load):
    rows = [{"choices": [f"a{n}", f"b{n}"], "answer": n % 2} for n in range(1500)]
    assert answers(load(rows, INDEX)) == [f"{'ab'[n % 2]}{n}" for n in range(1500)]


@pytest.mark.parametrize(
    ("row", "expected", "message"),
    [
        (
            {"choices": ["a"], "answr": 0},
            INDEX,
            "rows.jsonl:2: unknown column 'answer'\n"
            "  fix: did you mean 'answr'? known: answr, choices, id",
        ),
        (
            {"choices": ["a"], "answer": "0"},
            INDEX,
            "rows.jsonl:2: `expected: {{ choices[answer] }}`: 'list object' has no attribute '0'\n"
            "  fix: the row has: id (2), choices (['a']), answer ('0'); a number in a text is read "
            "by `| int`, a list in a text by `| fromjson`, a letter by 'ABCD'.index(…)",
        ),
        (
            {"choices": ["a"], "answer": 5},
            INDEX,
            "rows.jsonl:2: `expected: {{ choices[answer] }}`: list object has no element 5\n"
            "  fix: the row has: id (2), choices (['a']), answer (5); a number in a text is read "
            "by `| int`, a list in a text by `| fromjson`, a letter by 'ABCD'.index(…)",
        ),
        (
            {"choices": "a, b", "answer": 0},
            "{{ (choices | fromjson)[answer] }}",
            "rows.jsonl:2: `expected: {{ (choices | fromjson)[answer] }}`: "
            "fromjson: 'a, b' is not JSON\n"
            "  fix: the row has: id (2), choices ('a, b'), answer (0); a number in a text is read "
            "by `| int`, a list in a text by `| fromjson`, a letter by 'ABCD'.index(…)",
        ),
        (
            {"choices": ["a", "b"], "answer": 0},
            "choices[answer]",
            "rows.jsonl:1: unknown column 'choices[answer]'\n"
            '  fix: an expression is written in quotes: expected: "{{ choices[answer] }}"',
        ),
        (
            {"choices": ["a", "b"], "answer": 0},
            "{{ choices[answer }}",
            "rows.jsonl: `expected: {{ choices[answer }}`: unexpected '}', expected ']'\n"
            '  fix: an expression is written in quotes: expected: "{{ choices[answer] }}"',
        ),
        (
            {"choices": ["a", "b"], "answer": 0},
            "{{ 'yes' }}",
            "rows.jsonl: `expected: {{ 'yes' }}`: uses no column\n"
            '  fix: an expression is written in quotes: expected: "{{ choices[answer] }}"',
        ),
        (
            {"choices": ["a", "b"], "answer": {"txt": "a"}},
            "answer.text",
            "rows.jsonl:2: unknown key of 'answer': 'text'\n  fix: did you mean 'txt'? known: txt",
        ),
        (
            {"answer": '{"text": "a"}'},
            "answer.text",
            "rows.jsonl:2: 'answer' is '{\"text\": \"a\"}', so it has no 'text'\n"
            '  fix: expected: "{{ (answer | fromjson).text }}", if the text is JSON',
        ),
        (
            {"choices": ["a", "b"], "answer": "a"},
            "answer.text",
            "rows.jsonl:2: 'answer' is 'a', so it has no 'text'\n  fix: expected: answer",
        ),
    ],
)
def test_an_answer_that_cannot_be_read_names_its_row(load, tmp_path, row, expected, message):
    first = {"id": 1, "choices": ["a", "b"], "answer": {"text": 1} if "." in expected else 0}
    first["choices"] = "[1]" if "fromjson" in expected else first["choices"]
    with pytest.raises(WorkbenchError) as caught:
        load([first, {"id": 2, **row}], expected)
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([1.0, None, 0.0], [1, None, 0]),
        ([1.0, 2, 3.0], [1, 2, 3]),
        ([[1.0, 2.0], [3.0]], [[1, 2], [3]]),
        ([1.0, 2.5], [1.0, 2.5]),
        ([1.0, "a"], [1.0, "a"]),
        ([1, 2], [1, 2]),
    ],
)
def test_whole_floats_are_integers_where_the_column_is_whole(load, values, read):
    dataset = load([{"q": n, "a": value} for n, value in enumerate(values)], "a")
    assert json.dumps(answers(dataset)) == json.dumps(read)


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["1.0", "", "0.0"], ["1", None, "0"]),
        (["1.0", "2.5"], ["1.0", "2.5"]),
        (["1.0", "x"], ["1.0", "x"]),
        (["1", "02"], ["1", "02"]),
    ],
)
def test_whole_floats_in_csv_lose_their_point(load, cells, read):
    text = "q,a\n" + "".join(f"{n},{cell}\n" for n, cell in enumerate(cells))
    assert answers(load(text, "a")) == read


def test_whole_floats_of_csv_are_said_and_an_expression_keeps_them(load, tmp_path):
    text = "q,a\n1,1.0\n2,0.0\n"
    assert [line.replace(f"{tmp_path}/", "") for line in load(text, "a").warnings] == [
        "`expected: a` holds whole numbers written as floats, read as integers "
        "(rows.csv:2: '1.0' is '1'); to keep the text: expected: \"{{ a }}\""
    ]
    kept = load(text, "{{ a }}")
    assert (answers(kept), kept.warnings) == (["1.0", "0.0"], ())


def test_missing_numbers_of_parquet_are_null(tmp_path):
    table = pa.table({"q": ["a", "b"], "a": pa.array([1.0, float("nan")], from_pandas=False)})
    pq.write_table(table, tmp_path / "rows.parquet")
    dataset = load_dataset(DatasetSpec(path="rows.parquet", expected="a"), tmp_path)
    assert json.dumps(answers(dataset)) == "[1, null]"


@pytest.mark.parametrize("empty", [None, "", " \t\n", "\u00a0", [], [""], [None, " "]])
def test_an_empty_cell_is_no_answer(load, empty):
    dataset = load([{"q": "?", "a": "x"}, {"q": "!", "a": empty}], "a")
    assert (answers(dataset), dataset.labelled) == (["x", None], 1)


@pytest.mark.parametrize(
    ("expected", "missing"),
    [
        (INDEX, -1),
        ("{{ 'ab'[answer] }}", -1),
        ("{{ ['a', 'b'][answer | int] }}", "-1"),
        ("{{ choices[answer | int] }}", -1.0),
        (INDEX, None),
        ("{{ choices[answer | int] }}", ""),
        ("{{ choices[answer | int] }}", " "),
    ],
)
def test_an_index_that_is_minus_one_or_empty_is_a_missing_answer(load, expected, missing):
    rows = [{"choices": ["a", "b"], "answer": index} for index in (0, missing)]
    assert answers(load(rows, expected)) == ["a", None]


def test_rows_without_an_index_stay_in_their_order(load):
    rows = [{"choices": ["a", "b"], "answer": index} for index in ("", 1, "", "", 0, "")]
    assert answers(load(rows, INDEX)) == [None, "b", None, None, "a", None]


def test_text_that_is_no_number_is_not_zero(load):
    assert answers(load([{"q": 1, "a": "B"}], "{{ a | int }}")) == [None]
    assert answers(load([{"q": 1, "a": "B"}], "{{ a | int(0) }}")) == [0]
    with pytest.raises(WorkbenchError, match=r"rows\.jsonl:1: `expected: "):
        load([{"choices": ["a", "b"], "answer": "B"}], "{{ choices[answer | int] }}")


def test_header_that_is_a_row_is_named(load, tmp_path):
    with pytest.raises(WorkbenchError) as error:
        load("2 + 2?,3,4,B\n3 + 3?,6,7,A\n", "answer")
    assert str(error.value) == (
        f"{tmp_path}/rows.csv:2: unknown column 'answer'\n"
        "  fix: known: 2 + 2?, 3, 4, B; if the first line is a row, write a line of names above it"
    )


def test_zero_and_false_are_answers(load):
    assert answers(load([{"q": 1, "a": 0}, {"q": 2, "a": False}], "a")) == [0, False]


def test_digest_of_a_dataset_is_that_of_its_file(load):
    rows = [{"id": 1, "q": "?", "a": 1.0}, {"id": 2, "q": "?", "a": ""}]
    digest = "776ebec23d3663c846077f44149d4b36e894968c43e1d2f335b746757ce3a74e"
    assert load(rows, "a").digest == digest


@pytest.mark.parametrize(
    ("cell", "fix"),
    [
        ('"[""a"", ""b""]"', 'to read lists: expected: "{{ a | fromjson }}"'),
        ("\"['a', 'b']\"", "write the lists as JSON, and read them by the filter `fromjson`"),
        ("[INST]", None),
    ],
)
def test_lists_written_as_text_are_noted(load, tmp_path, cell, fix):
    warnings = [w.replace(f"{tmp_path}/", "") for w in load(f"q,a\n1,{cell}\n", "a").warnings]
    assert [line.rpartition("; ")[2] for line in warnings] == ([fix] if fix else [])


def test_lists_written_as_text_are_read_by_fromjson(load):
    text = 'q,a\n1,"[""a"", ""b""]"\n2,"[""c""]"\n'
    dataset = load(text, "{{ a | fromjson }}")
    assert (answers(dataset), dataset.warnings) == ([["a", "b"], ["c"]], ())


def test_missing_cells_as_text_are_noted(load, tmp_path):
    warnings = [w.replace(f"{tmp_path}/", "") for w in load("q,a\n1,x\n2,nan\n", "a").warnings]
    assert warnings == [
        "the expected value of 1 row is a missing cell as text (nan), first rows.csv:3"
    ]
