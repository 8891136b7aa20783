"""YAML as plain data: null, bool, int, float, str, list and dict only.

>>> document = parse_document("repeats: 2", "f.yaml")
>>> document.content, document.where("repeats")
({'repeats': 2}, 'f.yaml:1:1')

YAML is 1.2: `yes` is a string. Keys are strings and numbers are finite, as in JSON. Refused are
duplicate keys, tags, several documents, files above 1 MB, more than 10,000 values, and aliases
that expand without end.
"""

import math
import re
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.events import CollectionStartEvent, Event
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from workbench.canonical import JSON
from workbench.document.document import Document
from workbench.document.file_kind import file_kind
from workbench.document.shape import KeyPath
from workbench.errors import WorkbenchError
from workbench.secrets import quote_value

MAX_BYTES = 1_000_000
MAX_VALUES = 10_000  # in the text, and after aliases are expanded; read in half a second
MAX_DEPTH = 50
TOO_LARGE = f"more than {{:,}} values, or nested more than {MAX_DEPTH} deep"
SMALLER = "put rows in a dataset file; an alias counts as all the values it stands for"
TAG = "tag:yaml.org,2002:"
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")  # in an error of ruamel
NUMBER_LIKE = re.compile(r"[-+.\d][\w.+-]*")  # other values are no numbers but by their tag
# A tag may be a password that begins with `!`.
SHOWN_TAG = re.compile(r"!(?:\w|!?[a-z]+/[\w./:]+|!\w+|env|include|function|secret|vault)")
STRINGS = ("str", "timestamp", "merge", "value")  # JSON has only strings for these


def read_document(path: Path, *, display_name: str = "") -> Document:
    """The YAML file at `path`; error messages call it `display_name`.

    Raises:
        WorkbenchError: it can't be read, is too large, or is not one plain YAML document.
    """
    name = display_name or str(path)
    try:
        if kind := file_kind(path):
            raise WorkbenchError(f"is {kind}, not a file", where=name, fix="put a file there")
        size = path.stat().st_size
        if size > MAX_BYTES:
            message = f"{size:,} bytes; a YAML file may have at most {MAX_BYTES:,}"
            raise WorkbenchError(message, where=name, fix=SMALLER)
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise WorkbenchError("no such file", where=name, fix="check the path") from error
    except OSError as error:
        fix = "make the file readable"
        raise WorkbenchError(f"can't be read: {error.strerror}", where=name, fix=fix) from error
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}"
        raise WorkbenchError(message, where=name, fix="save the file as UTF-8") from error
    return replace(parse_document(text, name), folder=path.parent)


def parse_document(
    text: str, name: str, *, first_line: int = 1, most_values: int = MAX_VALUES
) -> Document:
    """The YAML in `text`, whose first line is line `first_line` of `name`.

    Raises:
        WorkbenchError: it is not one plain YAML document.
    """
    document = _parse(text, name, first_line, most_values)
    return replace(document, content=deepcopy(document.content))


@lru_cache(maxsize=4)  # a command looks for secrets in its experiment file before it reads it
def _parse(text: str, name: str, first_line: int, most_values: int) -> Document:
    reader = _NodeReader(name, first_line, most_values)
    try:
        return reader.read(text)
    except MarkedYAMLError as error:
        message = str(error.problem or error.context or "not YAML").split("\n")[0]
        message = QUOTED.sub(_without_names, message)
        mark = error.problem_mark or error.context_mark
        where = reader.location(mark) if mark else name
        raise WorkbenchError(message, where=where, fix=_syntax_fix(message)) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + first_line
        message = f"the character {chr(error.character)!r} is not allowed in YAML"
        raise WorkbenchError(message, where=f"{name}:{line}", fix="remove it") from error


def _without_names(quoted: re.Match[str]) -> str:
    """Hide all but signs and `<stream end>`: an alias may be a password that begins with *."""
    is_sign = len(quoted[0]) <= 4 or quoted[0][1] == "<"
    return quoted[0] if is_sign else "'…'"


def _syntax_fix(message: str) -> str:
    if "\\t" in message or "tab" in message:
        return "indent with spaces"
    if "another document" in message:
        return "keep one document: remove the `---` or `...` in the middle"
    if "alias" in message:
        return "quote a value that begins with *"
    return "quote the value if it holds : # { [ or begins with @ % `"


class _PlainYAML(YAML):
    def official_plug_ins(self) -> list[Any]:
        """None: a search of ruamel's folder takes a tenth of the time of a short document."""
        return []


class _NodeReader:
    """Turns ruamel's nodes into plain data and notes their marks."""

    def __init__(self, name: str, first_line: int, most_values: int) -> None:
        self.name = name
        self.first_line = first_line
        self.most_values = most_values
        self.marks: dict[KeyPath, tuple[int, int]] = {}
        self.values = 0
        self.yaml = _PlainYAML(typ="safe", pure=True)
        self.yaml.Composer = partial(_BoundedComposer, self)  # type: ignore[assignment]

    def read(self, text: str) -> Document:
        root = self.yaml.compose(text)
        return Document(self.name, self._plain(root, ()) if root else None, self.marks)

    def location(self, mark: StringMark) -> str:
        return f"{self.name}:{mark.line + self.first_line}:{mark.column + 1}"

    def _plain(self, node: Node, path: KeyPath) -> JSON:
        self.values += 1  # an aliased node counts each time
        if self.values > self.most_values or len(path) > MAX_DEPTH:
            where = Document(self.name, None, self.marks).where(*path[:1])
            raise WorkbenchError(TOO_LARGE.format(self.most_values), where=where, fix=SMALLER)
        tag = str(node.tag).replace(TAG, "!!")
        kind = tag.removeprefix("!!")
        if isinstance(node, MappingNode) and kind == "map":
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and kind == "seq":
            entries = enumerate(node.value)
            return [self._member(entry, entry, (*path, index)) for index, entry in entries]
        if isinstance(node, ScalarNode):
            if kind in STRINGS:
                return self._string(node, path)
            if kind in ("null", "bool", "int", "float"):
                return self._scalar(kind, node, path)
        if SHOWN_TAG.fullmatch(tag):
            raise self.error(f"the tag {tag} is not allowed", node, "remove it")
        raise self.error("a tag is not allowed", node, "quote a value that begins with !")

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, JSON]:
        merged: dict[str, JSON] = {}
        mapping: dict[str, JSON] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                fix = "use one word as the key"
                if isinstance(key, MappingNode):  # {{ options }}
                    fix = 'quote a template: "{{ … }}"'
                raise self.error("a key must be a string", key, fix)
            if key.tag == f"{TAG}merge":
                for layer in [value] if isinstance(value, MappingNode) else value.value[::-1]:
                    merged |= self._mapping(layer, path)
                continue
            name = self._string(key, path)
            if name in mapping:
                raise self.error(f"duplicate key {name!r}", key, "keep one")
            mapping[name] = self._member(key, value, (*path, name))
        return merged | mapping

    def _member(self, marked: Node, node: Node, path: KeyPath) -> JSON:
        mark = marked.start_mark
        self.marks[path] = (mark.line + self.first_line, mark.column + 1)
        return self._plain(node, path)

    def _scalar(self, kind: str, node: ScalarNode, path: KeyPath) -> JSON:
        try:
            value: JSON = getattr(self.yaml.constructor, f"construct_yaml_{kind}")(node)
            if kind == "float" and not math.isfinite(value):
                raise ValueError
        except (KeyError, ValueError):
            fix = "write null for a missing value, or put the text in quotes"
            excerpt = quote_value(node.value, *path, width=40)
            excerpt = excerpt if NUMBER_LIKE.fullmatch(node.value) else "this value"
            raise self.error(f"{excerpt} is not a JSON {kind}", node, fix) from None
        return value

    def _string(self, node: ScalarNode, path: KeyPath) -> str:
        text: str = node.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            fix = r"write the character itself, or both halves of its \u escape"
            excerpt = quote_value(text, *path, width=40)
            raise self.error(f"{excerpt} contains half a character", node, fix)
        return text

    def error(self, message: str, origin: Node | Event, fix: str) -> WorkbenchError:
        return WorkbenchError(message, where=self.location(origin.start_mark), fix=fix)


class _BoundedComposer(Composer):
    """Stops at the first value too many: to compose a megabyte of them takes ten seconds."""

    def __init__(self, reader: _NodeReader, loader: YAML) -> None:
        super().__init__(loader)
        self.reader = reader
        self.values = 0
        self.warn_double_anchors = False  # YAML allows them

    def compose_node(self, parent: Node | None, index: int | Node | None) -> Node:
        event = self.parser.peek_event()
        self.values += 1
        too_deep = self.depth == MAX_DEPTH and isinstance(event, CollectionStartEvent)
        if self.values > self.reader.most_values or too_deep:
            raise self.reader.error(TOO_LARGE.format(self.reader.most_values), event, SMALLER)
        node: Node = super().compose_node(parent, index)
        return node
