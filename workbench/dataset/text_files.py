r"""Lines of text files; a file that is not text is refused before it is read.

lines(Path("reviews.jsonl"), "reviews.jsonl")     (1, '{"text": "A fun ride."}\n'), …
"""

import os
from collections.abc import Iterator
from pathlib import Path

from workbench.document import file_kind
from workbench.errors import WorkbenchError, unknown_name

_MAX_NAME = 200  # characters of a file's name shown in full
BOM = b"\xef\xbb\xbf"
_UTF_16 = ("UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8")
_MAGIC = {
    b"\x1f\x8b": ("gzip", "unpack it first: gunzip"),
    b"PK\x03\x04": ("a zip archive (or a spreadsheet)", "unpack it, or export it as CSV"),
    b"BZh": ("bzip2", "unpack it first: bunzip2"),
    b"\xfd7zXZ": ("xz", "unpack it first: unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unpack it first: unzstd"),
    b"PAR1": ("Parquet", "rename it to .parquet"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}


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
        raise unknown_name("dataset file", path.name, names, where=name) from None
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


def check_text(path: Path, name: str) -> None:
    """Check that the first bytes are not those of another kind of file."""
    with path.open("rb") as file:
        head = file.read(16)
    kinds = [kind for magic, kind in _MAGIC.items() if head.startswith(magic)]
    if any(set(head[start:16:2]) == {0} for start in (0, 1)):  # every second byte is zero
        kinds = [_UTF_16]
    for kind, fix in kinds:
        raise WorkbenchError(f"is {kind}, not UTF-8 text", where=name, fix=fix)


def lines(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1 and its line end; a byte order mark is skipped.

    Raises:
        WorkbenchError: a byte that is not UTF-8, with its offset in the file.
    """
    offset = 0
    with path.open("rb", buffering=1 << 20) as file:
        for number, raw in enumerate(file, 1):
            start = len(BOM) if number == 1 and raw.startswith(BOM) else 0
            try:
                yield number, raw[start:].decode("utf-8")
            except UnicodeDecodeError as error:
                position = start + error.start
                byte = bytes(raw[position : position + 1])
                message = f"byte {offset + position}, {byte!r}, is not UTF-8"
                fix = f"convert the file to UTF-8: iconv -f LATIN1 -t UTF-8 {name}"
                raise WorkbenchError(message, where=f"{name}:{number}", fix=fix) from error
            offset += len(raw)
