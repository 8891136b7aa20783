"""Every source file of the package and of the example evaluators, parsed once.

>>> words("_askedAgain_twice"), words("KEPT_SHARE"), words("WholeFile")
(['asked', 'again', 'twice'], ['kept', 'share'], ['whole', 'file'])
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workbench"
STARTERS = PACKAGE / "starters" / "projects"  # files of users' projects, no modules of the package
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One file: its dotted name below its root, its text and its syntax tree."""

    path: Path
    module: str
    text: str = field(repr=False)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @property
    def package(self) -> str:
        """The first name below `workbench`: "" for `workbench` itself."""
        return self.module.split(".")[0]

    @property
    def name(self) -> str:
        """The name of the module or package, without those above it."""
        return self.module.split(".")[-1]

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]

    @cached_property
    def calls(self) -> list[ast.Call]:
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def bound_names(self) -> list[str]:
        """Every name that the file gives to something, as often as it does."""
        return [name for node in self.nodes for name in _names(node)]

    @cached_property
    def docstrings(self) -> list[str]:
        documented = (node for node in self.nodes if isinstance(node, Documented))
        return [text for node in documented if (text := ast.get_docstring(node))]

    @cached_property
    def imports(self) -> set[str]:
        """Every module that the file imports, inside functions too."""
        return _imported(self.nodes)

    @cached_property
    def first_imports(self) -> set[str]:
        """Every module that is imported with the file."""
        return _imported(self.nodes[0].body) if isinstance(self.nodes[0], ast.Module) else set()


def words(name: str) -> list[str]:
    """The words of an identifier, in lower case."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    return [part.lower() for part in parts]


def parameters(function: Function) -> int:
    """The number of parameters without self and cls; *args and **kwargs don't count."""
    arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return len([argument for argument in arguments if argument.arg not in ("self", "cls")])


def _imported(nodes: Iterable[ast.AST]) -> set[str]:
    imported: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            imported |= {name for name in names if name in MODULES}
            if not names <= MODULES:
                imported.add(node.module)
    return imported


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            yield name
        case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name


def _sources(folder: Path) -> list[Source]:
    sources = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        sources.append(Source(path, module, path.read_text()))
    return sources


SOURCES = [source for source in _sources(PACKAGE) if STARTERS not in source.path.parents]
EVALUATORS = [*_sources(ROOT / "evaluators"), *_sources(STARTERS)]
MODULES = {f"workbench.{source.module}" for source in SOURCES}
