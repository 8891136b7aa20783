"""Checks of settings that evaluators share.

>>> check_choice("rouge", {"measure": "f2"}, "measure", ("f1", "precision", "recall"))
Traceback (most recent call last):
    ...
workbench.errors.WorkbenchError: unknown value of rouge's `measure`: 'f2'
  fix: did you mean 'f1'? known: f1, precision, recall
"""

from collections.abc import Mapping, Sequence

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name

MEASURES = ("f1", "precision", "recall")


def check_choice(
    evaluator: str, settings: Mapping[str, JSON], name: str, choices: Sequence[str]
) -> None:
    """Check a setting with a choice of words; the first one is the default.

    Raises:
        WorkbenchError: it is another word.
    """
    if (word := settings.get(name, choices[0])) not in choices:
        raise unknown_name(f"value of {evaluator}'s `{name}`:", str(word), choices)


def check_integer(
    evaluator: str, settings: Mapping[str, JSON], name: str, least: int, most: int | None = None
) -> None:
    """Check a setting that is a whole number in a range; a missing one is right.

    Raises:
        WorkbenchError: it isn't.
    """
    value = settings.get(name)
    if value is None:
        return
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not is_integer or value < least or (most is not None and value > most):
        limits = f"from {least}" if most is None else f"from {least} to {most}"
        fix = f"write a whole number {limits}"
        raise WorkbenchError(f"{evaluator}: {name} is {value!r}", fix=fix)
