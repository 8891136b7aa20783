"""Whether a store is as it was written; asked before anything is paid for.

A file can change in ways that leave a valid database: a page that is older than the others, a
log that was cut. So the rows are counted and added up, and compared with what was noted of them.
"""

from workbench.errors import WorkbenchError
from workbench.store.database import Database

READ = {
    "completions": "crc(key, state, completion, request)",
    "scores": "crc(key, evaluator, score)",
}
TOTALS = """
SELECT count(*), coalesce(sum(sum), 0), min(CASE WHEN sum IS NOT {crc} THEN key END) FROM {table}
"""


def check(database: Database) -> None:
    """Reads all of it.

    Raises:
        WorkbenchError: the file is not as it was written (exit code 5).
    """
    if any((database.folder / "repairing").glob("new-*/store.db")):
        raise _damaged(database, "its repair was interrupted")
    # Before the commits are read: what others write meanwhile makes those more, never fewer.
    store, _ = database.identity()
    acknowledged = database.acknowledged(store)
    _, commits = database.identity()
    if commits < acknowledged:
        raise _damaged(database, f"its last {acknowledged - commits:,} changes are missing")
    ((found,),) = database.read("PRAGMA integrity_check(1)")
    if found != "ok":
        raise _damaged(database, " ".join(str(found).split()))
    for table, crc in READ.items():
        _check_rows(database, table, crc)


def _check_rows(database: Database, table: str, crc: str) -> None:
    noted = "(SELECT rows FROM totals WHERE name = ?), (SELECT sums FROM totals WHERE name = ?)"
    query = f"SELECT {noted}, t.* FROM ({TOTALS.format(crc=crc, table=table)}) t"  # noqa: S608
    ((rows, sums, found, added, wrong),) = database.read(query, (table, table))
    if wrong is not None:
        raise _damaged(database, f"the row {wrong} is not as it was kept")
    if (rows, sums) != (found, added):
        raise _damaged(database, f"{table}: {rows} rows were kept, {found} are there")


def _damaged(database: Database, what: str) -> WorkbenchError:
    return database.fault("is damaged", what)
