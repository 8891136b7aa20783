"""A faulty evaluator costs its own row and nothing else."""

import math
import sys
import time

import pytest
from bench import refusal
from evaluator_project import EvaluatorProject
from processes import gone

from workbench.errors import WorkbenchError, not_stopped
from workbench.evaluator import Score, Spec
from workbench.scoring.pool import shared_pool

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


def on_two(project: EvaluatorProject, body: str, settings: str = "") -> list[Score]:
    """Scores of three rows of which the second runs `body`."""
    project.write_evaluator(ON_TWO.format(body=body))
    return project.scores(f"mine: {{{settings}}}" if settings else "mine")


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
            "returned a Score whose reason, label, error or parsed is not a string",
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
def test_fault_is_an_error_of_its_row_only(project: EvaluatorProject, body, expected):
    first, second, third = on_two(project, body)
    assert (first, third) == (Score(3.0), Score(5.0))
    assert (second.value, second.error[: len(expected)]) == (None, expected)


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
def test_row_that_hangs_is_ended_at_its_limit(project: EvaluatorProject, body):
    for limit_s in ("0.3", "6"):  # a busy machine needs more for the other rows
        started = time.monotonic()
        first, second, third = on_two(project, body, f"timeout_s: {limit_s}")
        if (first, third) == (Score(3.0), Score(5.0)):
            break
    assert (first, third) == (Score(3.0), Score(5.0))
    assert second == Score(error=f"took longer than {limit_s} s")
    assert time.monotonic() - started < 50


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
def test_value_comes_back_unchanged_from_the_process(project: EvaluatorProject, body, expected):
    score = on_two(project, body)[1]
    assert (score, type(score.value)) == (expected, type(expected.value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("-1", "returned -1, outside its range [0, 1]"),
        ("7", "returned 7, outside its range [0, 1]"),
        ("'0.9'", "returned the string '0.9', not a number"),
    ],
)
def test_value_outside_the_declared_range_is_an_error(project: EvaluatorProject, value, expected):
    project.write_evaluator(f"""
        from workbench.evaluator import evaluator

        @evaluator(range=(0, 1), kind="number")
        def mine(outputs):
            return {value} if outputs == "two" else 1
        """)
    assert project.scores() == [Score(1.0), Score(error=expected), Score(1.0)]


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
def test_change_that_a_row_makes_to_its_process_does_not_reach_the_next(
    project: EvaluatorProject, body, capfd
):
    """Each row checks everything that the second row may have changed."""
    project.write_evaluator(
        ON_TWO.format(body=body).replace(
            "    return len(outputs)",
            "    print('judged', outputs)\n"
            "    same = 'PATH' in os.environ and os.environ.get('TZ') != 'Mars'\n"
            f"    in_root = os.getcwd() == {str(project.root)!r}\n"
            "    return len(outputs) if inputs == {'text': outputs} and same and in_root else -1",
        )
    )
    assert project.scores() == [Score(3.0), Score(3.0), Score(5.0)]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("judged one\n")
    assert len(err) < 1_001_000


EVERY_PIPE = """for number in range(3, 64):
            try: os.write(number, {})
            except OSError: pass"""
FOREIGN = "something else than scores came from its process: it writes into pipes"
FORGED = b'["5f1c", 1, [true, "", "", "", ""], false]\n'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (EVERY_PIPE.format(b'[true, "", "", "", ""]\n'), FOREIGN),
        (EVERY_PIPE.format(FORGED), FOREIGN),
        (EVERY_PIPE.format(b"no line"), FOREIGN),
        (EVERY_PIPE.format(b"\n" * 9_000), FOREIGN),
        ("[os.close(n) for n in range(3, 64) if os.path.exists(f'/proc/self/fd/{n}')]",
         "ended its process: "),
        ("resource.setrlimit(resource.RLIMIT_CPU, (0, 0)); [None for _ in range(10**9)]",
         "ended its process: SIG"),
        ("resource.setrlimit(resource.RLIMIT_AS, (1, 1)); return len([0] * 9_000_000)",
         "MemoryError"),
        ("sys.setrecursionlimit(sys.getrecursionlimit() // 40 + 20); return deep(100)",
         "RecursionError"),
    ],
)  # fmt: skip
def test_what_a_row_does_to_its_process_is_its_own_error(project: EvaluatorProject, body, expected):
    """The rows before and after it, and another evaluator, are scored in full."""
    code = ON_TWO.replace("numpy as np", "resource").format(body=body)
    code = code.replace("    return len(outputs)", "    deep(50)\n    return len([0] * 9_000_000)")
    project.write_evaluator(f"def deep(n): return n and deep(n - 1)\n{code}")
    project.write_evaluator("def other(outputs): return len([0] * 9_000_000)", "other")
    project.answers = ["one", "two", "three", "four"]
    scores = project.scores_by_row("mine, other")
    assert [row["other"] for row in scores] == [Score(9e6)] * 4
    first, second, *others = (row["mine"] for row in scores)
    assert [first, *others] == [Score(9e6)] * 3
    assert (second.value, second.error[: len(expected)]) == (None, expected)


@pytest.mark.parametrize(
    "body",
    [
        "resource.setrlimit(resource.RLIMIT_AS, (300_000_000, 300_000_000))",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",
        "sys.setrecursionlimit(90)",
        "json.dumps = lambda *_, **__: '{}'",
        "signal.signal(signal.SIGALRM, lambda *_: os._exit(5)); signal.setitimer(0, 30)",
    ],
)
def test_a_changed_process_judges_no_other_row(project: EvaluatorProject, body):
    code = ON_TWO.replace("numpy as np", "resource").format(body=f"{body}; return os.getpid()")
    code = code.replace("    return len(outputs)", "    return os.getpid()")
    project.write_evaluator(code)
    first, second, third = (score.value for score in project.scores())
    assert (first == second, isinstance(third, float), third != second) == (True, True, True)


def test_a_row_is_no_error_for_what_an_earlier_row_left_running(project: EvaluatorProject):
    project.answers = ["two", *[f"answer {n}" for n in range(40)]]
    left = EVERY_PIPE.format(b"late\n").replace("\n", "\n  ")
    body = (
        f"if os.fork(): return 3\n        while True:\n          time.sleep(0.01)\n          {left}"
    )
    code = ON_TWO.replace("numpy as np", "resource").format(body=body)
    project.write_evaluator(code.replace("len(outputs)", "time.sleep(0.02) or 8"))
    first, *others = project.scores()
    assert (first in (Score(3.0), Score(error=FOREIGN)), others) == (True, [Score(8.0)] * 40)


@pytest.mark.parametrize("name", ["mine", "other"])
def test_the_file_that_lowers_limits_while_it_is_imported_is_blamed(
    project: EvaluatorProject, name
):
    project.write_evaluator("def mine(outputs): return True\ndef other(outputs): return True")
    project.write_evaluator("def other(outputs): return True", "other")
    code = f"import os\nif True:\n        {EVERY_PIPE.format(FORGED)}\n"
    project.write_evaluator(f"{code}def {name}(outputs): return True", name)
    error = refusal(project.load_evaluators, "mine, other")
    assert f"evaluators/{name}.py can't be imported: it {FOREIGN}" in error


def test_settings_that_a_row_changes_are_unchanged_for_the_next(project: EvaluatorProject):
    project.write_evaluator("""
        def mine(outputs, *, labels: list):
            return len(labels) + 0 * labels.append(outputs) if False else _grown(labels, outputs)

        def _grown(labels, outputs):
            labels.append(outputs)
            return len(labels)
        """)
    assert project.scores("mine: {labels: [a]}") == [Score(2.0)] * 3


def test_output_of_evaluators_goes_to_stderr_up_to_a_megabyte(project: EvaluatorProject, capfd):
    project.write_evaluator("""
        def mine(outputs):
            print(outputs * 500_000)
            return True
        """)
    assert (
        project.scores_by_row("mine, mine: {name: again}")
        == [{"mine": Score(True), "again": Score(True)}] * 3
    )
    out, err = capfd.readouterr()
    notice = "\n(evaluators printed more than 1,000,000 bytes; the rest is dropped)\n"
    assert (out, err) == ("", ("one" * 500_000)[:1_000_000] + notice)


def test_process_that_a_row_started_ends_with_the_scoring(project: EvaluatorProject):
    note = project.root / "pid.txt"
    project.write_evaluator(f"""
        import subprocess

        def mine(outputs):
            child = subprocess.Popen(["sleep", "600"])
            with open({str(note)!r}, "a") as file:
                file.write(f"{{child.pid}}\\n")
            return True
        """)
    assert project.scores() == [Score(True)] * 3
    pids = [int(line) for line in note.read_text().split()]
    assert len(pids) == 3
    assert all(gone(pid) for pid in pids)


def test_evaluator_that_fails_twenty_times_in_a_row_is_given_up(project: EvaluatorProject):
    project.answers = [f"answer {n}" for n in range(40)]
    project.write_evaluator("""
        import os

        def mine(outputs):
            if outputs != "answer 0":
                os._exit(3)
            return True
        """)
    given_up = "not judged: the 20 rows before it hung or ended their process"
    assert project.scores() == [
        Score(True),
        *[Score(error="ended its process: exit code 3")] * 20,
        *[Score(error=given_up)] * 19,
    ]


def test_rows_that_hang_now_and_then_do_not_add_up(project: EvaluatorProject):
    project.answers = [f"answer {n}" for n in range(46)]
    project.write_evaluator("""
        import os

        def mine(outputs):
            if int(outputs.split()[1]) % 2:
                os._exit(3)
            return True
        """)
    pair = [Score(True), Score(error="ended its process: exit code 3")]
    assert project.scores() == pair * 23


def test_evaluator_sees_no_variable_that_is_not_granted(project: EvaluatorProject, monkeypatch):
    for name in ("OPENAI_API_KEY", "OTHER_TOKEN", "PGPASSWORD"):
        monkeypatch.setenv(name, f"{name}-value")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    project.write_evaluator("""
        import os
        from pathlib import Path

        def mine(outputs):
            first = Path("/proc/self/environ").read_bytes().decode()
            names = [n for n in os.environ if "=" + os.environ[n] in first]
            secret = [n for n in os.environ if n.endswith(("_KEY", "TOKEN", "PASSWORD", "_URI"))]
            return " ".join(sorted({"LC_ALL"} & {*names}) + sorted(secret)) + str("value" in first)
        """)
    (row, *_) = project.scores_by_row("mine, mine: {name: granted, env: [OPENAI_API_KEY]}")
    catalog = "MLFLOW_MODEL_CATALOG_URI"  # empty, set by workbench itself
    assert row == {
        "mine": Score(f"LC_ALL {catalog}False"),
        "granted": Score(f"LC_ALL {catalog} OPENAI_API_KEYTrue"),
    }


def test_evaluator_runs_no_code_of_models_unless_it_is_granted(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_MODEL_CODE_EXECUTION", "true")
    project.write_evaluator("""
        import os

        def mine(outputs):
            return os.environ["MLFLOW_ALLOW_MODEL_CODE_EXECUTION"]
        """)
    granted = "mine: {name: granted, env: [MLFLOW_ALLOW_MODEL_CODE_EXECUTION]}"
    (row, *_) = project.scores_by_row(f"mine, {granted}")
    assert row == {"mine": Score("false"), "granted": Score("true")}


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
        *[(f"timeout_s: {value}", f"timeout_s is {shown}, not a number of seconds\n  fix: above 0, "
           "at most 86400; the default is 60")
          for value, shown in [("0", "0"), ("-1", "-1"), ("86401", "86401"), ("soon", "'soon'"),
                              ("true", "True"), ("null", "None")]],
    ],
)  # fmt: skip
def test_reserved_setting_that_does_not_fit_is_named(project: EvaluatorProject, settings, expected):
    message = refusal(project.load_evaluators, f"exact_match: {{{settings}}}")
    assert message == f"prompts/qa/experiment.yaml:4:14: evaluator 'exact_match': {expected}"


def test_limits_and_grants_are_not_in_the_digest(project: EvaluatorProject, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "x")
    project.write_evaluator("def mine(outputs):\n    return 1\n")
    variants = ["mine", "mine: {timeout_s: 5}", "mine: {env: [SOME_KEY]}"]
    assert len({project.load_evaluators(text)[0].digest for text in variants}) == 1


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
         "  fix: use arguments among inputs, outputs, expectations, completion, prompt; "
         "make settings keyword-only"),
        ("def mine(outputs, *, env=1): ...", "evaluators/mine.py: evaluator 'mine' has a setting "
         "'env', which workbench reserves\n  fix: rename it; "
         "reserved are name, env, timeout_s, transform, rows, by, expected_column"),
        ("def other(outputs): ...", "evaluators/mine.py has no 'mine'"
         "\n  fix: define `def mine(outputs, expectations): …` in it"),
    ],
)  # fmt: skip
def test_evaluator_that_can_not_be_used_is_refused_before_anything_is_sent(
    project: EvaluatorProject, code, expected
):
    (project.root / "helper_of_mine.py").write_text("\nimport no_such_y\n")
    project.write_evaluator(code)
    message = refusal(project.load_evaluators).replace(f"{project.root}/evaluators/", "")
    where = "prompts/qa/experiment.yaml:4:14: "
    assert message == where + expected.removeprefix("evaluators/mine.py: ")


@pytest.mark.nightly  # the limit is 30 s
def test_module_that_hangs_while_it_is_imported_is_refused(project: EvaluatorProject):
    project.write_evaluator("import time\ntime.sleep(600)\n")
    assert refusal(project.load_evaluators) == (
        "prompts/qa/experiment.yaml:4:14: evaluators/mine.py can't be imported: "
        "it took longer than 30 s"
    )


def test_module_is_imported_by_another_process_only(project: EvaluatorProject, capfd):
    project.write_evaluator("print('imported')\n\ndef mine(outputs):\n    return 1\n")
    before = set(sys.modules)
    project.scores()
    imported = [name for name in set(sys.modules) - before if name.startswith("workbench_project")]
    assert (imported, capfd.readouterr()) == ([], ("", "imported\nimported\n"))


def test_two_evaluators_of_one_label_are_refused(project: EvaluatorProject):
    project.write_evaluator("def mine(outputs):\n    return 1\n")
    assert refusal(project.load_evaluators, "mine, exact_match: {name: mine}") == (
        "prompts/qa/experiment.yaml:4:20: two evaluators are called 'mine'\n"
        "  fix: rename this one: `exact_match: {name: another_name}`"
    )


def test_edited_evaluator_judges_only_its_own_column_again(project: EvaluatorProject):
    note = project.root / "judged.txt"
    code = """
        def {name}(outputs):
            with open({note!r}, "a") as file:
                file.write("{name} ")
            return {value}
        """
    project.write_evaluator(code.format(name="mine", note=str(note), value=1))
    project.write_evaluator(code.format(name="other", note=str(note), value=1), "other")
    project.scores_by_row("mine, other")
    project.write_evaluator(code.format(name="mine", note=str(note), value=2))
    second = project.scores_by_row("mine, other")
    assert second == [{"mine": Score(2.0), "other": Score(1.0)}] * 3
    assert note.read_text().split() == ["mine"] * 3 + ["other"] * 3 + ["mine"] * 3


def test_evaluator_that_changes_while_it_runs_makes_no_mixed_column(project: EvaluatorProject):
    project.write_evaluator("""
        import os

        def mine(outputs):
            if outputs == "two":
                with open(__file__, "a") as file:
                    file.write("# edited\\n")
                os._exit(1)
            return True
        """)
    with pytest.raises(WorkbenchError) as caught:
        project.scores()
    assert (str(caught.value), caught.value.exit_code) == (
        "prompts/qa/experiment.yaml:4:14: evaluators/mine.py was changed while evaluator 'mine' "
        "was running\n  fix: run the same command again: the answers are kept, and the new "
        "evaluator judges all of them",
        6,
    )


def test_nan_of_python_is_refused(project: EvaluatorProject):
    project.write_evaluator(f"def mine(outputs):\n    return float({str(math.nan)!r})\n")
    assert project.scores() == [Score(error="returned nan, not a finite number")] * 3


def test_a_transform_of_the_project_runs_in_the_evaluators_process(tmp_path):
    (tmp_path / "splitting.py").write_text(
        "import os\n"
        "def part(text):\n"
        "    if text == 'leave':\n"
        "        os._exit(3)\n"
        "    return text.partition('=')[2] or None\n"
    )
    settings = {"transform": {"function": "splitting:part"}}
    outputs = ["x = Paris", "leave", "Paris"]
    rows = [{"outputs": text, "expectations": {"expected_response": "Paris"}} for text in outputs]
    with shared_pool() as pool:
        evaluator = pool.find(Spec("exact_match", settings, tmp_path))
        scores = list(pool.judge(evaluator, rows, not_stopped))
    assert "splitting" not in sys.modules
    assert scores == [
        Score(True),
        Score(error="ended its process: exit code 3"),
        Score(False, "transform: splitting:part found nothing in the output", "unparsed"),
    ]
