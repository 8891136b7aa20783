"""Descriptions of evaluators, read from their source: nothing is imported.

describe_all(root)
[Description("exact_match", "workbench", "True if the answer equals …", settings=(…), …), …]
"""

import ast
import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

from workbench.errors import WorkbenchError
from workbench.evaluator.lookup import GROUP, LIBRARY, PACKAGE, list_evaluators

Functions = dict[str, ast.FunctionDef]


@dataclass(frozen=True)
class Setting:
    """A setting of an evaluator.

    Attributes:
        type: its annotation; empty: none.
        default: as in the source; empty: it must be given.
    """

    name: str
    type: str = ""
    default: str = ""


@dataclass(frozen=True)
class Description:
    """An evaluator as its source describes it.

    Attributes:
        origin: its file, `workbench` or the entry point.
        summary: the first line of its docstring; empty: it has none.
        doc: the docstring.
        arguments: the data that it takes.
        traits: arguments of `@evaluator`, as in the source.
    """

    name: str
    origin: str
    summary: str = ""
    doc: str = ""
    arguments: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    traits: tuple[tuple[str, str], ...] = ()

    @property
    def is_of_run(self) -> bool:
        """True for a metric of a whole run."""
        return ("over", "'run'") in self.traits


def describe_all(root: Path) -> list[Description]:
    """Every evaluator that needs no colon, by name."""
    return [_describe(name, origin, root) for name, origin in sorted(list_evaluators(root).items())]


def _describe(name: str, origin: str, root: Path) -> Description:
    file, attribute = _source(name, origin, root)
    functions = _functions(file) if file else {}
    if attribute not in functions:  # made by a call, or of a package without source
        return Description(name, origin)
    function = functions[attribute]
    parameters = [function.args]
    traits: list[tuple[str, str]] = []
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name):
            if decorator.func.id == "evaluator":
                traits += [(k.arg or "", ast.unparse(k.value)) for k in decorator.keywords]
            elif decorator.func.id == "per_row" and isinstance(decorator.args[0], ast.Name):
                row = functions.get(decorator.args[0].id)
                parameters = [row.args, *parameters] if row else parameters
    data = [argument.arg for argument in (parameters[0].posonlyargs + parameters[0].args)]
    settings = {s.name: s for arguments in parameters for s in _settings(arguments)}
    doc = dedent(ast.get_docstring(function) or "")
    summary = " ".join(doc.partition("\n\n")[0].split())
    return Description(
        name, origin, summary, doc, tuple(data), tuple(settings.values()), tuple(traits)
    )


def _source(name: str, origin: str, root: Path) -> tuple[Path | None, str]:
    """The file with the evaluator's function, and the function's name."""
    if (root / origin).is_file():
        return root / origin, name
    if origin == "workbench":
        return LIBRARY / f"{name}.py", name
    entry = next(entry for entry in entry_points(group=GROUP) if entry.name == name)
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(entry.module)
        if spec and spec.origin and Path(spec.origin).suffix == ".py":
            return Path(spec.origin), entry.attr
    return None, entry.attr


def _functions(file: Path) -> Functions:
    """The functions of a file, and those of the library that it imports.

    Raises:
        WorkbenchError: it can't be read.
    """
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        fix = "mend it, or remove the file"
        raise WorkbenchError(f"can't be read: {error}", where=str(file), fix=fix) from error
    functions: Functions = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}._"):
            module = LIBRARY / f"{(node.module or '').removeprefix(f'{PACKAGE}.')}.py"
            wanted = {alias.name for alias in node.names}
            functions |= {each.name: each for each in _definitions(module) if each.name in wanted}
    return functions


def _definitions(file: Path) -> list[ast.FunctionDef]:
    body = ast.parse(file.read_text("utf-8")).body
    return [node for node in body if isinstance(node, ast.FunctionDef)]


def _settings(arguments: ast.arguments) -> Iterator[Setting]:
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        annotation = ast.unparse(argument.annotation) if argument.annotation else ""
        yield Setting(argument.arg, annotation, ast.unparse(default) if default else "")
