"""`transform:` of an evaluator: the part of an output that it judges.

>>> read_transform({"after": "Answer:"}).apply("It is in France. Answer: Paris")
'Paris'
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator.json_path import json_values, read_path, value_at

LINES = ("first_line", "last_line")
# The options of each step beside its own key.
STEPS = {
    "after": ("which", "ignore_case"),
    "json": (),
    "regex": ("group", "which", "ignore_case"),
    "function": (),
}
EXAMPLE = 'transform: first_line, last_line, {after: "Answer:"}, {json: $.answer}, {regex: "[A-D]"}'

Step = Callable[[str], str]
FunctionLoader = Callable[[str], Callable[[str], object]]


class NoPartError(Exception):
    """A step found nothing in an output; the message says what it looked for."""


@dataclass(frozen=True)
class Transform:
    """Steps that cut an output down to the part that counts, one after another."""

    steps: tuple[Step, ...]

    def apply(self, text: str) -> str:
        """The part of `text`, without white space around it.

        Raises:
            NoPartError: a step found nothing, or only white space.
        """
        for step in self.steps:
            text = step(text).strip()
            if not text:
                raise NoPartError("what it finds in the output is empty")
        return text


def read_transform(setting: JSON, load: FunctionLoader | None = None) -> Transform:
    """The transform of a setting: a step, or a list of steps; `load` finds functions by name.

    Raises:
        WorkbenchError: a step is unknown or invalid.
    """
    steps = setting if isinstance(setting, list) else [setting]
    if not steps:
        raise WorkbenchError("transform is an empty list", fix=EXAMPLE)
    return Transform(tuple(_read_step(step, load) for step in steps))


def function_names(setting: JSON) -> list[str]:
    """The `module:function` of each step that is a function."""
    steps = setting if isinstance(setting, list) else [setting]
    return [str(s["function"]) for s in steps if isinstance(s, Mapping) and "function" in s]


def _read_step(setting: JSON, load: FunctionLoader | None) -> Step:
    if isinstance(setting, str) and setting not in STEPS:
        if setting not in LINES:
            raise unknown_name("transform", setting, (*LINES, *STEPS))
        return lambda text: _line(text, setting)
    kinds = [key for key in setting if key in STEPS] if isinstance(setting, Mapping) else []
    if isinstance(setting, Mapping) and setting and not kinds:
        raise unknown_name("transform", next(iter(setting)), (*LINES, *STEPS))
    if len(kinds) != 1:
        raise WorkbenchError(f"transform is {setting!r}, not one step or a list", fix=EXAMPLE)
    (kind,) = kinds
    for option in setting:
        if option not in (kind, *STEPS[kind]):
            raise unknown_name(f"option of transform's `{kind}`:", option, (kind, *STEPS[kind]))
    subject = setting[kind]
    if not isinstance(subject, str) or not subject.strip():
        raise WorkbenchError(f"transform.{kind} is {subject!r}, not a string", fix=EXAMPLE)
    if kind == "json":
        return _json_step(subject)
    if kind == "function":
        return _function_step(subject, load)
    which, ignore_case = setting.get("which", "first"), setting.get("ignore_case", False)
    if which not in ("first", "last"):
        raise unknown_name(f"value of transform.{kind}'s `which`:", str(which), ("first", "last"))
    if not isinstance(ignore_case, bool):
        raise WorkbenchError(f"transform: ignore_case is {ignore_case!r}, not true or false")
    flags = re.IGNORECASE if ignore_case else 0
    if kind == "after":
        return _after_step(subject, which, flags)
    return _regex_step(subject, setting.get("group"), which, flags)


def _line(text: str, which: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise NoPartError("the output has no line with text")
    return lines[0 if which == "first_line" else -1]


def _after_step(mark: str, which: str, flags: int) -> Step:
    # The emphasis of **Answer:** Paris ends behind the mark, that of **Answer**: Paris in it.
    word = mark.strip().removesuffix(":")
    colon = mark.strip().removeprefix(word)
    inner = r"(?P<inner>[*_]{1,3})?" if word and colon else "(?P<inner>)"
    pattern = re.compile(rf"([*_]{{1,3}})?{re.escape(word)}{inner}{colon}", flags)

    def cut(text: str) -> str:
        match = _pick(pattern, text, which)
        if match is None:
            raise NoPartError(f"no {mark.strip()!r} in the output")
        rest = text[match.end() :]
        if not rest.strip():
            raise NoPartError(f"nothing after {mark.strip()!r}")
        return rest if match["inner"] else rest.removeprefix(match[1] or "")

    return cut


def _regex_step(pattern: str, group: JSON, which: str, flags: int) -> Step:
    try:
        expression = re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError) as error:
        message = f"transform.regex {pattern!r} is not a regular expression: {error}"
        fix = "write it in YAML in single quotes: {regex: '([A-D])\\.'}"
        raise WorkbenchError(message, fix=fix) from error
    number = min(1, expression.groups) if group is None else group
    is_group = number in expression.groupindex or (
        isinstance(number, int)
        and not isinstance(number, bool)
        and 0 <= number <= expression.groups
    )
    if not is_group:
        fix = f"the pattern has {expression.groups}; 0 is all of the match"
        raise WorkbenchError(f"transform.regex: no group {group!r} in {pattern!r}", fix=fix)

    def cut(text: str) -> str:
        match = _pick(expression, text, which)
        if match is None or match[number] is None:
            raise NoPartError(f"no match of {pattern!r} in the output")
        return str(match[number])

    return cut


def _pick(pattern: re.Pattern[str], text: str, which: str) -> re.Match[str] | None:
    if which == "first":
        return pattern.search(text)
    last = None
    for match in pattern.finditer(text):
        last = match
    return last


def _json_step(path: str) -> Step:
    keys = read_path(path, "transform.json")

    def cut(text: str) -> str:
        problem = "no JSON in the output"
        for value in json_values(text):
            try:
                part = value_at(value, keys)
            except LookupError:
                problem = f"{path} is not in the output's JSON"
                continue
            if part is None:
                raise NoPartError(f"{path} is null in the output's JSON")
            return part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
        raise NoPartError(problem)

    return cut


def _function_step(name: str, load: FunctionLoader | None) -> Step:
    if ":" not in name or load is None:
        fix = "write module:function, such as evaluators.cut:after_colon"
        raise WorkbenchError(f"transform.function {name!r} is not a function's name", fix=fix)
    function = load(name)

    def cut(text: str) -> str:
        part = function(text)
        if part is None:
            raise NoPartError(f"{name} found nothing in the output")
        if not isinstance(part, str):
            raise TypeError(f"transform {name} returned {type(part).__name__}, not a string")
        return part

    return cut
