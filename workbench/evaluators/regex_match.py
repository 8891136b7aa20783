"""Evaluator: the answer matches a regular expression."""

import re

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import evaluator
from workbench.evaluators._text import normalize_text, read_steps


@evaluator(kind="pass")
def regex_match(
    outputs: str,
    *,
    pattern: str,
    ignore_case: bool = False,
    full: bool = False,
    normalize: JSON = "none",
) -> bool:
    """True if `pattern` matches in the answer.

    The syntax is Python's `re`; `^` and `$` are the ends of the answer. With `ignore_case`, `yes`
    matches `Yes`; with `full`, the pattern must cover the whole answer. The answer is matched as it
    is, unless `normalize` switches steps of normalisation on.
    """
    expression = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    answer = normalize_text(outputs, read_steps(normalize))
    match = expression.fullmatch(answer) if full else expression.search(answer)
    return match is not None


def check_settings(**settings: JSON) -> None:
    """Check that the pattern compiles, and `normalize`.

    Raises:
        WorkbenchError: it doesn't, or `normalize` names no step.
    """
    read_steps(settings.get("normalize"), "regex_match")
    pattern = settings["pattern"]
    try:
        re.compile(pattern)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise WorkbenchError(
            f"regex_match: pattern {pattern!r} is not a regular expression: {error}",
            fix="write it in YAML in single quotes: pattern: '^\\d+$'",
        ) from error
