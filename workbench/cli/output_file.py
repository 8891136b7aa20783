"""A file that the user named for a command's result: what it may replace, and how it is written.

$ workbench compare --html prompts/qa/plain.jinja
error: prompts/qa/plain.jinja: belongs to the project
  fix: name another file

Only a file that the same command has made is replaced; another needs --force. A file of the
project's inputs or of its store is never replaced. A new file gets its name when it is complete.
"""

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.output import REDACTOR
from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from workbench.project import Project

Force = Annotated[
    bool, typer.Option("--force", help="Replace a file that this command has not made.")
]
# The beginnings of files by which a command knows its own.
PAGE = rb'<!doctype html>.{0,900}<meta name="generator" content="workbench compare">'
JUNIT = rb'<\?xml[^>]*\?>\s*<testsuites>\s*<testsuite name="workbench gate '
LABELS = b"id,variant,person,label,name,when,comment\n"
UNKNOWN = rb"(?!)"  # every file needs --force
BEGINNING = 2_000  # bytes that are read of a file
INPUT_SUFFIXES = (".jinja", ".py", ".yaml", ".yml", ".toml", ".env", ".db")
ROOT_FILES = (".env", "pyproject.toml", "workbench.yaml")
# Values in an experiment file that may be paths: in quotes, plain, words of a flow collection.
VALUES = (r"\"([^\"\n]+)\"", r"'([^'\n]+)'", r"(?m)[:-]\s+([^\s\"'].*?)\s*$", r"[^\s'\"\[\]{},:#]+")
Identity = tuple[int, int]  # device and file number


class OutputFile:
    """The file at a path, checked at once.

    Args:
        path: as the user named it.
        beginning: pattern of the beginning of files that the command has made.
        force: replace other files, too.

    Raises:
        WorkbenchError: it must not be replaced, or can't be written.
    """

    def __init__(
        self, path: Path, project: "Project", beginning: bytes, *, force: bool = False
    ) -> None:
        self._named, self._shown = path, str(path)
        self._project = project
        self._beginning = beginning
        self._force = force
        with self._errors():
            try:
                self._path = path.resolve()  # a link stays, and the file that it names is written
            except (ValueError, RuntimeError) as error:  # NUL in the name, a circle of links
                raise OSError(0, str(error)) from error
            self._check()

    @property
    def is_stdout(self) -> bool:
        """True if the path names standard output, as /dev/stdout does."""
        return self._stream() is sys.stdout

    @contextmanager
    def writer(self, mode: int = 0o666) -> Iterator[IO[bytes]]:
        """A file to write to; at the end it is there as a whole, after an error not at all.

        Raises:
            WorkbenchError: it can't be written, or has been made meanwhile.
        """
        stream = self._stream()
        if stream:
            stream.flush()
            yield stream.buffer
            stream.buffer.flush()
            return
        with self._errors():
            if self._is_special():
                with self._named.open("wb") as file:
                    yield file
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_name(f".{self._path.name[:100]}.{os.getpid()}.part")
            try:
                opened = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
                with os.fdopen(opened, "wb") as file:
                    yield file
                if self._exists:
                    self._check()
                else:  # no file that was made meanwhile is replaced
                    os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
                part.replace(self._path)
            finally:
                part.unlink(missing_ok=True)

    def write(self, text: str) -> None:
        """Write the whole file, without secrets."""
        with self.writer() as file:
            file.write(REDACTOR.redact(text).encode("utf-8", "backslashreplace"))

    def _check(self) -> None:
        """Raise if the file must not be written."""
        self._exists = self._path.exists()
        if self._is_special():
            return
        if self._exists and not self._path.is_file():
            kind = "a folder" if self._path.is_dir() else "not a regular file"
            raise WorkbenchError(f"is {kind}", where=self._shown, fix="name a file")
        if self._is_input():
            raise WorkbenchError(
                "belongs to the project", where=self._shown, fix="name another file"
            )
        if self._exists and not self._force and not self._is_earlier():
            claim = "" if self._beginning == UNKNOWN else ", and this command has not made it"
            fix = "another name, or --force to replace it"
            raise WorkbenchError(f"the file exists{claim}", where=self._shown, fix=fix)
        parents = (self._path, *self._path.parents)
        existing = next(parent for parent in parents[not self._exists :] if parent.exists())
        for place in {existing, existing if existing.is_dir() else existing.parent}:
            if not os.access(place, os.W_OK):
                raise PermissionError(0, "Permission denied")
        if existing != self._path and not existing.is_dir():
            raise NotADirectoryError(0, "Not a directory")

    def _is_special(self) -> bool:
        """True for a pipe, a terminal or the null device: nothing is lost there."""
        # /dev/stdout is a link to a name that does not exist, so it is not resolved.
        mode = self._named.stat().st_mode if self._named.exists() else 0
        return bool(self._stream()) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)

    def _stream(self) -> Any:
        """Standard output or error, if the path names it, as /dev/stdout does; else None."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                if os.path.samestat(self._named.stat(), os.fstat(stream.fileno())):
                    return stream
        return None

    def _is_earlier(self) -> bool:
        """True for a file of this command, and for an empty one."""
        with self._path.open("rb") as file:
            text = file.read(BEGINNING)
        return not text or bool(re.match(self._beginning, text, re.DOTALL))

    def _is_input(self) -> bool:
        """True if the project reads this file, or would read it if it were there."""
        root, path = self._project.root, self._path
        folders = {name: root / name for name in (".workbench", "prompts", "evaluators")}
        inside = {name for name, folder in folders.items() if _is_inside(path, folder)}
        suffix = path.suffix.lower() or path.name.lower()
        if ".workbench" in inside or (inside and suffix in INPUT_SUFFIXES):
            return True
        if not self._exists:
            return path.name.lower() in ROOT_FILES and path.parent == root
        if _is_inside(path, root) and (
            suffix in INPUT_SUFFIXES or (inside and not self._is_earlier())
        ):
            return True
        files = [root / name for name in ROOT_FILES]
        if path.stat().st_nlink > 1:  # one of its names may be an input
            files += chain.from_iterable(folder.rglob("*") for folder in folders.values())
        identity, is_earlier = _identity(path), self._is_earlier()
        return identity in map(_identity, files) or any(
            _identity(named) == identity or (not is_earlier and _is_inside(path, named))
            for named in self._named_files()
        )

    def _named_files(self) -> Iterator[Path]:
        """The files and folders that experiment files may name, as a dataset or a certificate."""
        root = self._project.root
        arguments = (Path(word) for word in sys.argv if word.endswith((".yaml", ".yml")))
        above = {*root.resolve().parents, root.resolve()}
        for file in chain(root.glob("*.y*ml"), (root / "prompts").rglob("*.y*ml"), arguments):
            with suppress(OSError, ValueError):
                yield file
                text = file.read_bytes()[:1_000_000].decode("utf-8", "replace")
                names = {name for pattern in VALUES for name in re.findall(pattern, text)}
                for place in {file.parent, root, Path.cwd()}:
                    paths = (path for name in names if _identity(path := place / name))
                    yield from (path for path in paths if path.resolve() not in above)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise WorkbenchError(
                "the file was made meanwhile", where=self._shown, fix="run the command again"
            ) from None
        except OSError as error:
            raise WorkbenchError(
                f"can't be written: {error.strerror}",
                where=self._shown,
                fix="name a file that can be written",
                exit_code=ExitCode.STORAGE,
            ) from error


def _identity(path: Path) -> Identity | None:
    with suppress(OSError, ValueError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _is_inside(path: Path, folder: Path) -> bool:
    """True if `path` is `folder` or below it, by file numbers: names may differ in case."""
    identity = _identity(folder)
    return bool(identity) and identity in map(_identity, (path, *path.parents))
