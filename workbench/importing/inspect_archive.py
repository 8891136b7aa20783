"""Samples of an Inspect log: a JSON file, or an `.eval` archive with a file for each sample.

header.json                  {"version": 2, "eval": {"task": "capitals", "model": "openai/…"}, …}
samples/fr_epoch_1.json      {"id": "fr", "epoch": 1, "input": "Capital of France?", …}

Files of an archive are deflated, or compressed with Zstandard, which `zipfile` can't read yet.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError, bytes_text
from workbench.importing.foreign_json import ForeignParser, read_document_text
from workbench.importing.foreign_values import as_list

MAX_FILE = 100_000_000  # bytes of a file in an archive, unpacked
MAX_ALL = 4_000_000_000  # bytes of all of them
ZSTANDARD = 93  # the method's number in the ZIP format
_LOCAL_HEADER = struct.Struct("<26xHH")
_DAMAGED = "save the log again, or convert it: inspect log convert --to json"


@dataclass(frozen=True)
class InspectSample:
    """A sample and its place.

    Attributes:
        where: the file, and the file in the archive.
    """

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class InspectLog:
    """A log: all but the samples, and the samples one by one."""

    header: Mapping[str, Any]
    samples: Iterator[InspectSample]


def open_log(path: Path, parser: ForeignParser) -> InspectLog:
    """The log in a file.

    Raises:
        WorkbenchError: it can't be read, now or while the samples are.
    """
    if path.suffix.lower() == ".eval":
        return _open_archive(path, parser)
    content = parser.parse(read_document_text(path), 1)
    if not isinstance(content, dict):
        raise WorkbenchError("no log of Inspect", where=path.name, fix=_DAMAGED)
    samples = as_list(content.pop("samples", None))
    located = (
        InspectSample(f"{path.name}: samples[{number}]", values)
        for number, values in enumerate(samples)
        if isinstance(values, dict)
    )
    return InspectLog(content, located)


def _open_archive(path: Path, parser: ForeignParser) -> InspectLog:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise WorkbenchError(f"no archive: {error}", where=path.name, fix=_DAMAGED) from error
    reader = _ArchiveReader(path, archive, parser)
    names = archive.namelist()
    header_name = next((n for n in ("header.json", "_journal/start.json") if n in names), "")
    if not header_name:
        raise WorkbenchError("the archive has no header.json", where=path.name, fix=_DAMAGED)
    header = reader.read(header_name)
    files = [n for n in names if n.startswith("samples/") and n.endswith(".json")]
    return InspectLog(
        header, (InspectSample(f"{path.name}: {name}", reader.read(name)) for name in files)
    )


class _ArchiveReader:
    """Reads the JSON files of an archive within bounds."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, parser: ForeignParser) -> None:
        self._path = path
        self._archive = archive
        self._parser = parser
        self._unpacked = 0

    def read(self, name: str) -> Mapping[str, Any]:
        where = f"{self._path.name}: {name}"
        info = self._archive.getinfo(name)
        try:
            content = self._unpack(info)
        except (OSError, ValueError, zipfile.BadZipFile, zlib.error, struct.error, EOFError) as e:
            raise WorkbenchError(f"can't be unpacked: {e}", where=where, fix=_DAMAGED) from e
        except (NotImplementedError, RuntimeError) as error:  # a method, or a password
            raise WorkbenchError(f"can't be read: {error}", where=where, fix=_DAMAGED) from error
        self._unpacked += len(content)
        if len(content) > MAX_FILE or self._unpacked > MAX_ALL:
            limit = MAX_FILE if len(content) > MAX_FILE else MAX_ALL
            message = f"unpacks to more than {bytes_text(limit)}"
            raise WorkbenchError(message, where=where, fix="import a log with fewer samples")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"not UTF-8 at byte {error.start}"
            raise WorkbenchError(message, where=where, fix=_DAMAGED) from error
        name_before, self._parser.name = self._parser.name, where
        try:
            value = self._parser.parse(text, 1)
        finally:
            self._parser.name = name_before
        return value if isinstance(value, dict) else {}

    def _unpack(self, info: zipfile.ZipInfo) -> bytes:
        """The content of a file, or one byte more than it may have."""
        if info.compress_type != ZSTANDARD:
            with self._archive.open(info) as file:
                return file.read(MAX_FILE + 1)
        import pyarrow  # imported here: only these archives need it

        with self._path.open("rb") as raw:
            raw.seek(info.header_offset)
            name_length, extra_length = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
            raw.seek(name_length + extra_length, 1)
            packed = raw.read(min(info.compress_size, MAX_FILE))
        with pyarrow.CompressedInputStream(pyarrow.BufferReader(packed), "zstd") as stream:
            return bytes(stream.read(MAX_FILE + 1))
