"""Keys and other secrets, kept out of everything that is written.

redactor = Redactor(find_secrets(os.environ))
redactor.redact("401: wrong key sk-proj-…")     # "401: wrong key [secret OPENAI_API_KEY]"

A secret is the value of a variable, header or setting whose name says so, or the password in an
address. It is found as it is, in base64 (at any offset), URL-encoded and JSON-escaped, broken over
lines or not. Only values of 16 characters and more are looked for: a shorter one might be any word.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from os.path import commonprefix
from typing import Any, TextIO
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from workbench.canonical import JSON

LEAST = 16  # characters
TELLS = 12  # of them at the beginning, by which it is looked whether a text may hold a secret
TELLING = re.compile(
    r"(?i)(api[-_]?key|access[-_]?key|secret|tokens?(?![a-z])|passw|credential|authorization"
    r"|signature|cookie|private[-_]?key|[-_]key$|^key$|[-_]auth$|^auth$|[-_]pwd$)"
)
HARMLESS = re.compile(r"(?i)[-_](env|path|file|dir|sock|url|id)$")  # they say where a secret is
BREAK = r"(?:\s|\\+[nrt])*"  # what a line that is broken has between two characters
FRAIL = re.compile(r"[\s\\]|^[nrt]")  # what may be taken for a blank, or for a part of one
ESCAPED = re.compile(r"\\+u00([0-7][0-9A-Fa-f])")  # a letter of ASCII, as JSON may write it
SLASHES = re.compile(r"\\+")  # JSON in JSON in JSON doubles them each time
USER_INFO = re.compile(r"(?<=://)(?:([^\s/?#@:]*:)[^\s/?#@]+|[^\s/?#@:]+)@")
QUERY = re.compile(r"(?<=[?&])([^=&#\s]+)=([^&#\s]+)")


@dataclass(frozen=True)
class Secret:
    """A value that is never written, and the name that stands in its place."""

    name: str
    value: str


def find_secrets(
    settings: Mapping[str, JSON], *, secret_names: frozenset[str] = frozenset()
) -> set[Secret]:
    """The secrets among named values, however deep; and the passwords in addresses.

    Args:
        settings: variables, or a mapping from a file.
        secret_names: names whose values are secret whatever they are called.
    """
    return {
        Secret(name, value)
        for name, value in _named("", settings)
        for value in _secret_parts(name, value, whole=name in secret_names)
        if len(value) >= LEAST
    }


def key_variables(settings: JSON) -> Iterator[str]:
    """The variables that a file names as holding a key: what `api_key_env` and `env` say."""
    for name, value in _named("", settings):
        if name in ("api_key_env", "env"):
            yield value


def mask_url(address: str) -> str:
    """An address without what lets one in, however short."""
    masked_user = USER_INFO.sub(lambda found: f"{found[1] or ''}***@", address)
    return QUERY.sub(
        lambda found: f"{found[1]}=***" if TELLING.search(found[1]) else found[0], masked_user
    )


class Redactor:
    """Takes the secrets it knows out of texts."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._names: dict[str, str] = {}
        self._sought: list[str] = []  # no secret stands in a text that holds none of these
        self._frail: list[str] = []  # of them, those that packing a text may take apart
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Looks for these, too."""
        for secret in secrets:
            for written in _written(secret.value):
                self._names.setdefault(SLASHES.sub(r"\\", written), secret.name)
        longest_first = sorted(self._names, key=len, reverse=True)
        spread = (BREAK.join(map(_pattern, written)) for written in longest_first)
        self._pattern = re.compile("|".join(f"({one})" for one in spread)) if self._names else None
        self._order = longest_first
        begun = groupby(sorted(self._names), key=lambda written: written[:TELLS])
        self._sought = [commonprefix(list(group)) for _, group in begun]  # noqa: RUF071  no paths
        self._frail = [beginning for beginning in self._sought if FRAIL.search(beginning)]

    def redact(self, text: str) -> str:
        """`text` with `[secret NAME]` in place of each secret."""
        if self._pattern is None or not self._holds(text):
            return text
        return self._pattern.sub(
            lambda found: f"[secret {self._names[self._order[(found.lastindex or 1) - 1]]}]", text
        )

    def redact_json(self, value: JSON) -> JSON:
        """The same data, each text and each name in it cleaned."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self.redact(str(key)): self.redact_json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_json(item) for item in value]
        return value

    def _holds(self, text: str) -> bool:
        """Quickly: whether a secret may be there."""
        if len(text) < LEAST:
            return False
        single = packed = text
        if "\\" in text:
            if "u00" in text:
                single = ESCAPED.sub(lambda found: chr(int(found[1], 16)), single)
            while "\\\\" in single:
                single = single.replace("\\\\", "\\")
            packed = single.replace(r"\n", "").replace(r"\r", "").replace(r"\t", "")
        packed = "".join(packed.split())
        return any(map(packed.__contains__, self._sought)) or any(
            map(single.__contains__, self._frail)
        )


class RedactedStream:
    """A text stream that writes nothing secret; everything else is the stream's own."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor

    def write(self, text: str) -> int:
        """Writes `text`, cleaned."""
        self._stream.write(self._redactor.redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes them, cleaned."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _named(name: str, value: JSON) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _named(str(key), item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _named(name, item)


def _secret_parts(name: str, value: str, *, whole: bool) -> Iterator[str]:
    """What of a named value is secret: all of it, or a password or a parameter of an address."""
    text = value.strip()
    if whole or (TELLING.search(name) and not HARMLESS.search(name)):
        yield re.sub(r"(?i)^(bearer|basic|token)\s+", "", text)
    elif "://" in text and not text.isspace():
        try:
            parts = urlsplit(text)
            password = parts.password or parts.username
        except ValueError:
            return
        if password:
            yield unquote(password)
        yield from (said for key, said in parse_qsl(parts.query) if TELLING.search(key))


def _pattern(character: str) -> str:
    if character == "\\":
        return r"\\+"
    if character.isalnum() or not character.isascii():
        return re.escape(character)
    code = "".join(f"[{digit}{digit.upper()}]" for digit in f"{ord(character):02x}")
    return rf"(?:{re.escape(character)}|\\+u00{code})"


def _written(value: str) -> Iterator[str]:
    """The ways in which a secret may stand in a text, blanks left out."""
    raw = value.encode("utf-8", "surrogatepass")
    yield value
    yield quote(value, safe="")
    yield quote(value)
    yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quote(value, safe=""))
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield json.dumps(value)[1:-1].replace("/", r"\/")
    for shift in range(3):  # which of three bytes it begins at
        coded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        sure = coded[(shift * 8 + 5) // 6 : len(coded) - ((shift + len(raw)) % 3 != 0)]
        yield sure
        yield sure.replace("+", "-").replace("/", "_")
