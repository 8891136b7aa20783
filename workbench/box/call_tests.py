"""Tests of an answer's functions: the tests in one box, the answer in another, values between them.

>>> tests = CodeTests((b"assert double(4) == 8",))
>>> run_code_tests([b"def double(x): return 2 * x"], tests, BoxLimits())
CodeOutcome(label='passed', reason='')
"""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.box import answer_side, tests_side  # compiled here, for the boxes
from workbench.box.limits import BoxLimits, BoxResult
from workbench.box.method import box_method, check_method
from workbench.box.plain_values import NotPlainError, decode
from workbench.box.runner import Program, run_with
from workbench.errors import WorkbenchError

NO_BOX = (b"no box:", b"bwrap:")  # the beginning of errors of what makes a box


@dataclass(frozen=True)
class CodeTests:
    """Tests of a row.

    Attributes:
        tests: sources that assert something; they run in order, until one fails.
        entry_point: the function that `check(candidate)` of the tests gets.
        checks: the tests define `check`, which is called.
        setup: a source that runs before the tests, after the answer.
        calls: names that the tests call, which can't be modules.
        prefix: the beginning of the program that the answer completes; the tests use its functions
            rather than those of the answer, except for the entry point.
    """

    tests: tuple[bytes, ...]
    entry_point: str = ""
    checks: bool = False
    setup: bytes = b""
    calls: tuple[str, ...] = ()
    prefix: bytes = b""


@dataclass(frozen=True)
class CodeOutcome:
    """The outcome of running an answer: `passed`, `failed`, `error`, `timeout` and others."""

    label: str
    reason: str = ""


def run_code_tests(sources: Sequence[bytes], tests: CodeTests, limits: BoxLimits) -> CodeOutcome:
    """Run tests against the first of these sources that is Python.

    Raises:
        WorkbenchError: no box can be made, or the tests can't be run with any answer.
    """
    requests_in, requests_out = os.pipe()
    replies_in, replies_out = os.pipe()
    answer = Program(
        {},
        entry=answer_side.ENTRY,
        job={"sources": list(sources), "requests": requests_in, "replies": replies_out},
        pipes=(requests_in, replies_out),
    )
    fields = {
        "tests": list(tests.tests),
        "entry_point": tests.entry_point,
        "checks": tests.checks,
        "setup": tests.setup,
        "calls": list(tests.calls),
        "prefix": tests.prefix,
        "requests": requests_out,
        "replies": replies_in,
    }
    judge = Program({}, entry=tests_side.ENTRY, job=fields, pipes=(replies_in, requests_out))
    answered, judged = run_with(box_method(), [answer, judge], limits)
    try:
        label, reason = decode(judged.stdout) if judged.stdout else ("ended", "")
    except (NotPlainError, ValueError):
        label, reason = "ended", ""
    if label == "unsupported":
        fix = "write tests that exchange numbers, texts, lists and the like with the answer"
        raise WorkbenchError(reason, fix=fix)
    if label != "ended":
        return CodeOutcome(label, reason.encode("utf-8", "replace").decode())
    if not judged.stdout and not judged.ended_by and not answered.ended_by:
        return ended_outcome(judged)
    return ended_outcome(answered if answered.ended_by or not judged.ended_by else judged)


def ended_outcome(result: BoxResult) -> CodeOutcome:
    """The outcome of a process that ended instead of answering."""
    if result.ended_by in ("time", "cpu"):
        return CodeOutcome("timeout", f"ended after {result.duration_s:.1f} s")
    if result.ended_by == "output":
        return CodeOutcome("output", "printed too much")
    if result.stderr.startswith(NO_BOX):  # an answer may print that, too
        check_method(result.method)
    lines = result.stderr.decode("utf-8", "replace").strip().splitlines()
    last = lines[-1].strip()[:200] if lines else ""
    if last.startswith("MemoryError"):
        return CodeOutcome("memory", "MemoryError")
    if result.signal is not None:
        return CodeOutcome("killed", f"ended by {_signal_name(result.signal)}")
    if result.exit_status and last:
        return CodeOutcome("error", last)
    if result.exit_status is None:
        return CodeOutcome("error", "closed its pipe")
    return CodeOutcome("error", f"ended its process: exit code {result.exit_status}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
