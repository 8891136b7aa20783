"""Evaluator: the answer's Python code passes the row's tests, in a box.

>>> python_tests("def double(x): return 2 * x", {}, {"expected_response": "assert double(4) == 8"})
Score(value=True, reason='', label='passed', error='', parsed='')
"""

from collections.abc import Mapping

from workbench.box.call_tests import CodeOutcome, CodeTests, ended_outcome, run_code_tests
from workbench.box.limits import BoxLimits
from workbench.box.method import require_box, run_boxed
from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluators._python_code import (
    answer_code,
    called_names,
    check_entry_point,
    column_text,
    different_line,
    last_function,
    possible_programs,
    read_tests,
)

MOST_SECONDS, LEAST_MB, MOST_MB = 3600, 64, 65536


@evaluator(kind="pass")
def python_tests(
    outputs: str,
    inputs: Mapping[str, JSON],
    expectations: Mapping[str, JSON],
    *,
    prefix: str = "",
    entry_point: str = "",
    setup: str = "",
    test_timeout_s: int = 5,
    memory_mb: int = 512,
) -> Score:
    """True if the answer's Python code passes the tests in `expected_response`.

    The code is the last code block, or all of the answer. It runs in a box without files, network
    or environment, and the tests in another one. Outcomes: `passed`, `failed`, `error`, `timeout`,
    `memory`, `output`, `killed`, `no_code`.

    Args:
        outputs: the answer.
        inputs: the row, with the columns that settings name.
        expectations: `expected_response` is assert statements, a list of them, `check(candidate)`
            as in HumanEval (Chen et al. 2021, arXiv:2107.03374), or a list of `{stdin, stdout}`.
        prefix: column of the code that the answer completes.
        entry_point: column of the name of the function that `check` gets.
        setup: column of code that runs before the tests.
        test_timeout_s: seconds of computing; all together may take twice that and a second.
        memory_mb: most memory of each process.
    """
    tests = read_tests(expectations)
    start = column_text(inputs, prefix, "prefix")
    function = column_text(inputs, entry_point, "entry_point").strip() or last_function(start)
    before = column_text(inputs, setup, "setup")
    check_entry_point(tests, function)
    code = answer_code(outputs) or (outputs if start else "")
    if not code.strip():
        return Score(False, "the answer has no code", "no_code")
    sources = [_bytes(source) for source in possible_programs(code, start, function)]
    limits = BoxLimits(test_timeout_s, 2 * test_timeout_s + 1, memory_mb)
    if tests.cases:
        return _score(_run_cases(sources[0], tests.cases, limits))
    asserts = tuple(map(_bytes, tests.asserts))
    tested = CodeTests(
        asserts, function, tests.checks, _bytes(before), called_names(tests.asserts), _bytes(start)
    )
    return _score(run_code_tests(sources, tested, limits))


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row has tests that assert something; raises WorkbenchError if not."""
    read_tests(expectations)


def check_settings(**settings: JSON) -> None:
    """Check the limits; raises WorkbenchError if one is out of range."""
    ranges = {"test_timeout_s": (5, 1, MOST_SECONDS), "memory_mb": (512, LEAST_MB, MOST_MB)}
    for name, (default, least, most) in ranges.items():
        value = settings.get(name, default)
        if not isinstance(value, int) or not least <= value <= most:
            fix = f"write a whole number from {least} to {most}"
            raise WorkbenchError(f"python_tests: {name} is {value!r}", fix=fix)


def check_machine() -> None:
    """Check that generated code can run here; raises WorkbenchError if no box can be made."""
    require_box()


def _run_cases(source: bytes, cases: tuple[tuple[str, str], ...], limits: BoxLimits) -> CodeOutcome:
    """The outcome of a program with each input, up to the first that is not right."""
    for number, (stdin, expected) in enumerate(cases, 1):
        result = run_boxed({"main.py": source}, ["main.py"], limits, _bytes(stdin))
        place = f"test {number} of {len(cases)}: " if len(cases) > 1 else ""
        if result.ended_by or result.exit_status != 0:
            outcome = ended_outcome(result)
            return CodeOutcome(outcome.label, f"{place}{outcome.reason}")
        if difference := different_line(result.stdout.decode("utf-8", "replace"), expected):
            return CodeOutcome("failed", f"{place}{difference}")
    return CodeOutcome("passed", f"{len(cases)} tests" if len(cases) > 1 else "")


def _score(outcome: CodeOutcome) -> Score:
    return Score(outcome.label == "passed", outcome.reason, outcome.label)


def _bytes(text: str) -> bytes:
    """The text for a file; a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace")
