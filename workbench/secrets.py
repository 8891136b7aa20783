"""Redaction of keys and other secrets in everything that is written.

redactor = Redactor(find_secrets(os.environ))
redactor.redact("401: wrong key sk-proj-…")     # "401: wrong key [secret OPENAI_API_KEY]"

A secret is the value of a variable, header or setting with a name like `api_key`, or the password
in an address. It is recognized plain, in base64 (at any offset), URL-encoded and JSON-escaped, even
with line breaks inside. Values below 16 characters are ignored: they might be ordinary words.
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

MIN_LENGTH = 16  # characters
PREFIX = 12  # characters at the beginning, for a quick search
SECRET_NAME = re.compile(
    r"(?i)(api[-_]?key|access[-_]?key|secret|tokens?(?![a-z])|passw|credential|authorization"
    r"|signature|cookie|private[-_]?key|[-_]key$|^key$|[-_]auth$|^auth$|[-_]pwd$)"
)
LOCATION_NAME = re.compile(r"(?i)[-_](env|path|file|dir|sock|url|id)$")  # of a secret
BREAK = r"(?:\s|\\+[nrt])*"  # a line break between two characters
BLANK_LIKE = re.compile(r"[\s\\]|^[nrt]")  # removed or altered when blanks are removed
ESCAPED = re.compile(r"\\+u00([0-7][0-9A-Fa-f])")  # an ASCII letter, escaped as in JSON
SLASHES = re.compile(r"\\+")  # doubled at each level of JSON in JSON
USER_INFO = re.compile(r"(?<=://)(?:([^\s/?#@:]*:)[^\s/?#@]+|[^\s/?#@:]+)@")
QUERY = re.compile(r"(?<=[?&])([^=&#\s]+)=([^&#\s]+)")


@dataclass(frozen=True)
class Secret:
    """A value that is never written, and the name shown instead."""

    name: str
    value: str


def find_secrets(
    settings: Mapping[str, JSON], *, secret_names: frozenset[str] = frozenset()
) -> set[Secret]:
    """Secrets among named values at any depth, and passwords in addresses.

    The values of `secret_names` are always secret.
    """
    return {
        Secret(name, value)
        for name, value in _named_strings("", settings)
        for value in _secret_parts(name, value, always=name in secret_names)
        if len(value) >= MIN_LENGTH
    }


def key_variables(settings: JSON) -> Iterator[str]:
    """Variables that hold keys: the values of `api_key_env` and `env` in a file, and `${NAME}`."""
    for name, value in _named_strings("", settings):
        if name in ("api_key_env", "env"):
            yield value
        yield from re.findall(r"\$\{(\w+)\}", value)


def mask_url(address: str) -> str:
    """An address with its password and secret parameters replaced by ***."""
    masked_user = USER_INFO.sub(lambda match: f"{match[1] or ''}***@", address)
    return QUERY.sub(
        lambda match: f"{match[1]}=***" if SECRET_NAME.search(match[1]) else match[0], masked_user
    )


class Redactor:
    """Removes secrets from texts."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._names: dict[str, str] = {}
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Remove these, too."""
        for secret in secrets:
            for spelling in _spellings(secret.value):
                self._names.setdefault(SLASHES.sub(r"\\", spelling), secret.name)
        self._longest_first = sorted(self._names, key=len, reverse=True)
        patterns = (BREAK.join(map(_pattern, spelling)) for spelling in self._longest_first)
        self._pattern = re.compile("|".join(f"({pattern})" for pattern in patterns))
        # a text without any of these has no secret
        groups = groupby(sorted(self._names), key=lambda spelling: spelling[:PREFIX])
        self._prefixes = [commonprefix(list(group)) for _, group in groups]  # noqa: RUF071  no paths
        # of them, those that removing blanks may alter
        self._blank_like = [prefix for prefix in self._prefixes if BLANK_LIKE.search(prefix)]

    def redact(self, text: str) -> str:
        """`text` with `[secret NAME]` in place of each secret."""
        return self._pattern.sub(self._mark, text) if self._may_contain_secret(text) else text

    def _mark(self, match: re.Match[str]) -> str:
        return f"[secret {self._names[self._longest_first[(match.lastindex or 1) - 1]]}]"

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
        if not self._prefixes or len(text) < MIN_LENGTH:
            return False
        single = packed = text
        if "\\" in text:
            if "u00" in text:
                single = ESCAPED.sub(lambda match: chr(int(match[1], 16)), single)
            while "\\\\" in single:
                single = single.replace("\\\\", "\\")
            packed = single.replace(r"\n", "").replace(r"\r", "").replace(r"\t", "")
        packed = "".join(packed.split())
        return any(map(packed.__contains__, self._prefixes)) or any(
            map(single.__contains__, self._blank_like)
        )


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


def _named_strings(name: str, value: JSON) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _named_strings(str(key), entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _named_strings(name, entry)


def _secret_parts(name: str, value: str, *, always: bool) -> Iterator[str]:
    """Secret parts of a named value: all of it, or an address's password and parameters."""
    text = value.strip()
    if always or (SECRET_NAME.search(name) and not LOCATION_NAME.search(name)):
        yield re.sub(r"(?i)^(bearer|basic|token)\s+", "", text)
    elif "://" in text and not text.isspace():
        try:
            parts = urlsplit(text)
            password = parts.password or parts.username
        except ValueError:
            return
        if password:
            yield unquote(password)
        yield from (secret for key, secret in parse_qsl(parts.query) if SECRET_NAME.search(key))


def _pattern(character: str) -> str:
    if character == "\\":
        return r"\\+"
    if character.isalnum() or not character.isascii():
        return re.escape(character)
    code = "".join(f"[{digit}{digit.upper()}]" for digit in f"{ord(character):02x}")
    return rf"(?:{re.escape(character)}|\\+u00{code})"


def _spellings(value: str) -> Iterator[str]:
    """Spellings of a secret in texts, without blanks."""
    raw = value.encode("utf-8", "surrogatepass")
    quoted, escaped = quote(value, safe=""), json.dumps(value)[1:-1]
    yield from (value, quoted, quote(value), escaped, escaped.replace("/", r"\/"))
    yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for shift in range(3):  # the offset in a group of three bytes
        coded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        certain = coded[(shift * 8 + 5) // 6 : len(coded) - ((shift + len(raw)) % 3 != 0)]
        yield certain
        yield certain.replace("+", "-").replace("/", "_")
