"""Requests that a server refuses, in words that repeat nothing of their inputs."""

from collections.abc import Iterable

from workbench.errors import WorkbenchError, list_first

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


class BusyError(Exception):
    """Too much is waiting already; nothing was done for this request.

    Attributes:
        retry_after_s: seconds after which a client may try again.
    """

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many requests are waiting; try again in {retry_after_s:g} s")
