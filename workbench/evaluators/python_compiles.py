r"""Evaluator: the answer is Python that compiles.

>>> python_compiles("```python\nreturn 1\n```", {}).reason
"'return' outside function: line 1"
>>> python_compiles("return 2 * x", {"start": "def double(x):"}, prefix="start").value
True
"""

import ast
import warnings
from collections.abc import Mapping, Sequence

from workbench.canonical import JSON
from workbench.evaluator import Score, evaluator
from workbench.evaluators._code_blocks import code_of
from workbench.evaluators._python_code import (
    answer_code,
    column_text,
    last_function,
    possible_programs,
)

MOST_CHARACTERS = 100_000  # `import a.a.a…` takes quadratic time in Python
MOST_COMPREHENSIONS = 19  # within each other; 21 of them end the process of CPython 3.12.1
MOST_REASON = 160
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@evaluator(kind="pass")
def python_compiles(
    outputs: str, inputs: Mapping[str, JSON], *, fenced: bool = True, prefix: str = ""
) -> Score:
    """True if the answer is Python that this Python compiles; nothing is run or imported.

    If `fenced`, the only code block in the answer is taken. A single word is Python, too: a name.

    Args:
        outputs: the answer.
        inputs: the row, with the column that `prefix` names.
        fenced: false: the answer is code, without a code block.
        prefix: column of the code that the answer completes; the program is that of `python_tests`.
    """
    programs = _programs(outputs, column_text(inputs, prefix, "prefix"), fenced=fenced)
    if not programs[0].strip():
        return Score(False, "no code")
    if max(map(len, programs)) > MOST_CHARACTERS:
        return Score(False, f"longer than {MOST_CHARACTERS:,} characters", "unparsed")
    errors = [_compile_error(program) for program in programs]
    return Score(False, errors[0]) if all(errors) else Score(True)


def _programs(outputs: str, start: str, *, fenced: bool) -> Sequence[str]:
    """The programs that an answer may mean, the likeliest first; an empty one: it has no code."""
    if not start:
        return [code_of(outputs, "python", "py", "python3") if fenced else outputs]
    code = (answer_code(outputs) or outputs) if fenced else outputs
    return possible_programs(code, start, last_function(start)) if code.strip() else [""]


def _compile_error(code: str) -> str:
    """The reason why a source does not compile; empty: it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape sequence is no error
            if _comprehension_depth(ast.parse(code)) > MOST_COMPREHENSIONS:
                raise RecursionError
            compile(code, "answer.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f": line {error.lineno}" if error.lineno else ""
        return f"{error.msg}"[:MOST_REASON] + line
    except (RecursionError, MemoryError):
        return "it is nested too deeply"
    except (ValueError, OverflowError) as error:  # a null character, a lone surrogate
        return str(error)[:MOST_REASON]
    return ""


def _comprehension_depth(tree: ast.AST) -> int:
    """The most comprehensions that stand within each other."""
    deepest, pending = 0, [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        depth += isinstance(node, _COMPREHENSIONS)
        deepest = max(deepest, depth)
        pending += [(child, depth) for child in ast.iter_child_nodes(node)]
    return deepest
