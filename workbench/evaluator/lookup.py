"""Evaluators by name: the project's, the library's, or a package's.

exact_match            evaluators/exact_match.py of the project, else
                       workbench/evaluators/exact_match.py, else
                       the entry-point group `workbench.evaluators`
my_package.judges:tone that function
checks/tone.py:tone     that function of the project's file
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from workbench.canonical import JSON, digest
from workbench.errors import WorkbenchError, located, unknown_name
from workbench.evaluator.combination import COMBINED
from workbench.evaluator.contract import Evaluator, bind
from workbench.evaluator.errors import import_error, missing_package
from workbench.evaluator.readings import check_expected, expected_reading
from workbench.evaluator.sources import library_versions, source_digest
from workbench.evaluator.spec import Spec
from workbench.evaluator.transform import Transform, function_names, read_transform

# Entries of an experiment file that are no functions, for messages about a misspelt one.
ENTRY_NAMES = (
    *COMBINED,
    *("judge", "rubric", "checklist", "pairwise", "json_fields", "expected_likelihood"),
)
GROUP = "workbench.evaluators"
PACKAGE = "workbench.evaluators"
LIBRARY = Path(__file__).resolve().parents[1] / "evaluators"

# Wraps an object that is not a function (an MLflow scorer); None: it can't.
Adapter = Callable[[object, Mapping[str, JSON]], Callable[..., Any] | None]
# Of an expected value: it is a right answer; it is something else, such as a language; unused.
ExpectedUse = Literal["answer", "other", "none"]
# Finds the evaluators of specs, in order.
EvaluatorFinder = Callable[[Sequence[Spec]], list[Evaluator]]


def list_evaluators(root: Path) -> dict[str, str]:
    """Every name that needs no colon, and its origin."""
    evaluators = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    evaluators |= dict.fromkeys(_library_names(), "workbench")
    project = _module_names(root / "evaluators")
    return evaluators | {name: f"evaluators/{name}.py" for name in project}


def load_evaluator(spec: Spec, adapt: Adapter | None = None) -> Evaluator:
    """The evaluator of `spec`, imported and bound to its settings.

    `adapt` wraps objects that are not functions.

    Raises:
        WorkbenchError: no such evaluator, it can't be imported, or the settings don't fit.
    """
    name, root = spec.name, spec.root
    settings = {k: value for k, value in spec.settings.items() if k not in ("name", "transform")}
    label = str(spec.settings.get("name") or name.rpartition(":")[2])
    try:
        module, target = _locate(spec)
        if module.__name__.startswith(f"{PACKAGE}.") and hasattr(module, "resolve_settings"):
            settings = module.resolve_settings(settings, root)
        foreign = not inspect.isfunction(target) or target.__module__.startswith("mlflow.")
        function = adapt(target, settings) if adapt and foreign else None
        if function is not None:
            settings = {}
        elif callable(target):
            function = target
        else:
            raise WorkbenchError(f"{name!r} is a {type(target).__name__}, not a function")
        evaluator = bind(function, settings, name=label, source=_display_name(module, root))
        evaluator = replace(evaluator, transform=_transform(evaluator, spec))
        if hasattr(module, "check_settings"):
            _check_settings(module.check_settings, settings, label)
        if module.__name__.startswith(PACKAGE) and hasattr(module, "traits_of"):
            evaluator = replace(evaluator, traits=module.traits_of(**settings))
    except WorkbenchError as error:
        error.where = spec.where or error.where
        raise
    identity = {"source": source_digest(module, root, LIBRARY), "name": name}
    identity["settings"] = {**spec.settings, **settings}
    if evaluator.traits.by_column:  # scores of rows that were stored before are no scores of it
        identity["by_column"] = True
    modules = [module]
    if functions := function_names(spec.settings.get("transform")):
        transforms = [_locate(replace(spec, name=function))[0] for function in functions]
        identity["transform"] = [source_digest(module, root, LIBRARY) for module in transforms]
        modules += transforms
    if libraries := library_versions(modules, root, LIBRARY):
        identity["libraries"] = libraries
    return replace(evaluator, digest=digest(identity), spec=spec)


def find_in_process(specs: Sequence[Spec]) -> list[Evaluator]:
    """An `EvaluatorFinder` that imports them into this process."""
    return [load_evaluator(spec) for spec in specs]


def is_builtin(name: str, root: Path) -> bool:
    """True if the name means an evaluator of the library."""
    overridden = name.isidentifier() and (root / "evaluators" / f"{name}.py").is_file()
    return name in _library_names() and not overridden


def _transform(evaluator: Evaluator, spec: Spec) -> Transform | None:
    """The transform of an evaluator's settings; None: it has none."""
    if "transform" not in spec.settings:
        return None
    if "outputs" not in evaluator.arguments:
        message = f"evaluator {evaluator.name!r} takes no outputs, which a transform would change"
        raise WorkbenchError(message, fix="remove `transform`")

    def load(name: str) -> Callable[[str], object]:
        function = _locate(replace(spec, name=name))[1]
        if not callable(function):
            raise WorkbenchError(f"transform {name!r} is not a function")
        return function

    try:
        return read_transform(spec.settings["transform"], load)
    except WorkbenchError as error:
        error.message = f"evaluator {evaluator.name!r}: {error.message}"
        raise


def expected_check(evaluator: Evaluator) -> Callable[[Mapping[str, JSON]], None] | None:
    """A check of one row's expectations: it raises WorkbenchError if no answer can match them.

    None: the evaluator is of the project, or compares with nothing.
    """
    if expected_use(evaluator) == "none":
        return None
    spec = evaluator.spec
    if spec and (reading := expected_reading(spec.name)):
        return partial(check_expected, reading=reading)
    if spec is None or not is_builtin(spec.name, spec.root):
        return None
    module = importlib.import_module(f"{PACKAGE}.{spec.name}")
    check = getattr(module, "check_expected", None)
    return partial(check, **evaluator.settings) if check else None


def check_machine(spec: Spec) -> None:
    """Check that this machine can run an evaluator of the library.

    Raises:
        WorkbenchError: it can't.
    """
    if is_builtin(spec.name, spec.root):
        module = importlib.import_module(f"{PACKAGE}.{spec.name}")
        with located(spec.where):
            getattr(module, "check_machine", lambda: None)()


def expected_use(evaluator: Evaluator) -> ExpectedUse:
    """The use that an evaluator makes of expected values, by its settings."""
    spec = evaluator.spec
    if spec is None or not is_builtin(spec.name, spec.root):
        return "answer"
    module = importlib.import_module(f"{PACKAGE}.{spec.name}")
    use: Callable[..., ExpectedUse] | None = getattr(module, "expected_use", None)
    return use(**evaluator.settings) if use else "answer"


def _check_settings(check: Callable[..., Any], settings: Mapping[str, JSON], name: str) -> None:
    try:
        check(**settings)
    except WorkbenchError:
        raise
    except Exception as error:  # the user's own check
        raise WorkbenchError(f"evaluator {name!r}: {type(error).__name__}: {error}") from error


@cache
def _library_names() -> list[str]:
    return _module_names(LIBRARY)


def _module_names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.py") if not file.name.startswith("_"))


def _locate(spec: Spec) -> tuple[ModuleType, object]:
    """The module of an evaluator, and its attribute."""
    name, root, where = spec.name, spec.root, spec.where
    module_name, colon, attribute = name.partition(":")
    if not colon and not name.isidentifier():
        fix = "write a name such as exact_match, or package.module:function"
        raise WorkbenchError(f"{name!r} is not an evaluator name", where=where, fix=fix)
    file = root / "evaluators" / f"{name}.py"
    if not colon and file.is_file():
        attribute = name
        module = _import(f"evaluators/{file.name}", partial(_import_file, file), spec)
    elif module_name.endswith(".py"):
        module = _import(module_name, partial(_import_file, _file(root, module_name, where)), spec)
    else:
        if not colon and name in _library_names():
            module_name, attribute = f"{PACKAGE}.{name}", name
        elif not colon:
            entries = [entry for entry in entry_points(group=GROUP) if entry.name == name]
            if not entries:
                raise unknown_name(
                    "evaluator", name, [*list_evaluators(root), *ENTRY_NAMES], where=where
                )
            module_name, attribute = entries[0].module, entries[0].attr
        module = _import(module_name, partial(importlib.import_module, module_name), spec)
    if not hasattr(module, attribute):
        display_name = _display_name(module, root)
        if display_name == module.__name__:  # of a package
            raise _unknown_attribute(module, attribute, where)
        message = f"{display_name} has no {attribute!r}"
        fix = f"define `def {attribute}(outputs, expectations): …` in it"
        raise WorkbenchError(message, where=where, fix=fix)
    return module, getattr(module, attribute)


def _unknown_attribute(module: ModuleType, attribute: str, where: str) -> WorkbenchError:
    """The error for a package's module without this attribute: its functions, else its classes."""
    functions = inspect.getmembers(module, inspect.isfunction)
    names = [name for name, each in functions if each.__module__ == module.__name__]
    if public := [name for name in names if not name.startswith("_")]:
        return unknown_name(f"function of {module.__name__}:", attribute, public, where=where)
    classes = inspect.getmembers(module, inspect.isclass)  # MLflow's and autoevals' scorers
    public = [name for name, each in classes if each.__module__.startswith(module.__name__)]
    return unknown_name(f"function or class of {module.__name__}:", attribute, public, where=where)


def _file(root: Path, name: str, where: str) -> Path:
    """The file `name` of the project."""
    file = root / name
    if not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
        fix = "name a file of the project, as in checks/tone.py:tone"
        raise WorkbenchError(f"the project has no file {name!r}", where=where, fix=fix)
    return file


def _import(name: str, load: Callable[[], ModuleType], spec: Spec) -> ModuleType:
    """The result of `load`; the module's own imports start at the project's root."""
    if str(spec.root) not in sys.path:
        sys.path.insert(0, str(spec.root))
    try:
        return load()
    except ModuleNotFoundError as error:
        if name == f"{PACKAGE}.{spec.name}" and error.name:
            raise missing_package(spec.name, error.name, spec.where) from error
        if error.name == "autoevals" and name.partition(".")[0] == "autoevals":
            raise missing_package(
                spec.name, error.name, spec.where, "pip install autoevals"
            ) from error
        raise import_error(name, error, spec.where, spec.root) from error
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise import_error(name, error, spec.where, spec.root) from error


def _import_file(file: Path) -> ModuleType:
    """The module in `file`, imported again each time."""
    name = f"workbench_project_{sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _display_name(module: ModuleType, root: Path) -> str:
    file = Path(module.__file__ or module.__name__)
    return str(file.relative_to(root)) if file.is_relative_to(root) else module.__name__
