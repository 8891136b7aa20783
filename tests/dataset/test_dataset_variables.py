"""`vars:`: constants, and lists of which each combination makes a row."""

import json
from pathlib import Path

import pytest

from workbench.dataset import Dataset, DatasetSpec, RowScope, load_dataset
from workbench.errors import WorkbenchError

ROWS = [{"id": 1, "text": "a", "label": "x"}, {"id": 2, "text": "b", "label": "y"}]


def load(rows: list, folder: Path, **spec: object) -> Dataset:
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return load_dataset(DatasetSpec(path="r.jsonl", **spec), folder)


def test_a_constant_is_a_column_of_every_row(tmp_path):
    dataset = load(ROWS, tmp_path, expected="label", vars={"firm": "Acme", "n": 3})
    assert [(e.id, e.inputs) for e in dataset.examples] == [
        ("1", {"text": "a", "firm": "Acme", "n": 3}),
        ("2", {"text": "b", "firm": "Acme", "n": 3}),
    ]
    assert (dataset.columns, dataset.groups) == (("text", "firm", "n"), ())


def test_each_combination_of_lists_makes_a_row(tmp_path):
    variables = {"language": ["en", "de"], "firm": "Acme", "short": [True, False]}
    dataset = load(ROWS, tmp_path, expected="label", vars=variables)
    assert [example.id for example in dataset.examples] == [
        f"{number}/language={language}/short={short}"
        for number in (1, 2)
        for language in ("en", "de")
        for short in ("true", "false")
    ]
    assert dataset.examples[6].inputs == {
        "text": "b",
        "language": "de",
        "firm": "Acme",
        "short": True,
    }
    assert [e.expectations["expected_response"] for e in dataset.examples] == [*"xxxxyyyy"]
    assert (dataset.groups, dataset.rows) == ((0, 0, 0, 0, 1, 1, 1, 1), 8)
    assert dataset.row_numbers == (1, 1, 1, 1, 2, 2, 2, 2)


def test_rows_without_an_id_are_named_by_what_they_are_without_variables(tmp_path):
    rows = [{"text": "a"}, {"text": "a"}]
    plain = [example.id for example in load(rows, tmp_path).examples]
    varied = load(rows, tmp_path, vars={"n": [1], "firm": "Acme"})
    assert [example.id for example in varied.examples] == [f"{name}/n=1" for name in plain]
    assert varied.groups == ()


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["en", "de"], ["en", "de"]),
        ([1, "1", 2.5, None], ["#6b86b273", "#391552c0", "2.5", "null"]),
        (["a/b", "", "x" * 41, "two words"], ["#f5effa31", "#12ae32cb", "#4c204bbc", "two words"]),
        ([["a", "b"], {"k": 1}], ['["a", "b"]', '{"k": 1}']),
    ],
)
def test_values_are_named_in_ids(values, labels, tmp_path):
    dataset = load(ROWS[:1], tmp_path, vars={"v": values})
    assert [example.id for example in dataset.examples] == [f"1/v={label}" for label in labels]
    assert [example.inputs["v"] for example in dataset.examples] == values


def test_rows_of_one_cluster_stay_one_cluster(tmp_path):
    rows = [
        {"text": text, "passage": passage}
        for text, passage in zip("abcd", (1, 2, 1, None), strict=True)
    ]
    dataset = load(rows, tmp_path, cluster="passage", vars={"n": [1, 2]})
    assert dataset.groups == (0, 0, 1, 1, 0, 0, 2, 2)
    assert dataset.warnings == ()
    different = load(rows[:2], tmp_path, cluster="passage", vars={"n": [1, 2]})
    assert different.warnings == ("`cluster: passage` groups no rows: no two have the same value",)


def test_nested_rows_have_variables_in_their_inputs(tmp_path):
    row = {"id": "a", "inputs": {"text": "x"}, "expectations": {"expected_response": "y"}}
    examples = load([row], tmp_path, vars={"n": [1, 2]}).examples
    assert [(e.id, e.inputs, e.expectations) for e in examples] == [
        ("a/n=1", {"text": "x", "n": 1}, {"expected_response": "y"}),
        ("a/n=2", {"text": "x", "n": 2}, {"expected_response": "y"}),
    ]


def test_the_right_answer_may_depend_on_variables(tmp_path):
    rows = [{"text": "a", "label": 1, "answers": {"en": "yes", "de": "ja"}}]
    by_language = load(
        rows, tmp_path, expected="{{ answers[language] }}", vars={"language": ["en", "de"]}
    )
    assert [(e.inputs["language"], e.expectations) for e in by_language.examples] == [
        ("en", {"expected_response": "yes"}),
        ("de", {"expected_response": "ja"}),
    ]
    names = load(rows, tmp_path, expected="{{ names[label] }}", vars={"names": [["no", "yes"]]})
    assert names.examples[0].expectations == {"expected_response": "yes"}
    inner = load(
        rows, tmp_path, expected="t.a", vars={"t": [{"a": "u", "b": 1}, {"a": "v", "b": 2}]}
    )
    assert [e.inputs["t"] for e in inner.examples] == [{"b": 1}, {"b": 2}]
    hidden = load(rows, tmp_path, expected="target", vars={"target": ["u", "v"]})
    assert [(e.id[-8:], e.inputs.get("target"), e.expectations) for e in hidden.examples] == [
        ("target=u", None, {"expected_response": "u"}),
        ("target=v", None, {"expected_response": "v"}),
    ]


def test_a_sample_takes_rows_of_combinations(tmp_path):
    rows = [{"id": number, "text": str(number)} for number in range(50)]
    dataset = load(rows, tmp_path, vars={"n": [1, 2, 3]}, sample=40)
    assert dataset.rows == len(dataset.examples) == 40
    sources = [example.id.partition("/")[0] for example in dataset.examples]
    assert [dataset.groups[sources.index(source)] for source in sources] == list(dataset.groups)
    assert len(set(dataset.groups)) == len(set(sources)) < 40


def test_a_limit_keeps_the_groups_of_its_rows(tmp_path):
    (tmp_path / "r.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    spec = DatasetSpec(path="r.jsonl", vars={"n": [1, 2]})
    dataset = load_dataset(spec, tmp_path, scope=RowScope(limit=3))
    assert (dataset.groups, dataset.rows, len(dataset.examples)) == ((0, 0, 1), 4, 3)


def test_a_variable_that_a_row_has_is_refused(tmp_path):
    for rows in (ROWS, [{"inputs": {"text": "a"}}]):
        with pytest.raises(WorkbenchError) as caught:
            load(rows, tmp_path, vars={"text": ["a"]})
        assert str(caught.value).replace(f"{tmp_path}/", "") == (
            "r.jsonl:1: `vars:` has 'text', and so does the row\n"
            "  fix: rename the variable, or leave the column out: `drop: [text]`"
        )
    assert load(ROWS, tmp_path, vars={"text": "z"}, drop=["text"]).examples[0].inputs["text"] == "z"


def test_variables_are_in_the_digest(tmp_path):
    digests = {load(ROWS, tmp_path, vars={"n": n}).digest for n in (1, 2, [1], [2], [1, 2])}
    assert len(digests) == 5
