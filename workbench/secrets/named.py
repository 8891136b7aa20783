"""Secrets among named values: variables, headers, settings, addresses.

>>> find_secrets({"OPENAI_API_KEY": "sk-proj-a1b2c3d4e5f6", "HOME": "/home/me"})
{Secret(name='OPENAI_API_KEY', value='sk-proj-a1b2c3d4e5f6')}

A secret is the value of a variable, header or setting with a name like `api_key`, or the password
in an address. Values below 16 characters are ignored: they might be ordinary words.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from workbench.canonical import JSON

MIN_LENGTH = 16  # characters
SECRET_NAME = re.compile(
    r"(?i)(api[-_]?key|access[-_]?key|secret|tokens?(?![a-z])|passw|credential|authorization"
    r"|signature|^sig$|cookie|private[-_]?key|[-_]key$|^key$|[-_]auth$|^auth$|[-_]pwd$|^pwd$"
    r"|^odbc_connect$)"
)
VARIABLE = re.compile(r"\$\{(\w+)\}")
ORDINARY = {"HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TMPDIR", "USER"}
LOCATION_NAME = re.compile(r"(?i)[-_](env|path|file|dir|sock|url|id)$")  # of a secret
LIMIT_NAME = re.compile(r"(max|min)_(\w+_)?tokens")  # of an answer; `rename:` has a text for it


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
        for name, value in named_strings("", settings)
        for value in _secret_parts(name, value, always=name in secret_names)
        if len(value) >= MIN_LENGTH
    }


def key_variables(settings: JSON) -> Iterator[str]:
    """Variables that hold keys: the values of `api_key_env` and `env` in a file, and `${NAME}`."""
    for name, value in named_strings("", settings):
        names = [value] if name in ("api_key_env", "env") else []
        yield from (each for each in [*names, *VARIABLE.findall(value)] if each not in ORDINARY)


def named_strings(name: str, value: JSON) -> Iterator[tuple[str, str]]:
    """Each string in `value` with the key that it stands under, however deep."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from named_strings(str(key), entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from named_strings(name, entry)


def _secret_parts(name: str, value: str, *, always: bool) -> Iterator[str]:
    """Secret parts of a named value: all of it, or an address's password and parameters."""
    text = value.strip()
    is_folder = name in ORDINARY and text.startswith("/")  # a shell's PWD
    named = SECRET_NAME.search(name) and not LOCATION_NAME.search(name)
    if always or (named and not is_folder and not LIMIT_NAME.fullmatch(name)):
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
