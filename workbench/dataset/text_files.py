r"""Text files as lines: what can't be one is named before it is read.

lines(Path("reviews.jsonl"), "reviews.jsonl")  ->  (1, '{"text": "A fun ride."}\n'), …
"""

import os
from collections.abc import Iterator
from pathlib import Path

from workbench.document import file_kind
from workbench.errors import WorkbenchError, unknown_name

_LONGEST = 200  # characters of a file's name that are shown as they are
BOM = b"\xef\xbb\xbf"
_UTF_16 = ("UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8")
_MAGIC = {
    b"\x1f\x8b": ("gzip", "unpack it first: gunzip"),
    b"PK\x03\x04": ("a zip archive (or a spreadsheet)", "unpack it, or export it as CSV"),
    b"BZh": ("bzip2", "unpack it first: bunzip2"),
    b"\xfd7zXZ": ("xz", "unpack it first: unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unpack it first: unzstd"),
    b"PAR1": ("Parquet", "name it .parquet"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}


def check_file(path: Path, name: str) -> None:
    """Makes sure that `path` is a file to read, without opening what might never end.

    Raises:
        WorkbenchError: it is missing, may not be read, or is a folder, pipe, device or socket.
    """
    try:
        kind = file_kind(path)
    except FileNotFoundError:
        around = path.parent.iterdir() if path.parent.is_dir() else ()
        names = [other.name for other in around if other.is_file()]
        raise unknown_name("dataset file", path.name, names, where=name) from None
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "its name contains NUL"
        shown = name if len(path.name) <= _LONGEST else f"{path.name[:60]}…"
        fix = "name a file that you may read"
        raise WorkbenchError(f"can't be read: {said}", where=shown, fix=fix) from error
    if kind:
        hint = "; a folder of the `datasets` library: {huggingface: FOLDER}"
        fix = "name a file" + (hint if kind == "a folder" else "")
        raise WorkbenchError(f"is {kind}, not a file", where=name, fix=fix)
    if not os.access(path, os.R_OK):
        raise WorkbenchError("may not be read", where=name, fix=f"chmod +r {path}")


def check_text(path: Path, name: str) -> None:
    """Makes sure that the first bytes are not those of some other kind of file."""
    with path.open("rb") as file:
        head = file.read(16)
    if any(set(head[start:16:2]) == {0} for start in (0, 1)):  # half a character a letter
        raise WorkbenchError(f"is {_UTF_16[0]}, not UTF-8 text", where=name, fix=_UTF_16[1])
    for magic, (what, fix) in _MAGIC.items():
        if head.startswith(magic):
            raise WorkbenchError(f"is {what}, not UTF-8 text", where=name, fix=fix)


def lines(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1 and its line end; a BOM is left out.

    Raises:
        WorkbenchError: a byte that is not UTF-8, by its offset in the file.
    """
    offset = 0
    with path.open("rb", buffering=1 << 20) as file:
        for number, raw in enumerate(file, 1):
            start = len(BOM) if number == 1 and raw.startswith(BOM) else 0
            try:
                yield number, raw[start:].decode("utf-8")
            except UnicodeDecodeError as error:
                at = start + error.start
                raise WorkbenchError(
                    f"byte {offset + at}, {bytes(raw[at : at + 1])!r}, is not UTF-8",
                    where=f"{name}:{number}",
                    fix=f"convert the file to UTF-8: iconv -f LATIN1 -t UTF-8 {name}",
                ) from error
            offset += len(raw)
