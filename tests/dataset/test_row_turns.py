"""Rows with `turns:`, each of which becomes an example."""

import json
from pathlib import Path

import pytest

from workbench.dataset import Dataset, DatasetSpec, RowScope, load_dataset
from workbench.errors import WorkbenchError

TWO = [{"q": "Hi.", "label": "a"}, {"q": "123.", "label": "b"}]
ROWS = [
    {"id": "r1", "name": "Ann", "turns": TWO},
    {"id": "r2", "name": "Bob", "q": "Bye.", "label": "c"},
    {"id": "r3", "name": "Cid", "turns": TWO[:1]},
]


def load(
    rows: list, folder: Path, *, limit: int | None = None, sample: int | None = None, **spec: object
) -> Dataset:
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    scope = RowScope(limit, sample)
    return load_dataset(DatasetSpec(path="r.jsonl", **spec), folder, scope=scope)


def ids(dataset: Dataset) -> list[str]:
    return [example.id for example in dataset.examples]


def test_each_turn_is_an_example_with_the_columns_of_its_row(tmp_path):
    dataset = load(ROWS, tmp_path, expected="label")
    assert [(e.id, e.turn, e.inputs, e.expectations) for e in dataset.examples] == [
        ("r1/1", 1, {"name": "Ann", "q": "Hi."}, {"expected_response": "a"}),
        ("r1/2", 2, {"name": "Ann", "q": "123."}, {"expected_response": "b"}),
        ("r2", 0, {"name": "Bob", "q": "Bye."}, {"expected_response": "c"}),
        ("r3/1", 1, {"name": "Cid", "q": "Hi."}, {"expected_response": "a"}),
    ]
    assert (dataset.rows, dataset.later_turns, dataset.groups) == (4, 1, (0, 0, None, None))
    assert dataset.row_numbers == (1, 1, 2, 3)
    assert set(dataset.columns) == {"name", "q"}


def test_nested_turns_add_to_the_parts_of_their_row(tmp_path):
    turns = [
        {"inputs": {"q": "Hi."}, "expectations": {"expected_response": "a"}},
        {"inputs": {"q": "123."}, "metadata": {"hard": True}},
    ]
    row = {"id": 1, "inputs": {"name": "Ann"}, "expectations": {"tone": "kind"}, "turns": turns}
    first, second = load([row], tmp_path).examples
    assert first.expectations == {"tone": "kind", "expected_response": "a"}
    assert (second.inputs, second.metadata) == ({"name": "Ann", "q": "123."}, {"hard": True})


def test_rows_without_an_id_are_named_by_all_of_their_turns(tmp_path):
    other = [TWO[0], {"q": "456.", "label": "b"}]
    dataset = load([{"turns": TWO}, {"turns": other}, {"turns": TWO}], tmp_path)
    stems = [name.rpartition("/")[0] for name in ids(dataset)[::2]]
    assert len(set(stems)) == 3
    assert stems[2] == f"{stems[0]}-2"


def test_a_conversation_is_other_data_than_its_turns_alone(tmp_path):
    flat = [{"id": f"r1/{n}", "name": "Ann", **turn} for n, turn in enumerate(TWO, 1)]
    conversation = load(ROWS[:1], tmp_path)
    alone = load(flat, tmp_path)
    assert ids(conversation) == ids(alone)
    assert conversation.digest != alone.digest


def test_limits_count_rows_and_keep_their_turns(tmp_path):
    assert ids(load(ROWS, tmp_path, limit=1)) == ["r1/1", "r1/2"]
    complete = load(ROWS, tmp_path)
    assert [len(complete.first_examples(limit)) for limit in (1, 2, 3, 4, None)] == [2, 3, 4, 4, 4]
    assert complete.digest == load(ROWS, tmp_path, limit=1).digest


def test_a_sample_has_each_row_with_all_of_its_turns(tmp_path):
    rows = [{"id": f"r{n}", "turns": [{"q": q} for q in "abc"]} for n in range(20)]
    dataset = load(rows, tmp_path, sample=4)
    names = ids(dataset)
    assert [name.rpartition("/")[2] for name in names] == ["1", "2", "3"] * 4
    assert names[:6] == ids(load(rows, tmp_path, sample=2))
    assert dataset.notes == ("a sample of 4 of 20 rows by `seed: 0`",)


def test_each_combination_of_variables_is_a_conversation(tmp_path):
    dataset = load(ROWS[:1], tmp_path, vars={"language": ["en", "de"]})
    assert ids(dataset) == [
        f"r1/language={language}/{n}" for language in ("en", "de") for n in (1, 2)
    ]
    assert dataset.groups == (0, 0, 0, 0)


def test_turns_of_one_row_are_in_its_cluster(tmp_path):
    rows = [{**row, "shop": shop} for row, shop in zip(ROWS, ("x", "y", "x"), strict=True)]
    assert load(rows, tmp_path, cluster="shop").groups == (0, 0, 1, 0)
    rows[0]["shop"] = None
    assert load(rows, tmp_path, cluster="shop").groups == (0, 0, 1, 2)


def test_columns_are_selected_and_renamed_in_turns(tmp_path):
    dataset = load(ROWS[:1], tmp_path, columns={"id": "id", "turns": "turns", "text": "q"})
    assert [example.inputs for example in dataset.examples] == [{"text": "Hi."}, {"text": "123."}]
    dropped = load(ROWS[:1], tmp_path, drop=["label"])
    assert dropped.examples[1].inputs == {"name": "Ann", "q": "123."}
    assert load(ROWS[:1], tmp_path, drop=["turns"]).examples[0].inputs == {"name": "Ann"}


BAD = {
    "a number": (5, "`turns` is 5, not a list", "an object for each turn"),
    "a text": ("[]", "`turns` is '[]', not a list", "an object for each turn"),
    "null": (None, "`turns` is None, not a list", "`drop: [turns]`"),
    "no turn": ([], "`turns` is an empty list", "an object for each turn"),
    "texts": (["Hi."], "turn 1 is 'Hi.', not an object", "the columns of the turn"),
    "an empty turn": ([{"q": "Hi."}, {}], "turn 2 is empty", "the columns of the turn"),
    "an id": ([{"q": "Hi.", "id": 7}], "turn 1 has a column 'id'", "give it to the row"),
    "a split": ([{"q": "Hi.", "split": "dev"}], "turn 1 has a column 'split'", "to the row"),
    "turns": ([{"q": "Hi.", "turns": []}], "turn 1 has a column 'turns'", "to the row"),
    "a column of the row": (
        [{"q": "Hi."}, {"name": "Eve"}],
        "turn 2 has the column 'name', and so has the row",
        "keep it in the row",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_turns_are_refused_with_their_place(case, tmp_path):
    turns, problem, fix = BAD[case]
    with pytest.raises(WorkbenchError) as caught:
        load([ROWS[1], {"id": "r1", "name": "Ann", "turns": turns}], tmp_path)
    assert caught.value.where.endswith("r.jsonl:2")
    assert caught.value.message == problem
    assert fix in caught.value.fix


def test_the_id_of_a_turn_is_no_other_rows_id(tmp_path):
    with pytest.raises(WorkbenchError, match="'r1/2' is already used"):
        load([*ROWS, {"id": "r1/2", "name": "Eve", "q": "No.", "label": "d"}], tmp_path)
