"""Exclusive access to a store whose file is replaced, by locks alone: it may be damaged."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from workbench.store.database import NAME
from workbench.store.leases import REPAIR, Owner, store_in_use_error
from workbench.store.locks import LockHeld, hold_lock


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Keep other processes from using the store; `Leases.session` refuses them meanwhile.

    Raises:
        WorkbenchError: a process uses it (exit code 7).
    """
    owners = folder / "owners"
    owners.mkdir(mode=0o700, exist_ok=True)
    repair_lock = owners / f"{REPAIR}.lock"
    try:
        with hold_lock(repair_lock):
            for lock in sorted(owners.glob("*.lock")):
                if lock != repair_lock and _is_locked(lock):
                    raise store_in_use_error(_describe_owner(folder, lock.stem))
            yield
            repair_lock.unlink(missing_ok=True)
    except LockHeld:
        raise store_in_use_error("`workbench store repair`") from None


def _is_locked(lock: Path) -> bool:
    try:
        with hold_lock(lock):
            return False
    except LockHeld:
        return True


def _describe_owner(folder: Path, owner: str) -> str:
    """The process as the store names it, if that can still be read."""
    query = "SELECT id, pid, host, plan, begun_at FROM owners WHERE id = ?"
    with suppress(sqlite3.Error):
        address = f"{(folder / NAME).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            for row in connection.execute(query, (owner,)):
                return str(Owner(*row))
    return f"the process that holds owners/{owner}.lock"
