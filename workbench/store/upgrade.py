"""Changes that an upgrade makes to rows.

5 -> 6   an empty answer of a model that ended by itself is `ok`, and one that reached
         max_tokens `truncated`; both were `empty_output`
"""

import json
import sqlite3
from contextlib import suppress

from workbench.answers.finish_reason import empty_state

# A damaged row keeps its wrong checksum, so that it is still found.
READ_EMPTY = """
SELECT key, completion FROM completions
WHERE state = 'empty_output' AND sum = crc(key, state, completion, request)
"""
UPDATE = """
UPDATE completions SET state = ?2, completion = ?3, sum = crc(key, ?2, ?3, request) WHERE key = ?1
"""


def upgrade_rows(connection: sqlite3.Connection) -> None:
    """Upgrade all rows, in the connection's transaction."""
    for key, completion in connection.execute(READ_EMPTY).fetchall():
        state, upgraded = upgrade_completion("empty_output", completion)
        if upgraded != completion:
            connection.execute(UPDATE, (key, state, upgraded))


def upgrade_completion(state: str, completion: str) -> tuple[str, str]:
    """Return the state and the JSON of a completion as this version writes them."""
    if state != "empty_output":
        return state, completion
    fields = json.loads(completion)
    calls = _has_tool_calls(fields["raw"])  # they were no answer
    new_state = state if calls else empty_state(fields["finish_reason"])
    if new_state == state:
        return state, completion
    return new_state, json.dumps({**fields, "state": new_state, "error": ""})


def _has_tool_calls(raw: str | None) -> bool:
    with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        message = json.loads(raw or "")["choices"][0]["message"]
        return bool(message.get("tool_calls") or message.get("function_call"))
    return False
