r"""Evaluator: the answer matches a regular expression.

>>> regex_match("order 17", pattern=r"\d+").value
True
>>> regex_match("As an AI, I can't.", pattern="(?i)as an ai", match="none")
Score(value=False, reason="must not match: 'As an AI'", label='', error='', parsed='')
"""

from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._text import normalize_text, read_steps
from workbench.evaluators._timed_pattern import (
    TIME_LIMIT_S,
    PatternError,
    timed_pattern,
    timed_search,
)

MATCHES = ("any", "none")
MOST_SHOWN = 60  # characters


@evaluator(kind="pass")
def regex_match(
    outputs: str,
    *,
    pattern: str,
    match: Literal["any", "none"] = "any",
    ignore_case: bool = False,
    full: bool = False,
    normalize: JSON = "none",
) -> Score:
    """True if `pattern` matches in the answer.

    The syntax is Python's `re`; `^` and `$` are the ends of the answer. With `match: none`, the
    pattern must match nowhere. With `ignore_case`, `yes` matches `Yes`; with `full`, the pattern
    must cover the whole answer. The answer is matched as it is, unless `normalize` switches steps
    of normalisation on. A pattern that takes longer than 1 s is an error of the row.
    """
    answer = normalize_text(outputs, read_steps(normalize))
    try:
        span = timed_search(pattern, answer, ignore_case=ignore_case, full=full)
    except TimeoutError:
        return Score(error=f"the pattern took longer than {TIME_LIMIT_S:g} s")
    if match == "any":
        return Score(span is not None, "" if span else "no match")
    if span is None:
        return Score(True)
    text = answer[slice(*span)]
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
    return Score(False, f"must not match: {shown!r}")


def check_settings(**settings: JSON) -> None:
    """Check that the pattern compiles, `match` and `normalize`.

    Raises:
        WorkbenchError: it doesn't, or one of the others isn't valid.
    """
    read_steps(settings.get("normalize"), "regex_match")
    if (match := settings.get("match", "any")) not in MATCHES:
        raise unknown_name("value of regex_match's `match`:", str(match), MATCHES)
    pattern = settings["pattern"]
    try:
        timed_pattern(pattern)
    except PatternError as error:
        raise WorkbenchError(
            f"regex_match: pattern {pattern!r} is not a regular expression: {error}",
            fix="write it in YAML in single quotes: pattern: '^\\d+$'",
        ) from error
