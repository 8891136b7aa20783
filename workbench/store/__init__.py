"""What is paid for, kept once and durable before it is counted; and what may have been paid for.

.workbench/store.db, SQLite in WAL mode

completions   key -> state, the completion, what was asked       database.py  the file, its faults
scores        key -> the score                                   answers.py   completions, scores
intents       key -> who is asking it now                        ledger.py    intents and lost calls
calls         calls that brought no answer                       history.py   what answers were like
"""

from workbench.store.answers import RETRIABLE, Store, completion_json, score_key
from workbench.store.history import History
from workbench.store.ledger import Call, Ledger

__all__ = ["RETRIABLE", "Call", "History", "Ledger", "Store", "completion_json", "score_key"]
