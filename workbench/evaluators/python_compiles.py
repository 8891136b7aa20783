r"""Evaluator: the answer is Python that compiles.

>>> python_compiles("```python\nreturn 1\n```").reason
"'return' outside function: line 1"
"""

import ast
import warnings

from workbench.evaluator import Score, evaluator
from workbench.evaluators._code_blocks import code_of

MOST_CHARACTERS = 100_000  # `import a.a.a…` takes quadratic time in Python
MOST_COMPREHENSIONS = 19  # within each other; 21 of them end the process of CPython 3.12.1
MOST_REASON = 160
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@evaluator(kind="pass")
def python_compiles(outputs: str, *, fenced: bool = True) -> Score:
    """True if the answer is Python that this Python compiles; nothing is run or imported.

    If `fenced`, the only code block in the answer is taken. A single word is Python, too: a name.
    """
    code = code_of(outputs, "python", "py", "python3") if fenced else outputs
    if not code.strip():
        return Score(False, "no code")
    if len(code) > MOST_CHARACTERS:
        return Score(False, f"longer than {MOST_CHARACTERS:,} characters", "unparsed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape sequence is no error
            if _comprehension_depth(ast.parse(code)) > MOST_COMPREHENSIONS:
                raise RecursionError
            compile(code, "answer.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f": line {error.lineno}" if error.lineno else ""
        return Score(False, f"{error.msg}"[:MOST_REASON] + line)
    except (RecursionError, MemoryError):
        return Score(False, "it is nested too deeply")
    except (ValueError, OverflowError) as error:  # a null character, a lone surrogate
        return Score(False, str(error)[:MOST_REASON])
    return Score(True)


def _comprehension_depth(tree: ast.AST) -> int:
    """The most comprehensions that stand within each other."""
    deepest, pending = 0, [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        depth += isinstance(node, _COMPREHENSIONS)
        deepest = max(deepest, depth)
        pending += [(child, depth) for child in ast.iter_child_nodes(node)]
    return deepest
