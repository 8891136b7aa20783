"""Datasets of the Hugging Face hub, or of a folder, as rows. The only module to import `datasets`.

dataset: {huggingface: stanfordnlp/imdb, split: test, expected: label}
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from workbench.canonical import JSON
from workbench.dataset.types import DatasetSource, DatasetSpec
from workbench.dataset.values import row_as_json
from workbench.document import is_folder
from workbench.errors import WorkbenchError, unknown_name


def open_hub(spec: DatasetSpec, folder: Path) -> DatasetSource:
    """The rows of `spec.huggingface`, a folder below `folder` if there is one of that name.

    Class labels become their names (`0` of [neg, pos] is "neg"), dates ISO 8601 text.

    Raises:
        WorkbenchError: it can't be loaded, or has several splits and none is named.
    """
    wanted = spec.huggingface or ""
    local = folder / wanted
    name = str(local) if is_folder(local) else f"huggingface:{wanted}"
    loaded = _load(spec, local if is_folder(local) else None, name)
    if isinstance(loaded, datasets.DatasetDict):
        loaded = _split(loaded, spec.split, name)
    elif spec.split is not None and spec.split != str(loaded.split):
        what = f"has no splits, so none is called {spec.split!r}"
        raise WorkbenchError(what, where=name, fix="leave `split:` out to take every row")
    name = f"{name}[{loaded.split}]" if loaded.split else name
    return DatasetSource(name, _rows(loaded, name), "row")


def _load(spec: DatasetSpec, local: Path | None, name: str) -> Any:
    try:
        if local is not None and any(
            (local / mark).is_file() for mark in ("dataset_dict.json", "state.json")
        ):
            return datasets.load_from_disk(str(local))
        where = str(local) if local is not None else spec.huggingface
        return datasets.load_dataset(where, spec.config, revision=spec.revision)
    except Exception as error:  # the hub's own errors, those of its HTTP client, of each format
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WorkbenchError(
            f"can't be loaded: {first}",
            where=name,
            fix="check the id, `config:` and `revision:`, and the network; HF_TOKEN for a "
            "private one; a folder is named relative to the experiment file",
        ) from error


def _split(loaded: Any, wanted: str | None, name: str) -> Any:
    if wanted is None and len(loaded) == 1:
        return next(iter(loaded.values()))
    if wanted is None:
        what = f"has several splits: {', '.join(loaded)}"
        raise WorkbenchError(what, where=name, fix=f"add `split: {next(iter(loaded))}`")
    if wanted not in loaded:
        raise unknown_name("split", wanted, loaded, where=name)
    return loaded[wanted]


def _rows(loaded: Any, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    labels = {
        column: feature.names
        for column, feature in loaded.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    for number, row in enumerate(loaded, 1):
        values = row_as_json(row, f"{name} row {number}")
        for column, names in labels.items():
            index = values[column]
            values[column] = names[index] if isinstance(index, int) and index >= 0 else None
        yield number, values
