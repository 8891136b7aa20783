r"""Redaction of known secrets in everything that is written.

>>> from workbench.secrets.named import Secret
>>> redactor = Redactor([Secret("OPENAI_API_KEY", "sk-proj-a1b2c3d4e5f6")])
>>> redactor.redact("401: wrong key sk-proj-a1b2\u200bc3d4e5f6, sent as SK-PROJ-A1B2C3D4E5F6")
'401: wrong key [secret OPENAI_API_KEY], sent as [secret OPENAI_API_KEY]'

A secret is recognized plain, in base64 (at any offset), URL-encoded, escaped as in JSON or HTML, in
upper or lower case, and with characters inside that show nothing: blanks, line ends, control and
zero-width characters, combining marks, a terminal's escape sequences. They are left out before
texts are compared, so a key is found wherever a reader or a later cleaning would see it.
"""

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote

from workbench.canonical import JSON
from workbench.secrets.named import MIN_LENGTH, Secret

PREFIX = 12  # characters at the beginning of a secret, for a quick search
LEAST = 8  # characters that must be left to compare
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters that show nothing
ESC = r"(?:\x1b|\\+(?:u001b|x1b|033))"
CSI = rf"(?:{ESC}\[|\x9b|\\+(?:u00|x)9b)[0-?]*[ -/]*[@-~]"
SEQUENCE = rf"{CSI}|{ESC}\][^\x07\x1b]*?(?:\x07|\x1b\\|\\+u0007)"  # of a terminal
ESCAPE = (
    r"\\+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrtbf]|)|%[0-9a-fA-F]{2}"
    r"|&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});"
)
WORD = r"[!-$'-\[\]-~]+|."
# A text is read in three ways: what follows an ESC may belong to it, and a backslash to the text.
TOKENS = (
    re.compile(r"((?!))|((?!))|[!-~]+|.", re.DOTALL),
    re.compile(rf"((?!))|({ESCAPE})|{WORD}", re.DOTALL),
    re.compile(rf"({SEQUENCE})|({ESCAPE})|{WORD}", re.DOTALL),
)
UNFINISHED_ESCAPE = re.compile(
    rf"(?:{ESC}[\[\]]?[^@-~\x07]*|\\+[ux]?\w{{0,3}}|%\w?|&#?\w{{0,7}})\Z"
)
ESCAPES = re.compile(rf"(?=[\\%&])(?:{ESCAPE})")
SEQUENCES = re.compile(SEQUENCE)
# Escapes of letters and digits, which nobody needs to escape.
LETTER_ESCAPE = re.compile(
    r"\\+u00(?:3\d|[46][1-9a-fA-F]|[57][\daA])|\\+x(?:3\d|[46][1-9a-fA-F]|[57][\daA])"
    r"|%(?:3\d|[46][1-9a-fA-F]|[57][\daA])|&#\w+;"
)
LETTER_MARKS = ("u00", r"\x", "%", "&#")
ESCAPE_MARKS = ("\\", "%", "&")
SEQUENCE_MARKS = ("\x1b", "\x9b", "u001b", r"\x1b", r"\033", "u009b", r"\x9b")
CONTROL_ESCAPES = (r"\n", r"\r", r"\t", r"\b", r"\f")
CUTS = ("…", "...", "'…", '"…')  # after a text that was shortened
LOWER = bytes(range(256)).lower()
NO_LETTERS = bytes(code for code in range(256) if code > 127 or not chr(code).isalnum())


class _Spelling(NamedTuple):
    """A secret as it may be written, without characters that show nothing.

    `may_be_cut`: its beginning is secret, too, where a text was shortened.
    """

    text: str
    name: str
    may_be_cut: bool


class _Packed(NamedTuple):
    """A text without what shows nothing; `starts`, `ends`: of each character in the text."""

    text: str
    starts: list[int]
    ends: list[int]


class Redactor:
    """Removes secrets from texts."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._spellings: dict[str, _Spelling] = {}
        self._values: dict[str, str] = {}
        self._prefixes: list[bytes] = []  # a text without any of these has no secret
        self._longest = 0  # letters and digits of a secret, however it is written
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Remove these, too."""
        for secret in secrets:
            self._values.setdefault(secret.value, secret.name)
            is_place = secret.value.startswith(("/", "~", ".")) or "://" in secret.value
            for spelling in _spellings(secret.value):
                text = _pack(spelling, TOKENS[1]).text
                if len(text) >= LEAST:
                    self._spellings[text] = _Spelling(text, secret.name, not is_place)
        texts = {*self._values, *self._spellings}
        skeletons = {skeleton for text in texts for skeleton in _skeletons(text)}
        self._prefixes = sorted({skeleton[:PREFIX] for skeleton in skeletons})
        self._longest = max(map(len, skeletons), default=0)

    @property
    def has_secrets(self) -> bool:
        """False if nothing would be redacted."""
        return bool(self._prefixes)

    def redact(self, text: str) -> str:
        """`text` with `[secret NAME]` in place of each secret."""
        if not self._may_contain_secret(text):
            return text
        spans = [span for token in TOKENS for span in self._find(text, token)]
        redacted, end = [], len(text)
        for span_start, span_end, name in _merged(spans)[::-1]:
            redacted += [text[span_end:end], f"[secret {name}]"]
            end = span_start
        text = "".join([*redacted, text[:end]][::-1])
        for value, name in self._values.items():  # where an escape ends inside of it
            text = text.replace(value, f"[secret {name}]")
        return text

    def may_begin(self, text: str) -> bool:
        """True if a secret may have begun in `text`, and go on in a text that follows it."""
        if not self._prefixes:
            return False
        complete = UNFINISHED_ESCAPE.sub("", text)
        ends = [skeleton[-self._longest :] for skeleton in _skeletons(complete)]
        return any(
            prefix in end or any(end.endswith(prefix[:n]) for n in range(1, len(prefix)))
            for end in ends
            for prefix in self._prefixes
        )

    def redact_json(self, value: JSON) -> JSON:
        """The same data with each string and each key redacted."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self.redact(str(key)): self.redact_json(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_json(entry) for entry in value]
        return value

    def _may_contain_secret(self, text: str) -> bool:
        """Quick check: False if there is certainly no secret."""
        if not self._prefixes or len(text) < LEAST:
            return False
        return any(prefix in skeleton for skeleton in _skeletons(text) for prefix in self._prefixes)

    def _find(self, text: str, token: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
        """Start, end and name of each secret in `text`."""
        packed = _pack(text, token)
        for spelling in self._spellings.values():
            start = -1
            while (start := packed.text.find(spelling.text[:LEAST], start + 1)) >= 0:
                length = _common_length(packed.text, start, spelling.text)
                end = packed.ends[start + length - 1]
                is_cut = spelling.may_be_cut and length >= MIN_LENGTH and text.startswith(CUTS, end)
                if length == len(spelling.text) or is_cut:
                    first = packed.starts[start]
                    while first and text[first - 1] == "\\":  # it escapes the first character
                        first -= 1
                    yield first, end, spelling.name


class RedactedStream:
    """A text stream that redacts secrets; other methods are the wrapped stream's."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor

    def write(self, text: str) -> int:
        """Write `text`, redacted."""
        self._stream.write(self._redactor.redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write `lines`, redacted."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _spellings(value: str) -> Iterator[str]:
    """Spellings of a secret that differ after escapes are undone."""
    raw = value.encode("utf-8", "surrogatepass")
    yield from (value, quote(raw, safe=""), json.dumps(value)[1:-1])
    for shift in range(3):  # the offset in a group of three bytes
        coded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        certain = coded[(shift * 8 + 5) // 6 : len(coded) - ((shift + len(raw)) % 3 != 0)]
        yield certain
        yield certain.replace("+", "-").replace("/", "_")


def _skeletons(text: str) -> Iterator[bytes]:
    """The letters and digits of `text`: all of them, and those outside of escapes."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    yield text.encode("ascii", "ignore").translate(LOWER, NO_LETTERS)
    if any(map(text.__contains__, ESCAPE_MARKS)):
        yield _without_escapes(text).encode("ascii", "ignore").translate(LOWER, NO_LETTERS)
    if any(map(text.__contains__, SEQUENCE_MARKS)):
        text = _without_escapes(SEQUENCES.sub("", text))
        yield text.encode("ascii", "ignore").translate(LOWER, NO_LETTERS)


def _without_escapes(text: str) -> str:
    """As `ESCAPES.sub`, whose cost is spared where a text has only the common escapes."""
    if any(map(text.__contains__, LETTER_MARKS)):
        text = LETTER_ESCAPE.sub(lambda match: _unescaped(match[0]), text)
    if "\\" in text:
        while "\\\\" in text:
            text = text.replace("\\\\", "\\")
        for escape in CONTROL_ESCAPES:
            text = text.replace(escape, "")
        if r"\u" in text:
            first, *others = text.split(r"\u")  # a third of a pattern's time
            text = first + "".join(other[4:] for other in others)
    rare = r"\x" in text or "%" in text or "&" in text
    return ESCAPES.sub("", text) if rare else text


def _pack(text: str, token: re.Pattern[str]) -> _Packed:
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in token.finditer(text):
        start, end = match.span()
        if match[1]:
            continue
        if match[2]:
            shown = _shown(_unescaped(match[2]))
        elif "!" <= text[start] <= "~":
            characters.append(match[0].lower())
            starts += range(start, end)
            ends += range(start + 1, end + 1)
            continue
        else:
            shown = _shown(match[0])
        characters.append(shown)
        starts += [start] * len(shown)
        ends += [end] * len(shown)
    return _Packed("".join(characters), starts, ends)


def _unescaped(escape: str) -> str:
    """The character of an escape; empty for a line end, a tab or a lone backslash."""
    if escape[0] == "&":
        return html.unescape(escape)
    digits = escape.lstrip("\\%")
    return chr(int(digits[-4:].lstrip("ux"), 16)) if len(digits) > 1 else ""


def _shown(text: str) -> str:
    """The characters of `text` that show something, in lower case."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKD", text).lower()
        if unicodedata.category(character)[0] not in "CZM" and character not in FILLERS
    )


def _common_length(text: str, start: int, spelling: str) -> int:
    """The length of the beginning of `spelling` that stands in `text` at `start`."""
    if text.startswith(spelling, start):
        return len(spelling)
    low = LEAST
    while low < len(spelling) and text.startswith(spelling[: low + 1], start):
        low += 1
    return low


def _merged(spans: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """The spans in their order; of those that overlap, one with the name of the longest."""
    merged: list[tuple[int, int, str]] = []
    for start, end, name in sorted(spans, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            first, last, other = merged[-1]
            merged[-1] = (first, max(last, end), other if last - first >= end - start else name)
        else:
            merged.append((start, end, name))
    return merged
