"""The formula of a multi grader, where it is a weighted sum.

>>> weights("0.75 * a + (b + c) / 8")
{'a': 0.75, 'b': 0.125, 'c': 0.125}
>>> weights("max(a, b)") is None
True
"""

import ast

LONGEST = 2_000  # characters
_CONSTANT = ""  # the weight of no grader


def weights(formula: str) -> dict[str, float] | None:
    """The weight of each grader; None: it is no sum of graders with positive weights."""
    if len(formula) > LONGEST:
        return None
    try:
        sums = _linear(ast.parse(formula.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None
    if sums is None or sums.pop(_CONSTANT, 0.0):
        return None
    return sums if sums and all(weight > 0 for weight in sums.values()) else None


def _linear(node: ast.expr) -> dict[str, float] | None:
    """The weight of each name, and of no name the constant; None: the formula isn't linear."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return {_CONSTANT: float(number)}
        case ast.Name(id=name):
            return {name: 1.0}
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
            return _scaled(_linear(operand), -1.0 if isinstance(sign, ast.USub) else 1.0)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as operator, right=right):
            factor = -1.0 if isinstance(operator, ast.Sub) else 1.0
            return _added(_linear(left), _scaled(_linear(right), factor))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            first, second = _linear(left), _linear(right)
            numbers = _number(first), _number(second)
            if numbers[0] is not None:
                return _scaled(second, numbers[0])
            return None if numbers[1] is None else _scaled(first, numbers[1])
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = _number(_linear(right))
            return _scaled(_linear(left), 1 / divisor) if divisor else None
    return None


def _number(sums: dict[str, float] | None) -> float | None:
    return sums[_CONSTANT] if sums is not None and sums.keys() == {_CONSTANT} else None


def _scaled(sums: dict[str, float] | None, factor: float) -> dict[str, float] | None:
    return None if sums is None else {name: weight * factor for name, weight in sums.items()}


def _added(
    first: dict[str, float] | None, second: dict[str, float] | None
) -> dict[str, float] | None:
    if first is None or second is None:
        return None
    names = dict.fromkeys([*first, *second])
    return {name: first.get(name, 0.0) + second.get(name, 0.0) for name in names}
