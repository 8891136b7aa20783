"""Datasets of the `datasets` library, from folders, so that no network is needed."""

import datetime
from pathlib import Path

import datasets
import pytest

from workbench.dataset import DatasetSpec, Example, load_dataset
from workbench.errors import WorkbenchError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.jsonl").write_text('{"id": 1, "text": "a", "label": "x"}\n')
    (tmp_path / "splits" / "test.jsonl").write_text('{"id": 2, "text": "b", "label": "y"}\n')
    return tmp_path


def message(folder: Path, **spec: str) -> str:
    with pytest.raises(WorkbenchError) as caught:
        load_dataset(DatasetSpec(**spec), folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_split_of_a_folder_is_read(folder):
    dataset = load_dataset(
        DatasetSpec(huggingface="splits", split="test", expected="label"), folder
    )
    assert (dataset.name, dataset.row_label(0), dataset.examples) == (
        "splits",
        "2, splits[test] row 1",
        (Example("2", {"text": "b"}, {"expected_response": "y"}, reserved={"id": 2}),),
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"split": "tets"},
            "splits: unknown split 'tets'\n  fix: did you mean 'test'? known: test, train",
        ),
        ({}, "splits: has several splits: train, test\n  fix: add `split: train`"),
        (
            {"split": "test", "expected": "lable"},
            "splits[test] row 1: unknown column 'lable'\n"
            "  fix: did you mean 'label'? known: label, text",
        ),
    ],
)
def test_what_a_folder_has_not_is_named(spec, expected, folder):
    assert message(folder, huggingface="splits", **spec) == expected


def test_class_labels_become_their_names_and_dates_text(tmp_path):
    label = datasets.ClassLabel(names=["negative", "positive"])
    features = {"label": label, "day": datasets.Value("date32")}
    rows = {"label": [1, -1], "day": [datetime.date(2024, 2, 29), None]}
    saved = datasets.Dataset.from_dict(rows, features=datasets.Features(features))
    saved.save_to_disk(str(tmp_path / "saved"))
    dataset = load_dataset(DatasetSpec(huggingface="saved"), tmp_path)
    assert [dict(example.inputs) for example in dataset.examples] == [
        {"label": "positive", "day": "2024-02-29"},
        {"label": None, "day": None},
    ]


def test_class_labels_are_read_under_new_names(tmp_path):
    features = datasets.Features({"My Label": datasets.ClassLabel(names=["negative", "positive"])})
    saved = datasets.Dataset.from_dict({"My Label": [1, 0]}, features=features)
    saved.save_to_disk(str(tmp_path / "saved"))
    spec = DatasetSpec(huggingface="saved", columns={"label": "My Label"})
    examples = load_dataset(spec, tmp_path).examples
    assert [example.inputs for example in examples] == [
        {"label": "positive"},
        {"label": "negative"},
    ]


def test_a_column_that_is_no_json_is_named(tmp_path):
    datasets.Dataset.from_dict({"raw": [b"x"]}).save_to_disk(str(tmp_path / "saved"))
    assert message(tmp_path, huggingface="saved") == (
        "saved row 1: column 'raw': bytes is not a JSON type\n  fix: store a string or a number, "
        "or leave the column out: `drop: [raw]`"
    )


def test_a_split_of_what_has_none_is_named(tmp_path):
    datasets.Dataset.from_dict({"a": [1]}).save_to_disk(str(tmp_path / "saved"))
    assert message(tmp_path, huggingface="saved", split="dev") == (
        "saved: has no splits, so none is called 'dev'\n  fix: remove `split:` to use every row"
    )


def test_a_folder_without_data_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    assert message(tmp_path, huggingface="empty").startswith("empty: can't be loaded: ")
