"""Scores of the evaluators of SQL."""

import pytest
import sqlglot
from expected_rows import load, wanted
from hypothesis import given
from hypothesis import strategies as st
from structure_texts import drawn_texts

from workbench.errors import WorkbenchError
from workbench.evaluators.sql_match import sql_match
from workbench.evaluators.sql_valid import sql_valid


@pytest.mark.parametrize("name", ["sql_valid", "sql_match"])
def test_an_unknown_dialect_is_refused(name):
    with pytest.raises(WorkbenchError, match=f"unknown dialect of {name}: 'postgre'") as caught:
        load(name, {"dialect": "postgre"})
    assert caught.value.fix.startswith("did you mean 'postgres'? ")


@pytest.mark.parametrize(
    ("outputs", "settings", "reason"),
    [
        ("SELECT 1; DELETE FROM t", {}, None),
        ("```sql\nSELECT 1\n```", {}, None),
        ("This works:\n```sql\nSELECT 1;\n```\nTry it.", {}, None),
        ("INSERT INTO t VALUES (1)", {}, None),
        ("CREATE TABLE t (a INT)", {}, None),
        ("SELECT TOP 3 a FROM t", {"dialect": "tsql"}, None),
        ("SELECT * FROM t WHERE", {}, "WHERE is incomplete: line 1, column 21"),
        ("select a from", {}, "Expected table name: line 1, column 13"),
        ("hello", {}, "an expression, not a statement"),
        ("", {}, "no statement"),
        ("SELECT", {}, "SELECT without columns"),
        ("EXPLAIN SELECT 1", {}, "EXPLAIN statements are not read"),
        ("```sql\nSELECT 1\n```", {"fenced": False}, "an expression, not a statement"),
        ("SELECT " + "(" * 5_000, {}, "it is nested too deeply"),
    ],
)
def test_sql_valid(outputs, settings, reason):
    score = sql_valid(outputs, **settings)
    if settings.get("fenced") is False:
        assert score.value is False
    else:
        assert (score.value, score.reason) == (reason is None, reason or "")


QUERY = "SELECT name FROM users WHERE age > 18 AND active"


SAME_SQL = [
    ("select U.name from users as u where active and 18 < u.age;", QUERY),
    (
        "SELECT a.x FROM t1 a JOIN t2 b ON a.i=b.i",
        "SELECT t1.x FROM t1 INNER JOIN t2 ON t2.i = t1.i",
    ),
    ("SELECT COUNT(*) AS n FROM t ORDER BY n", "SELECT count(*) FROM t ORDER BY count(*) ASC"),
    (
        "WITH x AS (SELECT a FROM t) SELECT * FROM x",
        "WITH y AS (SELECT a FROM t) SELECT y.* FROM y",
    ),
    (
        "SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = a.y)",
        "SELECT * FROM a AS o WHERE EXISTS (SELECT 1 FROM b i WHERE o.y = i.x)",
    ),
    ('SELECT "name" FROM t', "SELECT NAME FROM t"),
    ("SELECT a FROM t WHERE x IN (2, 1)", "SELECT a FROM t WHERE x IN (1, 2)"),
    ("SELECT a FROM t WHERE (x=1 OR y=2) AND z=3", "SELECT a FROM t WHERE z=3 AND (y=2 OR x=1)"),
    ("UPDATE t SET a = 1 WHERE b = 2", "UPDATE t SET a = 1 WHERE 2 = b"),
    ("SELECT x.a FROM (SELECT a FROM t) x", "SELECT y.a FROM (SELECT t.a FROM t) AS y"),
    ("SELECT a AS r FROM t UNION SELECT b FROM u", "SELECT a FROM t UNION SELECT b AS q FROM u"),
    ("SELECT a FROM t LEFT OUTER JOIN u ON t.i=u.i", "SELECT a FROM t LEFT JOIN u ON t.i=u.i"),
    ("SELECT a FROM t, u", "SELECT a FROM t CROSS JOIN u"),
    ("SELECT a -- why\nFROM t", "SELECT a FROM t /* because */"),
    ("SELECT a FROM t WHERE a != 1", "SELECT a FROM t WHERE a <> 1"),
    ("SELECT (a) FROM t", "SELECT a FROM t"),
]


OTHER_SQL = [
    ("SELECT name FROM users WHERE age > 21 AND active", QUERY, "21, expected 18"),
    ("SELECT name FROM users", QUERY, "nothing, expected WHERE 18 < age AND active"),
    (f"{QUERY} LIMIT 3", QUERY, "LIMIT 3, expected nothing"),
    ("SELECT a, b FROM t", "SELECT b, a FROM t", "a, expected b"),
    ("SELECT DISTINCT a FROM t", "SELECT a FROM t", "DISTINCT, expected nothing"),
    ("SELECT a FROM t; SELECT 1", "SELECT a FROM t", "2 statements, expected 1"),
    ("UPDATE t SET a = b", "UPDATE t SET b = a", "a, expected b"),
    ('SELECT "Name" FROM t', "SELECT name FROM t", "Name, expected name"),
    ("SELECT 'A' FROM t", "SELECT 'a' FROM t", "'A', expected 'a'"),
    ("SELECT a - b FROM t", "SELECT b - a FROM t", "a, expected b"),
    ("SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t ORDER BY a", None),
    ("SELECT a FROM t LEFT JOIN u ON t.i=u.i", "SELECT a FROM t JOIN u ON t.i=u.i", None),
    ("SELECT a - (b - c) FROM t", "SELECT a - b - c FROM t", None),
    (
        "SELECT a FROM t WHERE x=1 OR y=2 AND z=3",
        "SELECT a FROM t WHERE (x=1 OR y=2) AND z=3",
        None,
    ),
    ("SELECT a AS n FROM t GROUP BY n", "SELECT a FROM t GROUP BY n", None),
    ("SELECT a.x FROM t a, u b", "SELECT b.x FROM t a, u b", None),
    (
        "SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = b.y)",
        "SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = a.y)",
        None,
    ),
]


@pytest.mark.parametrize(("outputs", "expected"), SAME_SQL)
def test_sql_that_differs_in_writing_only_is_the_same(outputs, expected):
    scores = [sql_match(outputs, wanted(expected)), sql_match(expected, wanted(outputs))]
    assert [(score.value, score.label) for score in scores] == [(True, "right")] * 2


@pytest.mark.parametrize(("outputs", "expected", "reason"), OTHER_SQL)
def test_sql_with_another_meaning_differs(outputs, expected, reason):
    score = sql_match(outputs, wanted(expected))
    assert (score.value, score.label) == (False, "differs")
    assert reason is None or score.reason == reason


@pytest.mark.parametrize(
    ("outputs", "settings", "label"),
    [
        ("no SQL at all", {}, "unparsed"),
        ("SELECT COUNT(*) AS n FROM t", {"aliases": True}, "differs"),
        ("SELECT COUNT(*) AS n FROM t", {}, "right"),
        ("```\nSELECT COUNT(*) FROM t\n```", {}, "right"),
    ],
)
def test_settings_of_sql_match(outputs, settings, label):
    assert (
        sql_match(outputs, wanted(["SELECT 1", "SELECT COUNT(*) FROM t"]), **settings).label
        == label
    )


@pytest.mark.parametrize("query", [pair[0] for pair in SAME_SQL + OTHER_SQL])
@pytest.mark.parametrize("dialect", ["", "postgres", "sqlite", "mysql"])
def test_sql_as_the_library_writes_it_is_the_same(query, dialect):
    if dialect == "mysql":  # there "name" is a text
        query = query.replace('"', "`")
    written = [
        statement.sql(dialect=dialect, pretty=True)
        for statement in sqlglot.parse(query, dialect=dialect)
        if statement
    ]
    score = sql_match(";\n".join(written), wanted(query), dialect=dialect)
    assert score.value is True, score.reason


def test_sql_valid_agrees_with_the_parser_on_drawn_texts():
    for text in drawn_texts(4):
        if sql_valid(text, fenced=False).value:
            assert sqlglot.parse(text)


@given(
    st.recursive(
        st.sampled_from(["a", "1", "b.c"]),
        lambda e: st.tuples(e, st.sampled_from(["AND", "OR", "=", "<"]), e).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        max_leaves=6,
    )
)
def test_sql_equals_itself(condition):
    query = f"SELECT a FROM t AS b WHERE {condition}"
    assert sql_match(query, wanted(query)).value is True
