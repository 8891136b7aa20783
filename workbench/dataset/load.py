"""Datasets from files, the Hugging Face hub and MLflow.

load_dataset(DatasetSpec(path="reviews.jsonl", expected="label"), Path("prompts/sentiment"))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from workbench.dataset.csv_rows import CsvTable
from workbench.dataset.dataset_spec import COMPRESSED, DatasetSpec
from workbench.dataset.examples import collect_examples
from workbench.dataset.json_rows import read_json, read_jsonl
from workbench.dataset.selected_columns import ColumnSelection
from workbench.dataset.text_files import TextFile, check_file
from workbench.dataset.types import ALL_ROWS, Dataset, DatasetSource, RowScope
from workbench.dataset.values import row_as_json
from workbench.errors import WorkbenchError
from workbench.prompt.renderer import Renderer

MlflowReader = Callable[[str], Sequence[Mapping[str, Any]]]
_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_CURES = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), "save the sheet as CSV UTF-8"),
    **dict.fromkeys((".zip", ".zst", ".7z", ".tar", ".tgz", ".rar"), "unpack it first"),
    **dict.fromkeys((".yaml", ".yml"), "write the rows into a .json or .jsonl file"),
    **dict.fromkeys((".arrow", ".feather", ".pkl", ".pickle", ".orc"), "write it as .parquet"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "export the table as CSV"),
}
_MLFLOW_FIELDS = ("dataset_record_id", "inputs", "expectations", "id", "split")


def load_dataset(
    spec: DatasetSpec,
    folder: Path,
    *,
    mlflow_reader: MlflowReader | None = None,
    scope: RowScope = ALL_ROWS,
    renderer: Renderer | None = None,
) -> Dataset:
    """Every row that `spec` selects, read and checked; paths are relative to `folder`.

    `mlflow_reader` returns the records of an MLflow evaluation dataset by its name. With a limit
    only the first rows are kept. Without a renderer one is started if `expected:` needs it.

    Raises:
        WorkbenchError: with file and line where there are lines.
    """
    if scope.sample is not None:
        spec = spec.model_copy(update={"sample": scope.sample})
    selection = ColumnSelection(spec)
    source = _open_source(spec, folder, selection, mlflow_reader)
    source = replace(source, rows=selection.rows(source.rows, source.name))
    path = PurePath(spec.path or spec.huggingface or "")
    path = path.with_suffix("") if spec.path and path.suffix.lower() in COMPRESSED else path
    name = path.stem if spec.path else path.name or spec.mlflow or "rows"
    with selection.explained():
        dataset = collect_examples(source, spec, name=name, scope=scope, renderer=renderer)
    in_file = spec.path is not None or spec.rows is not None
    rows_folder = (folder / (spec.path or "rows")).parent if in_file else None
    return replace(dataset, left_out=selection.left_out, folder=rows_folder)


def _open_source(
    spec: DatasetSpec, folder: Path, selection: ColumnSelection, reader: MlflowReader | None
) -> DatasetSource:
    if spec.path is not None:
        return _open_file(folder / spec.path, spec, selection)
    if spec.huggingface is not None:
        # `datasets` takes a second to import
        from workbench.dataset.huggingface import open_hub

        return open_hub(spec, folder, selection)
    if spec.rows is not None:
        return _open_inline(spec, selection)
    return _open_mlflow(spec.mlflow or "", selection, reader)


def _open_inline(spec: DatasetSpec, selection: ColumnSelection) -> DatasetSource:
    file, rows = spec.inline_rows()
    source = DatasetSource(file or "rows", (), "line" if file else "row")
    selected = ((n, row_as_json(selection.select(r), source.location(n))) for n, r in rows)
    return replace(source, rows=selected)


def _open_file(path: Path, spec: DatasetSpec, selection: ColumnSelection) -> DatasetSource:
    """The rows of `path`, read lazily; the suffix names the format."""
    name = str(path)
    if "://" in (spec.path or ""):
        message, fix = "is an address, not a file", "download it, and name the file"
        raise WorkbenchError(message, where=spec.path or "", fix=fix)
    check_file(path, name)
    file = TextFile(path, name, spec.encoding or "")
    suffix, packed = file.suffix, path.suffix.lower() in COMPRESSED
    if suffix == ".parquet" and not packed:
        # pyarrow takes 0.1 s to import
        from workbench.dataset.parquet_rows import read_parquet

        return DatasetSource(name, read_parquet(path, name, selection), "row")
    if suffix == ".parquet" or (suffix not in _SUFFIXES and not spec.delimiter):
        raise _unknown_format(suffix or path.suffix, name)
    file.check()
    if suffix in (".jsonl", ".ndjson"):
        return DatasetSource(name, read_jsonl(file, selection))
    if suffix == ".json":
        return DatasetSource(name, read_json(file, selection, spec.split), "row")
    table = CsvTable(file, spec, selection)
    return DatasetSource(name, table.rows(), notes=table.notes)


def _unknown_format(suffix: str, name: str) -> WorkbenchError:
    fix = f"use one of {', '.join(_SUFFIXES)}"
    if suffix in _CURES:
        fix = f"{_CURES[suffix]}; {fix}"
    elif suffix not in _SUFFIXES:
        fix += ", or add `delimiter:` to read it as CSV"
    else:
        fix = "unpack it first: Parquet is compressed inside"
    return WorkbenchError(f"unknown dataset format {suffix!r}", where=name, fix=fix)


def _open_mlflow(
    dataset: str, selection: ColumnSelection, reader: MlflowReader | None
) -> DatasetSource:
    name = f"mlflow:{dataset}"
    if reader is None:
        fix = "use a `path:` or `huggingface:` dataset, which needs no tracking store"
        raise WorkbenchError("MLflow datasets can't be read here", where=name, fix=fix)
    records = ({key: r[key] for key in _MLFLOW_FIELDS if key in r} for r in reader(dataset))
    selected = enumerate(map(selection.select, records), 1)
    rows = ((n, row_as_json(record, f"{name} row {n}")) for n, record in selected)
    return DatasetSource(name, rows, "row")
