r"""A file's bytes, and the format of an image, by its first bytes.

>>> media_type(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), media_type(b"%PDF-1.7")
('image/png', '')
>>> other_format(b"%PDF-1.7")
'a PDF'
"""

import os
import re
import stat
from pathlib import Path

from workbench.errors import WorkbenchError, bytes_text

MAX_IMAGE = 20_000_000  # bytes
MAX_SHOWN = 100_000  # bytes of an image that a record shows; of others it has name and digest
HEAD = 256  # bytes that show a format
FORMATS = {
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF.{4}WEBP",
}
OTHER_FORMATS = {
    "a PDF": rb"%PDF",
    "an SVG": rb"\s*(<\?xml.*)?<svg",
    "a TIFF": rb"II\*\0|MM\0\*",
    "a BMP": rb"BM",
    "an HEIC or AVIF": rb".{4}ftyp",
    "a web page": rb"\s*<(!doctype )?html",
    "a pointer of Git LFS": rb"version https://git-lfs",
}
CONVERT = "save it as PNG, JPEG, GIF or WebP"
SHRINK = f"shrink it: an image has at most {bytes_text(MAX_IMAGE)}"


def media_type(head: bytes) -> str:
    """The media type of an image that begins with `head`; empty if models take no such image."""
    matches = (kind for kind, magic in FORMATS.items() if re.match(magic, head, re.DOTALL))
    return next(matches, "")


def other_format(head: bytes) -> str:
    """The format of what is no image for models; empty if it is unknown."""
    flags = re.DOTALL | re.IGNORECASE
    return next((kind for kind, magic in OTHER_FORMATS.items() if re.match(magic, head, flags)), "")


def check_image(content: bytes) -> str:
    """Return the media type of an image.

    Raises:
        WorkbenchError: it is empty, too large, or no PNG, JPEG, GIF or WebP.
    """
    if len(content) > MAX_IMAGE:
        raise WorkbenchError(f"is larger than {bytes_text(MAX_IMAGE)}", fix=SHRINK)
    if not content:
        raise WorkbenchError("is empty", fix=CONVERT)
    if kind := media_type(content[:HEAD]):
        return kind
    other = other_format(content[:HEAD])
    fix = "git lfs pull" if "Git LFS" in other else CONVERT
    problem = f"is {other}, which models don't take as an image" if other else "is no image"
    raise WorkbenchError(problem, fix=fix)


def read_image(path: Path) -> bytes:
    """Return the bytes of the file at `path`, one more than allowed at most.

    `path` is free of links; a pipe or a device is never waited for.

    Raises:
        WorkbenchError: it is no regular file, or can't be read.
    """
    from workbench.document import file_kind  # imports pydantic, which no evaluator's process needs

    try:
        if kind := file_kind(path):
            raise WorkbenchError(f"is {kind}, not a file", fix="name an image file")
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags)
        with open(descriptor, "rb") as file:  # noqa: PTH123  opened without following links
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise WorkbenchError("is not a file", fix="name an image file")
            return file.read(MAX_IMAGE + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise WorkbenchError("is missing", fix="check the path, or put the file there") from None
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise WorkbenchError(message, fix="make it a readable file") from error
