"""Evaluator: the answer matches a regular expression."""

import re

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import evaluator


@evaluator(kind="pass")
def regex_match(
    outputs: str, *, pattern: str, ignore_case: bool = False, full: bool = False
) -> bool:
    """True if `pattern` matches in the answer.

    The syntax is Python's `re`; `^` and `$` are the ends of the answer. With `ignore_case`, `yes`
    matches `Yes`; with `full`, the pattern must cover the whole answer.
    """
    expression = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    match = expression.fullmatch(outputs) if full else expression.search(outputs)
    return match is not None


def check_settings(**settings: JSON) -> None:
    """Check that the pattern compiles.

    Raises:
        WorkbenchError: it doesn't.
    """
    pattern = settings["pattern"]
    try:
        re.compile(pattern)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise WorkbenchError(
            f"regex_match: pattern {pattern!r} is not a regular expression: {error}",
            fix="write it in YAML in single quotes: pattern: '^\\d+$'",
        ) from error
