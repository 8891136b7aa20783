"""Datasets from files, the Hugging Face hub and MLflow.

load_dataset(DatasetSpec(path="reviews.jsonl", expected="label"), Path("prompts/sentiment"))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from workbench.canonical import JSON
from workbench.dataset.csv_rows import read_csv
from workbench.dataset.examples import collect_examples
from workbench.dataset.json_rows import read_json, read_jsonl
from workbench.dataset.text_files import check_file, check_text
from workbench.dataset.types import Dataset, DatasetSource, DatasetSpec, Unit
from workbench.dataset.values import row_as_json
from workbench.errors import WorkbenchError
from workbench.prompt.renderer import Renderer

MlflowReader = Callable[[str], Sequence[Mapping[str, Any]]]
Reader = Callable[[Path, str], Iterator[tuple[int, dict[str, JSON]]]]

_TEXT_READERS: dict[str, Reader] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": partial(read_csv, delimiter="\t"),
}
_COMPRESSED = (".gz", ".zip", ".bz2", ".xz", ".zst")
_MLFLOW_FIELDS = ("dataset_record_id", "inputs", "expectations", "id", "split")


def load_dataset(
    spec: DatasetSpec,
    folder: Path,
    *,
    mlflow_reader: MlflowReader | None = None,
    limit: int | None = None,
    renderer: Renderer | None = None,
) -> Dataset:
    """Every row that `spec` selects, read and checked; paths are relative to `folder`.

    `mlflow_reader` returns the records of an MLflow evaluation dataset by its name. With a `limit`
    only the first rows are kept. Without a renderer one is started if `expected:` needs it.

    Raises:
        WorkbenchError: with file and line where there are lines.
    """
    collect = partial(collect_examples, limit=limit, renderer=renderer)
    if spec.path is not None:
        path = folder / spec.path
        return collect(_open_file(path), spec, name=path.stem)
    if spec.huggingface is not None:
        # `datasets` takes a second to import
        from workbench.dataset.huggingface import open_hub

        name = Path(spec.huggingface).name
        return collect(open_hub(spec, folder), spec, name=name)
    name = spec.mlflow or ""
    return collect(_open_mlflow(name, mlflow_reader), spec, name=name)


def _open_file(path: Path) -> DatasetSource:
    """The rows of `path`, read lazily; the suffix names the format."""
    name = str(path)
    check_file(path, name)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        # pyarrow takes 0.1 s to import
        from workbench.dataset.parquet_rows import read_parquet

        return DatasetSource(name, read_parquet(path, name), "row")
    if suffix not in _TEXT_READERS:
        fix = f"use one of {', '.join([*_TEXT_READERS, '.parquet'])}"
        fix = f"unpack it first; then {fix}" if suffix in _COMPRESSED else fix
        raise WorkbenchError(f"unknown dataset format {path.suffix!r}", where=name, fix=fix)
    check_text(path, name)
    unit: Unit = "row" if suffix == ".json" else "line"
    return DatasetSource(name, _TEXT_READERS[suffix](path, name), unit)


def _open_mlflow(dataset: str, reader: MlflowReader | None) -> DatasetSource:
    name = f"mlflow:{dataset}"
    if reader is None:
        fix = "use a `path:` or `huggingface:` dataset, which needs no tracking store"
        raise WorkbenchError("MLflow datasets can't be read here", where=name, fix=fix)
    records = ({key: r[key] for key in _MLFLOW_FIELDS if key in r} for r in reader(dataset))
    rows = ((n, row_as_json(record, f"{name} row {n}")) for n, record in enumerate(records, 1))
    return DatasetSource(name, rows, "row")
