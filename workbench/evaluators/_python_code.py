r"""Python code of an answer, and the tests of a row.

>>> answer_code("Here it is:\n```python\nprint(1)\n```")
'print(1)\n'
>>> read_tests({"expected_response": ["assert f(1) == 2"]}).asserts
('assert f(1) == 2',)
"""

import ast
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.errors import WorkbenchError

_FENCE_LINE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[^\n]*$", re.MULTILINE)
_PYTHON = frozenset({"", "python", "python3", "py", "py3"})
_CODE_LINE = re.compile(
    r"^[ \t]*(?:@|\w+[ \t]*=|(?:async|def|class|import|from|return|for|while|if|print)\b)",
    re.MULTILINE,
)
_DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
FORMS = "assert statements, a list of them, `def check(candidate)`, or a list of {stdin, stdout}"
FIX = f"set `expected:` to the column of the tests: {FORMS}"


@dataclass(frozen=True)
class RowTests:
    """Tests of a row: either sources that assert, or inputs with the outputs to be printed.

    Attributes:
        checks: the source defines `check(candidate)`.
    """

    asserts: tuple[str, ...] = ()
    cases: tuple[tuple[str, str], ...] = ()
    checks: bool = False


def answer_code(outputs: str) -> str:
    """The last code block that may be Python, else all of the answer; empty: there is no code."""
    block = _last_block(outputs)
    if block is not None:
        return block
    return outputs if _CODE_LINE.search(outputs) else ""


def _last_block(text: str) -> str | None:
    """The content of the last block; None: there is none. A block that isn't closed is one."""
    last: str | None = None
    fence, language, start = "", "", 0
    for line in _FENCE_LINE.finditer(text):
        marks, word = line[1], line[2].lower()
        if not fence:
            fence, language, start = marks, word, line.end() + 1
        elif marks.startswith(fence) and not word:
            if language in _PYTHON:
                last = text[start : line.start()]
            fence = ""
    if fence and language in _PYTHON:
        last = text[start:]
    return None if last is None else textwrap.dedent(last) if last[:1].isspace() else last


def read_tests(expectations: Mapping[str, JSON]) -> RowTests:
    """The tests in a row's `expected_response`.

    Raises:
        WorkbenchError: it holds none, or they assert nothing.
    """
    tests = expectations.get("expected_response")
    if isinstance(tests, str) and tests.lstrip()[:1] == "[":
        tests = _parsed(tests)
    if isinstance(tests, str):
        return RowTests((tests,), checks=_is_check(tests))
    if not isinstance(tests, list) or not tests:
        raise WorkbenchError(f"expected_response is {tests!r:.80}, not tests", fix=FIX)
    if all(isinstance(test, str) for test in tests):
        for test in tests:
            _is_check(test)
        return RowTests(tuple(tests))
    return RowTests(cases=tuple(map(_case, tests)))


def _parsed(text: str) -> JSON:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_check(source: str) -> bool:
    """True if a source defines `check`, which has to be called.

    Raises:
        WorkbenchError: it is no Python, or asserts nothing.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise WorkbenchError(f"the test {source!r:.80} is no Python: {error}", fix=FIX) from None
    nodes = list(ast.walk(tree))
    if not any(isinstance(node, ast.Assert | ast.Raise) for node in nodes):
        message = f"the test {source!r:.80} asserts nothing, so that every answer would pass"
        raise WorkbenchError(message, fix=f"write {FORMS}")
    defines = any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in tree.body)
    calls = (node for node in tree.body if isinstance(node, ast.Expr))
    return defines and not any("check" in ast.unparse(node) for node in calls)


def _case(case: JSON) -> tuple[str, str]:
    fields = case if isinstance(case, dict) else {}
    stdin, stdout = fields.get("stdin", ""), fields.get("stdout")
    if not isinstance(stdin, str) or not isinstance(stdout, str):
        fix = 'write {"stdin": "3 4", "stdout": "7"} for each test'
        raise WorkbenchError(f"the test {case!r:.80} has no text `stdout`", fix=fix)
    return stdin, stdout


def column_text(inputs: Mapping[str, JSON], column: str, setting: str) -> str:
    """The text in a column that a setting names; a list of texts has a line each.

    Raises:
        WorkbenchError: the row has no such column, or no text in it.
    """
    if not column:
        return ""
    value = inputs.get(column)
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if isinstance(value, str):
        return value
    fix = f"write `{setting}: COLUMN`; the columns are {', '.join(inputs) or 'none'}"
    raise WorkbenchError(f"`{setting}: {column}` is {value!r:.60} in this row, not text", fix=fix)


def check_entry_point(tests: RowTests, function: str) -> None:
    """Check that `check(candidate)` has a function to call; raises WorkbenchError if not."""
    if tests.checks and not function:
        fix = "python_tests: {entry_point: COLUMN}, with the name of the function"
        raise WorkbenchError("the tests define check(candidate), and nothing names it", fix=fix)


def called_names(sources: Sequence[str]) -> tuple[str, ...]:
    """The names that these sources call: functions and classes."""
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    calls = (node.func for node in nodes if isinstance(node, ast.Call))
    return tuple({name.id for name in calls if isinstance(name, ast.Name)})


def last_function(source: str) -> str:
    """The name of the last function that a source begins; empty: there is none."""
    names: list[str] = _DEFINITION.findall(source)
    return names[-1] if names else ""


def possible_programs(code: str, prefix: str, entry_point: str) -> Sequence[str]:
    """The programs that an answer may mean, the likeliest first; the first that is Python counts.

    Without a prefix it is the code. An answer that defines the entry point replaces the prefix's
    function; any other one is its body, whose first line may have lost its indentation.
    """
    if not prefix:
        return [code]
    start = prefix.rstrip()
    is_signature = start.endswith(":")
    name = re.escape(entry_point or last_function(prefix))
    if name and re.search(rf"^(?:async[ \t]+def|def|class)[ \t]+{name}\b", code, re.MULTILINE):
        body = "\n    ..." if is_signature else ""
        return [f"{start}{body}\n\n\n{code}", code]
    indented = textwrap.indent(code, "    ")
    programs = [f"{start}\n    {code.lstrip()}", f"{start}\n{indented}"]
    return [*programs, f"{prefix}{code}"] if is_signature else [f"{prefix}{code}", *programs]


def different_line(printed: str, expected: str) -> str:
    """The first line that differs, described; empty: the outputs are equal.

    White space at the ends of lines and empty lines at the end don't count.
    """
    lines, wanted = _lines(printed), _lines(expected)
    for number in range(max(len(lines), len(wanted))):
        line = lines[number] if number < len(lines) else None
        other = wanted[number] if number < len(wanted) else None
        if line != other:
            shown = "missing" if line is None else f"{line!r:.80}"
            expectation = "no more" if other is None else f"{other!r:.80}"
            return f"line {number + 1} is {shown}, expected {expectation}"
    return ""


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]
