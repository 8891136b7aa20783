"""Check that a store is as it was written, before anything is paid for.

A file can change and still be a valid database: a page is older than the others, or the log was
cut. So the rows and their checksums are added up and compared with the stored totals.

    the store is damaged: completions: 150 rows were stored, 148 are readable
"""

from workbench.errors import WorkbenchError
from workbench.store.database import Database

CHECKSUMS = {
    "completions": "crc(key, state, completion, request)",
    "scores": "crc(key, evaluator, score)",
}
TOTALS = """
SELECT count(*), coalesce(sum(sum), 0), min(CASE WHEN sum IS NOT {crc} THEN key END) FROM {table}
"""


def check(database: Database) -> None:
    """Read the whole file and compare it with its checksums, totals and watermark.

    Raises:
        WorkbenchError: the file is not as it was written (exit code 5).
    """
    if any((database.folder / "repairing").glob("new-*/store.db")):
        raise _damage_error(database, "its repair was interrupted")
    # The watermark is read before the commits: other processes only ever increase both.
    store, _ = database.identity()
    acknowledged = database.acknowledged(store)
    _, commits = database.identity()
    if commits < acknowledged:
        raise _damage_error(database, f"its last {acknowledged - commits:,} changes are missing")
    ((result,),) = database.read("PRAGMA integrity_check(1)")
    if result != "ok":
        raise _damage_error(database, " ".join(str(result).split()))
    for table, crc in CHECKSUMS.items():
        _check_rows(database, table, crc)


def _check_rows(database: Database, table: str, crc: str) -> None:
    stored = "(SELECT rows FROM totals WHERE name = ?), (SELECT sums FROM totals WHERE name = ?)"
    query = f"SELECT {stored}, t.* FROM ({TOTALS.format(crc=crc, table=table)}) t"  # noqa: S608
    ((rows, sums, rows_read, sums_read, damaged_key),) = database.read(query, (table, table))
    if damaged_key is not None:
        raise _damage_error(database, f"the row {damaged_key} does not match its checksum")
    if (rows, sums) != (rows_read, sums_read):
        raise _damage_error(database, f"{table}: {rows} rows were stored, {rows_read} are readable")


def _damage_error(database: Database, damage: str) -> WorkbenchError:
    return database.storage_error("is damaged", damage)
