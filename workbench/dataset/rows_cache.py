"""A cache of the rows of large files, valid as long as the file and its settings are the same.

    .workbench/views/5f2c….rows      facts as JSON, blocks of examples, a checksum

A file is known by the SHA-256 of its bytes, so an edited one is read again. Rows in which a secret
was redacted are not cached.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from workbench.canonical import JSON, digest
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.packed_examples import PackedExamples, pack_examples
from workbench.dataset.rows_file import find_rows_file, has_changed
from workbench.dataset.types import Dataset, RowScope, RowsFile
from workbench.project.cache_files import read_cache_file, write_cache_file

MAX_FILES = 3  # the newest stay
MAX_BYTES = 256 << 20  # of a file; 100,000 rows of 500 characters have some 11 MB
_OUTSIDE_FACTS = ("examples", "folder", "file")


@dataclass(frozen=True)
class RowsCache:
    """The cached rows in one folder."""

    folder: Path

    def read(
        self, spec: DatasetSpec, folder: Path, scope: RowScope, load: Callable[[], Dataset]
    ) -> Dataset:
        """The rows as they were read before, or as `load` reads them."""
        file = find_rows_file(spec, folder, scope)
        if file is None:
            return load()
        return self.load(file) or replace(load(), file=file)

    def load(self, file: RowsFile) -> Dataset | None:
        """The rows of a file as they were read before; None: they are not cached."""
        body = read_cache_file(self._path(file))
        if body is None:
            return None
        with suppress(ValueError, KeyError, TypeError):
            start = int.from_bytes(body[:8], "big") + 8
            return _dataset(json.loads(bytes(body[8:start])), body[start:], file)
        return None

    def save(self, dataset: Dataset) -> None:
        """Cache the rows of a large file, unless it has been edited since they were read."""
        file = dataset.file
        if file is None or isinstance(dataset.examples, PackedExamples) or has_changed(file):
            return
        with suppress(ValueError, TypeError):  # values that JSON doesn't have
            blocks, size = list[bytes](), 0
            for block in pack_examples(dataset.examples):
                blocks.append(block)
                size += len(block)
                if size > MAX_BYTES:
                    return
            header = json.dumps(_header(dataset, file, blocks), allow_nan=False).encode("ascii")
            parts = [len(header).to_bytes(8, "big"), header, *blocks]
            write_cache_file(self._path(file), parts, newest=MAX_FILES)

    def _path(self, file: RowsFile) -> Path:
        return self.folder / f"{digest(_identity(file))[:16]}.rows"


def _identity(file: RowsFile) -> list[JSON]:
    return [file.sha256, file.settings]


def _header(dataset: Dataset, file: RowsFile, blocks: list[bytes]) -> dict[str, JSON]:
    names = [field.name for field in fields(dataset) if field.name not in _OUTSIDE_FACTS]
    return {
        "identity": _identity(file),
        "facts": {name: getattr(dataset, name) for name in names},
        "examples": len(dataset.examples),
        "blocks": [len(block) for block in blocks],
    }


def _dataset(header: Mapping[str, Any], packed: memoryview, file: RowsFile) -> Dataset | None:
    if header["identity"] != _identity(file):
        return None
    blocks, start = list[memoryview](), 0
    for size in header["blocks"]:
        blocks.append(packed[start : start + size])
        start += size
    facts: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in header["facts"].items()
    }
    examples = PackedExamples(blocks, header["examples"])
    return Dataset(**facts, examples=examples, folder=file.path.parent, file=file)
