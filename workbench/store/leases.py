"""Who is asking what right now, and the calls that brought no answer.

An intent is noted before a request is sent and ended with its answer. While its owner lives it
is a lease: no other process asks the same. When its owner has ended without saying what became
of it, the call's outcome is unknown, and it may have to be paid for.

An owner lives as long as it holds the lock on `owners/<id>.lock`, which the system frees when a
process ends, however it ends.
"""

import os
import socket
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.errors import WorkbenchError
from workbench.model import FailedCall
from workbench.secrets import Redactor
from workbench.store.busy import ALONE, REPAIR, busy
from workbench.store.database import Database, Statement
from workbench.store.locks import Held, hold

Claim = Literal["claimed", "answered", "taken"]
CLAIM = (
    "INSERT OR IGNORE INTO intents (key, owner, model, cost, sent) SELECT ?1, ?2, ?3, ?4, ?6 "
    "WHERE ?5 OR NOT EXISTS (SELECT 1 FROM completions WHERE key = ?1)"
)
LOST = (
    "INSERT INTO calls (key, model, outcome, reason, cost, noted_at) "
    "SELECT key, model, ?, ?, cost, strftime('%Y-%m-%dT%H:%M:%fZ') FROM intents WHERE key = ?"
)
GIVEN_UP = (  # of an owner: what was under way may have been done; what waited was not sent
    "INSERT INTO calls (key, model, outcome, reason, cost, noted_at) "
    "SELECT key, model, 'unknown', ?, cost, noted_at FROM intents WHERE owner = ? AND sent = 1"
)
STILL = 1.0  # seconds for which an owner that was seen alive is believed to be
PROBE = 5.0  # seconds, more than another process takes to see whether a lock is held


@dataclass(frozen=True)
class PendingCall:
    """A call that brought no answer.

    Attributes:
        cost: the most it may have cost, in the project's currency; None: not known.
        noted_at: UTC, ISO 8601.
    """

    key: str
    model: str
    outcome: str
    reason: str
    cost: float | None
    noted_at: str


@dataclass(frozen=True)
class Owner:
    """A process that runs a plan."""

    id: str
    pid: int
    host: str
    plan: str
    begun_at: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.begun_at[:19]}Z"


class Leases:
    """The intents and lost calls of a store. `session` makes this process an owner."""

    def __init__(self, database: Database, redactor: Redactor) -> None:
        self._database = database
        self._redactor = redactor
        self._id = ""
        self._seen: dict[str, float] = {}  # owner -> when it was last seen alive

    @contextmanager
    def session(self, plan: str) -> Iterator[list[PendingCall]]:
        """This process as the owner of what it asks; gives what earlier ones left unsaid.

        Args:
            plan: the digest of what it runs; `store …` for what needs the store for itself.

        Raises:
            WorkbenchError: the folder can't be locked, as on some network file systems; or
                another process needs the store for itself, or this one does (exit code 7).
        """
        self._id = uuid.uuid4().hex
        row = (self._id, os.getpid(), socket.gethostname(), plan)
        lock = self._lock(self._id)
        with hold(lock, patience=PROBE):
            try:
                self._database.note(
                    [("INSERT INTO owners (id, pid, host, plan) VALUES (?, ?, ?, ?)", [row])]
                )
                self._make_way(plan)
                yield self.settle()
            finally:
                with suppress(WorkbenchError):  # a store that is gone has been spoken of already
                    self._end(self._id, "the run ended while it was under way")
                with suppress(OSError):
                    lock.unlink()

    def claim(
        self,
        key: str,
        model: str,
        cost: float | None,
        *,
        anew: bool = False,
        billed: bool = True,
    ) -> Claim:
        """Makes a request this process's own, to be sent now.

        Args:
            key: of the request.
            model: `provider:name`.
            cost: the most it may cost.
            anew: send it though an answer is kept.
            billed: somebody may be paid for it; else nobody needs to know how it ended.

        Returns:
            `answered` if another process has kept an answer meanwhile, `taken` if one is asking.

        Raises:
            WorkbenchError: the disk is full.
        """
        if self._database.full:
            raise self._database.full
        claimed = self._database.note([(CLAIM, [(key, self._id, model, cost, anew, billed)])])
        if self._database.full:  # found out by this very note
            self.release([key])
            raise self._database.full
        if claimed:
            return "claimed"
        owner = self._owner(key)
        if owner == self._id:
            return "claimed"
        if not owner:
            return "answered"
        if self._lives(owner):
            return "taken"
        self._end(owner, "its process ended while it was under way")
        return self.claim(key, model, cost, anew=anew, billed=billed)

    def taken(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that another living process is asking now."""
        rows = self._database.read_keys("SELECT key, owner FROM intents", keys)
        return {key for key, owner in rows if owner != self._id and self._lives(owner)}

    def release(self, keys: list[str]) -> None:
        """Ends intents whose requests have failed for good, or were not sent after all."""
        if keys:
            self._database.note([("DELETE FROM intents WHERE key = ?", [(key,) for key in keys])])

    def lost(self, key: str, attempt: FailedCall) -> None:
        """Notes that the call under way for `key` brought no answer; none is under way now."""
        reason = self._redactor.redact(attempt.reason).encode("utf-8", "replace").decode()[:1000]
        self._database.note(
            [
                (LOST, [(attempt.outcome, reason, key)]),
                ("UPDATE intents SET sent = 0 WHERE key = ?", [(key,)]),
            ]
        )

    def again(self, key: str) -> None:
        """Notes that another call for `key` is under way.

        Raises:
            WorkbenchError: the disk is full.
        """
        if self._database.full:
            raise self._database.full
        self._database.note([("UPDATE intents SET sent = 1 WHERE key = ?", [(key,)])])

    def settle(self) -> list[PendingCall]:
        """Writes down what processes that are gone left under way, and gives it."""
        unsaid: list[PendingCall] = []
        self._seen.clear()
        owners = self.owners()
        for owner in owners:
            if owner.id != self._id and not self._lives(owner.id):
                reason = f"{owner} ended while it was under way"
                unsaid += self._under_way(owner.id, reason)
                self._end(owner.id, reason)
        known = {owner.id for owner in self.owners()} | {owner.id for owner in owners}
        for lock in self._folder().glob("*.lock"):
            if lock.stem not in known:
                self._lives(lock.stem)  # whose process ended before it was known as an owner
        return unsaid

    def calls(self, key: str = "") -> list[PendingCall]:
        """The lost calls, in order: all of them, or those of one key."""
        rows = self._database.read(
            "SELECT key, model, outcome, reason, cost, noted_at FROM calls "
            "WHERE ? IN ('', key) ORDER BY number",
            (key,),
        )
        return [PendingCall(*row) for row in rows]

    def under_way(self) -> list[PendingCall]:
        """This process's own calls that have not ended."""
        return self._under_way(self._id)

    def _under_way(self, owner: str, reason: str = "") -> list[PendingCall]:
        rows = self._database.read(
            "SELECT key, model, 'unknown', ?, cost, noted_at FROM intents "
            "WHERE owner = ? AND sent = 1 ORDER BY key",
            (reason, owner),
        )
        return [PendingCall(*row) for row in rows]

    def owners(self) -> list[Owner]:
        """Who has begun and not said that it ended."""
        rows = self._database.read("SELECT id, pid, host, plan, begun_at FROM owners")
        return [Owner(*row) for row in rows]

    def running(self) -> list[Owner]:
        """The other processes that are at work on this store now."""
        return [one for one in self.owners() if one.id != self._id and self._lives(one.id)]

    def _make_way(self, plan: str) -> None:
        """Both sides note themselves before they look, so one of two sees the other."""
        if self._lives(REPAIR):
            raise busy("`workbench store repair`")
        whole = plan.startswith(ALONE)
        for one in self.running():
            if whole or one.plan.startswith(ALONE):
                command = f" (workbench {one.plan})" if one.plan.startswith(ALONE) else ""
                raise busy(f"{one}{command}")

    def _owner(self, key: str) -> str:
        rows = self._database.read("SELECT owner FROM intents WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else ""

    def _end(self, owner: str, reason: str) -> None:
        statements: list[Statement] = [
            (GIVEN_UP, [(reason, owner)]),
            ("DELETE FROM intents WHERE owner = ?", [(owner,)]),
            ("DELETE FROM owners WHERE id = ?", [(owner,)]),
        ]
        self._database.write(statements)

    def _lives(self, owner: str) -> bool:
        """Whether the process is still there; believed for a moment once it was seen."""
        if time.monotonic() - self._seen.get(owner, float("-inf")) < STILL:
            return True
        lock = self._lock(owner)
        if not lock.exists():
            return False
        try:
            with hold(lock):
                lock.unlink(missing_ok=True)
                return False
        except Held:
            self._seen[owner] = time.monotonic()
            return True

    def _lock(self, owner: str) -> Path:
        return self._folder() / f"{owner}.lock"

    def _folder(self) -> Path:
        folder = self._database.folder / "owners"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise self._database.fault("can't be written", error) from error
        return folder
