"""Dates in text, with months in English, German, French, Spanish, Italian, Portuguese and Dutch.

>>> [date.isoformat() for date in read_dates("Le 1er décembre 2023, à Paris.").candidates]
['2023-12-01']
>>> sorted(date.isoformat() for date in read_dates("01/12/2023").candidates)
['2023-01-12', '2023-12-01']
"""

import datetime
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from workbench.evaluators._citations import ADDRESS
from workbench.evaluators._text import normalize_text, read_steps

NEAR = 50  # characters between a year and the end of its date
MOST_EXAMINED = 20_000  # characters in which a part of a date is looked for
MOST_DATES = 2_000  # that are read; a text with more of them is no answer
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner januari janvier janv enero ene gennaio gen janeiro",
            "february feb februar februari février févr fevrier febrero febbraio fevereiro fev",
            "march mar märz mrz mars marzo março marco maart mrt",
            "april apr avril avr abril abr aprile",
            "may mai mayo maggio mag maio mei",
            "june jun juni juin junio giugno giu junho",
            "july jul juli juillet juil julio luglio lug julho",
            "august aug août aout agosto ago augustus",
            "september sept sep septembre septiembre setiembre settembre set setembro",
            "october oct oktober okt octobre octubre ottobre ott outubro out",
            "november nov novembre noviembre novembro",
            "december dec dezember dez décembre déc decembre diciembre dic dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st\b|nd\b|rd\b|th\b|er\b|\.[ºª°]|[ºª°.])?"
_YEAR = r"(?P<year>\d{4})(?!\d)"
_OF = r"(?:(?:of|de|del|di|den)[ ])?"
_BEFORE = r"(?<![\w/.,:-])"
_NUMERIC = r"(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})"
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_BEFORE}{_YEAR}(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})"
        r"(?!\d|[./-]\d)",
        rf"{_BEFORE}{_NUMERIC}(?!\d|[./-]\d)",
        r"(?<!\d)(?P<year>\d{4})[ ]?[年년][ ]?(?P<month>\d{1,2})[ ]?[月월][ ]?"
        r"(?P<day>\d{1,2})[ ]?[日號号일]",
        rf"{_BEFORE}{_DAY}[ -]{{0,2}}{_OF}{_MONTH},?[ -]?{_OF}{_YEAR}",
        rf"(?<![^\W\d_]){_MONTH}[ ](?:the[ ])?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?,?[ ]"
        rf"{_OF}{_YEAR}",
        rf"{_BEFORE}{_YEAR}[ -]{_MONTH}[ -](?P<day>\d{{1,2}})(?!\d)",
    )
]
# A day, or a month, without the rest of its date.
_PARTIAL = re.compile(
    rf"{_BEFORE}{_DAY}[ -]?{_OF}{_MONTH}|"
    rf"(?<![^\W\d_]){_MONTH.replace('month', 'named')}[ ]\d{{1,4}}(?!\d)|"
    r"(?<![\w/.-])\d{1,2}/\d{1,2}/\d{2}(?![\d/])|\d{1,2}[月월][ ]?\d{1,2}[日일]",
    re.IGNORECASE,
)
# `1-5 May 2023`, `from 1 to 5 May 2023`: the date is the end of a range, or of a list.
_RANGE = re.compile(
    r"\d{1,2}(?:st|nd|rd|th|er|\.|º)?[ ]?"
    r"(?:[-–—/&,]|to|and|until|bis|und|au|et|al|a|y|e|à|t/m|tot|en)[ ]?$"
)
_STEPS = read_steps(None)
_EMPHASIS = str.maketrans("", "", "*_`")


@dataclass(frozen=True)
class TextDates:
    """The dates of a text.

    Attributes:
        candidates: the dates that all of its dates can be; more than one: `01/12/2023`, or none:
            two dates that differ.
        mentions: the dates as they are written; empty if there is none, or none with a year.
        partial: the first date without a year, or without a day, where there is no other.
    """

    candidates: frozenset[datetime.date] = frozenset()
    mentions: tuple[str, ...] = ()
    partial: str = ""


def read_dates(text: str, day_first: bool | None = None) -> TextDates:
    """The dates in `text`; `day_first` decides what `01/12/2023` is."""
    prepared = ADDRESS.sub("w", normalize_text(text, _STEPS)).translate(_EMPHASIS)
    prepared = " ".join(prepared.split())
    mentions = dict(_mentions(prepared, day_first))
    if not mentions:
        partial = _PARTIAL.search(prepared[:MOST_EXAMINED])
        return TextDates(partial=partial[0] if partial else "")
    candidates = frozenset.intersection(*mentions.values())
    return TextDates(candidates, tuple(mentions))


def _mentions(text: str, day_first: bool | None) -> Iterator[tuple[str, frozenset[datetime.date]]]:
    """Each date as it is written, and the dates that it can be; none for 31 April."""
    matches = (
        match
        for start, end in _windows(text)
        for pattern in _PATTERNS
        for match in pattern.finditer(text, start, end)
    )
    for match in islice(matches, MOST_DATES):
        is_range = _RANGE.search(text, max(0, match.start() - 12), match.start())
        if is_range and "month" in match.groupdict() and not match["month"].isdigit():
            yield match[0], frozenset()
        else:
            yield match[0], _readings(match, day_first)


def _windows(text: str) -> list[tuple[int, int]]:
    """The parts of a text that may have a date: those around numbers of four digits."""
    windows: list[tuple[int, int]] = []
    for year in _FOUR_DIGITS.finditer(text):
        start, end = max(0, year.start() - NEAR), year.end() + NEAR
        if windows and start <= windows[-1][1]:
            start = windows.pop()[0]
        windows.append((start, end))
    return windows


def _readings(match: re.Match[str], day_first: bool | None) -> frozenset[datetime.date]:
    parts = match.groupdict()
    year = int(parts["year"])
    if "first" not in parts:
        month = parts["month"]
        number = int(month) if month.isdigit() else _MONTHS[month.lower()]
        return _dates((year, number, int(parts["day"])))
    first, second = int(parts["first"]), int(parts["second"])
    by_day, by_month = (year, second, first), (year, first, second)
    if day_first is None and parts["mark"] == ".":  # 1.12.2023: the month comes first nowhere
        day_first = True
    if day_first is None:
        return _dates(by_day, by_month)
    return _dates(by_day if day_first else by_month)


def _dates(*triples: tuple[int, int, int]) -> frozenset[datetime.date]:
    """The dates with this year, month and day that there are."""
    dates = set()
    for triple in triples:
        with suppress(ValueError):
            dates.add(datetime.date(*triple))
    return frozenset(dates)
