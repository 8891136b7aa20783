"""The child process that reads and renders templates, so that a template can hurt only itself.

It writes an empty line when it is ready, reads one JSON object a line on stdin and answers with
JSON lines on stdout:

    {"parse": ["Hi {{ name }}"]}
        -> {"parsed": [{"variables": {"name": 1}, "tags": {}}]}
    {"render": "Hi {{ name }}", "rows": [{"name": "Ada"}]}
        -> {"text": "Hi Ada"}                        (one line a row, in order)
        -> {"error": "'nam' is undefined", "line": 1}

Run as `python worker.py MEMORY_BYTES SECONDS`; nothing of the package is imported.
"""

import json
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from difflib import get_close_matches
from types import FrameType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NAME = "<prompt>"
LONGEST = 20_000_000  # characters of one rendered prompt


class MissingVariable(StrictUndefined):
    """What is not there; of a mapping it says what is, nearest first."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        there, name = self._undefined_obj, str(self._undefined_name)
        if self._undefined_hint or not isinstance(there, dict):
            return super()._undefined_message
        near = get_close_matches(name, map(str, there), n=3, cutoff=0.5)
        names = near + sorted(str(key) for key in there if key not in near)
        return f"no {name!r} in this mapping, which has: {', '.join(names[:12]) or 'nothing'}"


def environment() -> ImmutableSandboxedEnvironment:
    """The one environment templates are read and rendered in.

    `tojson` writes plain JSON, as chat templates expect, where Jinja's own escapes it for HTML.
    """
    env = ImmutableSandboxedEnvironment(
        undefined=MissingVariable, keep_trailing_newline=True, finalize=_text_only
    )
    del env.globals["lipsum"]
    env.filters["tojson"] = lambda value, indent=None: json.dumps(
        value, ensure_ascii=False, indent=indent, default=_no_json
    )
    return env


VIEWS: tuple[type, ...] = (type({}.items()), type({}.keys()), type({}.values()))
SAYABLE: tuple[type, ...] = (str, int, float, list, dict, tuple, range, type(None), Undefined)


def _text_only(value: object) -> object:
    """What may be written out: a method's or a generator's address would differ in every run."""
    if isinstance(value, SAYABLE + VIEWS):
        return value
    raise TypeError(f"a {type(value).__name__} is no text")


def _no_json(value: object) -> None:
    if isinstance(value, Undefined):
        str(value)  # says what is undefined
    raise TypeError(f"a {type(value).__name__} is nothing that JSON has")


ENVIRONMENT = environment()


class OutOfTimeError(Exception):
    """A row took longer than it may."""


def parse(source: str, seconds: float) -> dict[str, Any]:
    """The free variables of a template and the tags it must not use, each with its first line."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        tree = ENVIRONMENT.parse(source)
        ENVIRONMENT.compile(source)
        free = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        return {"error": error.message or "syntax error", "line": error.lineno}
    except Exception as error:  # constants are folded, so a template may raise anything
        return {"error": _plain(error), "line": 0}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    variables: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in free and name.ctx == "load":
            variables[name.name] = min(name.lineno, variables.get(name.name, name.lineno))
    banned = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    tags = {type(node).__name__.lower(): node.lineno for node in tree.find_all(banned)}
    return {"variables": variables, "tags": tags}


def render(source: str, rows: list[Any], seconds: float) -> Iterator[dict[str, Any]]:
    """The template with each row's data, one text a row, up to the first error."""
    template: Template | None = None
    for row in rows:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            template = template or ENVIRONMENT.from_string(source)
            text = template.render(row)
            if len(text) > LONGEST:
                raise ValueError(f"rendered to {len(text):,} characters, more than {LONGEST:,}")
            yield {"text": text}
        except Exception as error:  # a template may raise anything
            yield {"error": _plain(error), "line": _line(error)}
            return
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _plain(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "needs more memory than a template may use"
    if isinstance(error, OutOfTimeError):
        return "takes longer than a template may"
    if isinstance(error, RecursionError):
        return "nested too deep, or recursion without end"
    if isinstance(error, SyntaxError):  # of the Python that Jinja makes of the template
        return f"can't be compiled: {error.msg}"
    return f"{error}" or type(error).__name__


def _line(error: BaseException) -> int:
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in (NAME, "<template>")
    ]
    return lines[-1] if lines else 0


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError


def main() -> None:
    """Answers until stdin ends."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(600)
    sys.stdout.write("\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        if "parse" in asked:
            answer = [parse(source, seconds) for source in asked["parse"]]
            _say({"parsed": answer})
        else:
            for result in render(asked["render"], asked["rows"], seconds):
                _say(result)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
