"""Plain data with the place of each piece, checked against a shape.

Document("f.yaml", {"repeats": 0}, {("repeats",): (3, 1)}).check(ExperimentFile)
    -> f.yaml:3:1: repeats: 0 should be greater than or equal to 1
         fix: write a whole number from 1 to 1000
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.canonical import JSON
from workbench.document.shape import InvalidValueError, words_for
from workbench.errors import WorkbenchError, unknown_name

SAID = {  # pydantic's words for these are of its own world
    "too_short": "is empty, and must hold at least one",
    "string_pattern_mismatch": "is no name",
}
LONGEST = 120  # characters shown of a value
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
        said = SAID.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        said = said.removeprefix("Input ").split(" or instance of ")[0]
        named = problem["type"] == "string_pattern_mismatch"  # letters that only look like ours
        value = f"{problem['input']!a}" if named else f"{problem['input']!r}"
        value = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
        right = words_for(model, place)
        fix = (
            cause.fix if isinstance(cause, InvalidValueError) else f"write {right}" if right else ""
        )
        return WorkbenchError(f"{path or 'the file'}: {value} {said}", where=where, fix=fix)


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
