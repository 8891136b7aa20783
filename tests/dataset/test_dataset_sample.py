"""`sample:`: nested, stable and stratified."""

import json
from collections import Counter
from pathlib import Path

import pytest

from workbench.dataset import Dataset, DatasetSpec, RowScope, load_dataset

SORTED = [{"id": n, "text": f"t{n}", "label": "ab"[n >= 150]} for n in range(200)]


def load(folder: Path, rows: list = SORTED, limit: int | None = None, sample: int | None = None,
         **spec: object) -> Dataset:  # fmt: skip
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec_ = DatasetSpec(path="r.jsonl", expected="label", **spec)
    return load_dataset(spec_, folder, scope=RowScope(limit, sample))


def test_the_first_rows_of_a_sample_are_the_smaller_sample(tmp_path):
    for settings in ({}, {"stratify": "expected"}, {"seed": 5}):
        of_50 = load(tmp_path, sample=50, **settings)
        of_20 = load(tmp_path, **(settings | {"sample": 20}))
        assert of_50.examples[:20] == of_20.examples
        limited = load(tmp_path, limit=20, sample=50, **settings)
        assert limited.examples == of_20.examples
        assert (limited.rows, limited.digest) == (50, of_50.digest)


def test_a_sample_of_a_file_and_of_the_command_are_the_same(tmp_path):
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SORTED))
    in_file = DatasetSpec(path="r.jsonl", sample=20, seed=3)
    plain = DatasetSpec(path="r.jsonl", seed=3)
    of_command = load_dataset(plain, tmp_path, scope=RowScope(sample=20))
    larger = load_dataset(in_file, tmp_path, scope=RowScope(sample=30))
    expected = load_dataset(in_file, tmp_path)
    assert (of_command.digest, of_command.examples) == (expected.digest, expected.examples)
    assert larger.examples[:20] == expected.examples


def test_a_sample_depends_on_seed_and_ids_and_not_on_the_order(tmp_path):
    ids = [example.id for example in load(tmp_path, sample=20).examples]
    assert ids[:6] == ["148", "143", "49", "131", "177", "186"]
    assert [e.id for e in load(tmp_path, SORTED[::-1], sample=20).examples] == ids
    assert [e.id for e in load(tmp_path, sample=20, seed=1).examples] != ids


@pytest.mark.parametrize("size", [4, 20, 50, 100, 199])
def test_a_stratified_sample_has_the_shares_of_all_rows(size, tmp_path):
    for stratify in ("expected", "label"):
        dataset = load(tmp_path, sample=size, stratify=stratify)
        labels = Counter(e.expectations["expected_response"] for e in dataset.examples)
        assert abs(labels["b"] - size / 4) <= 0.5


def test_a_stratified_sample_by_a_column(tmp_path):
    rows = [{**row, "length": 1 + (row["id"] % 10 == 0)} for row in SORTED]
    dataset = load(tmp_path, rows, sample=40, stratify="length")
    assert Counter(e.inputs["length"] for e in dataset.examples) == {1: 36, 2: 4}


def test_strata_of_expected_values_need_some(tmp_path, refusal_of):
    rows = "".join(json.dumps(row) + "\n" for row in SORTED[:9]).encode()
    assert refusal_of("r.jsonl", rows, sample=3, stratify="expected") == (
        "r.jsonl: `stratify: expected`, but no row has an expected value\n"
        "  fix: add `expected: COLUMN`"
    )
    assert "unknown column 'lenght'" in refusal_of("r.jsonl", rows, stratify="lenght")


def test_a_sample_of_more_rows_than_there_are_is_all_of_them(tmp_path):
    dataset = load(tmp_path, sample=500, seed=2)
    assert dataset.rows == 200
    assert not dataset.warnings
    assert dataset.notes == ("a sample of 200 of 200 rows by `seed: 2`",)
    assert sorted(int(e.id) for e in dataset.examples) == list(range(200))


def test_all_rows_of_a_sampled_file_are_checked(tmp_path, refusal_of):
    rows = "".join(json.dumps(row) + "\n" for row in SORTED)
    assert refusal_of("r.jsonl", f"{rows}{{}}x".encode(), sample=1).startswith("r.jsonl:201:3: bad")


def test_whole_numbers_are_read_by_all_rows_whatever_the_sample(tmp_path):
    rows = [{"id": n, "text": "", "label": 1.0 if n else 0.5} for n in range(30)]
    assert {
        e.expectations["expected_response"] for e in load(tmp_path, rows, sample=5).examples
    } <= {1.0, 0.5}
    assert all(
        isinstance(e.expectations["expected_response"], float)
        for e in load(tmp_path, rows, sample=5).examples
    )
