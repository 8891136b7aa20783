r"""The child process that parses and renders templates, so that a template can harm only itself.

It writes an empty line when it is ready, reads one JSON object per line on stdin and answers with
JSON lines on stdout:

    {"parse": [["user:\nHi {{ name }}", "Hi {{ name }}"]]}
        -> {"variables": {"name": 2}, "tags": {}, "splits": true}   (one line per template)
    {"render": "Hi {{ name }}", "rows": [{"name": "Ada"}]}
        -> {"text": "Hi Ada"}                        (one line per row, in order)
        -> {"error": "'nam' is undefined", "line": 1}
    {"evaluate": "{{ choices[answer] }}", "rows": [{"choices": ["a", "b"], "answer": 1}]}
        -> {"value": "b"}                            (as `render`, but the value keeps its type)
    {"reads": "{{ choices[answer] }}"}
        -> {"paths": [["choices"], ["answer"]], "selected_from": ["choices"], …}
    {"render": "{{ question }}", "choices": ["{{ options }}"], "rows": [{"question": "2+2?", …}]}
        -> {"text": "2+2?", "choices": ["4", "5"]}   (or an error with "in_choices": true)

Run as `python worker.py MEMORY_BYTES SECONDS`; of the package it imports the sandbox only.
"""

import json
import re
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import FrameType
from typing import Any, NamedTuple

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.compiler import CodeGenerator

from workbench.sandbox.environment import ENVIRONMENT, Environment, as_list, check_choice
from workbench.sandbox.opaque import refuse_text_of_jinja

MAX_RENDERED = 20_000_000  # characters of one rendered prompt, and of its choices
GRACE_S = 0.5  # after the limit, until the system ends this process inside a call of C

# A template that is one expression and nothing else.
EXPRESSION = re.compile(r"\{\{[-+]?(.*?)[-+]?\}\}", re.DOTALL)


class OutOfTimeError(Exception):
    """A row took too long."""


class _TimeLimit(NamedTuple):  # not by `contextmanager`, which takes as long as a row
    """Seconds of the processor, so that a row fails on a busy machine if it fails on any."""

    seconds: float

    def __enter__(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, self.seconds)
        signal.setitimer(signal.ITIMER_VIRTUAL, self.seconds + GRACE_S)

    def __exit__(self, *exc_info: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class _TrackingGenerator(meta.TrackingCodeGenerator):
    """Keeps the code, which that of `jinja2.meta` discards."""

    write = CodeGenerator.write


def parse(source: str, *parts: str, seconds: float) -> dict[str, Any]:
    """Free variables and banned tags of a template, each with its first line.

    `splits`: each of `parts`, which are parts of it, is a template, too.
    """
    splits = False
    try:
        with _TimeLimit(seconds):
            tree = ENVIRONMENT.parse(source)
            generator = _TrackingGenerator(ENVIRONMENT)
            generator.visit(tree)
            code = generator.stream.getvalue()  # type: ignore[attr-defined]
            compile(code, "<template>", "exec")
            splits = _are_templates(parts)
    except TemplateSyntaxError as error:
        return {"error": error.message or "syntax error", "line": error.lineno}
    except Exception as error:  # constants are folded, so a template may raise anything
        return {"error": _message(error), "line": 0}
    variables: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in generator.undeclared_identifiers and name.ctx == "load":
            variables[name.name] = min(name.lineno, variables.get(name.name, name.lineno))
    banned = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    tags = {type(node).__name__.lower(): node.lineno for node in tree.find_all(banned)}
    return {"variables": variables, "tags": tags, "splits": splits}


def _are_templates(parts: Sequence[str]) -> bool:
    """True if each part of a template is a template. What can be compiled whole, can in parts."""
    try:
        for part in parts:
            ENVIRONMENT.parse(part)
    except Exception:
        return False
    return True


def read_paths(source: str, seconds: float) -> dict[str, Any]:
    """The columns that a template reads, each as the path to the part that it reads.

    `selected_from`: columns that only offer values to choose from by those of `indexes`.
    """
    try:
        with _TimeLimit(seconds):
            tree = ENVIRONMENT.parse(source)
            free = meta.find_undeclared_variables(tree)
            _compile_value(source)
    except Exception as error:  # constants are folded, so a template may raise anything
        return {"error": _message(error)}
    paths = [path for path in _paths(tree) if path[0] in free]
    selected_from, indexes = set[str](), set[str]()
    for lookup in tree.find_all(nodes.Getitem):
        offered, index = ({path[0] for path in _paths(part)} for part in (lookup.node, lookup.arg))
        indexes |= index & free - offered
        selected_from |= offered & free if index & free - offered else set()
    return {"paths": paths, "selected_from": sorted(selected_from), "indexes": sorted(indexes)}


def _paths(node: nodes.Node) -> list[list[str]]:
    """Each name below `node` with the constant keys that follow it: `a.b["c"]` is [a, b, c]."""
    path: list[str] = []
    target = node
    while isinstance(target, nodes.Getattr | nodes.Getitem):
        if isinstance(target, nodes.Getattr):
            path.insert(0, target.attr)
        elif isinstance(target.arg, nodes.Const) and isinstance(target.arg.value, str):
            path.insert(0, target.arg.value)
        else:
            path = []
            if not isinstance(target.arg, nodes.Const):
                return _paths(target.node) + _paths(target.arg)
        target = target.node
    if isinstance(target, nodes.Name):
        return [[target.name, *path]]
    return [path for child in target.iter_child_nodes() for path in _paths(child)]


def _compile_value(source: str, environment: Environment = ENVIRONMENT) -> Callable[[Any], Any]:
    """A function from a row to the value of a template; its text, if it is no single expression."""
    body = ENVIRONMENT.parse(source).body
    output = body[0] if len(body) == 1 else None
    match = EXPRESSION.fullmatch(source)
    if match and isinstance(output, nodes.Output) and len(output.nodes) == 1:
        return ENVIRONMENT.compile_expression(match[1], undefined_to_none=False)
    return environment.from_string(source).render


def answer_rows(request: dict[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
    """A text with its choices, or a value, per row, up to the first error."""
    functions: dict[str, Callable[[Any], Any]] = {}
    for row in request["rows"]:
        answer: dict[str, Any] = {}
        try:
            with _TimeLimit(seconds):
                functions = functions or _functions(request)
                for name, function in functions.items():
                    value = function(row)
                    answer[name] = _limited(value) if name == "text" else _as_json(value)
        except Exception as error:  # a template may raise anything
            part = {"in_choices": True} if "text" in answer else {}
            yield {"error": _message(error), "line": _line(error), **part}
            return
        yield answer


def _functions(request: dict[str, Any]) -> dict[str, Callable[[Any], Any]]:
    """The functions that make a row's answer, by its key."""
    if "evaluate" in request:
        return {"value": _compile_value(request["evaluate"])}
    return _compile(request["render"], *request["choices"])


@lru_cache(maxsize=1)  # a server sends a request with the same template for every few rows
def _compile(source: str, *sources: str) -> dict[str, Callable[[Any], Any]]:
    """The functions of a template and of its choices."""
    functions: dict[str, Any] = {"text": ENVIRONMENT.from_string(source).render}
    if sources:
        environment = ENVIRONMENT.overlay(finalize=check_choice)
        compiled = [_compile_value(source, environment) for source in sources]
        functions["choices"] = lambda row: [value(row) for value in compiled]
        if len(sources) == 1:
            functions["choices"] = _compile_value(sources[0].strip())
    return functions


def _as_json(value: object) -> Any:
    return json.loads(_limited(json.dumps(value, allow_nan=False, default=as_list)))


def _limited(text: str) -> str:
    if len(text) > MAX_RENDERED:
        raise ValueError(f"rendered to {len(text):,} characters, more than {MAX_RENDERED:,}")
    return text


def _message(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "the template needs too much memory"
    if isinstance(error, OutOfTimeError):
        return "the template takes too long"
    if isinstance(error, RecursionError):
        return "nested too deeply, or endless recursion"
    if isinstance(error, SyntaxError):  # in the Python code that Jinja generates
        return f"can't be compiled: {error.msg}"
    return f"{error}" or type(error).__name__


def _line(error: BaseException) -> int:
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == "<template>"
    ]
    return lines[-1] if lines else 0


def _raise_out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError


def main() -> None:
    """Answer until stdin ends."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    signal.signal(signal.SIGPROF, _raise_out_of_time)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(600)
    refuse_text_of_jinja()
    sys.stdout.write("\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if "parse" in request:
            for template in request["parse"]:
                answer = parse(*template, seconds=seconds)
                _send(answer)
                if "error" in answer:
                    break
        elif "reads" in request:
            _send(read_paths(request["reads"], seconds))
        else:
            for answer in answer_rows(request, seconds):
                _send(answer)


def _send(answer: dict[str, Any]) -> None:
    entries = [f'"{name}": {json.dumps(value)}' for name, value in answer.items()]
    sys.stdout.write(f"{{{', '.join(entries)}}}\n")
    sys.stdout.flush()  # or the row that kills this process can't be named


if __name__ == "__main__":
    main()
