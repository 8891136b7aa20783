"""A dataset file as rows, whatever its format.

open_file(Path("prompts/sentiment/reviews.jsonl"))  ->  DatasetSource("prompts/sentiment/…", rows)
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.canonical import JSON
from workbench.dataset.csv_rows import read_csv, read_tsv
from workbench.dataset.json_rows import read_json, read_jsonl
from workbench.dataset.text_files import check_file, check_text
from workbench.dataset.types import DatasetSource
from workbench.errors import WorkbenchError

Reader = Callable[[Path, str], Iterator[tuple[int, dict[str, JSON]]]]

_TEXT: dict[str, Reader] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
}
_PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst")


def open_file(path: Path) -> DatasetSource:
    """The rows of `path`, read as they are asked for; the suffix says the format.

    Raises:
        WorkbenchError: no such file, not a file, a suffix or a content that is none of the
            formats. While the rows are read: whatever is wrong with one, by its line.
    """
    name = str(path)
    check_file(path, name)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        # pyarrow takes 0.1 s to import, which no experiment on text files need wait for
        from workbench.dataset.parquet_rows import read_parquet

        return DatasetSource(name, read_parquet(path, name), "row")
    if suffix not in _TEXT:
        fix = f"name it one of {', '.join([*_TEXT, '.parquet'])}"
        if suffix in _PACKED:
            fix = f"unpack it first; then {fix}"
        raise WorkbenchError(f"unknown dataset format {path.suffix!r}", where=name, fix=fix)
    check_text(path, name)
    return DatasetSource(name, _TEXT[suffix](path, name), "line")
