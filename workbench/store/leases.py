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
import sqlite3
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import FailedCall
from workbench.secrets import Redactor
from workbench.store.database import NAME, Database
from workbench.store.locks import LockHeld, hold_lock, is_locked

ClaimResult = Literal["claimed", "answered", "taken"]
OWNER_COLUMNS = "id, pid, host, plan, begun_at"
EXCLUSIVE = "exclusive"  # owner id of a command that needs the store for itself
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
LOCK_TIMEOUT_S = 5.0  # longer than another process needs to check whether a lock is held


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


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Keep other processes from using a store, by locks alone: it may be damaged.

    Raises:
        WorkbenchError: a process uses it (exit code 7).
    """
    exclusive_lock = _lock_path(folder, EXCLUSIVE)
    exclusive_lock.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with hold_lock(exclusive_lock):
            for lock in sorted(exclusive_lock.parent.glob("*.lock")):
                if lock != exclusive_lock and is_locked(lock):
                    raise _in_use_error(_describe_owner(folder, lock.stem))
            yield
            exclusive_lock.unlink(missing_ok=True)
    except LockHeld:
        raise _in_use_error() from None


def _describe_owner(folder: Path, owner: str) -> str:
    """The process as the store names it, if that can still be read."""
    address = f"{(folder / NAME).resolve().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
        query = f"SELECT {OWNER_COLUMNS} FROM owners WHERE id = ?"
        for row in connection.execute(query, (owner,)):
            return str(Owner(*row))
    return f"the process that holds owners/{owner}.lock"


def _lock_path(folder: Path, owner: str) -> Path:
    return folder / "owners" / f"{owner}.lock"


def _in_use_error(user: str = "`workbench store prune` or `repair`") -> WorkbenchError:
    return WorkbenchError(
        f"the store is in use: {user}",
        fix="wait until it has ended, then run the same command again",
        exit_code=ExitCode.ALREADY_RUNNING,
    )


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
        lock = _lock_path(self._database.folder, self._id)
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
                    raise _in_use_error()
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
        for lock in _lock_path(self._database.folder, self._id).parent.glob("*.lock"):
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
        if not is_locked(_lock_path(self._database.folder, owner)):
            return False
        self._seen_alive[owner] = time.monotonic()
        return True
