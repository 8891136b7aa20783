r"""Lines of text files, also compressed; a file that is not text is refused before it is read.

TextFile(Path("reviews.jsonl"), "reviews.jsonl").lines()     (1, '{"text": "A fun ride."}\n'), …
"""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from workbench.catalog.data import data_of_file
from workbench.document import file_kind
from workbench.errors import WorkbenchError, unknown_name

_MAX_NAME = 200  # characters of a file's name shown in full
BOM = b"\xef\xbb\xbf"
_BUFFER = 1 << 20  # bytes
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_MAGIC = {
    b"\x1f\x8b": ("gzip", "name it .gz, as in rows.jsonl.gz, or unpack it"),
    b"PK\x03\x04": ("a zip archive (or a spreadsheet)", "unpack it, or export it as CSV"),
    b"\xd0\xcf\x11\xe0": ("an Office document", "export the table as CSV"),
    b"BZh": ("bzip2", "name it .bz2, as in rows.jsonl.bz2, or unpack it"),
    b"\xfd7zXZ": ("xz", "name it .xz, as in rows.jsonl.xz, or unpack it"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unpack it first: unzstd"),
    b"PAR1": ("Parquet", "rename it to .parquet"),
    b"ARROW1": ("Arrow", "write it as Parquet"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
    b"%PDF": ("a PDF document", "export the table as CSV"),
    b"<!DOCTYPE": ("a page of a web site", "download the file itself"),
    b"<!doctype": ("a page of a web site", "download the file itself"),
    b"<html": ("a page of a web site", "download the file itself"),
    b"version https://git-lfs": ("a pointer of Git LFS", "fetch the file itself: git lfs pull"),
}


@dataclass(frozen=True)
class TextFile:
    """A text file; the suffix .gz, .bz2 or .xz means that it is compressed.

    Attributes:
        name: in error messages.
        encoding: a codec's name; empty: UTF-8, or UTF-16 if it begins with its byte order mark.
    """

    path: Path
    name: str
    encoding: str = ""

    @property
    def suffix(self) -> str:
        """In small letters, without that of a compressed file."""
        packed = self.path.suffix.lower() in _OPENERS
        return (self.path.with_suffix("") if packed else self.path).suffix.lower()

    def check(self) -> None:
        """Check that the first bytes are not those of another kind of file."""
        with _named_faults(self.name), self._open() as file:
            head = file.read(24)
        for magic, (kind, fix) in _MAGIC.items():
            if head.removeprefix(BOM).lstrip().startswith(magic):
                raise WorkbenchError(f"is {kind}, not text", where=self.name, fix=fix)
        if self.encoding and head.startswith(BOM) and not self.encoding.startswith("utf-8"):
            message = (
                f"`encoding: {self.encoding}`, but it begins with the byte order mark of UTF-8"
            )
            raise WorkbenchError(message, where=self.name, fix="remove `encoding:`")
        zeros = [set(head[start:16:2]) == {0} for start in (0, 1)]
        if any(zeros) and not self._is_wide(head):
            fix = f"encoding: {'utf-16-be' if zeros[0] else 'utf-16-le'}"
            raise WorkbenchError("is UTF-16 text without a mark", where=self.name, fix=fix)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Each line with its number from 1 and its line end; a byte order mark is skipped.

        Raises:
            WorkbenchError: a byte that the encoding doesn't have, with its offset in the file.
        """
        with _named_faults(self.name), self._open() as file:
            head = file.read(4)
            file.seek(0)
            if self._is_wide(head):
                yield from self._wide_lines(file)
            else:
                yield from self._byte_lines(file)

    def _open(self) -> IO[bytes]:
        opener = _OPENERS.get(self.path.suffix.lower())
        if opener is None:
            return self.path.open("rb", buffering=_BUFFER)
        return io.BufferedReader(opener(self.path, "rb"), _BUFFER)

    def _is_wide(self, head: bytes) -> bool:
        """True if a line feed is more than one byte."""
        wide = self.encoding.startswith(("utf-16", "utf-32"))
        return wide or (not self.encoding and head.startswith((b"\xff\xfe", b"\xfe\xff")))

    def _byte_lines(self, file: IO[bytes]) -> Iterator[tuple[int, str]]:
        offset = 0
        encoding = self.encoding or "utf-8"
        for number, raw in enumerate(file, 1):
            start = len(BOM) if number == 1 and raw.startswith(BOM) else 0
            try:
                yield number, raw[start:].decode(encoding)
            except UnicodeDecodeError as error:
                position = start + error.start
                byte = bytes(raw[position : position + 1])
                message = f"byte {offset + position}, {byte!r}, is not {encoding.upper()}"
                fix = "name its encoding, such as `encoding: cp1252` (Excel on Windows) or latin-1"
                if self.encoding:
                    fix = "name another `encoding:`, or save the file as UTF-8"
                raise WorkbenchError(message, where=f"{self.name}:{number}", fix=fix) from error
            offset += len(raw)

    def _wide_lines(self, file: IO[bytes]) -> Iterator[tuple[int, str]]:
        encoding = self.encoding or "utf-16"
        number = 0
        try:
            for number, line in enumerate(io.TextIOWrapper(file, encoding, newline="\n"), 1):
                yield number, line.removeprefix("\ufeff") if number == 1 else line
        except UnicodeError as error:
            message = f"is not {encoding.upper()}: {getattr(error, 'reason', error)}"
            fix = "name another `encoding:`, or save the file as UTF-8"
            raise WorkbenchError(message, where=f"{self.name}:{number + 1}", fix=fix) from error


@contextmanager
def _named_faults(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        fix = "check the file and its suffix, or pack it again"
        raise WorkbenchError(f"can't be read: {error}", where=name, fix=fix) from error


def check_file(path: Path, name: str) -> None:
    """Check that `path` is a readable file, without opening a pipe that could hang.

    Raises:
        WorkbenchError: it is missing, unreadable, or a folder, pipe, device or socket.
    """
    try:
        kind = file_kind(path)
    except FileNotFoundError:
        siblings = path.parent.iterdir() if path.parent.is_dir() else ()
        names = [sibling.name for sibling in siblings if sibling.is_file()]
        fix = f"workbench data add {data}" if (data := data_of_file(path)) else ""
        raise unknown_name("dataset file", path.name, names, where=name, fix=fix) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name contains NUL"
        shown = name if len(path.name) <= _MAX_NAME else f"{path.name[:60]}…"
        fix = "name a readable file"
        raise WorkbenchError(f"can't be read: {reason}", where=shown, fix=fix) from error
    if kind:
        hint = "; for a folder of the `datasets` library use {huggingface: FOLDER}"
        fix = "name a file" + (hint if kind == "a folder" else "")
        raise WorkbenchError(f"is {kind}, not a file", where=name, fix=fix)
    if not os.access(path, os.R_OK):
        raise WorkbenchError("can't be read: no permission", where=name, fix=f"chmod +r {path}")
