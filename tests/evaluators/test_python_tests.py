"""Verdicts on generated code: honest answers, wrong ones, and those that forge a pass."""

from pathlib import Path

import pytest
from box_machine import boxes_missing
from forged_answers import FORGERIES
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.evaluators._python_code import answer_code, different_line, read_tests
from workbench.evaluators.python_tests import check_settings, python_tests

pytestmark = pytest.mark.skipif(bool(boxes_missing()), reason=boxes_missing())

PROMPT = '''import math


def largest(values: list[int]) -> int:
    """Return the largest of some numbers.

    >>> largest([1, 3, 2])
    3
    """
'''
CHECK = """
METADATA = {"author": "workbench"}


def check(candidate):
    assert candidate([1, 3, 2]) == 3
    assert candidate([-5]) == -5
    assert math.isclose(candidate([1.5, 0.5]), 1.5)
"""
TASK = {"prompt": PROMPT, "name": "largest"}
FORM = {"prefix": "prompt", "entry_point": "name"}


def score(code: str, tests: object, inputs: dict | None = None, **settings: object) -> Score:
    return python_tests(code, inputs or {}, {"expected_response": tests}, **settings)


def fenced(code: str) -> str:
    return f"Here it is:\n\n```python\n{code}\n```\nIt works."


DOUBLE = "def double(x):\n    return 2 * x"


@pytest.mark.parametrize(
    ("outputs", "tests", "label", "reason"),
    [
        (DOUBLE, "assert double(4) == 8", "passed", ""),
        (fenced(DOUBLE), ["assert double(4) == 8", "assert double(0) == 0"], "passed", "2 tests"),
        (f"```python\n{DOUBLE}", "assert double(4) == 8", "passed", ""),
        (f"```\nx = 1\n```\n~~~py\n{DOUBLE}\n~~~\n", "assert double(4) == 8", "passed", ""),
        (f"{fenced(DOUBLE)}\n```bash\npython x.py\n```", "assert double(1) == 2", "passed", ""),
        (f"1. Write:\n\n   ```python\n   {DOUBLE}\n   ```", "assert double(4) == 8", "passed", ""),
        ("def double(x): return 2 + x", "assert double(2) == 4", "passed", ""),
        (
            "def double(x): return 2 + x",
            ["assert double(2) == 4", "assert double(3) == 6"],
            "failed",
            "test 2 of 2: assert double(3) == 6",
        ),
        (
            "def double(x): return 2 + x",
            "assert double(2) == 4\n\nassert double(3) == 6",
            "failed",
            "line 3: assert double(3) == 6",
        ),
        (
            "def double(x): pass",
            "assert double(2) > 4",
            "failed",
            "line 1: assert double(2) > 4: TypeError: "
            "'>' not supported between instances of 'NoneType' and 'int'",
        ),
        (
            "def double(x):\n    y = 1 / 0",
            "assert double(2) == 4",
            "error",
            "ZeroDivisionError: division by zero (line 2)",
        ),
        (
            "x = 1 / 0",
            "assert double(2) == 4",
            "error",
            "ZeroDivisionError: division by zero (line 1)",
        ),
        (
            "def double(x:",
            "assert double(2) == 4",
            "error",
            "SyntaxError: '(' was never closed (line 1)",
        ),
        (
            "def triple(x): pass",
            "assert double(2) == 4",
            "error",
            "NameError: name 'double' is not defined",
        ),
        ("def double(x):\n    while True: pass", "assert double(2) == 4", "timeout", None),
        ("import time\ntime.sleep(99)", "assert double(2) == 4", "timeout", None),
        (
            "def double(x): return bytearray(4 << 30)",
            "assert double(2) == 4",
            "memory",
            "MemoryError",
        ),
        ("x = bytearray(4 << 30)", "assert double(2) == 4", "memory", "MemoryError"),
        (
            "def double(x):\n    while True: print('x' * 9999)",
            "assert double(2)",
            "output",
            "printed too much",
        ),
        (
            "import os\nos.kill(os.getpid(), 9)",
            "assert double(2) == 4",
            "killed",
            "ended by SIGKILL",
        ),
        ("import os\nos.abort()", "assert double(2) == 4", "killed", "ended by SIGABRT"),
        ("", "assert double(2) == 4", "no_code", "the answer has no code"),
        ("I can't do that.", "assert double(2) == 4", "no_code", "the answer has no code"),
        ("```python\n\n```", "assert double(2) == 4", "no_code", "the answer has no code"),
        ("def sum(a, b): return a + b", "assert sum(10, 15) == 25", "passed", ""),
        ("def queue(x): return x", "assert queue(3) == 3 and other", "error", None),
        ("def queue(x): return x\nother = 1", "assert queue(3) == 3 and other", "passed", ""),
        ("def sort(x): x.sort()", "x = [2, 1]\nsort(x)\nassert x == [1, 2]", "passed", ""),
        ("def split(d): return d.popitem()", "d = {1: 2}\nsplit(d)\nassert d == {}", "passed", ""),
        ("def f(n): yield from range(n)", "assert list(f(3)) == [0, 1, 2]", "passed", ""),
        (
            "def f(n): return {(1, 2): {3}, 'a': None}",
            "assert f(0) == {(1, 2): {3}, 'a': None}",
            "passed",
            "",
        ),
        ("def f(n): return 2 ** n", "assert f(50_000) == 2 ** 50_000", "passed", ""),
        (
            "def f(n): return float('nan'), 1e300 * 1e10",
            "a, b = f(0)\nassert a != a\nassert b > 0",
            "passed",
            "",
        ),
        (
            "from fractions import Fraction\ndef half(n): return Fraction(n, 2)",
            "from fractions import Fraction\nassert half(3) == Fraction(3, 2)",
            "passed",
            "",
        ),
        (
            "def f(n):\n    if n < 0: raise ValueError('negative')",
            "try:\n    f(-1)\nexcept ValueError as error:\n    assert str(error) == 'negative'\n"
            "else:\n    raise AssertionError",
            "passed",
            "",
        ),
        (
            "class Pair:\n    def __init__(self, a, b): self.a, self.b = a, b\n"
            "def widest(pairs): return max(pairs, key=lambda p: p.b - p.a).b",
            "assert widest([Pair(5, 24), Pair(1, 90)]) == 90",
            "passed",
            "",
        ),
        (
            "class Node:\n    def __init__(self, value): self.value, self.left = value, None\n"
            "def depth(node): return 1 + depth(node.left) if node else 0",
            "root = Node(1)\nroot.left = Node(2)\n"
            "assert depth(root) == 2\nassert root.left.value == 2",
            "passed",
            "",
        ),
        (
            "class V:\n    def __init__(self, x): self.x = x\n"
            "    def __add__(self, other): return V(self.x + other.x)\n"
            "    def __eq__(self, other): return self.x == other.x",
            "assert V(1) + V(2) == V(3)\nassert not V(1) == V(2)",
            "passed",
            "",
        ),
    ],
)
def test_code_is_run_against_its_tests(
    outputs: str, tests: object, label: str, reason: str | None
) -> None:
    result = score(outputs, tests, test_timeout_s=1, memory_mb=256)
    assert (result.label, result.value) == (label, label == "passed"), result
    assert reason in (None, result.reason)


@pytest.mark.parametrize(
    ("outputs", "label"),
    [
        ("    return max(values)\n", "passed"),
        (
            "    best = values[0]\n    for v in values:\n        best = max(best, v)\n"
            "    return best",
            "passed",
        ),
        ("return max(values)", "passed"),
        ("best = max(values)\nreturn best", "passed"),
        ("```python\n    return max(values)\n```", "passed"),
        ("```python\nreturn max(values)\n```", "passed"),
        (fenced("def largest(values):\n    return max(values)"), "passed"),
        (fenced(f"{PROMPT}    return max(values)"), "passed"),
        (
            fenced(
                "import math\n\ndef largest(values):\n    return math.floor(max(values) * 2) / 2"
            ),
            "passed",
        ),
        ("    return min(values)\n", "failed"),
        ("    return math.no_such_function(values)\n", "error"),
        ("    return max(values\n", "error"),
        ("    pass\n", "failed"),
        ("", "no_code"),
    ],
)
def test_a_prompt_is_completed(outputs: str, label: str) -> None:
    result = score(outputs, CHECK, TASK, **FORM)
    assert (result.label, result.value) == (label, label == "passed"), result


def test_a_function_of_the_prompt_is_that_of_the_prompt() -> None:
    prompt = "def at(c, x):\n    return c[0] + c[1] * x\n\n\ndef zero(c):\n    'The root of c.'\n"
    tests = "def check(candidate):\n    c = [6, 2]\n    assert abs(at(c, candidate(c))) < 1e-6"
    inputs, settings = {"prompt": prompt, "name": "zero"}, FORM
    honest = "    return -c[0] / c[1]\n"
    forged = "    return 1\n\n\ndef at(c, x):\n    return 0\n"
    assert score(honest, tests, inputs, **settings).label == "passed"
    assert score(forged, tests, inputs, **settings).label == "failed"


@pytest.mark.parametrize(
    ("outputs", "label", "reason"),
    [
        ("    square = r * r\n    return floor(3.14 * square)", "passed", ""),
        ("square = r * r\n    return floor(3.14 * square)", "passed", ""),
        ("square = r * r\nreturn floor(3.14 * square)", "passed", ""),
        ("def area(r):\n    return floor(3.14 * r * r)", "passed", ""),
        (fenced("def area(r):\n    return floor(3.14 * r * r)"), "passed", ""),
        ("    return floor(r)", "failed", "line 1: assert area(2) == 12"),
        (
            "    square = r * r\n    return square *",
            "error",
            "SyntaxError: invalid syntax (line 6)",
        ),
        ("def area(r)\n    return r", "error", "SyntaxError: expected ':' (line 8)"),
    ],
)
def test_a_prefix_may_be_a_signature(outputs: str, label: str, reason: str) -> None:
    inputs = {"start": "from math import floor\n\n\ndef area(r):"}
    result = score(outputs, "assert area(2) == 12", inputs, prefix="start")
    assert (result.label, result.reason) == (label, reason)


def test_code_before_the_tests_is_run() -> None:
    inputs = {"setup": ["import math", "WANTED = math.floor(8.5)"]}
    assert score(DOUBLE, "assert double(4) == WANTED", inputs, setup="setup").label == "passed"


SUM = "a, b = map(int, input().split())\nprint(a + b)\n"
INDENTED = SUM.replace("\n", "\n    ")
CASES = [{"stdin": "3 4\n", "stdout": "7\n"}, {"stdin": "-1 1", "stdout": "0"}]


@pytest.mark.parametrize(
    ("code", "label", "reason"),
    [
        (SUM, "passed", "2 tests"),
        (
            f"def main():\n    {INDENTED}\nif __name__ == '__main__':\n    main()",
            "passed",
            "2 tests",
        ),
        (f"{SUM}print()\n", "passed", "2 tests"),
        ("print(7)", "failed", "test 2 of 2: line 1 is '7', expected '0'"),
        ("print('7\\n8')", "failed", "test 1 of 2: line 2 is '8', expected no more"),
        ("pass", "failed", "test 1 of 2: line 1 is '', expected '7'"),
        (f"{SUM}raise SystemExit(3)", "error", "test 1 of 2: ended its process: exit code 3"),
        (f"{SUM}1 / 0", "error", "test 1 of 2: ZeroDivisionError: division by zero"),
        ("while True: pass", "timeout", None),
        ("x = bytearray(4 << 30)", "memory", "test 1 of 2: MemoryError"),
        ("while True: print(1)", "output", "test 1 of 2: printed too much"),
    ],
)
def test_a_program_reads_stdin_and_prints(code: str, label: str, reason: str | None) -> None:
    result = score(fenced(code), CASES, test_timeout_s=1, memory_mb=256)
    assert (result.label, result.value) == (label, label == "passed"), result
    assert reason in (None, result.reason)


HONEST = "def f(x): return [2 * y for y in x] if isinstance(x, list) else 2 * x"
FORGED_TESTS = [
    "SECRET = 8\nassert f(4) == SECRET",
    "assert abs(f(1.25) - 2.5) < 1e-6",
    "assert math.isclose(f(1.5), 3.0)",
    "assert len(f([1, 2])) == 2 and f([1, 2])[1] == 4",
    "assert 8 in [f(4)]",
    "assert f(4) in (8, 9) and not f(4) != 8",
    "assert sorted(f([2, 1])) == [2, 4]",
    "assert {f(4)} == {8}",
    "assert round(f(1.111), 2) == 2.22",
    "assert 7 < f(4) < 9",
]


def test_an_honest_answer_passes_the_tests_of_the_forgeries() -> None:
    assert score(HONEST, FORGED_TESTS).label == "passed"
    assert [score(HONEST, [test]).label for test in FORGED_TESTS] == ["passed"] * 10


@pytest.mark.parametrize("number", range(len(FORGED_TESTS)))
@pytest.mark.parametrize("title", ["equal to everything", "arithmetic of its own", "magic mock"])
def test_no_object_passes_for_a_value(title: str, number: int) -> None:
    assert score(FORGERIES[title], [FORGED_TESTS[number]], test_timeout_s=1).value is False


@pytest.mark.parametrize("title", FORGERIES)
def test_a_pass_is_not_forged(title: str) -> None:
    result = score(FORGERIES[title], FORGED_TESTS, test_timeout_s=1, memory_mb=256)
    assert (result.value, result.error) == (False, ""), result


@pytest.mark.parametrize(
    "code",
    [
        "import os\nprint('7')\nos._exit(1)",
        "print(open('/tmp/expected').read())",
        "import sys\nsys.stdout.write('passed')",
        "import os\nfor n in range(64):\n    try: os.write(n, b'0')\n    except OSError: pass",
    ],
)
def test_a_program_does_not_forge_its_output(code: str) -> None:
    assert score(code, CASES).value is False


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        (None, "expected_response is None, not tests"),
        ([], "expected_response is [], not tests"),
        (8, "expected_response is 8, not tests"),
        ({"a": 1}, "expected_response is {'a': 1}, not tests"),
        ("double(4)", "the test 'double(4)' asserts nothing, so that every answer would pass"),
        ("", "the test '' asserts nothing, so that every answer would pass"),
        (
            ["assert f(1)", "f(2)"],
            "the test 'f(2)' asserts nothing, so that every answer would pass",
        ),
        (
            "assert f(",
            "the test 'assert f(' is no Python: '(' was never closed (<unknown>, line 1)",
        ),
        ([{"stdin": "1"}], "the test {'stdin': '1'} has no text `stdout`"),
        ([{"stdout": 1}], "the test {'stdout': 1} has no text `stdout`"),
        (["assert f(1)", 2], "the test 'assert f(1)' has no text `stdout`"),
    ],
)
def test_expectations_that_test_nothing_are_refused(tests: object, message: str) -> None:
    evaluator = load_evaluator(Spec("python_tests", {}, Path.cwd()))
    check = expected_check(evaluator)
    assert check
    with pytest.raises(WorkbenchError) as refused:
        check({"expected_response": tests})
    assert refused.value.message == message
    assert refused.value.fix


@pytest.mark.parametrize(
    ("settings", "inputs", "tests", "message"),
    [
        ({}, {}, CHECK, "the tests define check(candidate), and nothing names it"),
        (
            {"prefix": "code"},
            {"prompt": ""},
            "assert f(1)",
            "`prefix: code` is None in this row, not text",
        ),
        ({"setup": "n"}, {"n": 3}, "assert f(1)", "`setup: n` is 3 in this row, not text"),
        (
            {},
            {},
            "assert f(lambda x: x) == 1",
            "the tests give the answer a value of type function, which can't be sent",
        ),
    ],
)
def test_tests_that_no_answer_can_pass_are_errors(
    settings: dict, inputs: dict, tests: object, message: str
) -> None:
    with pytest.raises(WorkbenchError) as refused:
        score("def f(x): return 1", tests, inputs, **settings)
    assert refused.value.message == message
    assert refused.value.fix


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_timeout_s": 0}, "python_tests: test_timeout_s is 0"),
        ({"test_timeout_s": 3601}, "python_tests: test_timeout_s is 3601"),
        ({"test_timeout_s": 1.5}, "python_tests: test_timeout_s is 1.5"),
        ({"memory_mb": 63}, "python_tests: memory_mb is 63"),
        ({"memory_mb": "512"}, "python_tests: memory_mb is '512'"),
    ],
)
def test_limits_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        check_settings(**settings)
    assert refused.value.message == message


@pytest.mark.parametrize("size", [0, 1_000_000])
@pytest.mark.parametrize(
    "character", ["x", "\n", " ", "`", "```\n", "\ud800", "\0", "א", "🎉", "(", "~~~\n", "a="]
)
def test_any_text_is_read_in_time(character: str, size: int) -> None:
    text = character * (size // len(character))
    code = answer_code(text)
    assert code in text
    assert different_line(text, text) == ""
    assert different_line(text, text + "x").startswith("line ")


@pytest.mark.parametrize(
    "text",
    [
        "\ud800",
        "\0",
        "x = '\ud800'\ndef f(x): return 8",
        "def f(x): return 8\0",
        "(" * 99_999,
        "x=" * 99_999,
        "-" * 99_999 + "1",
        "def א(x): return '🎉'",
        "```\n" * 9_999,
        "# coding: nonsense\nx = 1",
    ],
)
def test_any_text_is_scored(text: str) -> None:
    result = score(text, "assert f(4) == 8", memory_mb=256)
    assert (result.error, isinstance(result.value, bool)) == ("", True)


@given(st.text())
def test_code_is_part_of_the_answer(text: str) -> None:
    code = answer_code(text)
    assert all(line.strip() in text for line in code.split("\n"))
    assert answer_code(f"```python\n{DOUBLE}\n```") == f"{DOUBLE}\n"
    assert different_line(text, text) == ""


def test_a_list_may_be_json_text() -> None:
    tests = read_tests({"expected_response": '["assert f(1) == 1", "assert f(2) == 2"]'})
    assert tests.asserts == ("assert f(1) == 1", "assert f(2) == 2")
