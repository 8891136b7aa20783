"""Whether the answer has the form of a regular expression."""

import re

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import evaluator


@evaluator(kind="pass")
def regex_match(
    outputs: str, *, pattern: str, ignore_case: bool = False, full: bool = False
) -> bool:
    """True where `pattern` is found in the answer.

    Args:
        outputs: the answer.
        pattern: in the syntax of Python's `re`; `^` and `$` are the ends of the answer.
        ignore_case: `yes` finds `Yes`.
        full: the pattern must cover the whole answer.
    """
    expression = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    found = expression.fullmatch(outputs) if full else expression.search(outputs)
    return found is not None


def check_settings(**settings: JSON) -> None:
    """Makes sure that the pattern is one.

    Raises:
        WorkbenchError: it can't be compiled.
    """
    pattern = settings["pattern"]
    try:
        re.compile(pattern)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise WorkbenchError(
            f"regex_match: pattern {pattern!r} is no regular expression: {error}",
            fix="in YAML write it in single quotes: pattern: '^\\d+$'",
        ) from error
