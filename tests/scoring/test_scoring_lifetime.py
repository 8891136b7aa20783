"""How long evaluators' processes live, and what is kept when the scoring ends early (I7)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from court import Court
from processes import gone

from workbench.errors import Stopped
from workbench.evaluator import Score, bind
from workbench.scoring.cells import score_cells, score_rows
from workbench.scoring.pool import one_child

PARENT = """
import sys
from pathlib import Path
from workbench.dataset import Example
from workbench.evaluator.spec import read_spec
from workbench.model import Completion
from workbench.plan import Cell
from workbench.results.types import Row
from workbench.scoring.pool import find_evaluators
from workbench.scoring.cells import score_cells
from workbench.store import Store

root = Path(sys.argv[1])
found = find_evaluators([read_spec("mine", {}, root)])
row = Row(Cell(Example("a", {}, {}), 0, "k"), Completion("k", "ok", text="one"))
with Store(root) as store:
    score_cells(found[0], [row], store)
"""
HANGS = """
import os, re, subprocess, time

def mine(outputs):
    started = subprocess.Popen(["sleep", "600"])
    with open({note!r} + ".new", "w") as file:
        file.write(f"{{os.getpid()}} {{started.pid}}")
    os.rename({note!r} + ".new", {note!r})
    {body}
"""


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "time.sleep(600)", "re.match(r'(a+)+$', 'a' * 60 + 'b')"],
    ids=["loop", "sleep", "regex"],
)
def test_nothing_is_left_when_our_process_is_killed_while_an_evaluator_hangs(court: Court, body):
    note = court.root / "pids.txt"
    court.evaluator(HANGS.format(note=str(note), body=body))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(court.root)])
    until = time.monotonic() + 30
    while not note.exists() and time.monotonic() < until:
        time.sleep(0.02)
    pids = [int(pid) for pid in note.read_text().split()]
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert [gone(pid) for pid in pids] == [True, True]


def children() -> set[int]:
    """Our own, dead ones too."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


@pytest.mark.parametrize("body", ["return 1", "os._exit(1)", "raise ValueError"])
def test_no_process_and_no_pipe_is_left_after_the_scoring(court: Court, body):
    court.evaluator(f"import os\n\ndef mine(outputs):\n    {body}\n")
    rows, found = court.rows(), court.found()
    court.store.save_scores(found[0], {"a": Score(1)})  # the store has opened all that it opens
    processes, pipes = children(), len(list(Path("/proc/self/fd").iterdir()))
    score_rows(found, rows, court.store)
    assert (children(), len(list(Path("/proc/self/fd").iterdir()))) == (processes, pipes)


def test_one_process_judges_for_all_evaluators_and_variants(court: Court):
    code = "import os\n\ndef {name}(outputs):\n    return os.getpid()\n"
    court.evaluator(code.format(name="mine"))
    court.evaluator(code.format(name="other"), "other")
    rows, found = court.rows(), court.found("mine, other")
    court.answers = ["four"]
    with one_child():
        scored = score_rows(found, rows, court.store)
        scored += score_rows(found, court.rows(), court.store)
    assert len({score.value for row in scored for score in row.scores.values()}) == 1


def test_what_was_judged_before_a_stop_is_kept(court: Court):
    court.answers = [f"answer {n}" for n in range(30)]
    note = court.root / "judged.txt"
    court.evaluator(f"""
        import time

        def mine(outputs):
            with open({str(note)!r}, "a") as file:
                file.write(outputs + "\\n")
            time.sleep(0.05)
            return True
        """)

    def stopped() -> bool:
        return note.exists() and note.read_text().count("\n") >= 10

    with pytest.raises(Stopped):
        court.scored(stopped=stopped)
    before = note.read_text().count("\n")
    assert before < 30
    assert court.scores() == [Score(True)] * 30
    assert note.read_text().count("\n") <= 31  # the one that was under way is judged again


def test_stop_does_not_wait_for_a_row_that_hangs(court: Court):
    court.evaluator("import time\n\ndef mine(outputs):\n    time.sleep(600)\n")
    began = time.monotonic()
    with pytest.raises(Stopped):
        court.scored(stopped=lambda: time.monotonic() - began > 2)
    assert time.monotonic() - began < 10


def test_scores_are_kept_while_the_scoring_goes_on(court: Court):
    court.answers = [f"answer {n}" for n in range(1200)]
    court.evaluator("def mine(outputs):\n    return len(outputs)\n")
    rows, (found,) = court.rows(), court.found()
    kept: list[int] = []

    def stopped() -> bool:
        (count,) = court.store.database.read("SELECT count(*) FROM scores")
        kept.append(count[0])
        return False

    score_cells(found, rows, court.store, stopped=stopped)
    assert 0 in kept
    assert {500, 1000} & set(kept)


def test_an_evaluator_made_of_a_function_is_stopped_too(court: Court):
    rows = court.rows()
    seen: list[str] = []

    def mine(outputs):
        seen.append(outputs)
        return True

    found = bind(mine, {}, name="mine", digest="one")
    with pytest.raises(Stopped):
        score_cells(found, rows, court.store, stopped=lambda: len(seen) == 2)
    score_cells(found, rows, court.store)
    assert seen == ["one", "two", "three"]
