"""The modules of the wheel: the server's, the providers', and every module that these import.

>>> {"workbench.serving.served_variant", "workbench.prompt.worker"} <= {*serving_modules()}
True
>>> "workbench.plan.planner" in serving_modules()
False
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, distribution
from pathlib import Path

import workbench
from workbench.model import ENTRY_POINT_GROUP, RECORDED

ROOT = Path(workbench.__file__).parent
FULL_DISTRIBUTION = "prompt-workbench"


@cache
def serving_modules() -> tuple[str, ...]:
    """Return the modules of the wheel: the server's, the providers', and all that these import.

    A module that is named as a text counts as imported: it is loaded late, or by a child process.
    """
    left = [".".join(["workbench", "serving", *path]) for path in _module_paths(ROOT / "serving")]
    left += [entry.module for entry in served_providers()]
    modules: set[str] = set()
    while left:
        module = left.pop()
        if module not in modules:
            modules.add(module)
            left += [module.rpartition(".")[0]] if "." in module else []
            left += [name for name in imported_names(module) if _exists(name)]
    return tuple(sorted(modules))


def served_providers() -> list[EntryPoint]:
    """Return the providers that a package may need; recordings answer no new rows."""
    entries = distribution(FULL_DISTRIBUTION).entry_points.select(group=ENTRY_POINT_GROUP)
    return [entry for entry in entries if entry.name != RECORDED]


def _module_paths(folder: Path) -> Iterator[list[str]]:
    for file in sorted(folder.rglob("*.py")):
        parts = list(file.relative_to(folder).with_suffix("").parts)
        yield parts[:-1] if parts[-1] == "__init__" else parts


def module_file(module: str) -> Path:
    """Return the file of a module, that of a package its `__init__.py`."""
    path = ROOT.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _exists(module: str) -> bool:
    return module.partition(".")[0] == "workbench" and module_file(module).is_file()


def imported_names(module: str) -> set[str]:
    """Return the modules and names that a module imports, and the modules that its texts name."""
    tree = ast.parse(module_file(module).read_bytes())
    names: set[str] = set()
    for node in _nodes(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            sibling = f"{module.rpartition('.')[0]}.{text.removesuffix('.py')}"
            names |= {text} if re.fullmatch(r"workbench(\.\w+)+", text) else set()
            names |= {sibling} if re.fullmatch(r"\w+\.py", text) else set()
    return names


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name):
        children = node.orelse if node.test.id == "TYPE_CHECKING" else children
    for child in children:
        yield child
        yield from _nodes(child)
