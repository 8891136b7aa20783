"""The code that decides a score: sources of the project, versions of packages.

evaluators/tone.py                   its SHA-256, and that of the project's files it imports
rapidfuzz, which tone.py imports     ["rapidfuzz==3.14.3"]
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import ModuleType

from workbench.canonical import JSON

DYNAMIC_IMPORTS = ("import_module", "__import__")


def source_digest(module: ModuleType, root: Path, library: Path) -> JSON:
    """Digests of the sources in the project or the library; the version of other packages.

    `root` is the project's folder, `library` the folder of the library's evaluators.
    """
    file = Path(module.__file__ or "")
    if file.is_relative_to(library):
        shared = sorted(library.glob("_*.py"))
        return [sha256(source.read_bytes()).hexdigest() for source in (file, *shared)]
    if _is_local(file, root):
        return {**_local_sources(file, root, {})}
    top = module.__name__.partition(".")[0]
    return _versions([top]) or top


def imported_files(file: Path, root: Path) -> list[Path]:
    """A file of the project, and every other that it imports, directly or not.

    A broken file ends the search; it is among them.
    """
    seen: dict[str, str] = {}
    with suppress(OSError, SyntaxError, ValueError):
        _local_sources(file, root, seen)
    return [root / path for path in seen]


def library_versions(modules: Iterable[ModuleType], root: Path, library: Path) -> list[str]:
    """The installed packages that these modules import, sorted: `numpy==2.3.4`.

    Of a module in the project or the library, also those that its own files import that it imports.
    """
    names: set[str] = set()
    for module in modules:
        file = Path(module.__file__ or "")
        if not file.is_file():
            continue
        package = Path(module.__name__.partition(".")[0])
        files = [file]
        if file.is_relative_to(library):
            files += _shared_sources(file, library)
        elif _is_local(file, root):
            files = [root / path for path in _local_sources(file, root, {})]
        for source in files:
            paths = _imported_paths(source.read_bytes(), package)
            names |= {path.parts[0] for path in paths if path.parts}
    return _versions(names - sys.stdlib_module_names - {"workbench"})


def _shared_sources(file: Path, library: Path) -> list[Path]:
    """The files of the library (`_text.py`) that `file` imports, or one of them does."""
    seen: list[Path] = []
    left = [file]
    while left:
        for path in _imported_paths(left.pop().read_bytes(), library):
            source = library / f"{path.name}.py"
            if path.name.startswith("_") and source.is_file() and source not in seen:
                seen.append(source)
                left.append(source)
    return seen


def _versions(names: Iterable[str]) -> list[str]:
    """The distributions that hold these top-level modules; local ones have none."""
    if not names:
        return []
    folders = [folder for folder in map(Path, sys.path) if folder.is_dir()]
    by_module = _distributions(tuple((folder, folder.stat().st_mtime_ns) for folder in folders))
    distributions = {name for module in names for name in by_module.get(module, ())}
    return [f"{name}=={version(name)}" for name in sorted(distributions)]


@lru_cache(maxsize=1)
def _distributions(_changed: tuple[tuple[Path, int], ...]) -> Mapping[str, list[str]]:
    """The distributions of each module, searched in 0.1 s; installing one changes its folder."""
    return packages_distributions()


def _is_local(file: Path, root: Path) -> bool:
    return file.is_relative_to(root) and ".venv" not in file.relative_to(root).parts


def _local_sources(file: Path, root: Path, seen: dict[str, str]) -> dict[str, str]:
    """SHA-256 of `file` and of every project file it imports, by path below the root."""
    path = str(file.relative_to(root))
    if path in seen:
        return seen
    text = file.read_bytes()
    seen[path] = sha256(text).hexdigest()
    for name in _imported_paths(text, file.relative_to(root).parent):
        for part in (name, *name.parents)[: len(name.parts)]:
            for candidate in (root / part.with_suffix(".py"), root / part / "__init__.py"):
                if candidate.is_file():
                    _local_sources(candidate, root, seen)
    return seen


@lru_cache(maxsize=1_000)  # a loop reads the same sources again and again
def _imported_paths(text: bytes, package: Path) -> tuple[Path, ...]:
    return tuple(_imports(text, package))


def _imports(text: bytes, package: Path) -> Iterator[Path]:
    """Imports of a source, `a.b` as `a/b`; relative names start at `package`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(DYNAMIC_IMPORTS):
            names = (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))
            yield from (Path(*name.split(".")) for name in names if isinstance(name, str))
        if isinstance(node, ast.Import):
            yield from (Path(*alias.name.split(".")) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = [package, *package.parents][node.level - 1 :] if node.level else [Path()]
            base = Path(*above[:1], *(node.module or "").split("."))
            yield from (base / name for name in ("", *(alias.name for alias in node.names)))
