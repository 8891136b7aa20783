"""A store for oneself while its file is replaced; held by locks alone, whatever the file says.

with alone(folder): …     # exit code 7 if any process is at work on it
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from workbench.store.busy import REPAIR, busy
from workbench.store.database import NAME
from workbench.store.leases import Owner
from workbench.store.locks import Held, hold


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else begins to work on the store meanwhile; who begins is refused by the ledger.

    Raises:
        WorkbenchError: a process is at work on it (exit code 7).
    """
    owners = folder / "owners"
    owners.mkdir(mode=0o700, exist_ok=True)
    own = owners / f"{REPAIR}.lock"
    try:
        with hold(own):
            for file in sorted(owners.glob("*.lock")):
                if file != own and _is_held(file):
                    raise busy(_who(folder, file.stem))
            yield
            own.unlink(missing_ok=True)
    except Held:
        raise busy("`workbench store repair`") from None


def _is_held(file: Path) -> bool:
    try:
        with hold(file):
            return False
    except Held:
        return True


def _who(folder: Path, owner: str) -> str:
    """The process as the store names it, as far as it can still be read."""
    query = "SELECT id, pid, host, plan, begun_at FROM owners WHERE id = ?"
    with suppress(sqlite3.Error):
        address = f"{(folder / NAME).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as db:
            for row in db.execute(query, (owner,)):
                return str(Owner(*row))
    return f"the process that holds {os.path.join('owners', owner)}.lock"  # noqa: PTH118
