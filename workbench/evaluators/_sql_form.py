"""A canonical form of SQL statements: equal for statements that differ in writing only.

Each step keeps the meaning, in any database with any rows:

    A.Name, a.name                       unquoted names in the dialect's case, quotes dropped
    FROM users u, FROM users AS x        tables are renamed in their order
    u.name, name                         where a query has one table only
    b > 1 AND a = 2, 2 = a AND 1 < b     AND, OR, =, <>, <, IN lists in a fixed order
    INNER JOIN, LEFT OUTER JOIN, ASC     words that say what holds without them
    SELECT COUNT(*) AS n                 names of the result's columns, unless they are compared
"""

from collections.abc import Iterator, Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.scope import Scope, traverse_scope

_CONNECTORS = (exp.And, exp.Or)
# `=` below these is a comparison; in UPDATE it is an assignment.
_CONDITIONS = (*_CONNECTORS, exp.Not, exp.Where, exp.Having, exp.Qualify, exp.Join, exp.If)
_FLIPPED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE}


def canonical_sql(statement: exp.Expr, dialect: str, *, aliases: bool) -> exp.Expr:
    """A canonical copy of a statement; `aliases`: the names of its columns are kept.

    Raises:
        RecursionError: it is nested too deeply.
    """
    tree = normalize_identifiers(statement.copy(), dialect=dialect or None)
    for node in list(tree.walk()):
        node.comments = None
        _simplify(node)
    for node in list(tree.find_all(*_CONNECTORS)):
        if not isinstance(node.parent, type(node)):
            node.replace(_connected(type(node), list(node.flatten(unnest=False))))
    if not aliases:
        for select in _outermost(tree):
            _drop_aliases(select)
    _rename_ctes(tree)
    try:
        for number, scope in enumerate(traverse_scope(tree)):
            _rename_tables(scope, number)
    except SqlglotError:  # a name stands twice: the tables keep theirs
        pass
    holder = exp.Paren(this=tree)
    for node in reversed(list(tree.walk())):
        _order(node)
    return holder.this  # type: ignore[no-any-return]


def first_difference(
    expected: exp.Expr, answer: exp.Expr
) -> tuple[exp.Expr | None, exp.Expr | None]:
    """The smallest parts in which two different statements differ first; None: missing."""
    while type(expected) is type(answer):
        pair = next(_unequal_parts(expected, answer), None)
        if pair is None or not all(isinstance(part, exp.Expr | None) for part in pair):
            break
        if None in pair:
            return pair  # type: ignore[return-value]
        expected, answer = pair  # type: ignore[assignment]
    return expected, answer


def _unequal_parts(expected: exp.Expr, answer: exp.Expr) -> Iterator[tuple[object, object]]:
    for name in dict.fromkeys([*expected.args, *answer.args]):
        first, second = expected.args.get(name) or None, answer.args.get(name) or None
        if first == second:
            continue
        if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
            yield from (pair for pair in zip(first, second, strict=True) if pair[0] != pair[1])
        else:
            yield first, second


def _simplify(node: exp.Expr) -> None:
    """Drop words, quotes and brackets that change nothing."""
    if isinstance(node, exp.Identifier):
        node.set("quoted", False)
    elif isinstance(node, exp.Paren) and node.parent:
        node.replace(node.this)
    elif isinstance(node, exp.Join):
        if node.kind in ("INNER", "OUTER") or (node.kind == "CROSS" and not node.args.get("on")):
            node.set("kind", None)
    elif isinstance(node, exp.Ordered) and not node.args.get("desc"):
        node.set("desc", None)
    elif isinstance(node, exp.Anonymous):
        node.set("this", str(node.this).upper())


def _order(node: exp.Expr) -> None:
    """Put operands whose order changes nothing in a fixed order."""
    if isinstance(node, _CONNECTORS) and not isinstance(node.parent, type(node)):
        by_key = {_key(operand): operand for operand in node.flatten(unnest=False)}
        node.replace(_connected(type(node), [by_key[key] for key in sorted(by_key)]))
    elif isinstance(node, exp.EQ | exp.NEQ) and isinstance(node.parent, _CONDITIONS):
        if _key(node.this) > _key(node.expression):
            node.replace(type(node)(this=node.expression, expression=node.this))
    elif type(node) in _FLIPPED:
        node.replace(_FLIPPED[type(node)](this=node.expression, expression=node.this))
    elif isinstance(node, exp.In) and node.expressions:
        node.set("expressions", sorted(node.expressions, key=_key))


def _connected(kind: type[exp.Expr], operands: Sequence[exp.Expr]) -> exp.Expr:
    """AND or OR of operands as a flat tree: parsed, a long condition is as deep as it is long."""
    if len(operands) == 1:
        (operand,) = operands
        return exp.Paren(this=operand) if isinstance(operand, _CONNECTORS) else operand
    middle = len(operands) // 2
    halves = _connected(kind, operands[:middle]), _connected(kind, operands[middle:])
    return kind(this=halves[0], expression=halves[1])


def _key(node: exp.Expr) -> str:
    return node.sql()


def _outermost(tree: exp.Expr) -> Iterator[exp.Select]:
    """The queries whose columns are those of the result."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, exp.Select):
            yield node
        elif isinstance(node, exp.SetOperation) and not node.args.get("order"):
            pending += (node.left, node.right)


def _drop_aliases(select: exp.Select) -> None:
    """Drop the names of a query's columns; ORDER BY gets the expression that a name stands for."""
    order = select.args.get("order")
    ordering = list(order.find_all(exp.Column)) if order else []
    clauses = [select.args.get(name) for name in ("where", "group", "having", "qualify")]
    columns = [c for clause in clauses if clause for c in clause.find_all(exp.Column)]
    columns += [c for each in select.expressions for c in each.find_all(exp.Column)]
    used = {column.name for column in columns if not column.table}
    for projection in list(select.expressions):
        if not isinstance(projection, exp.Alias):
            continue
        if projection.alias in used and projection.alias != projection.this.name:
            continue
        for column in ordering:
            if column.name == projection.alias and not column.table:
                column.replace(projection.this.copy())
        projection.replace(projection.this)


def _rename_ctes(tree: exp.Expr) -> None:
    """Rename the queries of WITH in their order, the inner ones first."""
    for number, cte in enumerate(reversed(list(tree.find_all(exp.CTE)))):
        name, renamed = cte.alias, exp.to_identifier(f"_with{number}")
        query = cte.parent.parent if cte.parent else None
        for table in query.find_all(exp.Table) if query else ():
            if table.name == name and not table.args.get("db"):
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
                table.set("this", renamed.copy())
        cte.args["alias"].set("this", renamed)


def _rename_tables(scope: Scope, number: int) -> None:
    """Rename the tables of a query in their order; a single one is named by no column."""
    sources = scope.selected_sources
    names = {name: f"_{number}_{position}" for position, name in enumerate(sources)}
    for column in [*scope.columns, *scope.stars]:
        if not isinstance(column, exp.Column) or column.table not in names:
            continue
        if len(sources) > 1 or column.parent_select is not scope.expression:
            column.set("table", exp.to_identifier(names[column.table]))
        elif isinstance(column.this, exp.Star):
            column.replace(exp.Star())
        else:
            column.set("table", None)
    for name, (node, _) in sources.items():
        if isinstance(node, exp.Query) and isinstance(node.parent, exp.Subquery):
            node = node.parent
        if isinstance(alias := node.args.get("alias"), exp.TableAlias):
            alias.set("this", exp.to_identifier(names[name]))
        else:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(names[name])))
