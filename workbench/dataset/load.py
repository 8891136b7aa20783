"""A dataset from wherever an experiment file says it is.

load_dataset(DatasetSpec(path="reviews.jsonl", expected="label"), Path("prompts/sentiment"))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.canonical import JSON
from workbench.dataset.examples import collect
from workbench.dataset.files import open_file
from workbench.dataset.types import Dataset, DatasetSource, DatasetSpec
from workbench.dataset.values import row_as_json
from workbench.errors import WorkbenchError

_RECORD = ("dataset_record_id", "inputs", "expectations", "id", "split")  # the rest is history

MlflowReader = Callable[[str], Sequence[Mapping[str, Any]]]


def load_dataset(
    spec: DatasetSpec,
    folder: Path,
    *,
    mlflow_reader: MlflowReader | None = None,
    limit: int | None = None,
) -> Dataset:
    """Every row that `spec` selects, read and checked; those kept are whole in memory.

    Args:
        spec: checked; `split` of a hub dataset is the hub's, elsewhere the column `split`.
        folder: the experiment file's; paths are relative to it.
        mlflow_reader: gives the records of an MLflow evaluation dataset by its name.
        limit: how many rows to keep, the first; None: all.

    Raises:
        WorkbenchError: with file and line, wherever there is one.
    """
    if spec.path is not None:
        path = folder / spec.path
        return collect(open_file(path), spec, name=path.stem, limit=limit)
    if spec.huggingface is not None:
        # `datasets` takes a second to import
        from workbench.dataset.huggingface import open_hub

        name = Path(spec.huggingface).name
        return collect(open_hub(spec, folder), spec, name=name, limit=limit)
    wanted = spec.mlflow or ""
    return collect(_open_mlflow(wanted, mlflow_reader), spec, name=wanted, limit=limit)


def _open_mlflow(wanted: str, reader: MlflowReader | None) -> DatasetSource:
    name = f"mlflow:{wanted}"
    if reader is None:
        fix = "a `path:` or `huggingface:` dataset needs no tracking store"
        raise WorkbenchError("MLflow datasets can't be read here", where=name, fix=fix)
    return DatasetSource(name, _records(reader(wanted), name), "row")


def _records(
    records: Sequence[Mapping[str, Any]], name: str
) -> Iterator[tuple[int, dict[str, JSON]]]:
    for number, record in enumerate(records, 1):
        kept = {key: record[key] for key in _RECORD if key in record}
        yield number, row_as_json(kept, f"{name} row {number}")
