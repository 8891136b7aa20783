"""Personal data in text by its form and check digits.

>>> [datum.kind for datum in find_personal_data("Ann, ann@mail.de, DE89 3704 0044 0532 0130 00")]
['email', 'iban']
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from workbench.evaluators._dates import read_dates

_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in (
        ("15", "NO"),
        ("16", "BE"),
        ("18", "DK FI FO GL NL"),
        ("19", "MK SI"),
        ("20", "AT BA EE KZ LT LU XK"),
        ("21", "CH HR LI LV"),
        ("22", "BG BH DE GB GE IE ME RS VA"),
        ("23", "AE GI IL TL"),
        ("24", "AD CZ ES MD PK RO SA SE SK TN VG"),
        ("25", "PT"),
        ("26", "IS TR"),
        ("27", "FR GR IT MC MR SM"),
        ("28", "AL AZ BY CY DO GT HU LB PL"),
        ("29", "BR EG PS QA UA"),
        ("30", "JO KW MU"),
        ("31", "MT SC"),
    )
    for country in countries.split()
}
_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9_+%-][\w.+%-]{0,63}@"
    r"(?P<domain>(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24})(?![\w-]|\.[A-Za-z])"
)
_PLACEHOLDER_DOMAIN = re.compile(  # reserved by RFC 2606, or usual in examples
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|(?:your)?(?:domain|company|email)\.com|"
    r"example|invalid|test|localhost)$",
    re.IGNORECASE,
)
_NOT_INSIDE = r"(?<![\w.,/:+=#-])"
_NOT_GOING_ON = r"(?![\w/=#]|[-.,:]\d)"
_PHONE = re.compile(
    rf"""{_NOT_INSIDE}(?<!\d[ ])(?:
      (?P<international>(?:\+|00)[1-9]\d{{0,14}}(?:[ .-]?\(0?\d{{1,4}}\))?(?:[ .-]\d{{1,8}}){{0,6}})
    | (?P<north_american>(?:1[ .-])?(?:\([2-9]\d\d\)[ ]?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{{4}})
    | (?P<national>\(?0[1-9]\d{{0,4}}\)?(?:[ ]?[/-][ ]?|[ ])\d{{2,8}}(?:[ -]\d{{2,4}}){{0,4}})
    ){_NOT_GOING_ON}(?![ ]\d)""",
    re.VERBOSE,
)
_ISBN = re.compile(r"\d-\d{2,7}-\d{1,6}-[\dX]")
_PHONE_CUE = re.compile(
    r"\b(?:phone|tel|telephone|telefon|mobile?|mobil|handy|cell|fax|whatsapp|call|téléphone|"
    r"teléfono|telefono|telefone|móvil|portable)\b[^\d\n]{0,20}$",
    re.IGNORECASE,
)
_DIGITS = re.compile(rf"{_NOT_INSIDE}\d{{7,12}}{_NOT_GOING_ON}")
_CARD = re.compile(rf"{_NOT_INSIDE}\d(?:[ -]?\d){{12,18}}{_NOT_GOING_ON}")
_CARD_NUMBER = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|"
    r"3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30}(?![a-z])")
_SSN = re.compile(
    rf"{_NOT_INSIDE}(?!000|666|9)\d{{3}}(?P<mark>[- ])(?!00)\d\d(?P=mark)(?!0000)\d{{4}}"
    rf"{_NOT_GOING_ON}"
)
_SSN_CUE = re.compile(r"(?:\bSSN|social security)[^\d\n]{0,30}$", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])"
)
_VERSION_CUE = re.compile(
    r"(?:\bv|version|release|build|section|chapter|clause|§|paragraph|firmware)[ :=]*$",
    re.IGNORECASE,
)
_BIRTH_CUE = re.compile(
    r"\b(?:date of birth|birth ?date|birthday|d\.?o\.?b\.?|born(?: on)?|geboren(?: am)?|"
    r"geburtsdatum|geb\.|née? le|date de naissance|nacid[oa] el|fecha de nacimiento|nat[oa] il|"
    r"data di nascita|data de nascimento|geboortedatum)\b[^\w\n]{0,5}"
    r"(?:is |was |ist |est )?(?P<date>[^\n]{6,40})",
    re.IGNORECASE,
)
EARLIEST_BIRTH = 1900  # a year before which nobody is alive
NEAR = 40  # characters before a datum that name its kind


@dataclass(frozen=True)
class PersonalDatum:
    """A datum of a person: its kind, and its text and place."""

    kind: str
    text: str
    start: int

    @property
    def masked(self) -> str:
        """The text without its middle; a date of birth not at all."""
        return "***" if self.kind == "date_of_birth" else f"{self.text[0]}***{self.text[-2:]}"


def find_personal_data(text: str, kinds: Collection[str] = ()) -> list[PersonalDatum]:
    """The personal data of these kinds, or of all, in the order of the text.

    What can be read as two kinds is the first of them in `KINDS`.
    """
    places: list[PersonalDatum] = []
    covered: set[int] = set()  # characters of the data so far
    for kind, find in _FINDERS.items():
        for match in find(text):
            start, end = match.span("date") if kind == "date_of_birth" else match.span()
            if covered.isdisjoint(range(start, end)):
                covered.update(range(start, end))
                places.append(PersonalDatum(kind, text[start:end].strip(), start))
    chosen = [datum for datum in places if not kinds or datum.kind in kinds]
    return sorted(chosen, key=lambda datum: datum.start)


def _emails(text: str) -> Iterator[re.Match[str]]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        if not _PLACEHOLDER_DOMAIN.search(match["domain"]):
            yield match


def _ibans(text: str) -> Iterator[re.Match[str]]:
    """Numbers with the length of their country whose remainder by 97 is 1 (ISO 13616)."""
    place = 0
    while match := _IBAN.search(text, place):
        place = match.start() + 4
        length = _IBAN_LENGTHS.get(match[0][:2], 0)
        exact = re.compile(rf"(?:[A-Z0-9][ ]?){{{length - 1}}}[A-Z0-9]\b").match(
            text, match.start()
        )
        digits = "".join(str(int(c, 36)) for c in _moved(exact[0])) if length and exact else "0"
        if exact and int(digits) % 97 == 1:
            place = exact.end()
            yield exact


def _moved(iban: str) -> str:
    """An IBAN without spaces, its first four characters at the end."""
    compact = iban.replace(" ", "")
    return compact[4:] + compact[:4]


def _cards(text: str) -> Iterator[re.Match[str]]:
    """Numbers with the prefix and length of a card whose check digit is right (Luhn 1960)."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _CARD_NUMBER.fullmatch(digits) and len(set(digits)) > 1 and _luhn(digits):
            yield match


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _ssns(text: str) -> Iterator[re.Match[str]]:
    for match in _SSN.finditer(text):
        if match["mark"] == "-" or _SSN_CUE.search(_before(match)):
            yield match


def _addresses(text: str) -> Iterator[re.Match[str]]:
    """Public addresses; those of private networks name nobody."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            try:
                address = ipaddress.ip_address(match[0])
            except ValueError:
                continue
            is_public = address.is_global and (address.version == 4 or address in _UNICAST)
            if is_public and not _VERSION_CUE.search(_before(match)):
                yield match


def _birth_dates(text: str) -> Iterator[re.Match[str]]:
    for match in _BIRTH_CUE.finditer(text):
        dates = read_dates(match["date"]).candidates
        if any(date.year >= EARLIEST_BIRTH for date in dates):
            yield match


def _phones(text: str) -> Iterator[re.Match[str]]:
    """Numbers in an international or a national form, and others behind `phone:`."""
    for match in _PHONE.finditer(text):
        digits = len(re.sub(r"\D", "", match[0]))
        most, least = (12, 9) if match["national"] else (17, 8)
        if least <= digits <= most and not _ISBN.fullmatch(match[0]):
            yield match
    for match in _DIGITS.finditer(text):
        if _PHONE_CUE.search(_before(match)):
            yield match


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - NEAR) : match.start()]


_UNICAST = ipaddress.IPv6Network("2000::/3")
_FINDERS: dict[str, Callable[[str], Iterator[re.Match[str]]]] = {
    "email": _emails,
    "iban": _ibans,
    "credit_card": _cards,
    "us_ssn": _ssns,
    "ip_address": _addresses,
    "date_of_birth": _birth_dates,
    "phone": _phones,
}
KINDS = tuple(_FINDERS)
