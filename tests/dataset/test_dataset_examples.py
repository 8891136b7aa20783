"""Columns as ids, inputs, expectations, splits, digests, warnings."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.dataset import Dataset, DatasetSpec, Example, load_dataset
from workbench.errors import WorkbenchError

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
INPUTS = st.dictionaries(st.sampled_from(["text", "title", "extra"]), JSON_VALUES, min_size=1)


def load(rows: list, folder: Path, **spec: str) -> Dataset:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    return load_dataset(DatasetSpec(path="rows.jsonl", **spec), folder)


def records(rows: list, **spec: str) -> Dataset:
    """The same rows without a file, for properties."""
    spec_ = DatasetSpec(mlflow="rows", **spec)
    return load_dataset(spec_, Path(), mlflow_reader=lambda _: [{"inputs": row} for row in rows])


def message(rows: list, folder: Path, **spec: str) -> str:
    with pytest.raises(WorkbenchError) as caught:
        load(rows, folder, **spec)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_flat_row_gives_its_answer_to_expectations_and_the_rest_to_inputs(tmp_path):
    row = {"id": 17, "text": "A fun ride.", "label": "positive", "split": "dev"}
    assert load([row], tmp_path, expected="label").examples == (
        Example(
            "17",
            {"text": "A fun ride."},
            {"expected_response": "positive"},
            reserved={"id": 17, "split": "dev"},
        ),
    )


def test_a_nested_row_is_taken_as_it_stands(tmp_path):
    row = {
        "id": "a",
        "inputs": {"text": "A fun ride."},
        "expectations": {"expected_response": "positive", "facts": ["fun"]},
        "metadata": {"topic": "film"},
        "tags": {"from": "web"},
        "split": "dev",
        "outputs": "negative",
    }
    reserved = {"id": "a", "split": "dev"}
    assert load([row], tmp_path).examples == (
        Example("a", row["inputs"], row["expectations"], row["metadata"], reserved),
    )


@pytest.mark.parametrize(
    ("row", "settings"),
    [
        (
            {"name": "n", "inputs": {"q": "a"}, "expected_output": "x", "metadata": {"m": 1}},
            {"id": "name", "expected": "expected_output"},
        ),
        (
            {"id": "n", "inputs": {"q": "a"}, "outputs": {"answer": "x"}, "metadata": {"m": 1}},
            {"expected": "outputs.answer"},
        ),
        (
            {"id": "n", "inputs": {"q": "a", "label": "x"}, "metadata": {"m": 1}},
            {"expected": "label"},
        ),
        (
            {"id": "n", "inputs": {"q": "a"}, "outputs": {"answer": "x"}, "metadata": {"m": 1}},
            {"expected": "{{ outputs.answer }}"},
        ),
    ],
)
def test_the_answer_may_stand_beside_or_in_the_inputs(row, settings, tmp_path):
    (example,) = load([row], tmp_path, **settings).examples
    assert (example.id, example.inputs, example.expectations, example.metadata) == (
        "n",
        {"q": "a"},
        {"expected_response": "x"},
        {"m": 1},
    )


def test_flat_rows_without_expected_have_no_expectations(tmp_path):
    assert load([{"text": "a", "label": "b"}], tmp_path).examples[0].expectations == {}


def test_a_null_answer_is_no_answer(tmp_path):
    row = {"text": "a", "label": None}
    assert load([row], tmp_path, expected="label").examples[0].expectations == {}


def test_a_text_column_named_inputs_is_a_column(tmp_path):
    assert load([{"inputs": "a"}], tmp_path).examples[0].inputs == {"inputs": "a"}


def test_columns_are_the_inputs_in_order_of_appearance(tmp_path):
    rows = [{"id": 1, "b": "", "label": ""}, {"id": 2, "a": "", "label": ""}]
    assert load(rows, tmp_path, expected="label").columns == ("b", "a")


def test_rows_know_the_line_they_come_from(tmp_path):
    (tmp_path / "rows.jsonl").write_text('\n{"id": 1}\n\n{"id": 2}\n')
    dataset = load_dataset(DatasetSpec(path="rows.jsonl"), tmp_path)
    labels = [dataset.row_label(index) for index in range(2)]
    assert labels == ["1, rows.jsonl:2", "2, rows.jsonl:4"]


@pytest.mark.parametrize(
    ("rows", "spec", "expected"),
    [
        pytest.param(
            [{"text": "a", "label": "x"}, {"text": "a", "lable": "x"}],
            {"expected": "label"},
            "rows.jsonl:2: unknown column 'label'\n  fix: did you mean 'lable'? known: lable, text",
            id="answer missing",
        ),
        pytest.param(
            [{"text": "a", "passage": "x"}, {"text": "b", "pasage": "x"}],
            {"cluster": "passage"},
            "rows.jsonl:2: unknown column 'passage'\n"
            "  fix: did you mean 'pasage'? known: pasage, text",
            id="cluster missing",
        ),
        pytest.param(
            [{"text": "a"}],
            {"id": "key"},
            "rows.jsonl:1: unknown column 'key'\n  fix: known: text",
            id="id missing",
        ),
        pytest.param(
            [{"id": 1, "t": "a"}, {"id": "2", "t": "b"}, {"id": "1", "t": "c"}],
            {},
            "rows.jsonl:3: the id '1' is already used in rows.jsonl:1\n"
            "  fix: give each row its own id, or ignore the column: `id: null`",
            id="id twice",
        ),
        pytest.param(
            [{"id": 1.5, "t": "a"}],
            {},
            "rows.jsonl:1: the id is 1.5, not a string or a whole number\n"
            "  fix: fill in column 'id', or ignore the column: `id: null`",
            id="id no text",
        ),
        pytest.param(
            [{"id": "", "t": "a"}],
            {},
            "rows.jsonl:1: the id is '', not a string or a whole number\n"
            "  fix: fill in column 'id', or ignore the column: `id: null`",
            id="id empty",
        ),
        pytest.param([], {}, "rows.jsonl: 0 rows\n  fix: add at least one row", id="none"),
        pytest.param(
            [{"t": "a", "split": "dev"}, {"t": "b", "split": "test"}],
            {"split": "tset"},
            "rows.jsonl: unknown split 'tset'\n  fix: did you mean 'test'? known: test, dev",
            id="split leaves none",
        ),
        pytest.param(
            [{"t": "a", "u": "b"}],
            {"split": "dev"},
            "rows.jsonl:1: there is no column 'split' to find 'dev' in\n"
            "  fix: the columns are t, u; remove `split:` to use every row",
            id="no split column",
        ),
        pytest.param(
            [{"inputs": {"t": "a"}, "expectations": {"label": "x"}}],
            {"expected": "label"},
            "rows.jsonl:1: `expected: label`, but this row has its own expectations\n"
            "  fix: remove `expected:`; evaluators read `expectations`",
            id="nested and expected",
        ),
        pytest.param(
            [{"inputs": {"t": "a"}, "title": "b"}],
            {},
            "rows.jsonl:1: the row has a column 'title' beside `inputs`\n"
            "  fix: move 'title' into `inputs`, `expectations` or `metadata`, or `drop: [title]`",
            id="nested and columns",
        ),
        pytest.param(
            [{"inputs": {"t": "a"}}, {"t": "a"}],
            {},
            "rows.jsonl:2: this row has no `inputs` object; the rows before it have one\n"
            "  fix: use one form in the whole dataset: plain columns, or inputs and expectations",
            id="flat after nested",
        ),
        pytest.param(
            [{"t": "a"}, {"inputs": {"t": "a"}}],
            {},
            "rows.jsonl:2: this row has an `inputs` object; the rows before it have none\n"
            "  fix: use one form in the whole dataset: plain columns, or inputs and expectations",
            id="nested after flat",
        ),
        pytest.param(
            [{"t": "a", "expectations": {"label": "x"}}],
            {},
            "rows.jsonl:1: the row has `expectations` but no `inputs`\n"
            '  fix: use {"inputs": {…}, "expectations": {…}}, or plain columns',
            id="expectations alone",
        ),
        pytest.param(
            [{"inputs": {"t": "a"}, "metadata": ["x"]}],
            {},
            'rows.jsonl:1: `metadata` is [\'x\'], not an object\n  fix: write {"source": "web"}',
            id="metadata no object",
        ),
        pytest.param(
            [{"inputs": {"t": "a"}, "expectations": "x"}],
            {},
            "rows.jsonl:1: `expectations` is 'x', not an object\n"
            '  fix: write {"expected_response": …}',
            id="expectations no object",
        ),
    ],
)
def test_a_row_that_does_not_fit_is_named(rows, spec, expected, tmp_path):
    assert message(rows, tmp_path, **spec) == expected


def test_templates_read_the_columns_of_id_and_split(tmp_path):
    rows = [{"id": 17, "text": "a", "split": "dev"}, {"id": "b", "text": "c", "split": "dev"}]
    dataset = load(rows, tmp_path, split="dev")
    assert [dict(example.variables) for example in dataset.examples] == rows
    assert (dataset.columns, dataset.variables) == (("text",), ("text", "id", "split"))
    (example,) = load([{"key": 5, "id": 6, "text": "a"}], tmp_path, id="key").examples
    assert (example.id, example.variables) == ("5", {"key": 5, "id": 6, "text": "a"})
    assert example.inputs == {"id": 6, "text": "a"}


def test_ids_and_splits_leave_the_digest_of_rows_as_it_was(tmp_path):
    rows = [{"id": 17, "text": "a", "split": "dev"}, {"id": "b", "text": "c"}]
    nested = [{"inputs": {"text": "a"}, "expectations": {"expected_response": "x"}}]
    assert [load(rows, tmp_path).digest[:16], load(nested, tmp_path).digest[:16]] == [
        "c3797dc093b7faf1",
        "03b3f3e9028310d6",
    ]
    assert load([{**nested[0], "metadata": {"m": 1}}], tmp_path).digest[:8] == "03b3f3e9"


@pytest.mark.parametrize("ids", [[1, 1], [1.0, None], ["", ""]])
def test_a_column_of_bad_ids_is_ignored_by_id_null(ids, tmp_path):
    rows = [{"id": number, "text": text} for number, text in zip(ids, "ab", strict=True)]
    dataset = load(rows, tmp_path, id=None)
    assert [example.inputs for example in dataset.examples] == rows
    assert dataset.examples[0].id == load(rows[:1], tmp_path, id=None).examples[0].id
    nested = [{"id": row["id"], "inputs": {"text": row["text"]}} for row in rows]
    examples = load(nested, tmp_path, id=None).examples
    assert [example.variables for example in examples] == rows
    texts = [{"inputs": {"text": row["text"]}} for row in rows]
    assert [e.id for e in examples] == [e.id for e in load(texts, tmp_path).examples]


def test_only_rows_of_the_split_are_taken(tmp_path):
    rows = [{"t": "a", "split": "dev"}, {"t": "b", "split": "test"}, {"t": "c", "split": "dev"}]
    dataset = load(rows, tmp_path, split="dev")
    assert [example.inputs for example in dataset.examples] == [{"t": "a"}, {"t": "c"}]


def test_equal_values_of_the_cluster_column_are_one_group(tmp_path):
    passages = ["x", 1, "x", None, "", "1"]
    rows = [{"text": str(number), "passage": p} for number, p in enumerate(passages)]
    dataset, plain = load(rows, tmp_path, cluster="passage"), load(rows, tmp_path)
    assert (dataset.groups, plain.groups) == ((0, 1, 0, None, None, 2), ())
    assert (dataset.examples, dataset.digest) == (plain.examples, plain.digest)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("text", ("`cluster: text` groups no rows: no two have the same value",)),
        ("topic", ("`cluster: topic` makes all rows one cluster: there are no intervals",)),
        ("passage", ()),
    ],
)
def test_a_cluster_column_without_use_is_a_warning(column, expected, tmp_path):
    rows = [{"text": n, "topic": "x", "passage": n // 2} for n in range(4)]
    assert load(rows, tmp_path, cluster=column).warnings == expected


@pytest.mark.parametrize(
    "row", [{"inputs": {"text": "a", "passage": 1}}, {"inputs": {"text": "a"}, "passage": 1}]
)
def test_nested_rows_have_the_cluster_in_their_inputs_or_beside_them(row, tmp_path):
    assert load([row, row], tmp_path, cluster="passage").groups == (0, 0)


def test_a_row_keeps_its_id_whatever_split_is_taken(tmp_path):
    rows = [{"t": "a", "split": "dev"}, {"t": "b", "split": "test"}]
    every = load(rows, tmp_path)
    assert load(rows, tmp_path, split="test").examples == every.examples[1:]


def test_equal_rows_without_ids_are_told_apart_by_occurrence(tmp_path):
    ids = [example.id for example in load([{"t": "a"}] * 3, tmp_path).examples]
    assert ids == ["39ea1b493c8e52a4", "39ea1b493c8e52a4-2", "39ea1b493c8e52a4-3"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            [{"n": 1}, {"n": "1"}, {"n": 2}],
            ("column 'n' holds numbers (rows.jsonl:1: 1) and strings (rows.jsonl:2: '1')",),
        ),
        ([{"n": 1}, {"n": 1.5}, {"n": None}], ()),
        (
            [{"n": "a", "t": ""}, {"n": "b"}, {"n": "c"}],
            ("column 't' is missing in 2 of 3 rows, first in rows.jsonl:2",),
        ),
    ],
)
def test_what_may_not_be_meant_is_a_warning(rows, expected, tmp_path):
    warnings = load(rows, tmp_path).warnings
    assert tuple(warning.replace(f"{tmp_path}/", "") for warning in warnings) == expected


def test_a_file_and_its_rows_elsewhere_have_one_digest(tmp_path):
    rows = [{"id": "1", "text": "a"}, {"id": "2", "text": "ü"}]
    (tmp_path / "rows.csv").write_text("id,text\n1,a\n2,ü\n", encoding="utf-8")
    as_csv = load_dataset(DatasetSpec(path="rows.csv"), tmp_path)
    assert as_csv.digest == load(rows, tmp_path).digest


@given(st.lists(INPUTS, min_size=1, max_size=5))
def test_the_order_of_keys_does_not_matter(rows):
    turned = [dict(reversed(row.items())) for row in rows]
    dataset, other = records(rows), records(turned)
    assert [dataset.digest, *(e.id for e in dataset.examples)] == [
        other.digest,
        *(e.id for e in other.examples),
    ]


@given(st.lists(INPUTS, min_size=1, max_size=5), st.data())
def test_any_other_value_is_another_digest(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    changed = [*rows[:at], {**rows[at], "more": 1}, *rows[at + 1 :]]
    assert records(rows).digest != records(changed).digest


@given(st.lists(INPUTS, min_size=2, max_size=5), st.randoms())
def test_ids_by_content_do_not_depend_on_other_rows(rows, random):
    before = {e.id: e.inputs for e in records(rows).examples}
    random.shuffle(rows)
    assert {e.id: e.inputs for e in records(rows).examples} == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs exactly one of path, huggingface, mlflow, rows; it has none"),
        ({"path": "a", "mlflow": "b"}, "needs exactly one of path, huggingface, mlflow, rows"),
        ({"path": "a", "revision": "b"}, "'revision' is for huggingface datasets"),
        ({"path": "a", "exected": "b"}, "exected\n  Extra inputs are not permitted"),
        ({"path": ""}, "at least 1 character"),
    ],
)
def test_a_spec_that_means_nothing_is_refused(fields, message):
    with pytest.raises(ValidationError) as caught:
        DatasetSpec.model_validate(fields)
    assert message in str(caught.value)


def test_a_plain_string_is_a_path():
    assert DatasetSpec.model_validate("a.jsonl") == DatasetSpec(path="a.jsonl")


def test_mlflow_records_are_named_by_their_record_id():
    record = {
        "dataset_record_id": "dr-1",
        "inputs": {"text": "a"},
        "expectations": {"expected_response": "b"},
        "create_time": 17,
        "source": object(),
    }
    dataset = load_dataset(DatasetSpec(mlflow="qa"), Path(), mlflow_reader=lambda name: [record])
    assert (dataset.name, dataset.source, dataset.row_label(0), dataset.examples) == (
        "qa",
        "mlflow:qa",
        "dr-1, mlflow:qa row 1",
        (Example("dr-1", {"text": "a"}, {"expected_response": "b"}),),
    )


def test_mlflow_datasets_need_a_reader():
    with pytest.raises(WorkbenchError, match="mlflow:qa: MLflow datasets can't be read here"):
        load_dataset(DatasetSpec(mlflow="qa"), Path())
