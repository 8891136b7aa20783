"""Evaluator: the answer is the expected SQL, written in whatever way.

>>> expected = {"expected_response": "SELECT name FROM users WHERE age > 18 AND active"}
>>> sql_match("select U.name from users as u where active and 18 < u.age", expected).value
True
"""

from collections.abc import Mapping

import sqlglot
from sqlglot import exp

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluators._code_blocks import code_of
from workbench.evaluators._expected import expected_answers
from workbench.evaluators._sql import SqlTextError, check_dialect, read_sql
from workbench.evaluators._sql_form import canonical_sql, first_difference

PARSER = sqlglot.__name__  # its version is part of a score's key
MOST_CHARACTERS = 10_000  # that are compared in less than the time limit of a row
MOST_SHOWN = 80  # characters of a part in a reason


@evaluator(kind="pass")
def sql_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    dialect: str = "",
    aliases: bool = False,
    fenced: bool = True,
) -> Score:
    """True if the answer is the expected SQL; the score's label is right, differs or unparsed.

    Spaces, the case of keywords and unquoted names, names of tables within the query, the order of
    conditions and words as INNER and ASC make no difference. The order of columns, joins and rows
    does. Queries that a database would answer alike but that are put otherwise differ (a join in
    place of a subquery): False means not the same, not wrong.

    Args:
        outputs: the answer.
        expectations: `expected_response` is SQL; of a list, any.
        dialect: one of sqlglot's, as `postgres` or `sqlite`, of both texts.
        aliases: compare the names of the result's columns, too.
        fenced: take the only code block in the answer.

    Raises:
        WorkbenchError: `expected_response` is not SQL.
    """
    expected = _expected_statements(expectations, dialect, aliases)
    try:
        answer = _read(code_of(outputs, "sql", dialect) if fenced else outputs, dialect, aliases)
    except SqlTextError as error:
        return Score(False, str(error), "unparsed")
    if answer in expected:
        return Score(True, label="right")
    return Score(False, _difference(expected[0], answer, dialect), "differs")


def check_expected(
    expectations: Mapping[str, JSON], *, dialect: str = "", **_settings: JSON
) -> None:
    """Check that the row expects SQL; raises WorkbenchError as `sql_match` does."""
    _expected_statements(expectations, dialect, False)


def check_settings(**settings: JSON) -> None:
    """Check `dialect`; raises WorkbenchError for an unknown one."""
    check_dialect(settings.get("dialect", ""), "sql_match")


def _expected_statements(
    expectations: Mapping[str, JSON], dialect: str, aliases: bool
) -> list[list[exp.Expr]]:
    """The statements of each acceptable answer, in canonical form."""
    statements = []
    for answer in expected_answers(expectations):
        try:
            statements.append(_read(answer.forms[0], dialect, aliases))
        except SqlTextError as error:
            message = f"expected_response {answer.forms[0]!r:.60} is not SQL: {error}"
            fix = "correct it, or set `dialect`: sql_match: {dialect: sqlite}"
            raise WorkbenchError(message, fix=fix) from error
    return statements


def _read(text: str, dialect: str, aliases: bool) -> list[exp.Expr]:
    """The statements of a text in canonical form."""
    statements = read_sql(text, dialect, MOST_CHARACTERS)
    try:
        return [canonical_sql(each, dialect, aliases=aliases) for each in statements]
    except RecursionError:
        raise SqlTextError("it is nested too deeply") from None


def _difference(expected: list[exp.Expr], answer: list[exp.Expr], dialect: str) -> str:
    """The first parts that differ."""
    if len(expected) != len(answer):
        return f"{len(answer)} statements, expected {len(expected)}"
    pair = next(pair for pair in zip(expected, answer, strict=True) if pair[0] != pair[1])
    shown = [
        part.sql(dialect=dialect or None)[:MOST_SHOWN] if part else "nothing"
        for part in first_difference(*pair)
    ]
    return f"{shown[1]}, expected {shown[0]}"
