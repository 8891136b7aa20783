"""Leases of requests, and the calls that returned no completion.

    intents   key 0a3e…, owner 5f2c…, model openai:gpt-6-luna, cost 0.0004, sent 1
    owners    5f2c…, process 4711 on host ada, plan 9d1e…

An intent is stored before its request is sent and deleted with the completion. While its owner
lives it is a lease: no other process sends the same request. If the owner ends without a result,
the outcome of the call is unknown, and the call may be billed.

An owner is alive while it holds the lock on `owners/<id>.lock`. The operating system releases
the lock when the process ends, however it ends.
"""

import os
import socket
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from workbench.errors import WorkbenchError
from workbench.model import FailedCall
from workbench.secrets import Redactor
from workbench.store.access import (
    EXCLUSIVE,
    LOCK_TIMEOUT_S,
    OWNER_COLUMNS,
    Owner,
    in_use_error,
    lock_path,
)
from workbench.store.database import Database
from workbench.store.locks import hold_lock, is_locked

ClaimResult = Literal["claimed", "answered", "taken"]
CLAIM = (
    "INSERT OR IGNORE INTO intents (key, owner, model, cost, sent) SELECT ?1, ?2, ?3, ?4, ?6 "
    "WHERE ?5 OR NOT EXISTS (SELECT 1 FROM completions WHERE key = ?1)"
)
CALL_COLUMNS = "key, model, outcome, reason, cost, noted_at"
RECORD_FAILED_CALL = (
    f"INSERT INTO calls ({CALL_COLUMNS}) "
    "SELECT key, model, ?, ?, cost, strftime('%Y-%m-%dT%H:%M:%fZ') FROM intents WHERE key = ?"
)
PENDING_CALLS = (  # only sent requests: an intent that waited for a retry has no call in flight
    "SELECT key, model, 'unknown', ?, cost, noted_at FROM intents "
    "WHERE owner = ? AND sent = 1 ORDER BY key"
)
ALIVE_FOR_S = 1.0  # an owner that was seen alive is not checked again for so long


@dataclass(frozen=True)
class UnansweredCall:
    """A call that returned no completion.

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


class Leases:
    """Leases and unanswered calls of a store. `session` makes this process an owner."""

    def __init__(self, database: Database, redactor: Redactor) -> None:
        self._database = database
        self._redactor = redactor
        self._id = ""
        self._seen_alive: dict[str, float] = {}  # owner -> monotonic time

    @contextmanager
    def session(self, plan: str) -> Iterator[list[UnansweredCall]]:
        """Register this process as an owner; yield the calls that dead owners left pending.

        Raises:
            WorkbenchError: the folder's file system has no locks, or another process has
                exclusive access to the store (exit code 7).
        """
        self._id = uuid.uuid4().hex
        row = (self._id, os.getpid(), socket.gethostname(), plan)
        lock = lock_path(self._database.folder, self._id)
        try:
            lock.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise self._database.storage_error("can't be written", error) from error
        with hold_lock(lock, timeout_s=LOCK_TIMEOUT_S):
            try:
                self._database.write_unsynced(
                    [("INSERT INTO owners (id, pid, host, plan) VALUES (?, ?, ?, ?)", [row])]
                )
                # Each process locks its own file before it checks those of the others, so of two
                # that start at once one sees the other.
                if self._is_alive(EXCLUSIVE):
                    raise in_use_error()
                yield self.expire_leases()
            finally:
                with suppress(WorkbenchError):  # if the store is gone, that was reported already
                    self._remove_owner(self._id, "the run ended before the call did")
                with suppress(OSError):
                    lock.unlink()

    def claim(
        self,
        key: str,
        model: str,
        cost: float | None,
        *,
        refetch: bool = False,
        billed: bool = True,
    ) -> ClaimResult:
        """Lease a request to this process, which sends it now.

        `cost` is the most that the call may cost. With `refetch` it is sent although a completion
        is stored. The outcome of a call that is not `billed` need not be known.

        Returns:
            `answered` if another process has stored a completion meanwhile, `taken` if another
            process holds the lease.

        Raises:
            WorkbenchError: the disk is full.
        """
        if self._database.full_error:
            raise self._database.full_error
        row = (key, self._id, model, cost, refetch, billed)
        claimed = self._database.write_unsynced([(CLAIM, [row])])
        if self._database.full_error:  # this write filled the disk
            self.release([key])
            raise self._database.full_error
        if claimed:
            return "claimed"
        owners = self._database.read("SELECT owner FROM intents WHERE key = ?", (key,))
        if not owners:
            return "answered"
        ((owner,),) = owners
        if owner == self._id:
            return "claimed"
        if self._is_alive(owner):
            return "taken"
        self._remove_owner(owner, "its process ended before the call did")
        return self.claim(key, model, cost, refetch=refetch, billed=billed)

    def leased_elsewhere(self, keys: Collection[str]) -> set[str]:
        """Return those of `keys` that another live process has leased."""
        rows = self._database.read_keys("SELECT key, owner FROM intents", keys)
        return {key for key, owner in rows if owner != self._id and self._is_alive(owner)}

    def release(self, keys: list[str]) -> None:
        """Delete the leases of requests that failed for good or were not sent."""
        if keys:
            rows = [(key,) for key in keys]
            self._database.write_unsynced([("DELETE FROM intents WHERE key = ?", rows)])

    def record_failed_call(self, key: str, failed_call: FailedCall) -> None:
        """Record that the call in flight for `key` ended without a completion."""
        reason = self._redactor.redact(failed_call.reason)[:1000]
        reason = reason.encode("utf-8", "replace").decode()
        self._database.write_unsynced(
            [
                (RECORD_FAILED_CALL, [(failed_call.outcome, reason, key)]),
                ("UPDATE intents SET sent = 0 WHERE key = ?", [(key,)]),
            ]
        )

    def start_retry(self, key: str) -> None:
        """Record that another call for `key` starts.

        Raises:
            WorkbenchError: the disk is full.
        """
        if self._database.full_error:
            raise self._database.full_error
        self._database.write_unsynced([("UPDATE intents SET sent = 1 WHERE key = ?", [(key,)])])

    def expire_leases(self) -> list[UnansweredCall]:
        """Remove owners that are dead; return and record their pending calls as unknown."""
        unknown: list[UnansweredCall] = []
        self._seen_alive.clear()
        for owner in self.owners():
            if owner.id != self._id and not self._is_alive(owner.id):
                reason = f"{owner} ended before the call did"
                unknown += self._pending_calls(owner.id, reason)
                self._remove_owner(owner.id, reason)
        for lock in lock_path(self._database.folder, self._id).parent.glob("*.lock"):
            is_locked(lock)  # deletes the lock of a process that ended before it was registered
        return unknown

    def unanswered_calls(self, key: str = "") -> list[UnansweredCall]:
        """Return the calls without a completion, in order: all of them, or those of one key."""
        query = f"SELECT {CALL_COLUMNS} FROM calls WHERE ? IN ('', key) ORDER BY number"
        rows = self._database.read(query, (key,))
        return [UnansweredCall(*row) for row in rows]

    def pending_calls(self) -> list[UnansweredCall]:
        """Return this process's calls in flight."""
        return self._pending_calls(self._id)

    def _pending_calls(self, owner: str, reason: str = "") -> list[UnansweredCall]:
        rows = self._database.read(PENDING_CALLS, (reason, owner))
        return [UnansweredCall(*row) for row in rows]

    def owners(self) -> list[Owner]:
        """Return all registered owners, also those that died."""
        rows = self._database.read(f"SELECT {OWNER_COLUMNS} FROM owners")
        return [Owner(*row) for row in rows]

    def live_owners(self) -> list[Owner]:
        """Return the other processes that use this store now."""
        return [
            owner for owner in self.owners() if owner.id != self._id and self._is_alive(owner.id)
        ]

    def _remove_owner(self, owner: str, reason: str) -> None:
        self._database.write(
            [
                (f"INSERT INTO calls ({CALL_COLUMNS}) {PENDING_CALLS}", [(reason, owner)]),
                ("DELETE FROM intents WHERE owner = ?", [(owner,)]),
                ("DELETE FROM owners WHERE id = ?", [(owner,)]),
            ]
        )

    def _is_alive(self, owner: str) -> bool:
        if time.monotonic() - self._seen_alive.get(owner, float("-inf")) < ALIVE_FOR_S:
            return True
        if not is_locked(lock_path(self._database.folder, owner)):
            return False
        self._seen_alive[owner] = time.monotonic()
        return True
