"""Tools of a prompt: functions that a model may call, from its front matter or from files.

    tools:
      - name: get_weather
        description: The weather of a city.
        parameters: {type: object, properties: {city: {type: string}}, required: [city]}
    tools: tools.json                    a file with such a list; also several: [a.json, b.yaml]

OpenAI's form, `{type: function, function: {…}}`, is read, too.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from workbench.canonical import JSON
from workbench.document import parse_document
from workbench.errors import WorkbenchError, check_names, unknown_name
from workbench.prompt.partials import Reader
from workbench.prompt.schema_faults import schema_fault
from workbench.prompt.source import plain_text
from workbench.prompt.turns import NAME_RULE, TOOL_NAME

Tool = Mapping[str, JSON]  # name, description, parameters, strict
KEYS: dict[str, tuple[type, str]] = {
    "name": (str, "a text"),
    "description": (str, "a text"),
    "parameters": (dict, "a mapping: a JSON schema"),
    "strict": (bool, "true or false"),
}
MODES = ("auto", "none", "required")  # of the parameter `tool_choice`; else the name of a tool
SUFFIXES = (".json", ".yaml", ".yml")


def read_tools(entries: JSON, path: str, read: Reader, where: Callable[..., str]) -> list[JSON]:
    """The checked tools of a prompt.

    Args:
        entries: the value of `tools:`.
        path: of the template below `prompts/`.
        read: reader of the working copies or of a git revision.
        where: position of an entry by its number, for messages.

    Raises:
        WorkbenchError: a file that is missing, or a definition that no API takes.
    """
    tools: list[JSON] = []
    entries = entries if isinstance(entries, list) else [entries]
    for number, entry in enumerate(entries):
        place = where(number)
        if isinstance(entry, str):
            place, content = _read_file(entry, path, read, place)
            tools += [_checked(each, place) for each in content]
        else:
            tools.append(_checked(entry, place))
        names = [tool["name"] for tool in tools]
        if len(set(names)) < len(names):
            fix = "give each its own name"
            raise WorkbenchError(f"two tools are called {names[-1]!r}", where=place, fix=fix)
    return tools


def _read_file(name: str, path: str, read: Reader, where: str) -> tuple[str, list[JSON]]:
    """The name of a file for messages, and the definitions in it."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or not name.endswith(SUFFIXES):
        fix = f"name a file beside the template or in prompts/, with {', '.join(SUFFIXES)}"
        raise WorkbenchError(f"{name!r:.80} is no file with tools", where=where, fix=fix)
    for candidate in (str(PurePosixPath(path).parent / name), name):
        if (raw := read(candidate)) is not None:
            break
    else:
        fix = f"create it beside {path} or in prompts/"
        raise WorkbenchError(f"no file {name!r:.80}", where=where, fix=fix)
    place = f"prompts/{candidate}"
    text = plain_text(raw, where=place)
    try:
        content = (
            json.loads(text) if name.endswith(".json") else parse_document(text, place).content
        )
    except ValueError as error:
        raise WorkbenchError(f"not JSON: {error}", where=place, fix="correct it") from error
    return place, content if isinstance(content, list) else [content]


def _checked(entry: JSON, where: str) -> JSON:
    """A definition with its name, description, parameters and strict, in their order."""
    if isinstance(entry, dict) and isinstance(entry.get("function"), dict):
        entry = {**{k: v for k, v in entry.items() if k != "function"}, **entry["function"]}
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        fix = "write {name: get_weather, description: …, parameters: {type: object, properties: …}}"
        raise WorkbenchError(f"{entry!r:.80} is no tool: it has no name", where=where, fix=fix)
    name = entry["name"]
    if entry.get("type", "function") != "function":
        message = f"the tool {name!r} has the type {entry['type']!r}, and APIs share functions only"
        raise WorkbenchError(message, where=where, fix="remove it, or write it as a function")
    tool = {key: value for key, value in entry.items() if key != "type" and value is not None}
    if not TOOL_NAME.fullmatch(name):
        message = f"no API takes a tool with the name {name!r:.80}"
        raise WorkbenchError(message, where=where, fix=f"use {NAME_RULE}")
    check_names(f"key of the tool {name!r}:", tool, KEYS, where=lambda _: where)
    for key, value in tool.items():
        kind, words = KEYS[key]
        if not isinstance(value, kind):
            message = f"{key} of the tool {name!r} is {value!r:.60}"
            raise WorkbenchError(message, where=where, fix=f"write {words}")
    parameters = tool.get("parameters", {"type": "object"})
    fault = schema_fault(parameters)
    if not fault and parameters.get("type") != "object":
        fault = f"type: {parameters.get('type')!r:.60} is not 'object'"
    if fault:
        message = f"the parameters of the tool {name!r} are no JSON schema of an object: {fault}"
        raise WorkbenchError(message, where=where, fix="{type: object, properties: {city: …}}")
    return tool


def check_tool_choice(parameters: Mapping[str, JSON], tools: tuple[Tool, ...], where: str) -> None:
    """Check the parameters about tools.

    Raises:
        WorkbenchError: they are set without tools, or `tool_choice` names none of them.
    """
    if "tools" in (parameters.get("extra_body") or {}):
        return  # tools in a form of one server
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in parameters and not tools:
            fix = f"write `tools:` in the front matter, or `{name}: null`"
            raise WorkbenchError(
                f"{name} is set, and the prompt has no tools", where=where, fix=fix
            )
    choice = parameters.get("tool_choice", "auto")
    named = choice if isinstance(choice, str) else _choice_name(choice)
    names = [str(tool["name"]) for tool in tools]
    if named not in names and not (isinstance(choice, str) and choice in MODES):
        raise unknown_name("tool_choice", str(named), (*MODES, *names), where=where)


def _choice_name(choice: Mapping[str, JSON]) -> str:
    """The tool in `{type: function, function: {name: …}}` or `{type: function, name: …}`."""
    function = choice.get("function")
    return str((function if isinstance(function, dict) else choice).get("name") or choice)


def chat_tools(tools: Iterable[Tool]) -> list[JSON]:
    """The tools in the form of OpenAI's chat API."""
    return [{"type": "function", "function": dict(tool)} for tool in tools]


def chosen_tool(choice: JSON) -> str:
    """The tool that the parameter `tool_choice` names; empty: it names none."""
    named = choice if isinstance(choice, str) else _choice_name(choice)
    return "" if named in MODES else named
