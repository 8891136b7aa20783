"""Finding an evaluator where its name says it is.

exact_match            evaluators/exact_match.py of the project, else
                       workbench/evaluators/exact_match.py, else
                       the entry-point group `workbench.evaluators`
my_package.judges:tone that function
"""

import ast
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.canonical import JSON, digest
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator.contract import LIBRARIES, Evaluator, bind
from workbench.evaluator.spec import Spec, read_spec

GROUP = "workbench.evaluators"
PACKAGE = "workbench.evaluators"
LIBRARY = Path(__file__).resolve().parents[1] / "evaluators"

# Makes a function of an object that is none (an MLflow scorer), or returns None.
Adapter = Callable[[object, Mapping[str, JSON]], Callable[..., Any] | None]
# The evaluators of these specs, in order.
EvaluatorFinder = Callable[[Sequence[Spec]], list[Evaluator]]


def list_evaluators(root: Path) -> dict[str, str]:
    """Every name that can be used without a colon, and where it comes from."""
    found = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    found |= dict.fromkeys(_files(LIBRARY), "workbench")
    return found | {name: f"evaluators/{name}.py" for name in _files(root / "evaluators")}


def find_evaluator(
    name: str,
    settings: Mapping[str, JSON],
    root: Path,
    *,
    where: str = "",
    adapt: Adapter | None = None,
) -> Evaluator:
    """The evaluator called `name`, bound to its settings.

    Args:
        name: as in the experiment file.
        settings: its keyword-only arguments, and those of `spec.RESERVED`: `name` labels a
            second use, `env` and `timeout_s` say what its process may do.
        root: the project's folder.
        where: the place in the experiment file.
        adapt: makes functions of objects that are none.

    Raises:
        WorkbenchError: no such evaluator, it can't be imported, or the settings don't fit.
    """
    return load_evaluator(read_spec(name, settings, root, where=where), adapt)


def load_evaluator(spec: Spec, adapt: Adapter | None = None) -> Evaluator:
    """As `find_evaluator`, for settings that were read before."""
    name, root, where = spec.name, spec.root, spec.where
    own = {key: value for key, value in spec.settings.items() if key != "name"}
    label = str(spec.settings.get("name") or name.rpartition(":")[2])
    try:
        module, target = _locate(name, root, where)
        source = _shown(module, root)
        foreign = not inspect.isfunction(target) or target.__module__.startswith("mlflow.")
        function = adapt(target, own) if adapt and foreign else None
        if function is not None:
            own = {}
        else:
            function = target if callable(target) else None
        if function is None:
            raise WorkbenchError(f"{name!r} is a {type(target).__name__}, not a function")
        checks = getattr(module, "check_settings", None)
        bound = bind(function, own, name=label, source=source)
        if checks:
            _run_check(checks, own, label)
    except WorkbenchError as error:
        error.where = where or error.where
        raise
    said = {"source": _source_digest(module, root), "name": name, "settings": dict(spec.settings)}
    return replace(bound, digest=digest(said), spec=spec)


def find_in_process(specs: Sequence[Spec]) -> list[Evaluator]:
    """A `EvaluatorFinder` that imports them into our own process."""
    return [load_evaluator(spec) for spec in specs]


def is_builtin(name: str, root: Path) -> bool:
    """Whether the name means an evaluator that came with workbench."""
    own = name.isidentifier() and (root / "evaluators" / f"{name}.py").is_file()
    return name in _files(LIBRARY) and not own


def _run_check(check: Callable[..., Any], settings: Mapping[str, JSON], name: str) -> None:
    try:
        check(**settings)
    except WorkbenchError:
        raise
    except Exception as error:  # the user's own check
        raise WorkbenchError(f"evaluator {name!r}: {type(error).__name__}: {error}") from error


def _files(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.py") if not file.name.startswith("_"))


def _locate(name: str, root: Path, where: str) -> tuple[ModuleType, object]:
    """The module that holds `name`, and what it holds under it."""
    module_name, colon, attribute = name.partition(":")
    if not colon:
        attribute = name
    if not colon and not name.isidentifier():
        raise WorkbenchError(
            f"{name!r} is no evaluator's name",
            where=where,
            fix="a name such as exact_match, or package.module:function",
        )
    if colon:
        module = _imported(module_name, root, where)
    elif (file := root / "evaluators" / f"{name}.py").is_file():
        module = _from_file(file, root, where)
    elif name in _files(LIBRARY):
        module = importlib.import_module(f"{PACKAGE}.{name}")
    else:
        entries = [entry for entry in entry_points(group=GROUP) if entry.name == name]
        if not entries:
            raise unknown_name("evaluator", name, list_evaluators(root), where=where)
        module = _imported(entries[0].module, root, where)
        attribute = entries[0].attr
    if not hasattr(module, attribute):
        raise WorkbenchError(
            f"{_shown(module, root)} holds no {attribute!r}",
            where=where,
            fix=f"define `def {attribute}(outputs, expectations): …` there",
        )
    return module, getattr(module, attribute)


def _imported(module: str, root: Path, where: str) -> ModuleType:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's module does while imported
        raise _unimportable(module, error, where, root) from error


def _from_file(file: Path, root: Path, where: str) -> ModuleType:
    """The module in `file`, read anew; what it imports from the project is found at the root."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    name = f"workbench_project_{sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's module does while imported
        raise _unimportable(f"evaluators/{file.name}", error, where, root) from error
    return module


def _unimportable(name: str, error: BaseException, where: str, root: Path) -> WorkbenchError:
    """Names the module with its line, and the line of another project file where that failed."""
    places = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    own = [
        f"{Path(file).relative_to(root)}:{line}"
        for file, line in places
        if Path(file).is_relative_to(root) and not LIBRARIES & {*Path(file).parts}
    ]
    at = next((place for place in reversed(own) if place.rpartition(":")[0] == name), name)
    inner = f" ({own[-1]})" if own and own[-1] != at else ""
    said = f"{type(error).__name__}: {error}"
    return WorkbenchError(f"{at} can't be imported: {said}{inner}", where=where)


def _shown(module: ModuleType, root: Path) -> str:
    file = Path(module.__file__ or module.__name__)
    return str(file.relative_to(root)) if file.is_relative_to(root) else module.__name__


def _source_digest(module: ModuleType, root: Path) -> JSON:
    """What changes when the evaluator does: sources in the project, the version outside of it."""
    file = Path(module.__file__ or "")
    top = module.__name__.partition(".")[0]
    if file.is_relative_to(LIBRARY):
        shared = sorted(LIBRARY.glob("_*.py"))
        return [sha256(source.read_bytes()).hexdigest() for source in (file, *shared)]
    if file.is_relative_to(root) and ".venv" not in file.relative_to(root).parts:
        return _local_sources(file, root, {})
    distributions = packages_distributions().get(top, [])
    return [f"{name}=={version(name)}" for name in sorted(set(distributions))] or top


def _local_sources(file: Path, root: Path, seen: dict[str, str]) -> dict[str, str]:
    """SHA-256 of `file` and of every project file it imports, by path below the root."""
    shown = str(file.relative_to(root))
    if shown in seen:
        return seen
    text = file.read_bytes()
    seen[shown] = sha256(text).hexdigest()
    for name in _imports(text, file.relative_to(root).parent):
        for part in (name, *name.parents)[: len(name.parts)]:
            for candidate in (root / part.with_suffix(".py"), root / part / "__init__.py"):
                if candidate.is_file():
                    _local_sources(candidate, root, seen)
    return seen


def _imports(text: bytes, package: Path) -> Iterator[Path]:
    """What a source imports, `a.b` as `a/b`; relative names are seen from `package`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (Path(*alias.name.split(".")) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = [package, *package.parents][node.level - 1 :] if node.level else [Path()]
            base = Path(*above[:1], *(node.module or "").split("."))
            yield from (base / name for name in ("", *(alias.name for alias in node.names)))
