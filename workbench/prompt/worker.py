"""The child process that parses and renders templates, so that a template can harm only itself.

It writes an empty line when it is ready, reads one JSON object per line on stdin and answers with
JSON lines on stdout:

    {"parse": ["Hi {{ name }}"]}
        -> {"parsed": [{"variables": {"name": 1}, "tags": {}}]}
    {"render": "Hi {{ name }}", "rows": [{"name": "Ada"}]}
        -> {"text": "Hi Ada"}                        (one line per row, in order)
        -> {"error": "'nam' is undefined", "line": 1}

Run as `python worker.py MEMORY_BYTES SECONDS`; nothing of the package is imported.
"""

import json
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from types import FrameType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_RENDERED = 20_000_000  # characters of one rendered prompt


class MissingVariable(StrictUndefined):
    """A missing value; a missing key of a mapping lists the keys that exist, nearest first."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        container, name = self._undefined_obj, str(self._undefined_name)
        if self._undefined_hint or not isinstance(container, dict):
            return super()._undefined_message
        near = get_close_matches(name, map(str, container), n=3, cutoff=0.5)
        names = near + sorted(str(key) for key in container if key not in near)
        return f"no {name!r} in this mapping, which has: {', '.join(names[:12]) or 'nothing'}"


VIEWS: tuple[type, ...] = (type({}.items()), type({}.keys()), type({}.values()))
PRINTABLE: tuple[type, ...] = (str, int, float, list, dict, tuple, range, type(None), Undefined)


def _check_printable(value: object) -> object:
    """Refuse methods and generators: their text is an address, which differs in every run."""
    if isinstance(value, PRINTABLE + VIEWS):
        return value
    raise TypeError(f"a {type(value).__name__} is not text")


def _refuse_json(value: object) -> None:
    if isinstance(value, Undefined):
        str(value)  # raises the error that names the missing variable
    raise TypeError(f"a {type(value).__name__} is not JSON")


ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=MissingVariable, keep_trailing_newline=True, finalize=_check_printable
)
del ENVIRONMENT.globals["lipsum"]
# Plain JSON, as chat templates expect; Jinja's own `tojson` escapes it for HTML.
ENVIRONMENT.filters["tojson"] = lambda value, indent=None: json.dumps(
    value, ensure_ascii=False, indent=indent, default=_refuse_json
)


class OutOfTimeError(Exception):
    """A row took too long."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def parse(source: str, seconds: float) -> dict[str, Any]:
    """Free variables and banned tags of a template, each with its first line."""
    try:
        with _time_limit(seconds):
            tree = ENVIRONMENT.parse(source)
            ENVIRONMENT.compile(source)
            free = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        return {"error": error.message or "syntax error", "line": error.lineno}
    except Exception as error:  # constants are folded, so a template may raise anything
        return {"error": _message(error), "line": 0}
    variables: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in free and name.ctx == "load":
            variables[name.name] = min(name.lineno, variables.get(name.name, name.lineno))
    banned = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    tags = {type(node).__name__.lower(): node.lineno for node in tree.find_all(banned)}
    return {"variables": variables, "tags": tags}


def render(source: str, rows: list[Any], seconds: float) -> Iterator[dict[str, Any]]:
    """One text per row, up to the first error."""
    template: Template | None = None
    for row in rows:
        try:
            with _time_limit(seconds):
                template = template or ENVIRONMENT.from_string(source)
                text = template.render(row)
            if len(text) > MAX_RENDERED:
                raise ValueError(
                    f"rendered to {len(text):,} characters, more than {MAX_RENDERED:,}"
                )
        except Exception as error:  # a template may raise anything
            yield {"error": _message(error), "line": _line(error)}
            return
        yield {"text": text}


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
    signal.signal(signal.SIGALRM, _raise_out_of_time)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(600)
    sys.stdout.write("\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if "parse" in request:
            _send({"parsed": [parse(source, seconds) for source in request["parse"]]})
        else:
            for answer in render(request["render"], request["rows"], seconds):
                _send(answer)


def _send(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
