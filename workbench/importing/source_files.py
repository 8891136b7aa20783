"""Files of other tools, told apart by their content and their name.

read_source(Path("promptfooconfig.yaml"))     Import(tasks=(ImportedTask(name="triage", …),), …)
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from workbench.canonical import JSON
from workbench.document import file_kind, parse_document
from workbench.errors import WorkbenchError, list_first
from workbench.importing.imported import Import

HEAD = 100_000  # bytes of a file that are read to tell its kind
MOST_JSON = 500_000_000  # bytes
MAPPED = (".json", ".yaml", ".yml", ".prompty", ".eval", ".jsonl", ".csv")


@dataclass(frozen=True)
class ForeignFile:
    """A file that may be of another tool.

    Attributes:
        path: of a regular file.
    """

    path: Path

    @property
    def name(self) -> str:
        """The file's name in lower case."""
        return self.path.name.lower()

    @cached_property
    def head(self) -> str:
        """The beginning of the file; a byte that is no UTF-8 is a replacement character."""
        with self.path.open("rb") as file:
            return file.read(HEAD).decode("utf-8-sig", errors="replace")

    @cached_property
    def content(self) -> JSON:
        """The file's JSON or YAML, of `.jsonl` its first line; None: it is none, or has errors."""
        suffix = self.path.suffix.lower()
        with suppress(WorkbenchError, OSError, ValueError, RecursionError):
            if suffix in (".jsonl", ".ndjson"):
                with self.path.open(encoding="utf-8-sig") as file:
                    return json.loads(file.readline(HEAD))
            if suffix == ".json" and self.path.stat().st_size <= MOST_JSON:
                return json.loads(self.path.read_text(encoding="utf-8-sig"))
            if suffix in (".yaml", ".yml"):
                return parse_document(self.path.read_text(encoding="utf-8-sig"), "").content
        return None

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the content, if it is a mapping."""
        return frozenset(self.content) if isinstance(self.content, dict) else frozenset()


@dataclass(frozen=True)
class SourceFormat:
    """A kind of file of another tool.

    Attributes:
        label: the kind, with its tool.
        patterns: globs of the file's usual names, by which it is found in a folder.
        recognises: true for a file of this kind.
        read: reads the file at a path.
    """

    label: str
    patterns: tuple[str, ...]
    recognises: Callable[[ForeignFile], bool]
    read: Callable[[Path], Import]


def read_source(path: Path, formats: Sequence[SourceFormat]) -> Import:
    """All that can be read of a file, or of the file in a folder.

    Raises:
        WorkbenchError: there is no such file, it is of no known kind, or it has an error.
    """
    try:
        kind = file_kind(path)
    except (OSError, ValueError) as error:
        raise WorkbenchError("no such file", where=str(path), fix="check the path") from error
    if kind == "a folder":
        return _read_folder(path, formats)
    if kind:
        raise WorkbenchError(f"is {kind}, not a file", where=str(path), fix=_accepted(formats))
    file = ForeignFile(path)
    try:
        chosen = next((each for each in formats if each.recognises(file)), None)
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise WorkbenchError(message, where=str(path), fix="make it readable") from error
    if chosen:
        return chosen.read(path)
    if "\0" in file.head:
        raise WorkbenchError("a binary file", where=str(path), fix=_accepted(formats))
    if file.content is None and path.suffix.lower() in (".yaml", ".yml", ".json"):
        _raise_syntax_error(path)
    raise WorkbenchError(
        "no kind of file that can be imported", where=str(path), fix=_accepted(formats)
    )


def _read_folder(folder: Path, formats: Sequence[SourceFormat]) -> Import:
    """Read the file of a folder that its name and its content show to be of another tool.

    Raises:
        WorkbenchError: there is none, or several.
    """
    matches: dict[Path, SourceFormat] = {}
    for each in formats:
        paths = sorted({path for pattern in each.patterns for path in folder.glob(pattern)})
        for path in paths:
            if path.is_file() and path not in matches and each.recognises(ForeignFile(path)):
                matches[path] = each
    if not matches:
        message = "the folder has no file that can be imported"
        raise WorkbenchError(message, where=str(folder), fix=_accepted(formats))
    if len(matches) > 1:
        names = list_first([path.name for path in matches], 5)
        fix = f"name one of them: workbench import {next(iter(matches))}"
        raise WorkbenchError(f"the folder has {names}", where=str(folder), fix=fix)
    path, chosen = next(iter(matches.items()))
    return chosen.read(path)


def _raise_syntax_error(path: Path) -> None:
    """Raise the error with its line, if the file is no JSON or YAML."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    if path.suffix.lower() == ".json":
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 1)
            problem = getattr(error, "msg", "nested too deeply")
            fix = "save it as JSON"
            raise WorkbenchError(f"not JSON: {problem}", where=f"{path}:{line}", fix=fix) from error
    else:
        parse_document(text, str(path))


def _accepted(formats: Sequence[SourceFormat]) -> str:
    lines = [f"  {each.label}: {', '.join(each.patterns)}" for each in formats]
    return "\n".join(["what can be imported:", *lines])
