"""Errors in a user's evaluator, with the line of the project's code that raised them.

ZeroDivisionError: division by zero (evaluators/brevity.py:7)
"""

import math
import traceback
from pathlib import Path

from workbench.errors import WorkbenchError

MOST_SCORE = 1e50  # the sixth powers of scores, summed over all rows, are finite
LIBRARIES = frozenset({"site-packages", "dist-packages", ".venv"})
LIBRARY_PREFIX = "workbench.evaluators."
EXTRA = "pip install 'prompt-workbench[evaluators]'"


def exception_message(error: BaseException, root: Path | None) -> str:
    """Type, message and line of an exception: the innermost line below `root`, else of any code."""
    try:
        message = f"{type(error).__name__}: {error}"
    except Exception:  # its own __str__ fails
        message = type(error).__name__
    lines = _project_lines(error, root) if root else []
    lines = lines or [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    return f"{message} ({lines[-1]})" if lines else message


def import_error(name: str, error: BaseException, where: str, root: Path) -> WorkbenchError:
    """The error for module `name`, with its line and the project's line that failed.

    For an evaluator of the library that lacks an optional package, it names the package.
    """
    if isinstance(error, ModuleNotFoundError) and name.startswith(LIBRARY_PREFIX):
        package = (error.name or "").partition(".")[0].replace("_", "-")
        message = f"evaluator {name.removeprefix(LIBRARY_PREFIX)} needs the package {package}"
        return WorkbenchError(message, where=where, fix=EXTRA)
    lines = _project_lines(error, root)
    module_line = next((line for line in reversed(lines) if line.rpartition(":")[0] == name), name)
    inner = f" ({lines[-1]})" if lines and lines[-1] != module_line else ""
    message = f"{module_line} can't be imported: {type(error).__name__}: {error}{inner}"
    return WorkbenchError(message, where=where)


def missing_package(evaluator: str, module: str, where: str, fix: str = EXTRA) -> WorkbenchError:
    """The error for an evaluator whose optional package is not installed."""
    package = module.partition(".")[0].replace("_", "-")
    message = f"evaluator {evaluator} needs the package {package}"
    return WorkbenchError(message, where=where, fix=fix)


def _project_lines(error: BaseException, root: Path) -> list[str]:
    """`file:line` of the project's own code in a traceback, the innermost last."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    return [
        f"{Path(file).relative_to(root)}:{line}"
        for file, line in frames
        if Path(file).is_relative_to(root) and not LIBRARIES & {*Path(file).parts}
    ]


def number_error(value: float) -> str:
    """Return why a number can't be a score; empty if it can."""
    try:
        number = float(value)
    except OverflowError:
        return "returned a whole number too large for a float"
    if not math.isfinite(number):
        return f"returned {number}, not a finite number"
    if abs(number) > MOST_SCORE:
        return f"returned {number:g}; scores beyond {MOST_SCORE:g} can't be averaged"
    return ""
