"""YAML as plain data: null, bool, int, float, str, list and dict only.

parse_document("repeats: 2", "f.yaml")  ->  data {"repeats": 2}, marks {("repeats",): (1, 1)}

YAML is 1.2: `yes` is a string. Duplicate keys, tags, several documents, files above 1 MB, more
than 10,000 values and aliases that expand without end are refused. Numbers are those of JSON, keys
are texts.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from workbench.canonical import JSON
from workbench.document.document import Document, Place
from workbench.document.file_kind import file_kind
from workbench.errors import WorkbenchError

LARGEST = 1_000_000  # bytes
MOST_NODES = 10_000  # as they stand, and after aliases are expanded; half a second's work
DEEPEST = 50
TOO_LARGE = "nested too deep, or too large once its aliases are expanded"
SMALLER = f"at most {MOST_NODES:,} values, {DEEPEST} within one another; rows belong in a dataset"
TAG = "tag:yaml.org,2002:"
TEXTS = ("str", "timestamp", "merge", "value")  # JSON has a text for each


def read_document(path: Path, *, display_name: str = "") -> Document:
    """The YAML file at `path`; `display_name` is how messages call it.

    Raises:
        WorkbenchError: it can't be read, is too large, or is not one plain YAML document.
    """
    name = display_name or str(path)
    try:
        if kind := file_kind(path):
            raise WorkbenchError(f"is {kind}, not a file", where=name, fix="put a file there")
        if path.stat().st_size > LARGEST:
            raise WorkbenchError(
                f"{path.stat().st_size:,} bytes, more than the {LARGEST:,} a YAML file may have",
                where=name,
                fix=SMALLER,
            )
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise WorkbenchError("no such file", where=name, fix="name one that is there") from error
    except OSError as error:
        fix = "make it a file that you may read"
        raise WorkbenchError(f"can't be read: {error.strerror}", where=name, fix=fix) from error
    except UnicodeDecodeError as error:
        raise WorkbenchError(
            f"not UTF-8 at byte {error.start}", where=name, fix="save the file as UTF-8"
        ) from error
    return parse_document(text, name)


def parse_document(text: str, name: str, *, first_line: int = 1) -> Document:
    """The YAML in `text`, whose first line is line `first_line` of `name`.

    Raises:
        WorkbenchError: it is not one plain YAML document.
    """
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Composer = _Bounded
        loaded = yaml.compose(text)
        plain = _Plain(name, first_line)
        return Document(name, plain.of(loaded, ()) if loaded else None, plain.marks)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{name}:{mark.line + first_line}:{mark.column + 1}" if mark else name
        said = str(error.problem or error.context or "not YAML").split("\n")[0]
        raise WorkbenchError(said, where=at, fix=_repair(said)) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + first_line
        said = f"the character {chr(error.character)!r} is not allowed in YAML"
        raise WorkbenchError(said, where=f"{name}:{line}", fix="take it out") from error
    except RecursionError as error:
        raise WorkbenchError(TOO_LARGE, where=name, fix=SMALLER) from error
    except _TooManyError as error:
        at = f"{name}:{error.line + first_line}"
        raise WorkbenchError(f"more than {MOST_NODES:,} values", where=at, fix=SMALLER) from error


class _TooManyError(Exception):
    """More nodes than a document may have; `line` is from 0."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Bounded(Composer):
    """Counts nodes while they are read: a megabyte of them takes ten seconds."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.warn_double_anchors = False  # YAML allows them, and the warning is Python's
        self.nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise _TooManyError(self.parser.peek_event().start_mark.line)
        return super().compose_node(parent, index)


def _repair(said: str) -> str:
    if "\\t" in said or "tab" in said:
        return "indent with spaces"
    if "another document" in said:
        return "keep one document: remove the `---` or `...` in the middle"
    return "quote the value if it holds : # { [ or begins with @ % `"


class _Plain:
    """Turns YAML's nodes into plain data, noting the marks."""

    def __init__(self, name: str, first_line: int) -> None:
        self.name = name
        self.first_line = first_line
        self.marks: dict[Place, tuple[int, int]] = {}
        self.nodes = 0

    def of(self, node: Node, place: Place) -> JSON:
        self.nodes += 1
        if self.nodes > MOST_NODES or len(place) > DEEPEST:
            raise WorkbenchError(TOO_LARGE, where=self._where(place[:1]), fix=SMALLER)
        tag = str(node.tag).replace(TAG, "!!")
        kind = tag.removeprefix("!!")
        if isinstance(node, MappingNode) and kind == "map":
            return self._mapping(node, place)
        if isinstance(node, SequenceNode) and kind == "seq":
            return [
                self._member(item.start_mark, item, (*place, index))
                for index, item in enumerate(node.value)
            ]
        if isinstance(node, ScalarNode):
            if kind in TEXTS:
                return self._text(node.value, node.start_mark)
            if kind in SCALARS:
                return self._scalar(kind, node.value, node.start_mark)
        raise self._error(f"the tag {tag} is not allowed", node.start_mark, "take it out")

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, JSON]:
        merged: dict[str, JSON] = {}
        said: dict[str, JSON] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self._error("a key must be a text", key.start_mark, "write one word")
            if key.tag == f"{TAG}merge":
                for layer in [value] if isinstance(value, MappingNode) else value.value[::-1]:
                    merged |= self._mapping(layer, place)
                continue
            name = self._text(key.value, key.start_mark)
            if name in said:
                raise self._error(f"the key {name!r} stands twice", key.start_mark, "keep one")
            said[name] = self._member(key.start_mark, value, (*place, name))
        return merged | said

    def _member(self, mark: StringMark, item: Node, place: Place) -> JSON:
        self.marks[place] = (mark.line + self.first_line, mark.column + 1)
        return self.of(item, place)

    def _scalar(self, kind: str, text: str, mark: StringMark) -> JSON:
        try:
            return SCALARS[kind](text)
        except (KeyError, ValueError):
            fix = "write null for a missing value, or put the text in quotes"
            raise self._error(f"{text[:40]!r} is no {kind} of JSON", mark, fix) from None

    def _text(self, text: str, mark: StringMark) -> str:
        if any("\ud800" <= character <= "\udfff" for character in text):
            fix = r"write the character itself, or both halves of its \u escape"
            raise self._error(f"{text[:40]!r} holds half a character", mark, fix)
        return text

    def _error(self, said: str, mark: StringMark, fix: str) -> WorkbenchError:
        at = f"{self.name}:{mark.line + self.first_line}:{mark.column + 1}"
        return WorkbenchError(said, where=at, fix=fix)

    def _where(self, place: Place) -> str:
        return Document(self.name, None, self.marks).where(*place)


def _whole(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits, 0 if digits.lstrip("+-")[:2].lower() in ("0o", "0x", "0b") else 10)


def _real(text: str) -> float:
    number = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise ValueError
    return number


SCALARS: dict[str, Callable[[str], JSON]] = {
    "null": lambda _text: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _whole,
    "float": _real,
}
