r"""The source of a function in a notebook, with the names of the notebook that it uses.

    import re
    POSITIVE = {"good", "fine"}

    def tone(outputs):
        return any(word in POSITIVE for word in re.findall(r"\w+", outputs))

    source_of(tone)     "from __future__ import annotations\n\nimport re\n\nPOSITIVE = …"

The source is a module of its own: imports, constants and other functions, then the function. So a
child process can import it, and its digest changes only with what decides the scores.
"""

import ast
import inspect
import math
import re
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from workbench.errors import WorkbenchError

CONSTANTS = (str, bytes, int, float, bool, type(None), list, tuple, dict, set, frozenset)
HEAD = "from __future__ import annotations"  # their names may be missing
MAX_CONSTANT = 1_000_000  # characters of a constant's source
MOVE = "move the function with all that it uses into evaluators/{name}.py, and name it: {name!r}"


def source_of(function: Callable[..., Any]) -> str:
    """A module's source that defines `function`.

    Raises:
        WorkbenchError: it has no source, or uses an object of the notebook that has none.
    """
    function = inspect.unwrap(function)  # functools.wraps and caches: the source has the decorator
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        kind = "a lambda" if getattr(function, "__name__", "") == "<lambda>" else repr(function)
        raise WorkbenchError(
            f"{kind[:100]} has no name and source that a child process could import",
            where="evaluators",
            fix="define it: def my_score(outputs, expectations): …",
        )
    return _Module(function).text()


class _Module:
    """A module in the making: lines by the name that they define."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._imports: dict[str, str] = {}
        self._definitions: dict[str, str] = {}

    def text(self) -> str:
        """The source: imports, then definitions, each after those that it uses."""
        self._add_function(self._function)
        imports = sorted(set(self._imports.values()))
        parts = [HEAD, *(["\n".join(imports)] if imports else [])]
        return "\n\n".join([*parts, *self._definitions.values()]) + "\n"

    def _add_function(self, function: FunctionType) -> None:
        name = function.__name__
        self._definitions.setdefault(name, "")  # a function may call itself
        source = self._source(function)
        cells = inspect.getclosurevars(function).nonlocals
        for used, needed in _outer_names(source):
            if used in cells:
                self._add(used, cells[used], needed=needed)
            elif used in function.__globals__ and used != name:
                self._add(used, function.__globals__[used], needed=needed)
        del self._definitions[name]
        self._definitions[name] = source

    def _source(self, function: FunctionType) -> str:
        try:
            return textwrap.dedent(inspect.getsource(function)).rstrip()
        except (OSError, TypeError) as error:
            name = self._function.__name__
            of = "" if function is self._function else f" uses {function.__name__}(), which"
            raise WorkbenchError(
                f"evaluator {name!r}{of} has no source: it was not defined in a cell or a file",
                where="evaluators",
                fix=MOVE.format(name=name),
            ) from error

    def _add(self, name: str, value: Any, *, needed: bool) -> None:
        """Add the line that gives `name` its value; one of an annotation may be missing."""
        if name in self._imports or name in self._definitions:
            return
        if line := _import_line(name, value, self._function.__globals__):
            self._imports[name] = line
        elif isinstance(plain := _unwrapped(value), FunctionType) and plain.__name__ == name:
            self._add_function(plain)
        elif isinstance(value, re.Pattern):
            self._imports["re"] = "import re"
            flags = value.flags & ~(re.UNICODE if isinstance(value.pattern, str) else 0)
            arguments = f"{value.pattern!r}, {flags:d}" if flags else f"{value.pattern!r}"
            self._definitions[name] = f"{name} = re.compile({arguments})"
        elif (text := _constant_text(value)) is not None:
            self._definitions[name] = f"{name} = {text}"
        elif needed:
            raise WorkbenchError(
                f"evaluator {self._function.__name__!r} uses {name}, which its process can't have: "
                f"{_kind(value)} of the notebook",
                where="evaluators",
                fix="create it inside the function, or "
                + MOVE.format(name=self._function.__name__),
            )


def _unwrapped(value: Any) -> Any:
    return inspect.unwrap(value) if callable(value) else value


def _kind(value: Any) -> str:
    """`a class`, `an object of openai.OpenAI`."""
    if isinstance(value, type):
        return "a class"
    if isinstance(value, FunctionType):
        return f"the function {value.__name__}, under another name,"
    if isinstance(value, CONSTANTS):
        return "a value that is too large, or holds objects,"
    return f"an object of {type(value).__module__}.{type(value).__qualname__}"


def _import_line(name: str, value: Any, namespace: dict[str, Any]) -> str:
    """The import that binds `name` to `value`; empty: it is of the notebook itself."""
    if isinstance(value, ModuleType):
        module = value.__name__
        if module == name:
            return f"import {module}"
        parent, _, last = module.rpartition(".")
        if not parent:
            return f"import {module} as {name}"
        return f"from {parent} import {last}" + (f" as {name}" if last != name else "")
    origin, attribute = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not isinstance(origin, str) or not isinstance(attribute, str) or origin == "__main__":
        return ""
    source = sys.modules.get(origin)
    if vars(source or object) is namespace or getattr(source, attribute, None) is not value:
        return ""
    return f"from {origin} import {attribute}" + (f" as {name}" if attribute != name else "")


def _constant_text(value: Any) -> str | None:
    """The source of a constant; None: it is none."""
    if not isinstance(value, CONSTANTS):
        return None
    if type(value) is frozenset:
        text = _constant_text(set(value))
        return text and f"frozenset({text})"
    if type(value) is float and not math.isfinite(value):
        return f'float("{value}")'
    text = repr(value)
    if isinstance(value, set):
        text = f"{{{', '.join(sorted(map(repr, value)))}}}" if value else "set()"
    try:
        equal = len(text) <= MAX_CONSTANT and ast.literal_eval(text) == value
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return "set()" if value == set() else None
    return text if equal else None


def _outer_names(source: str) -> Iterator[tuple[str, bool]]:
    """Names that a function's source takes from outside; True: not only in annotations."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant("")
    needed = _global_names(ast.unparse(tree))
    yield from ((name, True) for name in sorted(needed))
    yield from ((name, False) for name in sorted(_global_names(source) - needed))


def _global_names(source: str) -> set[str]:
    top = symtable.symtable(source, "<evaluator>", "exec")
    names: set[str] = set()
    tables = [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            outer = symbol.is_referenced() and not symbol.is_assigned() if table is top else False
            if outer or (table is not top and symbol.is_global()):
                names.add(symbol.get_name())
    return names
