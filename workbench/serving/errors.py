"""Requests that a server refuses, in words that repeat nothing of their inputs."""

from collections.abc import Iterable

from workbench.errors import WorkbenchError, list_first
from workbench.providers.live_model import BusyError

__all__ = ["BusyError", "InputsError", "MissingInputsError"]

SHOWN_NAMES = 12


class InputsError(WorkbenchError):
    """Inputs that the template can't be rendered with; the message names variables alone."""


class MissingInputsError(InputsError):
    """Variables of the template that the inputs lack.

    Attributes:
        names: the missing variables.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        noun = "variable" if len(self.names) == 1 else "variables"
        listed = list_first([repr(name) for name in self.names], SHOWN_NAMES)
        super().__init__(
            f"inputs lack the {noun} {listed}",
            fix='send every variable of the template: {"inputs": {"name": value, …}}',
        )
