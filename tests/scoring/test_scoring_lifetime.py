"""Lifetime of the evaluators' processes, and the scores stored when scoring ends early."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import EXPERIMENT, invoke, write_task
from evaluator_project import EvaluatorProject
from processes import children, gone, wait_for

from workbench.errors import Stopped
from workbench.evaluator import Score, bind
from workbench.scoring import score_writer
from workbench.scoring.cells import score_rows
from workbench.scoring.pool import shared_pool

PARENT = """
import sys
from pathlib import Path
from workbench.dataset import Example
from workbench.evaluator.spec import read_spec
from workbench.model import Completion
from workbench.plan import Cell
from workbench.results.types import Row
from workbench.scoring.pool import find_evaluators
from workbench.scoring.cells import score_rows
from workbench.store import Store

root = Path(sys.argv[1])
evaluators = find_evaluators([read_spec("mine", {}, root)])
row = Row(Cell(Example("a", {}, {}), 0, "k"), Completion("k", "ok", text="one"))
with Store(root) as store:
    score_rows(evaluators[:1], [row], store)
"""
HANGS = """
import os, re, subprocess, time

def mine(outputs):
    child = subprocess.Popen(["sleep", "600"])
    with open({note!r} + ".new", "w") as file:
        file.write(f"{{os.getpid()}} {{child.pid}}")
    os.rename({note!r} + ".new", {note!r})
    {body}
"""


def test_a_run_starts_one_process_per_evaluator_file(tmp_path: Path) -> None:
    names = ["first", "second"]
    write_task(tmp_path, EXPERIMENT.replace("[exact_match]", str(names)))
    (tmp_path / "workbench.yaml").write_text("tracking_uri: none\n")
    (tmp_path / "evaluators").mkdir()
    for name in names:
        note = f"with open({str(tmp_path / name)!r}, 'a') as file:\n    file.write('started ')\n"
        code = f"{note}def {name}(outputs: str) -> bool:\n    return True\n"
        (tmp_path / "evaluators" / f"{name}.py").write_text(code)
    done = invoke(tmp_path, "run")
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / name).read_text() for name in names] == ["started "] * 2


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "time.sleep(600)", "re.match(r'(a+)+$', 'a' * 60 + 'b')"],
    ids=["loop", "sleep", "regex"],
)
def test_no_process_survives_the_main_process_while_an_evaluator_hangs(
    project: EvaluatorProject, body
):
    note = project.root / "pids.txt"
    project.write_evaluator(HANGS.format(note=str(note), body=body))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(project.root)])
    wait_for(note.exists)
    pids = [int(pid) for pid in note.read_text().split()]
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert [gone(pid) for pid in pids] == [True, True]


@pytest.mark.parametrize("body", ["return 1", "os._exit(1)", "raise ValueError"])
def test_no_process_and_no_pipe_is_left_after_the_scoring(project: EvaluatorProject, body):
    project.write_evaluator(f"import os\n\ndef mine(outputs):\n    {body}\n")
    rows, evaluators = project.rows(), project.load_evaluators()
    project.store.save_scores(evaluators[0], {"a": Score(1)})  # opens the files of the store
    processes, pipes = children(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))
    score_rows(evaluators, rows, project.store)
    assert (children(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))) == (processes, pipes)


def test_a_process_judges_for_each_evaluator_and_all_variants(project: EvaluatorProject):
    code = "import os\n\ndef {name}(outputs):\n    return os.getpid()\n"
    names = ("mlflow_mine", "mlflow_other")
    for name in names:
        project.write_evaluator(code.format(name=name), name)
    rows, evaluators = project.rows(), project.load_evaluators(", ".join(names))
    project.answers = ["four"]
    with shared_pool():
        scored = score_rows(evaluators, rows, project.store)
        scored += score_rows(evaluators, project.rows(), project.store)
    by_name = [{row.scores[name].value for row in scored} for name in names]
    assert (len(by_name[0]), len(by_name[1]), len(by_name[0] | by_name[1])) == (1, 1, 2)


def test_scores_before_a_stop_are_stored(project: EvaluatorProject):
    project.answers = [f"answer {n}" for n in range(30)]
    note, is_over = project.root / "judged.txt", project.root / "over"
    project.write_evaluator(f"""
        import os, time

        def mine(outputs):
            with open({str(note)!r}, "a") as file:
                file.write(outputs + "\\n")
            if outputs == "answer 9" and not os.path.exists({str(is_over)!r}):
                time.sleep(600)
            return True
        """)

    looks = itertools.count()

    def stopped() -> bool:
        """At the second look the rows are sent; then nine answers have come, and none was read."""
        if next(looks):
            wait_for(lambda: note.exists() and note.read_text().count("\n") == 10)
        return note.exists()

    with pytest.raises(Stopped):
        project.scores_by_row(stopped=stopped)
    is_over.touch()
    assert project.scores() == [Score(True)] * 30
    assert note.read_text().count("\n") == 31  # the row in progress is judged again


def test_stop_does_not_wait_for_a_row_that_hangs(project: EvaluatorProject):
    note = project.root / "judged.txt"
    code = "import time\n\ndef mine(outputs):\n    open({!r}, 'w').close()\n    time.sleep(600)\n"
    project.write_evaluator(code.format(str(note)))
    started = time.monotonic()
    with pytest.raises(Stopped):
        project.scores_by_row(stopped=note.exists)
    assert time.monotonic() - started < 50  # of the 60 that a row may take


@pytest.mark.parametrize(("limit", "value"), [("COMMIT_SIZE", 500), ("COMMIT_INTERVAL_S", 0.01)])
def test_scores_are_stored_while_scoring_goes_on(
    limit: str, value: float, project: EvaluatorProject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(score_writer, limit, value)
    project.answers = [f"answer {n}" for n in range(1200)]
    project.write_evaluator("def mine(outputs):\n    return len(outputs)\n")
    rows, (evaluator,) = project.rows(), project.load_evaluators()
    stored: list[int] = []

    def stopped() -> bool:
        (count,) = project.store.database.read("SELECT count(*) FROM scores")
        stored.append(count[0])
        return False

    score_rows([evaluator], rows, project.store, stopped=stopped)
    assert stored[0] == 0
    assert any(0 < count < len(rows) for count in stored)
    assert project.store.database.read("SELECT count(*) FROM scores") == [(len(rows),)]


def test_an_evaluator_made_of_a_function_is_stopped_too(project: EvaluatorProject):
    rows = project.rows()
    seen: list[str] = []

    def mine(outputs):
        seen.append(outputs)
        return True

    evaluator = bind(mine, {}, name="mine", digest="one")
    with pytest.raises(Stopped):
        score_rows([evaluator], rows, project.store, stopped=lambda: len(seen) == 2)
    score_rows([evaluator], rows, project.store)
    assert seen == ["one", "two", "three"]
