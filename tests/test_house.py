"""The house holds its shape: which way imports go, and how large a room may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workbench"
MOST_LINES = 300
MOST_FUNCTION_LINES = 45
MOST_PARAMETERS = 5

# A room may import those in lower rows, and its own neighbours where the row says so.
FLOORS = [
    {"errors", "canonical", "conversation", "secrets"},
    {"document", "parameters", "workers"},
    {"project", "model", "catalog"},
    {"prompt", "dataset", "evaluator", "evaluators", "providers"},
    {"experiment"},
    {"store"},
    {"plan", "stats"},
    {"completing", "results"},
    {"scoring"},
    {"tracking", "comparing"},
    {"resolvers"},
    {"lint", "run"},
    {"report"},
    {"cli"},
]
HEAVY = {
    "mlflow": {"scoring", "tracking"},
    "openai": {"providers.openai"},
    "torch": {"providers.transformers"},
    "transformers": {"providers.transformers"},
    "datasets": {"dataset"},
    "scipy": {"stats"},
}
# Both ends of a pipe between our process and one that it has started itself.
OWN_PIPE = ("tracking.recording_process", "tracking.worker")
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if is_module(name))
            if not all(is_module(name) for name in inner):
                yield node.module


def is_module(name: str) -> bool:
    """Whether a dotted name is a room of this house, and not a thing inside one."""
    return name.removeprefix("workbench.") in names() and name.startswith("workbench.")


def own_imports(file: Path) -> set[str]:
    """The rooms of the house that a file imports, by their first name."""
    inside = {name.split(".")[1] for name in imports(file) if name.startswith("workbench.")}
    return inside - {"__version__"}


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_every_room_stands_on_a_floor() -> None:
    rooms = {module_of(file).split(".")[0] for file in FILES} - {""}
    assert rooms == set().union(*FLOORS)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_go_down(file: Path) -> None:
    room = module_of(file).split(".")[0]
    above = {
        name for name in own_imports(file) - {room} if floor_of(name) > floor_of(room or "cli")
    }
    assert above == set()


@pytest.mark.parametrize("package", sorted(HEAVY))
def test_a_heavy_package_is_imported_by_its_own_room_only(package: str) -> None:
    users = {
        module_of(file)
        for file in FILES
        if any(name == package or name.startswith(f"{package}.") for name in imports(file))
    }
    outside = {
        user
        for user in users
        if not any(user == room or user.startswith(f"{room}.") for room in HEAVY[package])
    }
    assert outside == set()


def test_no_import_cycle() -> None:
    graph = {
        module_of(file): {
            name.removeprefix("workbench.")
            for name in imports(file)
            if name.startswith("workbench.") and name.removeprefix("workbench.") in names()
        }
        - {module_of(file)}
        for file in FILES
    }
    cycles = [name for name in graph if name in reachable(graph, name)]
    assert cycles == []


def names() -> set[str]:
    return {module_of(file) for file in FILES}


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    left = list(graph[start])
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += graph[name]
    return seen


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_file_is_one_room(file: Path) -> None:
    assert file.read_text().count("\n") <= MOST_LINES


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_functions_are_short(file: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_functions_take_few_parameters(file: Path) -> None:
    """Commands are exempt: there a parameter is a flag."""
    if module_of(file).startswith("cli"):
        return
    many = [
        f"{node.name}: {count} parameters"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := parameters(node)) > MOST_PARAMETERS
    ]
    assert many == []


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without self and cls; what an exit or a decorator dictates is counted like any other."""
    positional = [arg.arg for arg in node.args.posonlyargs + node.args.args]
    own = [name for name in positional if name not in ("self", "cls")]
    return len(own) + len(node.args.kwonlyargs)


def test_templates_are_rendered_in_the_worker_only() -> None:
    """Elsewhere a template would run in the process that holds the keys."""
    words = ("Environment(", "from_string", "Template(")
    users = {
        module_of(file)
        for file in FILES
        if any(name.startswith("jinja2") for name in imports(file))
        and any(word in file.read_text() for word in words)
    }
    assert users == {"prompt.worker"}


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_nothing_is_unpickled_and_no_shell_is_used(file: Path) -> None:
    tree = ast.parse(file.read_text())
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    shells = [
        word.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "shell"
    ]
    assert called & {"eval", "exec", "os.system", "os.popen"} == set()
    assert shells == []
    if module_of(file) not in OWN_PIPE:
        assert not any(
            name.split(".")[0] in ("pickle", "marshal", "dill") for name in imports(file)
        )
