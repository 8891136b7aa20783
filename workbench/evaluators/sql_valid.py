"""Evaluator: the answer is SQL.

>>> sql_valid("SELECT name FROM users WHERE").reason
'WHERE is incomplete: line 1, column 28'
"""

import sqlglot

from workbench.canonical import JSON
from workbench.evaluator import Score, evaluator
from workbench.evaluators._code_blocks import code_of
from workbench.evaluators._sql import SqlTextError, check_dialect, read_sql

PARSER = sqlglot.__name__  # its version is part of a score's key


@evaluator(kind="pass")
def sql_valid(outputs: str, *, dialect: str = "", fenced: bool = True) -> Score:
    """True if the answer is SQL: one statement, or several with a `;` between.

    Tables and columns are not looked up. `dialect` is one of sqlglot's, as `postgres` or `sqlite`;
    without one, the syntax that most databases share is read. If `fenced`, the only code block in
    the answer is taken. Statements that sqlglot does not parse (`EXPLAIN`, `CALL`) are refused.
    """
    try:
        read_sql(code_of(outputs, "sql", dialect) if fenced else outputs, dialect)
    except SqlTextError as error:
        return Score(False, str(error))
    return Score(True)


def check_settings(**settings: JSON) -> None:
    """Check `dialect`; raises WorkbenchError for an unknown one."""
    check_dialect(settings.get("dialect", ""), "sql_valid")
