"""Evaluator: the date in the answer is the expected one.

>>> date_match("On December 1st, 2023.", {"expected_response": "2023-12-01"}).value
True
"""

import datetime
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluators._dates import TextDates, read_dates
from workbench.evaluators._expected import expected_answers

MOST_SHOWN = 60  # characters of the dates of an answer in a reason


@evaluator(kind="pass")
def date_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    day_first: JSON = None,
    tolerance_days: int = 0,
) -> Score:
    """True if the date in the answer is the expected one; label right, wrong, unparsed or no_date.

    Read are dates with a year, month and day: `2023-12-01`, `1 Dec 2023`, `December 1, 2023`,
    `1. Dezember 2023`, `13/12/2023`, `1.12.2023`, `2023年12月1日`. An answer is unparsed if it
    has dates that differ, a part of a date only, or `01/12/2023` while `day_first` is not set.

    Args:
        outputs: the answer.
        expectations: `expected_response` is a date in one of these forms; of a list, any.
        day_first: true: `01/12/2023` is 1 December; false: it is January 12.
        tolerance_days: greatest difference in days that counts as right.

    Raises:
        WorkbenchError: `expected_response` is not one date.
    """
    expected = _expected_dates(expectations, day_first)
    dates = read_dates(outputs, day_first)
    if len(dates.candidates) != 1:
        return _unread(dates)
    (date,) = dates.candidates
    right = any(abs((date - each).days) <= tolerance_days for each in expected)
    reason = f"{date}, expected {' or '.join(map(str, expected))}"
    return Score(right, reason, "right" if right else "wrong", parsed=str(date))


def check_expected(
    expectations: Mapping[str, JSON], *, day_first: JSON = None, **_settings: JSON
) -> None:
    """Check that each of the row's acceptable answers is a date; raises as `date_match` does."""
    _expected_dates(expectations, day_first)


def check_settings(**settings: JSON) -> None:
    """Check `day_first` and `tolerance_days`.

    Raises:
        WorkbenchError: one of them isn't valid.
    """
    if (day_first := settings.get("day_first")) not in (None, True, False):
        fix = "day_first: true for 31/12/2023, false for 12/31/2023"
        raise WorkbenchError(f"date_match: day_first is {day_first!r}", fix=fix)
    if (days := settings.get("tolerance_days", 0)) < 0:
        fix = "write a number of days from 0"
        raise WorkbenchError(f"date_match: tolerance_days is {days}", fix=fix)


def _unread(dates: TextDates) -> Score:
    """The score of an answer without one date."""
    written = ", ".join(dates.mentions)
    shown = written if len(written) <= MOST_SHOWN else f"{written[:MOST_SHOWN]}…"
    if not dates.mentions:
        if dates.partial:
            return Score(False, f"{dates.partial!r} is no complete date", "unparsed")
        return Score(False, "no date in the answer", "no_date")
    if dates.candidates:
        return Score(False, f"{shown!r}: day or month first?", "unparsed")
    return Score(False, f"{shown!r} is not read as one date", "unparsed")


def _expected_dates(
    expectations: Mapping[str, JSON], day_first: bool | None
) -> list[datetime.date]:
    """The dates of the acceptable answers, each once."""
    dates: dict[datetime.date, None] = {}
    for answer in expected_answers(expectations):
        text = answer.forms[0]
        candidates = read_dates(text, day_first).candidates
        if len(candidates) > 1:
            message = f"expected_response {text!r:.60}: day or month first?"
            raise WorkbenchError(message, fix="set `day_first: true` or `false`")
        if not candidates:
            message = f"expected_response {text!r:.60} is not read as one date"
            raise WorkbenchError(message, fix="write it as 2023-12-31")
        dates |= dict.fromkeys(candidates)
    return list(dates)
