"""Arguments of a call, checked before anything is read, and as plain values.

>>> check_options({"limit": 20, "only": "few*"}).scope.only
['few*']
>>> plain_argument({"temperature": range(2)}, "grid")
{'temperature': [0, 1]}
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from workbench.api.python_words import python_text
from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError, check_names
from workbench.plan import Scope
from workbench.run.invocation import CostLimits
from workbench.serving.table_rows import plain_value

Checked = TypeVar("Checked", bound=BaseModel)


class CallOptions(BaseModel):
    """Options of a call, as those of the command."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: str | Path = ""
    limit: int | None = Field(None, ge=1)
    sample: int | None = Field(None, ge=1)
    only: str | list[str] = []
    fresh: bool = False
    retry_failed: bool = False
    again: bool = False
    max_cost: float | None = Field(None, ge=0, allow_inf_nan=False)
    max_calls: int | None = Field(None, ge=0)
    max_judge_cost: float | None = Field(None, ge=0, allow_inf_nan=False)
    note: str = ""
    tracking_uri: str = ""

    @property
    def scope(self) -> Scope:
        """The part of the experiment that runs."""
        only = [self.only] if isinstance(self.only, str) else self.only
        return Scope(self.limit, only, sample=self.sample)

    @property
    def limits(self) -> CostLimits:
        """The limits of the calls that are made."""
        return CostLimits(self.max_cost, self.max_calls, self.max_judge_cost)


class LimitOptions(BaseModel):
    """Arguments of `Results.decide`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    metric: str = ""
    floor: float | None = Field(None, allow_inf_nan=False)
    max_cost: float | None = Field(None, ge=0, allow_inf_nan=False)
    max_latency: float | None = Field(None, ge=0, allow_inf_nan=False)


class _Arguments(Document):
    def where(self, *path: str | int) -> str:
        return str(path[0]) if path else self.path


def check_options(arguments: Mapping[str, Any]) -> CallOptions:
    """The options among the arguments of a call.

    Raises:
        WorkbenchError: one of a wrong kind, or out of its range.
    """
    task = arguments.get("task", "")
    if not isinstance(task, str | Path):
        message = f"{type(task).__name__} is no name of a task"
        fix = "name the arguments: workbench.run(prompts=…, models=…, data=…, evaluators=…)"
        raise WorkbenchError(message, where="task", fix=fix)
    return check_arguments(CallOptions, arguments)


def check_arguments(model: type[Checked], arguments: Mapping[str, Any]) -> Checked:
    """The arguments that `model` has, as it.

    Raises:
        WorkbenchError: one of a wrong kind, or out of its range.
    """
    names = arguments.keys() & model.model_fields
    content = {name: plain_value(arguments[name]) for name in names}
    try:
        return _Arguments("workbench.run", content).check(model)
    except WorkbenchError as error:
        error.message = error.message.removeprefix(f"{error.where}: ")
        error.fix = python_text(error.fix)
        raise


def check_texts(values: Any, where: str, fix: str) -> list[str]:
    """The texts as a list; a single one needs no list.

    Raises:
        WorkbenchError: something else is among them.
    """
    texts = [values] if not isinstance(values, list | tuple) else list(values)
    for text in texts:
        if not isinstance(text, str):
            message = f"{type(text).__name__} is no name"
            raise WorkbenchError(message, where=where, fix=fix)
    return texts


def check_keywords(function: Callable[..., Any], keywords: Mapping[str, Any]) -> None:
    """Check the names of keywords against the function's signature.

    Raises:
        WorkbenchError: unknown ones, each with the nearest that there are.
    """
    names = inspect.signature(function).parameters
    check_names(f"keyword of workbench.{function.__name__}:", keywords, names)


def plain_argument(value: Any, where: str) -> JSON:
    """The argument as JSON; arrays and ranges are lists, a path is text.

    Raises:
        WorkbenchError: it holds something else, with its place.
    """
    value = plain_value(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | range):
        return [plain_argument(entry, f"{where}[{n}]") for n, entry in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str | int | float):
                message = f"the key {getattr(key, '__name__', key)!r} is no text"
                raise WorkbenchError(message, where=where, fix="give each entry its own braces")
        return {key: plain_argument(entry, f"{where}[{key!r}]") for key, entry in value.items()}
    if isinstance(value, Path):
        return str(value)
    is_named = callable(value) and where.startswith("evaluators[")
    function = getattr(value, "__name__", "function")
    fix = f"{{{function}: {{'name': '…'}}}}" if is_named else "pass plain values"
    message = f"{type(value).__name__} is neither text, number, list nor dict"
    raise WorkbenchError(message, where=where, fix=fix)
