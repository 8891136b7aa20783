"""Cached rows: equal to those of the file, and none where the file or its settings differ."""

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.dataset import (
    ALL_ROWS,
    Dataset,
    DatasetSpec,
    RowsCache,
    RowScope,
    load_dataset,
    rows_cache,
    rows_file,
)
from workbench.dataset.packed_examples import BLOCK, PackedExamples, pack_examples

ROWS = [
    {
        "id": n,
        "text": f'Ärger {n} \U0001f600 \\ "',
        "label": n % 3,
        "split": "dev",
        "x": [1.0, None],
    }
    for n in range(2 * BLOCK + 7)
]
TURNS = [{"name": "Ann", "turns": [{"q": "Hi."}, {"q": f"It is {n}."}]} for n in range(9)]
NESTED = [
    {"inputs": {"q": n}, "expectations": {"a": str(n)}, "metadata": {"source": "web"}}
    for n in range(9)
]
CSV = "text,label\n" + "".join(f"row {n},{n}.0\n" for n in range(60))
FILES = {
    "rows.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "rows.json": json.dumps(ROWS),
    "turns.jsonl": "".join(json.dumps(row) + "\n" for row in TURNS),
    "nested.jsonl": "".join(json.dumps(row) + "\n" for row in NESTED),
    "rows.csv": CSV,
}
DATASETS: list[dict[str, object]] = [
    {"path": "rows.jsonl", "expected": "label"},
    {"path": "rows.jsonl", "expected": "{{ label + 1 }}", "cluster": "label"},
    {"path": "rows.jsonl", "id": None, "drop": ["x"], "split": "dev"},
    {"path": "rows.jsonl", "sample": 20, "seed": 3, "stratify": "label"},
    {"path": "rows.jsonl", "vars": {"tone": ["kind", "terse"]}},
    {"path": "rows.json", "columns": {"question": "text"}},
    {"path": "turns.jsonl"},
    {"path": "nested.jsonl"},
    {"path": "rows.csv", "expected": "label"},
]


@pytest.fixture(autouse=True)
def _small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_file, "MIN_BYTES", 1)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)


def read(folder: Path, scope: RowScope = ALL_ROWS, **settings: object) -> Dataset:
    """The rows, from the cache if they are in it."""
    spec = DatasetSpec.model_validate({"path": "rows.jsonl", **settings})
    load = lambda: load_dataset(spec, folder, scope=scope)  # noqa: E731
    return RowsCache(folder / "views").read(spec, folder, scope, load)


def is_cached(dataset: Dataset) -> bool:
    return isinstance(dataset.examples, PackedExamples)


def save(folder: Path, dataset: Dataset) -> list[Path]:
    """The cached files, when this dataset has been saved."""
    RowsCache(folder / "views").save(dataset)
    return sorted((folder / "views").glob("*"))


@pytest.mark.parametrize("scope", [ALL_ROWS, RowScope(limit=3), RowScope(sample=4)])
@pytest.mark.parametrize("settings", DATASETS, ids=str)
def test_cached_rows_are_those_of_the_file(
    tmp_path: Path, settings: dict[str, object], scope: RowScope
) -> None:
    parsed = read(tmp_path, scope, **settings)
    save(tmp_path, parsed)
    cached = read(tmp_path, scope, **settings)
    assert (is_cached(parsed), is_cached(cached)) == (False, True)
    single = [cached.examples[n] for n in range(len(cached.examples))]
    assert (single[-1], single) == (cached.examples[-1], list(parsed.examples))
    assert replace(cached, examples=tuple(cached.examples)) == parsed
    assert repr(tuple(cached.examples)) == repr(parsed.examples)  # 1, 1.0 and True are equal
    assert pickle.loads(pickle.dumps(cached)) == parsed


@pytest.mark.parametrize(
    "settings", [{"id": None}, {"expected": "label"}, {"sample": 5}, {"drop": ["x"]}], ids=str
)
def test_other_settings_read_the_file_again(tmp_path: Path, settings: dict[str, object]) -> None:
    save(tmp_path, read(tmp_path))
    assert is_cached(read(tmp_path))
    assert not is_cached(read(tmp_path, **settings))
    assert not is_cached(read(tmp_path, RowScope(limit=5)))


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    save(tmp_path, read(tmp_path))
    file.write_text(FILES["rows.jsonl"].replace("rger 5 ", "rger 6 "))
    os.utime(file, ns=times)  # of the same size and time
    edited = read(tmp_path)
    assert (is_cached(edited), edited.examples[5].inputs["text"]) == (
        False,
        'Ärger 6 \U0001f600 \\ "',
    )
    file.write_text(FILES["rows.jsonl"])
    assert is_cached(read(tmp_path))


def test_rows_of_a_file_that_was_edited_meanwhile_are_not_cached(tmp_path: Path) -> None:
    before = read(tmp_path)
    (tmp_path / "rows.jsonl").write_text(FILES["rows.jsonl"] + "\n")
    assert save(tmp_path, before) == []
    (tmp_path / "rows.jsonl").unlink()
    assert save(tmp_path, before) == []


@pytest.mark.parametrize("place", [0.0, 0.001, 0.3, 0.9])
def test_a_damaged_file_is_ignored_and_written_again(tmp_path: Path, place: float) -> None:
    (file,) = save(tmp_path, read(tmp_path))
    body = file.read_bytes()
    at = int(len(body) * place)
    for damaged in (body[:at], body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], body + b"x"):
        file.write_bytes(damaged)
        parsed = read(tmp_path)
        assert not is_cached(parsed)
        save(tmp_path, parsed)
        assert file.read_bytes() == body
    assert is_cached(read(tmp_path))


def test_files_are_private_few_and_of_a_limited_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(rows_cache.MAX_FILES + 2):
        files = save(tmp_path, read(tmp_path, sample=5, seed=seed))
    assert len(files) == rows_cache.MAX_FILES
    assert {file.stat().st_mode & 0o077 for file in [*files, files[0].parent]} == {0}
    monkeypatch.setattr(rows_cache, "MAX_BYTES", 100)
    assert save(tmp_path, read(tmp_path, sample=5, seed=99)) == files


def test_small_files_and_other_sources_are_not_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inline = DatasetSpec.model_validate([{"text": "a"}])
    load = lambda: load_dataset(inline, tmp_path)  # noqa: E731
    assert RowsCache(tmp_path / "views").read(inline, tmp_path, ALL_ROWS, load).file is None
    monkeypatch.setattr(rows_file, "MIN_BYTES", 1 << 20)
    assert save(tmp_path, read(tmp_path)) == []


def test_values_that_json_lacks_are_not_cached(tmp_path: Path) -> None:
    dataset = read(tmp_path)
    endless = replace(dataset.examples[0], inputs={"x": float("inf")})
    assert save(tmp_path, replace(dataset, examples=(endless,))) == []


def test_blocks_of_another_dataset_are_refused() -> None:
    with pytest.raises(ValueError, match="another dataset"):
        PackedExamples(list(pack_examples(())), 1)
