"""Datasets of the Hugging Face hub, or of a folder, as rows. The only module to import `datasets`.

dataset: {huggingface: stanfordnlp/imdb, split: test, expected: label}
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from workbench.canonical import JSON
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.selected_columns import ColumnSelection
from workbench.dataset.types import DatasetSource
from workbench.dataset.values import row_as_json
from workbench.document import is_folder
from workbench.errors import WorkbenchError, unknown_name


def open_hub(spec: DatasetSpec, folder: Path, selection: ColumnSelection) -> DatasetSource:
    """The rows of `spec.huggingface`; a folder below `folder` comes before the hub.

    Class labels become their names (`0` of [neg, pos] is "neg"), dates ISO 8601 strings.

    Raises:
        WorkbenchError: it can't be loaded, or `split` is missing or unknown.
    """
    dataset_id = spec.huggingface or ""
    local = folder / dataset_id if is_folder(folder / dataset_id) else None
    name = str(local) if local else f"huggingface:{dataset_id}"
    dataset = _load(spec, local, name)
    if isinstance(dataset, datasets.DatasetDict):
        dataset = _select_split(dataset, spec.split, name)
    elif spec.split is not None and spec.split != str(dataset.split):
        message = f"has no splits, so none is called {spec.split!r}"
        raise WorkbenchError(message, where=name, fix="remove `split:` to use every row")
    name = f"{name}[{dataset.split}]" if dataset.split else name
    columns = dataset.column_names
    selection.note_columns(columns)
    read = [column for column in columns if selection.keeps(column)]
    if read and read != columns:  # before images and sound are decoded
        dataset = dataset.select_columns(read)
    return DatasetSource(name, _read_rows(dataset, name, selection), "row")


def _load(spec: DatasetSpec, local: Path | None, name: str) -> Any:
    try:
        if local and any((local / mark).is_file() for mark in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(str(local))
        target = str(local) if local else spec.huggingface
        return datasets.load_dataset(target, spec.config, revision=spec.revision)
    except Exception as error:  # the hub's own errors, those of its HTTP client, of each format
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WorkbenchError(
            f"can't be loaded: {reason}",
            where=name,
            fix="check the id, `config:`, `revision:` and the network; set HF_TOKEN for a "
            "private dataset; name a folder relative to the experiment file",
        ) from error


def _select_split(dataset: Any, split: str | None, name: str) -> Any:
    if split is None and len(dataset) == 1:
        return next(iter(dataset.values()))
    if split is None:
        message = f"has several splits: {', '.join(dataset)}"
        raise WorkbenchError(message, where=name, fix=f"add `split: {next(iter(dataset))}`")
    if split not in dataset:
        raise unknown_name("split", split, dataset, where=name)
    return dataset[split]


def _read_rows(
    dataset: Any, name: str, selection: ColumnSelection
) -> Iterator[tuple[int, dict[str, JSON]]]:
    labels = {
        column: feature.names
        for column, feature in dataset.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    for number, row in enumerate(dataset, 1):
        values = row_as_json(selection.select(row), f"{name} row {number}")
        for column, names in labels.items():
            column = selection.name(column)
            index = values[column]
            values[column] = names[index] if isinstance(index, int) and index >= 0 else None
        yield number, values
