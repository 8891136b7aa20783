"""A YAML file, read safely, whose faults are told with file, line and column.

    document = read_document(Path("prompts/qa/experiment.yaml"))
    document.check(ExperimentFile)      # a pydantic model with extra="forbid"

YAML is 1.2: `yes` is a string. Duplicate keys, tags, several documents, files above 1 MB and
aliases that expand without end are refused. Numbers are those of JSON, keys are texts.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name

LARGEST = 1_000_000  # bytes
MOST_NODES = 100_000  # after aliases are expanded
TOO_LARGE = "nested too deep, or too large once its aliases are expanded"
TAG = "tag:yaml.org,2002:"
TEXTS = ("str", "timestamp", "merge", "value")  # JSON has a text for each
SAID = {  # pydantic's words for these are of its own world
    "too_short": "is empty, and must hold at least one",
    "string_pattern_mismatch": "is no name: letters, digits, _ and -, at most 64, no sign first",
}
Place = tuple[str | int, ...]
File = TypeVar("File", bound=BaseModel)


@dataclass(frozen=True)
class Document:
    """Plain data and where each piece of it stands.

    Attributes:
        data: null, bool, int, float, str, list and dict only.
        marks: the line and column (both from 1) of each key or item, by its path.
    """

    path: str
    data: JSON
    marks: Mapping[Place, tuple[int, int]] = field(default_factory=dict)

    def where(self, *place: str | int) -> str:
        """`file:line:column` of the innermost piece on this path that has a mark."""
        for end in range(len(place), -1, -1):
            if mark := self.marks.get(place[:end]):
                return f"{self.path}:{mark[0]}:{mark[1]}"
        return self.path

    def check(self, model: type[File]) -> File:
        """The data as `model`.

        Raises:
            WorkbenchError: the first thing that doesn't fit, at its line.
        """
        if not isinstance(self.data, dict):
            said = "is empty" if self.data is None else f"holds {self.data!r:.80}, no keys"
            known = ", ".join(_fields_at(model, ()))
            raise WorkbenchError(f"the file {said}", where=self.path, fix=f"its keys: {known}")
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            typos = [problem for problem in problems if problem["type"] == "extra_forbidden"]
            raise self._explained((typos or problems)[0], model) from None

    def _explained(self, problem: ErrorDetails, model: type[BaseModel]) -> WorkbenchError:
        place = _within(self.data, problem["loc"])
        where = self.where(*place)
        path = ".".join(str(part) for part in place)
        if problem["type"] == "extra_forbidden":
            known = _fields_at(model, place[:-1])
            owner = ".".join(str(part) for part in place[:-1])
            return unknown_name(
                f"key in {owner}" if owner else "key", str(place[-1]), known, where=where
            )
        if problem["type"] == "missing":
            return WorkbenchError(f"{path} is missing", where=where, fix=f"add `{place[-1]}: …`")
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, WorkbenchError):
            cause.where = where
            return cause
        said = SAID.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        said = said.removeprefix("Input ").split(" or instance of ")[0]
        value = f"{problem['input']!r}"[:120]
        return WorkbenchError(f"{path or 'the file'}: {value} {said}", where=where)


def read_document(path: Path, *, shown: str = "") -> Document:
    """The YAML file at `path`; `shown` is how messages call it.

    Raises:
        WorkbenchError: it can't be read, is too large, or is not one plain YAML document.
    """
    name = shown or str(path)
    if not path.is_file():
        raise WorkbenchError("no such file", where=name)
    if path.stat().st_size > LARGEST:
        raise WorkbenchError(
            f"{path.stat().st_size:,} bytes, more than the {LARGEST:,} a YAML file may have",
            where=name,
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise WorkbenchError(f"can't be read: {error.strerror}", where=name) from error
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
        loaded = YAML(typ="safe", pure=True).compose(text)
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
        raise WorkbenchError(TOO_LARGE, where=name) from error


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
        if self.nodes > MOST_NODES or len(place) > 50:
            raise WorkbenchError(TOO_LARGE, where=self._where(place[:1]))
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
                raise self._error("a key must be a text", key.start_mark)
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
            raise self._error(f"{text[:40]!r} holds half a character", mark)
        return text

    def _error(self, said: str, mark: StringMark, fix: str = "") -> WorkbenchError:
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


def _within(data: JSON, loc: tuple[str | int, ...]) -> Place:
    """`loc` without pydantic's own steps (validators, union members) that are no keys of `data`."""
    place: list[str | int] = []
    for step in loc:
        in_map = isinstance(data, dict) and step in data
        in_list = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if in_map or in_list:
            data = data[step]
        elif step is not loc[-1] or not isinstance(data, dict):
            continue
        place.append(step)
    return tuple(place)


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand at `place` of a file of this shape."""
    current: Any = model
    for step in place:
        if isinstance(step, int):
            continue
        if step in current.model_fields:  # else a free key: of prices, of settings
            current = _models_in(current.model_fields[step].annotation)[0]
    return [info.alias or name for name, info in current.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
