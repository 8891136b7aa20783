"""Secrets of a project: of its `.env`, and what its experiment files name or hold.

    models: [openai:m: {api_key_env: LAB_WORD, headers: {X-Lab: "${LAB_ID}"}}]

The values of LAB_WORD and LAB_ID are secrets in every command, also in one that reads no
experiment, such as `prompts push`: a template may hold them.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.secrets import Secret, find_secrets, key_variables

FOLDERS = ("*.y*ml", "*/*.y*ml", "*/*/*.y*ml")  # of experiment files, below prompts/
# The variables that a file names which is no YAML: the error about it may quote anything.
NAMED = re.compile(r"api_key_env[\"']?\s*:\s*[\"']?(\w+)|\$\{(\w+)\}")
MAX_BYTES = 1_000_000  # as of a YAML file
# What a file with secrets has, however they are spelled: a key with a word of SECRET_NAME or `env`
# (numbers are no secrets), a variable; or what may hide one: an escape, an explicit key, an alias
# as a key. Without it and without an address, a file is not parsed: 2,000 rows would take 0.4 s.
SUSPECT = re.compile(
    r"(?i)(?:key|secret|token|passw|credential|authorization|signature|sig|cookie|auth|pwd|env"
    r"|odbc_connect)[^\n:]{0,1024}+\s*+:(?!\s*[\d.]+\s*(?:[,}\]#\r\n]|$))"
    r"|\$\{|\\[xu/\r\n]|(?:^|[\s,{\[])\?\s|\*[^\s,\[\]{}]{1,1024}+\s*+:"
)


def project_secrets(root: Path, environment_file: Path | None = None) -> set[Secret]:
    """The secrets of the project at `root`.

    `environment_file`: a `.env` that was loaded; the environment wins, but both values are secret.
    """
    from dotenv import dotenv_values

    files: list[Path] = []
    with suppress(OSError):
        for pattern in FOLDERS:
            files += (root / "prompts").glob(pattern)
    names, secrets = _named_secrets({file: str(file.relative_to(root)) for file in files})
    if environment_file and environment_file.is_file():
        secrets |= find_secrets(dotenv_values(environment_file), secret_names=names)
    return secrets | find_secrets(os.environ, secret_names=names)


def experiment_secrets(file: Path, display_name: str) -> set[Secret]:
    """The secrets that an experiment file names or holds, wherever it is."""
    names, secrets = _named_secrets({file: display_name})
    return secrets | find_secrets(os.environ, secret_names=names)


def settings_secrets(settings: JSON) -> set[Secret]:
    """The secrets that an experiment names or holds which is in no file."""
    names = frozenset(key_variables(settings))
    return find_secrets({"": settings}) | find_secrets(os.environ, secret_names=names)


def _named_secrets(files: Mapping[Path, str]) -> tuple[frozenset[str], set[Secret]]:
    """The variables that hold keys, and the secrets in the files, which have these names."""
    names: set[str] = set()
    secrets: set[Secret] = set()
    for file, display_name in files.items():
        with suppress(OSError):
            if file.is_file() and file.stat().st_size <= MAX_BYTES:
                settings = _settings(file.read_bytes(), display_name)
                names.update(key_variables(settings))
                secrets |= find_secrets({"": settings})
    return frozenset(names), secrets


def _settings(content: bytes, display_name: str) -> JSON:
    """An experiment file without its rows, whose columns may have any name; None: no secrets."""
    from workbench.document import parse_document

    text = content.decode("utf-8-sig", "replace")
    _, scheme, address = text.partition("://")
    if not (SUSPECT.search(text) or (scheme and ("@" in address or "?" in address))):
        return None
    try:
        settings = parse_document(text, display_name).content
    except WorkbenchError:
        return {"api_key_env": list(_names_in(text))}
    if isinstance(settings, dict) and isinstance(dataset := settings.get("dataset"), dict):
        options = {key: value for key, value in dataset.items() if key not in ("rows", "vars")}
        return {**settings, "dataset": options}
    return settings


def _names_in(text: str) -> Iterator[str]:
    yield from (first or second for first, second in NAMED.findall(text))
