"""The store of completions, scores and unanswered calls: `.workbench/store.db`.

    completions   key -> state, completion, request       completions.py   completions, scores
    scores        key -> score                            leases.py        leases, unanswered calls
    intents       key -> the process that sends it        access.py        owners and their locks
    calls         calls without a completion
    no_replies    key -> the reason of the last failure   no_replies.py
    ratings       key, person -> good or bad, a comment   ratings.py

Below them: row_json.py (rows as JSON), database.py (the SQLite file and its errors), read_only.py,
schema.py, upgrade.py, watermark.py (the number of synced commits), locks.py. Above them:
prefill_echo.py (endpoints that repeat a prefill), bills.py (bills above what a request can hold),
outdated_turns.py (turns after a replaced answer) and, for `workbench store`, selection.py,
statistics.py, explain.py (with json_diff.py), prune.py, repair.py (with recovery.py and
damaged_rows.py). For `workbench view`, search.py finds texts, and changes.py what is new.
"""

from workbench.store.access import Owner
from workbench.store.completions import RETRIABLE, History, Store
from workbench.store.leases import ClaimResult, Leases, UnansweredCall
from workbench.store.locks import LockHeld, hold_lock
from workbench.store.row_json import completion_json, score_key

__all__ = [
    "RETRIABLE",
    "ClaimResult",
    "History",
    "Leases",
    "LockHeld",
    "Owner",
    "Store",
    "UnansweredCall",
    "completion_json",
    "hold_lock",
    "score_key",
]
