"""A look at a store that changes nothing: its format, and whether every row is intact.

inspect_store(Path(".workbench"))    Inspection(format=7, is_complete=True)
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.store.completions import find_damage
from workbench.store.database import BUSY_TIMEOUT_S, Database
from workbench.store.read_only import connect_unchanged
from workbench.store.schema import VERSION, format_of

LONGEST_S = 5.0
STEPS = 100_000  # of SQLite's machine between two looks at the clock


@dataclass(frozen=True)
class Inspection:
    """A store without damage.

    Attributes:
        is_complete: every row was read; False: that would have taken too long.
    """

    format: int
    is_complete: bool
    newest_format: int = VERSION


class InspectedDatabase(Database):
    """A store's file, opened to be read; a query ends at the deadline.

    Attributes:
        is_late: a query was ended.
    """

    _connect_to_read = staticmethod(connect_unchanged)

    def connect(self) -> None:
        """Open the file.

        Raises:
            WorkbenchError: it is damaged or has another format.
        """
        self.is_read_only = True
        self.is_late = False
        self._deadline = time.monotonic() + LONGEST_S
        try:
            self._open_read_only()
        except (sqlite3.Error, OSError) as error:
            raise self.storage_error("can't be opened", error) from error
        self._synced.set_progress_handler(self._check_time, STEPS)

    def _check_time(self) -> bool:
        self.is_late = self.is_late or time.monotonic() > self._deadline
        return self.is_late


def inspect_store(folder: Path) -> Inspection:
    """Return what a store is like.

    Raises:
        WorkbenchError: it is damaged, or has a format that this version doesn't read.
    """
    with InspectedDatabase(folder) as database:
        try:
            damage = find_damage(database)
        except WorkbenchError:
            if not database.is_late:
                raise
            damage = ""
        if damage:
            raise database.storage_error("is damaged", damage)
        with closing(connect_unchanged(database.path, BUSY_TIMEOUT_S)) as file:
            return Inspection(format_of(file), not database.is_late)
