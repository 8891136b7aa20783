"""Evaluator: the answer calls the expected tools with the expected arguments.

>>> function = {"name": "get_weather", "arguments": '{"days": 1.0, "city": "Oslo"}'}
>>> answer = Completion("k", "ok", tool_calls=({"type": "function", "function": function},))
>>> call = {"name": "get_weather", "arguments": {"city": "Oslo", "days": 1}}
>>> tool_call(answer, {"expected_response": call}).value
True
"""

import json
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from workbench.canonical import JSON, canonical_json
from workbench.errors import WorkbenchError, list_first, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.model import Completion

Arguments = Literal["equal", "include", "ignore"]
NO_CALL = "none"  # the expected value of a row that is answered without a call
# The marks around calls in texts of models that no server has read (Hermes, Qwen, SmolLM).
IN_TEXT = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
FORM = '{"name": "get_weather", "arguments": {"city": "Oslo"}}, a list of these, or a name'


class Call(NamedTuple):
    """The name of a tool, and its arguments; None: any."""

    name: str
    arguments: JSON


@evaluator(kind="pass")
def tool_call(
    completion: Completion,
    expectations: Mapping[str, JSON],
    *,
    arguments: str = "equal",
    ordered: bool = False,
) -> Score:
    """True if the answer makes the calls of `expected_response`, and no others.

    `arguments: include` allows more arguments than the expected ones, `ignore` compares names only.
    With `ordered` the calls must come in the expected order. The outcomes of a wrong answer are
    `no_call`, `other_tool`, `other_arguments` and `other_order`.
    """
    expected = expected_calls(expectations)
    calls = [_call(call) for call in completion.tool_calls] or _calls_in_text(completion.text)
    parsed = ", ".join(call.name for call in calls) or NO_CALL
    names, names_called = [call.name for call in expected], [call.name for call in calls]
    if sorted(names) != sorted(names_called):
        label = "other_tool" if calls else "no_call"
        shown = list_first(names, 4) or "no call"
        return Score(False, f"{shown} expected, {parsed} called", label, parsed=parsed)
    if ordered and names != names_called:
        return Score(False, f"called as {parsed}", "other_order", parsed=parsed)
    left = list(calls)
    for call in expected:
        candidates = left[:1] if ordered else left
        match = next((other for other in candidates if _matches(call, other, arguments)), None)
        if match is None:
            others = [other for other in left if other.name == call.name] or left
            reason = f"{call.name}({_shown(call)}) expected, got ({_shown(others[0])})"
            return Score(False, reason, "other_arguments", parsed=parsed)
        left.remove(match)
    return Score(True, parsed=parsed)


def expected_calls(expectations: Mapping[str, JSON]) -> list[Call]:
    """Return the calls that a row expects; empty if it expects none.

    Raises:
        WorkbenchError: the expected value is no call.
    """
    answer = expectations.get("expected_response")
    if isinstance(answer, str):
        answer = answer.strip()
        answer = _parsed(answer) if answer[:1] in ("{", "[") else answer
    if _call(answer).name == NO_CALL:
        return []
    calls = answer if isinstance(answer, list) else [answer]
    if not calls or any(_call(call).name == "" for call in calls):
        message = f"expected_response is {answer!r:.80}, not a call"
        raise WorkbenchError(message, fix=f"write {FORM}; `{NO_CALL}` for an answer without a call")
    return [_call(call) for call in calls]


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row expects calls; raises WorkbenchError as `tool_call` does."""
    expected_calls(expectations)


def check_settings(**settings: JSON) -> None:
    """Check `arguments`; raises WorkbenchError for another word."""
    if (word := settings.get("arguments", "equal")) not in get_args(Arguments):
        raise unknown_name("arguments of tool_call:", str(word), get_args(Arguments))


def _call(call: JSON) -> Call:
    """A call in OpenAI's form, as name and arguments, or a name; without a name if it is none."""
    if isinstance(call, str):
        return Call(call.strip(), None)
    fields = call.get("function", call) if isinstance(call, dict) else {}
    if not isinstance(fields, dict) or not isinstance(fields.get("name"), str):
        return Call("", None)
    values = fields.get("arguments", fields.get("parameters"))
    if isinstance(values, str):
        values = _parsed(values) if values.strip() else {}
    return Call(fields["name"].strip(), values)


def _calls_in_text(text: str) -> list[Call]:
    calls: list[Call] = []
    for match in IN_TEXT.findall(text):
        content = _parsed(match)
        calls += map(_call, content if isinstance(content, list) else [content])
    return calls


def _parsed(text: str) -> JSON:
    """The JSON in `text`; the text itself if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _matches(call: Call, other: Call, arguments: str) -> bool:
    if call.name != other.name or call.arguments is None or arguments == "ignore":
        return call.name == other.name
    values, expected = other.arguments or {}, call.arguments
    if arguments == "include" and isinstance(values, dict) and isinstance(expected, dict):
        values = {name: value for name, value in values.items() if name in expected}
    return _text(values) == _text(expected)


def _shown(call: Call) -> str:
    return "" if call.arguments is None else _text(call.arguments)[:80]


def _text(value: JSON) -> str:
    """Canonical JSON in which 1.0 is 1, and true is not 1."""
    try:
        return canonical_json(_without_points(value))
    except ValueError:  # NaN, which Python reads and JSON lacks
        return repr(value)


def _without_points(value: JSON) -> JSON:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _without_points(entry) for name, entry in value.items()}
    return [_without_points(entry) for entry in value] if isinstance(value, list) else value
