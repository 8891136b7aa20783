"""Whatever an evaluator does, it costs its own row and nothing else (V01 to V14)."""

import math
import sys
import time

import pytest
from bench import refusal
from court import Court
from processes import gone

from workbench.errors import WorkbenchError
from workbench.evaluator import Score

ON_TWO = """
import json, math, os, re, signal, subprocess, sys, threading, time
import numpy as np
from workbench.evaluator import Score

def mine(outputs, inputs):
    if outputs == "two":
        {body}
    return len(outputs)
"""
PLACE = "(evaluators/mine.py:7)"


def on_two(court: Court, body: str, settings: str = "") -> list[Score]:
    """What three rows come to when the second one does this."""
    court.evaluator(ON_TWO.format(body=body))
    return court.scores(f"mine: {{{settings}}}" if settings else "mine")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise ValueError('no')", f"ValueError: no {PLACE}"),
        ("json.loads('{')", "JSONDecodeError: Expecting property name enclosed in double quotes: "
         f"line 1 column 2 (char 1) {PLACE}"),
        ("{}['a']", f"KeyError: 'a' {PLACE}"),
        ("sys.exit(0)", f"SystemExit: 0 {PLACE}"),
        ("raise KeyboardInterrupt", f"KeyboardInterrupt:  {PLACE}"),
        ("raise SystemExit('so')", f"SystemExit: so {PLACE}"),
        ("raise GeneratorExit", f"GeneratorExit:  {PLACE}"),
        ("raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})", f"Odd {PLACE}"),
        ("raise MemoryError", f"MemoryError:  {PLACE}"),
        ("(lambda f: f(f))(lambda f: f(f))", "RecursionError: maximum recursion depth exceeded "
         f"{PLACE}"),
        ("return math.nan", "returned nan, not a finite number"),
        ("return math.inf", "returned inf, not a finite number"),
        ("return -math.inf", "returned -inf, not a finite number"),
        ("return np.float64('nan')", "returned nan, not a finite number"),
        ("return [1]", "returned list, not a bool, number, str or Score"),
        ("return object()", "returned object, not a bool, number, str or Score"),
        (
            "return Score(1, reason=3)",
            "returned a Score whose reason, label or error is not a string",
        ),
        ("os._exit(0)", "ended its process: exit code 0"),
        ("os._exit(9)", "ended its process: exit code 9"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended its process: SIGKILL"),
        ("os.abort()", "ended its process: SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "ended its process: SIGSEGV"),
        ("os.killpg(0, signal.SIGTERM)", "ended its process: SIGTERM"),
        ("os.closerange(0, 64)", "ended its process: "),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_an_error_of_its_row_only(court: Court, body, expected):
    one, two, three = on_two(court, body)
    assert (one, three) == (Score(3.0), Score(5.0))
    assert (two.value, two.error[: len(expected)]) == (None, expected)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "time.sleep(60)",
        "re.match(r'(a+)+$', 'a' * 60 + 'b')",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); threading.Event().wait()",
        "while True: print('still here')",
    ],
    ids=["loop", "sleep", "regex", "stopped", "waits", "prints"],
)
def test_row_that_hangs_is_ended_at_its_limit(court: Court, body):
    began = time.monotonic()
    scores = on_two(court, body, "timeout_s: 0.3")
    assert scores == [Score(3.0), Score(error="took longer than 0.3 s"), Score(5.0)]
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return None", Score(None)),
        ("return True", Score(True)),
        ("return np.float64(0.5)", Score(0.5)),
        ("return np.bool_(True)", Score(True)),
        ("return '0.9'", Score("0.9")),
        ("return Score(0.5, 'so', 'half')", Score(0.5, "so", "half")),
        ("return Score(error='can not say')", Score(error="can not say")),
        ("return Score(1, reason='\\ud800 é')", Score(1.0, "\ud800 é")),
    ],
)
def test_value_comes_back_from_the_process_as_it_was(court: Court, body, expected):
    two = on_two(court, body)[1]
    assert (two, type(two.value)) == (expected, type(expected.value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("-1", "returned -1, outside its range [0, 1]"),
        ("7", "returned 7, outside its range [0, 1]"),
        ("'0.9'", "returned the string '0.9', not a number"),
    ],
)
def test_value_outside_the_declared_range_is_an_error(court: Court, value, expected):
    court.evaluator(f"""
        from workbench.evaluator import evaluator

        @evaluator(range=(0, 1), kind="number")
        def mine(outputs):
            return {value} if outputs == "two" else 1
        """)
    assert court.scores() == [Score(1.0), Score(error=expected), Score(1.0)]


@pytest.mark.parametrize(
    "body",
    [
        "inputs.clear(); return 3",
        "os.chdir('/'); return 3",
        "os.environ.clear(); return 3",
        "os.environ['TZ'] = 'Mars'; return 3",
        "sys.stdout = sys.stderr = sys.stdin = None; return 3",
        "sys.stdout.close(); return 3",
        "sys.stdout.detach(); return 3",
        "sys.stdin.close(); return 3",
        "assert sys.stdin.read() == ''; return 3",
        "assert os.read(0, 9) == b''; return 3",
        "os.write(1, b'x' * 5_000_000); os.write(2, b'x' * 5_000_000); return 3",
        "subprocess.run(['sh', '-c', 'cat; echo out; echo err >&2'], check=True); return 3",
        "[print('x' * 99) for _ in range(50_000)]; return 3",
        "os.fork(); return 3",
    ],
)
def test_what_a_row_does_to_its_process_does_not_reach_the_next(court: Court, body, capfd):
    """The later rows look at all that the second one may have changed."""
    court.evaluator(
        ON_TWO.format(body=body).replace(
            "    return len(outputs)",
            "    print('judged', outputs)\n"
            "    same = 'PATH' in os.environ and os.environ.get('TZ') != 'Mars'\n"
            f"    here = os.getcwd() == {str(court.root)!r}\n"
            "    return len(outputs) if inputs == {'text': outputs} and same and here else -1",
        )
    )
    assert court.scores() == [Score(3.0), Score(3.0), Score(5.0)]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("judged one\n")
    assert len(err) < 1_001_000


def test_settings_that_a_row_changes_are_as_before_for_the_next(court: Court):
    court.evaluator("""
        def mine(outputs, *, labels: list):
            return len(labels) + 0 * labels.append(outputs) if False else _grown(labels, outputs)

        def _grown(labels, outputs):
            labels.append(outputs)
            return len(labels)
        """)
    assert court.scores("mine: {labels: [a]}") == [Score(2.0)] * 3


def test_what_evaluators_print_goes_to_stderr_up_to_a_megabyte_in_all(court: Court, capfd):
    court.evaluator("""
        def mine(outputs):
            print(outputs * 500_000)
            return True
        """)
    assert (
        court.scored("mine, mine: {name: again}")
        == [{"mine": Score(True), "again": Score(True)}] * 3
    )
    out, err = capfd.readouterr()
    said = "\n(evaluators printed more than 1,000,000 bytes; the rest is dropped)\n"
    assert (out, err) == ("", ("one" * 500_000)[:1_000_000] + said)


def test_process_that_a_row_started_ends_with_the_scoring(court: Court):
    note = court.root / "pid.txt"
    court.evaluator(f"""
        import subprocess

        def mine(outputs):
            started = subprocess.Popen(["sleep", "600"])
            with open({str(note)!r}, "a") as file:
                file.write(f"{{started.pid}}\\n")
            return True
        """)
    assert court.scores() == [Score(True)] * 3
    pids = [int(line) for line in note.read_text().split()]
    assert len(pids) == 3
    assert all(gone(pid) for pid in pids)


def test_evaluator_that_hangs_again_and_again_is_given_up(court: Court):
    court.answers = [f"answer {n}" for n in range(40)]
    court.evaluator("""
        import os

        def mine(outputs):
            if outputs != "answer 0":
                os._exit(3)
            return True
        """)
    given_up = "not judged: the 20 rows before it hung or ended their process"
    assert court.scores() == [
        Score(True),
        *[Score(error="ended its process: exit code 3")] * 20,
        *[Score(error=given_up)] * 19,
    ]


def test_rows_that_hang_now_and_then_do_not_add_up(court: Court):
    court.answers = [f"answer {n}" for n in range(46)]
    court.evaluator("""
        import os

        def mine(outputs):
            if int(outputs.split()[1]) % 2:
                os._exit(3)
            return True
        """)
    one_each = [Score(True), Score(error="ended its process: exit code 3")]
    assert court.scores() == one_each * 23


def test_evaluator_sees_no_variable_that_is_not_granted(court: Court, monkeypatch):
    for name in ("OPENAI_API_KEY", "OTHER_TOKEN", "PGPASSWORD"):
        monkeypatch.setenv(name, f"{name}-value")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    court.evaluator("""
        import os
        from pathlib import Path

        def mine(outputs):
            first = Path("/proc/self/environ").read_bytes().decode()
            names = [n for n in os.environ if "=" + os.environ[n] in first]
            secret = [n for n in os.environ if n.endswith(("_KEY", "TOKEN", "PASSWORD", "_URI"))]
            return " ".join(sorted({"LC_ALL"} & {*names}) + sorted(secret)) + str("value" in first)
        """)
    (row, *_) = court.scored("mine, mine: {name: granted, env: [OPENAI_API_KEY]}")
    catalog = "MLFLOW_MODEL_CATALOG_URI"  # empty, set by workbench itself
    assert row == {
        "mine": Score(f"LC_ALL {catalog}False"),
        "granted": Score(f"LC_ALL {catalog} OPENAI_API_KEYTrue"),
    }


LIST = "\n  fix: write names only: env: [OPENAI_API_KEY]; set the values in .env or the environment"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("env: [NO_SUCH_NAME_X]", "the variable NO_SUCH_NAME_X is not set"
         "\n  fix: put NO_SUCH_NAME_X=… into .env, or export it"),
        ("env: OPENAI_API_KEY", "env is not a list of variable names" + LIST),
        ("env: [sk-proj-secret]", "env is not a list of variable names" + LIST),
        ("env: [[A]]", "env is not a list of variable names" + LIST),
        ("env: {A: b}", "env is not a list of variable names" + LIST),
        *[(f"timeout_s: {said}", f"timeout_s is {shown}, not a number of seconds\n  fix: above 0, "
           "at most 86400; the default is 60")
          for said, shown in [("0", "0"), ("-1", "-1"), ("86401", "86401"), ("soon", "'soon'"),
                              ("true", "True"), ("null", "None")]],
    ],
)  # fmt: skip
def test_reserved_setting_that_does_not_fit_is_named(court: Court, settings, expected):
    said = refusal(court.found, f"exact_match: {{{settings}}}")
    assert said == f"prompts/qa/experiment.yaml:4:14: evaluator 'exact_match': {expected}"


def test_limits_and_grants_are_no_part_of_the_digest(court: Court, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "x")
    court.evaluator("def mine(outputs):\n    return 1\n")
    ways = ["mine", "mine: {timeout_s: 5}", "mine: {env: [SOME_KEY]}"]
    assert len({court.found(way)[0].digest for way in ways}) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import no_such_x", "evaluators/mine.py:1 can't be imported: "
         "ModuleNotFoundError: No module named 'no_such_x'"),
        ("def mine(outputs)", "evaluators/mine.py:1 can't be imported: "
         "SyntaxError: expected ':' (mine.py, line 1)"),
        ("import helper_of_mine", "evaluators/mine.py:1 can't be imported: "
         "ModuleNotFoundError: No module named 'no_such_y' (helper_of_mine.py:2)"),
        ("raise KeyboardInterrupt", "evaluator 'mine': KeyboardInterrupt:  (evaluators/mine.py:1)"),
        ("import os; os._exit(0)", "evaluators/mine.py can't be imported: "
         "it ended its process: exit code 0"),
        ("import os; os.abort()", "evaluators/mine.py can't be imported: "
         "it ended its process: SIGABRT"),
        ("def mine(outputs, other): ...", "evaluators/mine.py: evaluator 'mine' takes other\n"
         "  fix: use arguments among inputs, outputs, expectations, completion; make settings "
         "keyword-only"),
        ("def mine(outputs, *, env=1): ...", "evaluators/mine.py: evaluator 'mine' has a setting "
         "'env', which workbench reserves\n  fix: rename it; reserved are name, env, timeout_s"),
        ("def other(outputs): ...", "evaluators/mine.py has no 'mine'"
         "\n  fix: define `def mine(outputs, expectations): …` in it"),
    ],
)  # fmt: skip
def test_evaluator_that_can_not_be_used_is_refused_before_anything_is_sent(
    court: Court, code, expected
):
    (court.root / "helper_of_mine.py").write_text("\nimport no_such_y\n")
    court.evaluator(code)
    said = refusal(court.found).replace(f"{court.root}/evaluators/", "")
    where = "prompts/qa/experiment.yaml:4:14: "
    assert said == where + expected.removeprefix("evaluators/mine.py: ")


@pytest.mark.slow
def test_module_that_hangs_while_it_is_imported_is_refused(court: Court):
    court.evaluator("import time\ntime.sleep(600)\n")
    assert refusal(court.found) == (
        "prompts/qa/experiment.yaml:4:14: evaluators/mine.py can't be imported: "
        "it took longer than 30 s"
    )


def test_module_is_imported_by_another_process_only(court: Court, capfd):
    court.evaluator("print('imported')\n\ndef mine(outputs):\n    return 1\n")
    before = set(sys.modules)
    court.scores()
    found = [name for name in set(sys.modules) - before if name.startswith("workbench_project")]
    assert (found, capfd.readouterr()) == ([], ("", "imported\nimported\n"))


def test_two_evaluators_of_one_label_are_refused(court: Court):
    court.evaluator("def mine(outputs):\n    return 1\n")
    assert refusal(court.found, "mine, exact_match: {name: mine}") == (
        "prompts/qa/experiment.yaml:4:20: two evaluators are called 'mine'\n"
        "  fix: rename this one: `exact_match: {name: another_name}`"
    )


def test_edited_evaluator_judges_its_own_column_again(court: Court):
    note = court.root / "judged.txt"
    code = """
        def {name}(outputs):
            with open({note!r}, "a") as file:
                file.write("{name} ")
            return {value}
        """
    court.evaluator(code.format(name="mine", note=str(note), value=1))
    court.evaluator(code.format(name="other", note=str(note), value=1), "other")
    court.scored("mine, other")
    court.evaluator(code.format(name="mine", note=str(note), value=2))
    again = court.scored("mine, other")
    assert again == [{"mine": Score(2.0), "other": Score(1.0)}] * 3
    assert note.read_text().split() == ["mine"] * 3 + ["other"] * 3 + ["mine"] * 3


def test_evaluator_that_changes_while_it_is_at_work_is_no_mixed_column(court: Court):
    court.evaluator("""
        import os

        def mine(outputs):
            if outputs == "two":
                with open(__file__, "a") as file:
                    file.write("# edited\\n")
                os._exit(1)
            return True
        """)
    with pytest.raises(WorkbenchError) as caught:
        court.scores()
    assert (str(caught.value), caught.value.exit_code) == (
        "prompts/qa/experiment.yaml:4:14: evaluators/mine.py was changed while evaluator 'mine' "
        "was at work\n  fix: the answers are safe; the same command judges all of them with the "
        "new one",
        6,
    )


def test_nan_of_python_is_not_let_through_by_a_category(court: Court):
    court.evaluator(f"def mine(outputs):\n    return float({str(math.nan)!r})\n")
    assert court.scores() == [Score(error="returned nan, not a finite number")] * 3
