"""The files of a promptfoo configuration: only those in its folder, read with limits.

tree = SourceTree(Path("triage"))
tree.paths("file://prompts/*.txt", tree.root)      [triage/prompts/short.txt, …]
"""

import glob
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from workbench.canonical import JSON
from workbench.document import Document, file_kind, parse_document
from workbench.errors import WorkbenchError

MOST_BYTES = 50_000_000  # of a file that is read as a whole
MOST_YAML = 20_000_000
MOST_VALUES = 500_000  # of a YAML file
SCHEME = "file://"
MOST_DEPTH = 50


class SourceTree:
    """The folder of a configuration, outside of which nothing is read."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.copied: dict[str, Path] = {}  # code, by its path below the task's folder

    def copy(self, name: str, base: Path) -> None:
        """Copy a file of code beside the task, to be read: it is never run."""
        with suppress(WorkbenchError):
            path = self.path(name, base)
            self.copied[f"promptfoo/{self.shown(path)}"] = path

    def shown(self, path: Path) -> str:
        """The path as messages name it: relative to the folder."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def path(self, reference: str, base: Path) -> Path:
        """The file that a reference names.

        Raises:
            WorkbenchError: it lies outside of the folder, links followed, or is no file.
        """
        name = reference.removeprefix(SCHEME)
        path = base / name
        try:
            resolved = path.resolve()
            if not resolved.is_relative_to(self.root):
                fix = f"copy it into {self.root.name}/, and name it there"
                raise WorkbenchError(f"{name!r} lies outside of the folder", fix=fix)
            kind = file_kind(resolved)
        except (OSError, ValueError, RuntimeError) as error:
            raise WorkbenchError(f"{name!r}: no such file", fix="check the path") from error
        if kind:
            raise WorkbenchError(f"{name!r} is {kind}, not a file", fix="name a file")
        return resolved

    def paths(self, reference: str, base: Path) -> list[Path]:
        """The files that a reference or a glob names, in order.

        Raises:
            WorkbenchError: there are none, or one lies outside of the folder.
        """
        name = reference.removeprefix(SCHEME)
        if not glob.has_magic(name):
            return [self.path(name, base)]
        if name.startswith("/") or ".." in Path(name).parts:
            fix = f"copy the files into {self.root.name}/, and name them there"
            raise WorkbenchError(f"{name!r} lies outside of the folder", fix=fix)
        names = sorted(glob.glob(name, root_dir=base, recursive=True))  # noqa: PTH207
        paths = [self.path(each, base) for each in names if (base / each).is_file()]
        if not paths:
            raise WorkbenchError(f"{name!r} matches no file", fix="check the pattern")
        return paths

    def text(self, path: Path) -> str:
        """The text of a file, line ends as they are.

        Raises:
            WorkbenchError: it is too large or no UTF-8.
        """
        where = self.shown(path)
        if path.stat().st_size > MOST_BYTES:
            message = f"{path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are read"
            raise WorkbenchError(message, where=where, fix="make it smaller")
        try:
            return path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"not UTF-8 at byte {error.start}"
            raise WorkbenchError(message, where=where, fix="save it as UTF-8") from error
        except OSError as error:
            message = f"can't be read: {error.strerror}"
            raise WorkbenchError(message, where=where, fix="make it readable") from error

    def document(self, path: Path) -> Document:
        """The YAML or JSON of a file, with its lines.

        Raises:
            WorkbenchError: it is neither.
        """
        text, where = self.text(path), self.shown(path)
        if path.suffix.lower() == ".json":
            try:
                return Document(where, json.loads(text), {}, path.parent)
            except (ValueError, RecursionError) as error:
                line, problem = getattr(error, "lineno", 1), getattr(error, "msg", "too deep")
                raise WorkbenchError(
                    f"not JSON: {problem}", where=f"{where}:{line}", fix="save it as JSON"
                ) from error
        if len(text) > MOST_YAML:
            fix = "save the tests as CSV or JSON lines"
            raise WorkbenchError(f"{len(text):,} characters of YAML", where=where, fix=fix)
        parsed = parse_document(text, where, most_values=MOST_VALUES)
        return Document(where, parsed.content, parsed.marks, path.parent)

    def json_lines(self, path: Path) -> Iterator[tuple[int, JSON]]:
        """The values of a file with one in each line, with the line's number.

        Raises:
            WorkbenchError: a line is no JSON.
        """
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError) as error:
                    where = f"{self.shown(path)}:{number}"
                    raise WorkbenchError("not JSON", where=where, fix="write JSON") from error


def resolve_references(value: JSON, root: JSON, depth: int = 0) -> JSON:
    """The value with each `{$ref: "#/path"}` replaced by what stands there.

    Raises:
        WorkbenchError: a reference names nothing, or leads back to itself.
    """
    if depth > MOST_DEPTH:
        raise WorkbenchError("a $ref leads back to itself", fix="remove the circle")
    if isinstance(value, list):
        return [resolve_references(each, root, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return {k: resolve_references(each, root, depth + 1) for k, each in value.items()}
    target = root
    for step in reference[2:].split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, dict) or step not in target:
            raise WorkbenchError(f"{reference!r} names nothing", fix="check the $ref")
        target = target[step]
    others = {k: each for k, each in value.items() if k != "$ref"}
    resolved = resolve_references(target, root, depth + 1)
    return {**resolved, **others} if isinstance(resolved, dict) and others else resolved
