r"""Search in the texts of stored answers.

>>> like_patterns("50%_Ä")
['%50\\%\\_Ä%', '%50\\%\\_ä%']
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from workbench.store.completions import Store
from workbench.store.database import BUSY_TIMEOUT_S
from workbench.store.read_only import connect_read_only

Query = Callable[[str, Sequence[str]], Iterable[tuple[str, ...]]]
# Texts that SQLite reads as they are, and those that it cuts at U+0000 or can't decode.
PLAIN = """
SELECT key FROM completions WHERE json_valid(completion) AND ({conditions})
"""
CONDITION = "json_extract(completion, '$.text') LIKE ? ESCAPE '\\'"
ODD = r"""
SELECT key, completion FROM completions
WHERE json_valid(completion) AND (instr(completion, '\u0000') OR instr(completion, '\ud'))
"""
UNREADABLE = re.compile("[\x00\ud800-\udfff]")
ESCAPES = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


def find_answers(store: Store, text: str) -> set[str]:
    """Return the keys of all answers that contain `text`, as they were received.

    Upper and lower case are equal. It reads every answer, over a connection of its own, so that
    nothing waits for it.

    Raises:
        WorkbenchError: the store can't be read (exit code 5).
    """
    database = store.database
    if database.is_read_only:
        return _find(database.read, text)
    try:
        with closing(connect_read_only(database.path, BUSY_TIMEOUT_S)) as connection:
            return _find(connection.execute, text)
    except sqlite3.Error as error:
        raise database.storage_error("can't be read", error) from error


def _find(execute: Query, text: str) -> set[str]:
    keys: set[str] = set()
    if not UNREADABLE.search(text):
        patterns = like_patterns(text)
        query = PLAIN.format(conditions=" OR ".join([CONDITION] * len(patterns)))
        keys |= {key for (key,) in execute(query, patterns)}
    wanted = text.lower()
    for key, completion in execute(ODD, ()):
        if wanted in str(json.loads(completion)["text"]).lower():
            keys.add(key)
    return keys


def like_patterns(text: str) -> list[str]:
    """The patterns of LIKE, which finds letters outside of ASCII in their own case only."""
    cases = {text} if text.isascii() else {text, text.lower(), text.upper(), text.title()}
    return sorted(f"%{case.translate(ESCAPES)}%" for case in cases)
