"""What is paid for, kept once and durable before it is counted; and what may have been paid for.

.workbench/store.db, SQLite in WAL mode

completions   key -> state, the completion, what was asked       answers.py   completions, scores
scores        key -> the score                                   ledger.py    intents and lost calls
intents       key -> who is asking it now                        history.py   what answers were like
calls         calls that brought no answer                       checking.py  whether all is there

Below them: database.py the file and its faults, tables.py, marker.py what was said to be durable,
room.py on the disk, locks.py.
"""

from workbench.store.completions import RETRIABLE, Store, completion_json, score_key
from workbench.store.history import History
from workbench.store.leases import Claim, Leases, Owner, PendingCall
from workbench.store.locks import Held, hold

__all__ = [
    "RETRIABLE",
    "Claim",
    "Held",
    "History",
    "Leases",
    "Owner",
    "PendingCall",
    "Store",
    "completion_json",
    "hold",
    "score_key",
]
