"""SQL texts as syntax trees.

>>> [type(statement).__name__ for statement in read_sql("SELECT 1; DROP TABLE t", "")]
['Select', 'Drop']
"""

import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from workbench.errors import unknown_name

MOST_CHARACTERS = 200_000  # that are read in less than the time limit of a row
MOST_REASON = 120  # characters of a parser's message
STATEMENTS = tuple(
    getattr(exp, name)
    for name in (
        *("Query", "Values", "Create", "Insert", "Update", "Delete", "Merge", "Drop", "Alter"),
        *("TruncateTable", "Set", "Show", "Describe", "Use", "Pragma", "Transaction", "Commit"),
        *("Rollback", "Grant", "Revoke", "Analyze", "Copy", "Cache", "Uncache", "Refresh"),
        *("LoadData", "Kill", "Attach", "Detach", "Comment", "Summarize", "Export", "Declare"),
    )
    if hasattr(exp, name)
)
# It warns of each statement that it knows by name only; these are refused below with a reason.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
_INCOMPLETE = re.compile(r"missing for <class '[\w.]*?(\w+)'>")
_SURPLUS = re.compile(r" but got <Token.*| but got .*<Token.*")


class SqlTextError(Exception):
    """A text is not SQL, or is not read; the message says why."""


def read_sql(text: str, dialect: str, most: int = MOST_CHARACTERS) -> list[exp.Expr]:
    """The statements of a text with at most so many characters; at least one.

    Raises:
        SqlTextError: there is none, or one is no statement, or is not read.
    """
    if len(text) > most:
        raise SqlTextError(f"longer than {most:,} characters")
    try:
        statements = [each for each in sqlglot.parse(text, dialect=dialect or None) if each]
    except SqlglotError as error:
        raise SqlTextError(_reason(error)) from error
    except RecursionError:
        raise SqlTextError("it is nested too deeply") from None
    if not statements:
        raise SqlTextError("no statement")
    for statement in statements:
        if isinstance(statement, exp.Command):
            raise SqlTextError(f"{str(statement.this).upper()} statements are not read")
        if not isinstance(statement, STATEMENTS):
            raise SqlTextError("an expression, not a statement")
        if isinstance(statement, exp.Select) and not statement.expressions:
            raise SqlTextError("SELECT without columns")
    return statements


def check_dialect(dialect: str, evaluator: str) -> None:
    """Check the name of a dialect; raises WorkbenchError with the known ones."""
    names = [member.value for member in sqlglot.Dialects]
    if dialect not in names:
        raise unknown_name(f"dialect of {evaluator}:", dialect, filter(None, names))


def _reason(error: SqlglotError) -> str:
    """A parser's message in one line, with its position."""
    if not isinstance(error, ParseError) or not error.errors:
        return str(error).splitlines()[0][:MOST_REASON]
    first = error.errors[0]
    description = _SURPLUS.sub("", str(first["description"]).rstrip("."))
    if incomplete := _INCOMPLETE.search(description):
        description = f"{incomplete[1].upper()} is incomplete"
    return f"{description[:MOST_REASON]}: line {first['line']}, column {first['col']}"
