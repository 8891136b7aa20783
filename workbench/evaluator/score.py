"""The result of an evaluator for one output.

Score(True, "names the team", label="right", parsed="billing")
"""

from dataclasses import dataclass

from workbench.evaluator.errors import number_error

Value = bool | float | str | None


@dataclass(frozen=True, slots=True)
class Score:
    """Result of an evaluator for one output.

    Attributes:
        value: None if the evaluator does not apply, or failed (then `error` is not empty).
        reason: a short explanation for readers.
        label: a named outcome beside the value, counted separately (`unparsed` beside False).
        error: why the evaluator failed; the row is left out of the mean.
        parsed: the answer as the evaluator read it (`positive`), for tables; empty: none.

    >>> Score(0.5, "one of two facts").number
    0.5
    """

    value: Value = None
    reason: str = ""
    label: str = ""
    error: str = ""
    parsed: str = ""

    def __post_init__(self) -> None:
        """Turn a number that no sum of squares can hold into an error."""
        if isinstance(self.value, int | float) and (reason := number_error(self.value)):
            object.__setattr__(self, "error", self.error or reason)
            object.__setattr__(self, "value", None)

    @property
    def number(self) -> float | None:
        """The value as a number; None: there is no value, or it is a category."""
        if self.error or self.value is None or isinstance(self.value, str):
            return None
        return float(self.value)
