"""Tokens of callers, by name, in a file that is read again when it changes.

    # tokens.txt
    billing: sha256:5d1f2c…          64 hexadecimal digits: the SHA-256 of a token
    search: sha256:77ab01…

The file holds no token, only digests, so reading it lets nobody in. Removing a line withdraws its
token with the next request. A line that can't be read lets nobody in, and stops nobody else; a file
that can't be read lets nobody in at all.
"""

import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Mapping
from hmac import compare_digest
from pathlib import Path

from workbench.errors import WorkbenchError, list_first

LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._@-]{0,63})\s*:\s*sha256:([0-9a-fA-F]{64})")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
TOKEN_BYTES = 32
LONGEST_TOKEN = 1_000  # characters
SETTLED_NS = 2_000_000_000  # a file may change twice within one step of its clock
LARGEST_FILE = 1_000_000  # bytes
MORE = "make one with `workbench serve --tokens {path} --new-token NAME`"


class TokenFile:
    """The tokens of a file.

    Args:
        path: of the file.
        report: gets a message each time that the file changes and can't be read completely.

    Raises:
        WorkbenchError: the file is missing, others may write it, or it has no token or a line
            that can't be read.
    """

    def __init__(self, path: Path, report: Callable[[str], None] = lambda _: None) -> None:
        self._path = path
        self._report = report
        self._stamp: tuple[int, ...] = ()
        self._read_ns = 0
        self._digests: Mapping[str, bytes] = {}
        self._digests, faults = self._read()
        if faults:
            raise faults[0]

    def name_of(self, token: str) -> str:
        """Return the name of a token; empty: it is none."""
        self._refresh()
        presented = hashlib.sha256(token[:LONGEST_TOKEN].encode("utf-8", "replace")).digest()
        name = ""
        for candidate, digest in self._digests.items():  # all of them, whichever fits
            if compare_digest(digest, presented):
                name = candidate
        return name

    def _refresh(self) -> None:
        """Read the file again if it has changed, or may have changed since it was read."""
        if self._current_stamp() == self._stamp and self._stamp:
            changed_ns = self._stamp[0]
            if self._read_ns - changed_ns > SETTLED_NS:
                return
        before = self._stamp
        try:
            self._digests, faults = self._read()
        except WorkbenchError as error:
            self._digests, faults = {}, [error]
        if faults and self._stamp != before:
            lost = "only the other lines count" if self._digests else "nobody is let in"
            self._report(f"{faults[0]}\n  until then {lost}")

    def _current_stamp(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)

    def _read(self) -> tuple[dict[str, bytes], list[WorkbenchError]]:
        """The digests by name, and the faults of lines that give none."""
        self._read_ns = time.time_ns()
        self._stamp = self._current_stamp()
        where = str(self._path)
        fix = MORE.format(path=self._path)
        try:
            with self._path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(LARGEST_FILE + 1)
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise WorkbenchError(f"tokens can't be read: {reason}", where=where, fix=fix) from error
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and stat.S_ISREG(mode):
            message = "other users may write this file, and so let themselves in"
            raise WorkbenchError(message, where=where, fix=f"chmod 600 {self._path}")
        if len(data) > LARGEST_FILE:
            raise WorkbenchError("the file is too large for tokens", where=where, fix=fix)
        digests, faults = _parse_lines(data.decode("utf-8", "replace"), where, fix)
        if not digests and not faults:
            faults = [WorkbenchError("the file has no token", where=where, fix=fix)]
        return digests, faults


def _parse_lines(text: str, where: str, fix: str) -> tuple[dict[str, bytes], list[WorkbenchError]]:
    digests: dict[str, bytes] = {}
    faults = []
    twice = set()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if not (match := LINE.fullmatch(line)):  # the line may be a token: it is not shown
            message = "not `name: sha256:` and 64 hexadecimal digits"
            faults.append(WorkbenchError(message, where=f"{where}:{number}", fix=fix))
        elif match[1] in digests:
            twice.add(match[1])
        else:
            digests[match[1]] = bytes.fromhex(match[2])
    if twice:
        message = f"names stand twice: {list_first(sorted(twice), 5)}"
        faults.append(WorkbenchError(message, where=where, fix="give each token its own name"))
    return {name: digest for name, digest in digests.items() if name not in twice}, faults


def add_token(path: Path, name: str) -> str:
    """Return a new token after adding its digest to the file, which is made if it is missing.

    Raises:
        WorkbenchError: the name is none, or is taken; the file can't be read or written.
    """
    if not NAME.fullmatch(name):
        message = f"--new-token: {name!r} is not a name of letters, digits and . _ @ -"
        raise WorkbenchError(message, fix="workbench serve --tokens FILE --new-token search")
    digests: Mapping[str, bytes] = {}
    text = ""
    if path.exists():
        text = path.read_text("utf-8", "replace")
        digests, faults = _parse_lines(text, str(path), MORE.format(path=path))
        if faults:
            raise faults[0]
    if name in digests:
        message, fix = f"the name {name!r} is taken", "take another name, or remove its line first"
        raise WorkbenchError(message, where=str(path), fix=fix)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    line = f"{name}: sha256:{hashlib.sha256(token.encode()).hexdigest()}\n"
    if text and not text.endswith("\n"):
        line = "\n" + line
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with open(os.open(path, flags, 0o600), "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(line)
    except OSError as error:
        reason = error.strerror or "unwritable"
        fix = "name a file in a folder that you may write"
        raise WorkbenchError(f"can't be written: {reason}", where=str(path), fix=fix) from error
    return token
