"""Errors in the words of Python: arguments in place of keys of a file, and of options.

>>> python_text("use one of these: `evaluators: [exact_match]`, or --max-calls 500")
"use one of these: `evaluators=['exact_match']`, or max_calls=500"
>>> python_text("write it at the model: `models: [NAME: {concurrency: …}]`")
"write it at the model: `models=[{NAME: {'concurrency': …}}]`"
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.dataset import DatasetSpec
from workbench.document import parse_document
from workbench.errors import WorkbenchError
from workbench.project import PYTHON_TASKS

# Keys of an experiment file and of its dataset, by the argument of `workbench.run`.
ARGUMENTS = {
    "dataset": "data",
    "expected": "expected",
    **{
        key: key
        for key in (
            *("name", "prompts", "models", "evaluators", "parameters", "grid", "repeats"),
            *("baseline", "margin", "exclude", "max_failed"),
        )
    },
}
SETTINGS = set(DatasetSpec.model_fields) - {"expected"}  # of `data` as a dict
KEYS = "|".join([*ARGUMENTS, *SETTINGS])
# Code in backticks, or a list, a mapping, a text or a placeholder: other words are prose.
SNIPPET = re.compile(
    rf"(?P<tick>`)?\b(?P<key>{KEYS}): "
    r"(?P<value>(?(tick)[^`]+|(\{[^`]*\}|\[[^`]*\]|\"[^\"`]*\"|…)))"
)
ARGUMENT = re.compile(rf"({'|'.join(ARGUMENTS.values())})(\[|$)")  # where an error is
# Code of an entry in a list: `openai:m: {as: other}`, `name: {setting: value}`.
ENTRY = re.compile(r"`(?P<name>name|\w+|[\w-]+:[^`\s]+): (?P<value>\{[^`]*\})`")
COMPARE = re.compile(r"workbench compare (\w+) (\w+)")
PREFIX = re.compile(rf"^({KEYS})(\.[^ ]+)*: ")  # of a message about a value
OPTION = re.compile(r"--(no-)?([a-z]+(?:-[a-z]+)*)(?: ([A-Z]+\b|\d[\d.]*))?")
FLAGS = ("fresh", "retry-failed", "again", "wait", "anytime", "factors")
PLACEHOLDER = re.compile(r"'(…|[A-Z]{4,}|\.\.\.)'")
CODE_FILE = re.compile(r"\.workbench/evaluators/(\w+)-[0-9a-f]{12}\.py(?::\w+)?")
ROW = re.compile(r"\S*\brows\.jsonl(?::(\d+))?")
SENTENCES = (
    ("the same command", "the same call"),
    ("the experiment file's", "the call's"),
    ("the experiment file", "the call"),
    ("`margin:`", "`margin=`"),
    ("add `expected=COLUMN` to `dataset:`", "pass expected='COLUMN'"),
    (", with the settings indented or in braces", ""),
    ("json lists all", "to_dict() lists all"),
    ("workbench run first", "call workbench.run first"),
    ("workbench run ", "workbench.run "),
    ("workbench compare ", "results.compare "),
    ("or metric with a metric", "or name a metric"),
)


def python_text(text: str) -> str:
    """The text with keys and options as arguments of Python."""
    text = COMPARE.sub(r"results.compare('\1', '\2')", text)
    text = OPTION.sub(_option, SNIPPET.sub(_argument, ENTRY.sub(_entry, text)))
    for words, replacement in SENTENCES:
        text = text.replace(words, replacement)
    return CODE_FILE.sub(r"\1", re.sub(r"\bnull\b", "None", text))


def python_note(note: str, path: str) -> str:
    """A note on the plan of the experiment file `path`, with `data[4]` for a row of a call."""
    return python_text(ROW.sub(_row, note) if f"/{PYTHON_TASKS}/" in path else note)


@contextmanager
def in_python_words(path: str = "") -> Iterator[None]:
    """Raise errors in the words of Python; `path`: of the experiment file, as errors call it."""
    task = Path(path).parent.name if f"/{PYTHON_TASKS}/" in path else ""
    try:
        yield
    except WorkbenchError as error:
        if not task and error.where and not ARGUMENT.match(error.where):  # in a file, as its fix
            error.fix = OPTION.sub(_option, error.fix)
            raise
        if task:
            error.message = PREFIX.sub("", ROW.sub(_row, error.message))
            error.where = re.sub(rf"^{re.escape(path)}(:.*)?$", "workbench.run", error.where)
            prompt = rf"^prompts/{re.escape(task)}/([\w-]+)\.jinja"
            error.where = ROW.sub(_row, re.sub(prompt, r"prompts['\1']", error.where))
        error.where = CODE_FILE.sub(r"\1", error.where)
        error.message, error.fix = python_text(error.message), python_text(error.fix)
        raise


def _row(match: "re.Match[str]") -> str:
    return f"data[{int(match[1]) - 1}]" if match[1] else "data"


def _option(match: "re.Match[str]") -> str:
    negated, name, value = match.groups()
    if name in FLAGS:
        return f"{name.replace('-', '_')}={not negated}" + (f" {value}" if value else "")
    return name.replace("-", "_") + (f"={value if value[0].isdigit() else '…'}" if value else "")


def _entry(match: "re.Match[str]") -> str:
    """An entry of YAML as a dict; unchanged if it is a key with its value."""
    name, value = match["name"], match["value"]
    if name != "name" and name in (*ARGUMENTS, *SETTINGS):
        return match[0]
    try:
        settings = parse_document(f"value: {value}", "").content["value"]
    except WorkbenchError:
        return match[0]
    text = PLACEHOLDER.sub(r"\1", repr(settings))
    return f"`{{{name!r}: {text}}}`"


def _argument(match: "re.Match[str]") -> str:
    """A snippet of YAML as an argument; unchanged if it is none."""
    key, value = match["key"], match["value"]
    try:
        content = parse_document(f"value: {value}", "").content["value"]
    except WorkbenchError:
        return match[0]
    text = PLACEHOLDER.sub(r"\1", repr(content))
    argument = f"data={{…, {key!r}: {text}}}" if key in SETTINGS else f"{ARGUMENTS[key]}={text}"
    return (match["tick"] or "") + argument
