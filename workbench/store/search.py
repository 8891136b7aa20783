r"""Search in the texts of stored answers.

>>> like_patterns("50%_Ä")
['%50\\%\\_Ä%', '%50\\%\\_ä%']
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from workbench.store.completions import Store

FIND = """
SELECT key FROM completions WHERE json_valid(completion) AND ({conditions})
"""
CONDITION = "json_extract(completion, '$.text') LIKE ? ESCAPE '\\'"
ESCAPES = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


def find_answers(store: Store, text: str) -> set[str]:
    """Return the keys of all answers that contain `text`, as they were received.

    Upper and lower case are equal. It reads every answer, over a connection of its own.
    """
    patterns = like_patterns(text)
    query = FIND.format(conditions=" OR ".join([CONDITION] * len(patterns)))
    if store.database.is_read_only:
        return {key for (key,) in store.database.read(query, patterns)}
    try:
        with closing(_connect(store.database.path)) as connection:
            return {key for (key,) in connection.execute(query, patterns)}
    except sqlite3.Error as error:
        raise store.database.storage_error("can't be read", error) from error


def like_patterns(text: str) -> list[str]:
    """The patterns of LIKE, which finds letters outside of ASCII in their own case only."""
    cases = {text} if text.isascii() else {text, text.lower(), text.upper(), text.title()}
    return sorted(f"%{case.translate(ESCAPES)}%" for case in cases)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
