"""Changes of a store since an earlier look at it.

look = Look.at(store.database)
look.new_keys(store.database)      {"5f2c…"}; None: an earlier answer is no longer what it was
"""

from dataclasses import dataclass
from typing import Self

from workbench.store.database import Database

VIEWS = "views"  # folder of the pages that `workbench view` caches
STATE = """
SELECT (SELECT coalesce(max(number), 0) FROM completions), answers.rows, answers.sums,
       failures.rows, failures.sums
FROM totals AS answers, totals AS failures
WHERE answers.name = 'completions' AND failures.name = 'no_replies'
"""
ADDED = "SELECT key, sum FROM completions WHERE number > ?"


@dataclass(frozen=True)
class Look:
    """The state of a store's answers at one moment.

    Attributes:
        last: number of the newest answer.
        rows, sums: number of answers, and the sum of their checksums.
        failures, failure_sums: the same of requests that got no reply.
    """

    last: int
    rows: int
    sums: int
    failures: int
    failure_sums: int

    @classmethod
    def at(cls, database: Database) -> Self:
        """The state now."""
        return cls(*database.read(STATE)[0])

    def new_keys(self, database: Database) -> set[str] | None:
        """The keys answered since then; None: earlier answers were changed or deleted.

        An answer that comes while this is read counts as a change.
        """
        added = database.read(ADDED, (self.last,))
        now = Look.at(database)
        sums = now.sums - sum(checksum for _, checksum in added)
        same = (now.rows - len(added), sums) == (self.rows, self.sums)
        same &= (now.failures, now.failure_sums) == (self.failures, self.failure_sums)
        return {key for key, _ in added} if same else None
