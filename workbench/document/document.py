"""Plain data with the position of each value, checked against a pydantic model.

An error shows the position, the value and the fix:

    f.yaml:3:1: repeats: 0 should be greater than or equal to 1
      fix: write a whole number from 1 to 1000
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.canonical import JSON
from workbench.document.shape import (
    InvalidValueError,
    KeyPath,
    allowed_keys,
    describe_allowed,
    synonyms,
)
from workbench.errors import WorkbenchError, join_errors, unknown_name
from workbench.secrets import quote_value

MESSAGES = {  # instead of pydantic's own, by its error type
    "too_short": "is empty; at least one entry is needed",
    "string_pattern_mismatch": "is not a valid name",
}
File = TypeVar("File", bound=BaseModel)


class MissingKeyError(WorkbenchError):
    """The error for a required key that a file lacks."""

    def __init__(self, key: str, *, where: str, fix: str) -> None:
        super().__init__(f"{key} is missing", where=where, fix=fix)
        self.key = key


@dataclass(frozen=True)
class Document:
    """Plain data and the position of each value.

    Attributes:
        content: null, bool, int, float, str, list and dict only.
        marks: the line and column (both from 1) of each key or list entry, by its path.
        folder: of the file.
    """

    path: str
    content: JSON
    marks: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    folder: Path = Path()

    def where(self, *path: str | int) -> str:
        """`file:line:column` of the innermost key or entry on this path that has a mark."""
        for end in range(len(path), -1, -1):
            if mark := self.marks.get(path[:end]):
                return f"{self.path}:{mark[0]}:{mark[1]}"
        return self.path

    def check(self, model: type[File]) -> File:
        """The content as `model`.

        Raises:
            WorkbenchError: all unknown keys, else the first value that `model` doesn't allow.
        """
        if not isinstance(self.content, dict):
            empty = self.content is None
            message = (
                "the file is empty" if empty else f"{quote_value(self.content)} is not a mapping"
            )
            fix = f"use these keys: {', '.join(allowed_keys(model, ()))}"
            raise WorkbenchError(message, where=self.path, fix=fix)
        try:
            return model.model_validate(self.content, context=self)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            typos = {p["loc"]: p for p in problems if p["type"] == "extra_forbidden"}
            shown = typos.values() if typos else problems[:1]
            raise join_errors([self._explain(problem, model) for problem in shown]) from None

    def _explain(self, problem: ErrorDetails, model: type[BaseModel]) -> WorkbenchError:
        path = _path_in(self.content, problem["loc"], missing=problem["type"] == "missing")
        where = self.where(*path)
        if problem["type"] == "extra_forbidden":
            return _unknown_key(model, path, where)
        dotted = ".".join(str(step) for step in path)
        if problem["type"] == "missing":
            return MissingKeyError(dotted, where=where, fix=f"add `{path[-1]}: …`")
        message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        message = MESSAGES.get(problem["type"], message.split(" or instance of ")[0])
        # ASCII for names: other letters may look like Latin ones
        show = ascii if problem["type"] == "string_pattern_mismatch" else repr
        value = quote_value(problem["input"], *path, show=show)
        cause = problem.get("ctx", {}).get("error")
        is_mapping = problem["type"] == "dict_type"  # of a list that stands for a mapping
        allowed = describe_allowed(model, path) or ("a mapping: {key: value}" if is_mapping else "")
        fix = f"write {allowed}" if allowed else ""
        fix = cause.fix if isinstance(cause, InvalidValueError) else fix
        return WorkbenchError(f"{dotted or 'the file'}: {value} {message}", where=where, fix=fix)


def _path_in(content: JSON, loc: tuple[str | int, ...], *, missing: bool) -> KeyPath:
    """`loc` without pydantic's own steps (validators, union members), which are no keys."""
    path: list[str | int] = []
    for step in loc:
        in_map = isinstance(content, dict) and step in content
        in_list = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if in_map or in_list:
            content = content[step]
        elif not missing or step is not loc[-1] or not isinstance(content, dict):
            continue
        path.append(step)
    return tuple(path)


def _unknown_key(model: type[BaseModel], path: KeyPath, where: str) -> WorkbenchError:
    """The error for a key that `model` doesn't have; the fix may be of a similar word elsewhere."""
    *steps, key = (str(step) for step in path)
    kind = f"key in {'.'.join(steps)}" if steps else "key"
    words, names = synonyms(model, path[:-1]), allowed_keys(model, path[:-1])
    error = unknown_name(kind, key, names, where=where)
    near = difflib.get_close_matches(key, [*words, *names], n=1, cutoff=0.75)
    if near and near[0] not in names and (word := words.get(near[0])):
        guess = "" if near[0] == key else f"did you mean {near[0]!r}? "
        error.fix = guess + (word if " " in word else f"write `{word}:`")
    return error
