"""The process that a model lives in, and what its death costs."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from processes import gone

from workbench.conversation import Conversation
from workbench.errors import WorkbenchError
from workbench.model import Completion, PromptCall, Request, UnlimitedPermit
from workbench.providers.transformers import TransformersProvider, model_process

TEXT = "the film is good and the end is bad review a dull plot negative"


def provider(folder: Path, **settings) -> TransformersProvider:
    return TransformersProvider(str(folder), {"dtype": "float32", "batch_size": 4, **settings})


def workers() -> list[int]:
    """The model's processes of this one."""
    pids = []
    for listed in Path("/proc/self/task").glob("*/children"):
        for pid in listed.read_text().split():
            with suppress(OSError):  # it has ended
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"workbench.providers.transformers.worker" in command:
                    pids.append(int(pid))
    return pids


class Deadly(UnlimitedPermit):
    """A permit that kills the model's processes whenever it is asked, so many of them."""

    def __init__(self, kills: int) -> None:
        self.kills = kills
        self.killed: set[int] = set()

    def should_stop(self) -> bool:
        for pid in set(workers()) - self.killed:
            if len(self.killed) < self.kills:
                os.kill(pid, signal.SIGKILL)
                self.killed.add(pid)
        return False


class Ending(UnlimitedPermit):
    """The permit of a run that is ending."""

    def should_stop(self) -> bool:
        return True


def requests(model: TransformersProvider, permit: UnlimitedPermit, rows: int = 12) -> list[Request]:
    batch = []
    for number in range(rows):
        text = " ".join(TEXT.split()[: 2 + number])
        body = model.prepare(PromptCall(Conversation(text=text), {"max_tokens": 3})).body
        batch.append(replace(Request.from_body(f"r{number}", body), permit=permit))
    return batch


def by_key(answers: Iterator[Completion]) -> dict[str, tuple[str, str, str]]:
    return {
        completion.key: (completion.state, completion.text, completion.error)
        for completion in answers
    }


@pytest.fixture(scope="module")
def answered(tiny: Path) -> tuple[dict, dict, dict[str, tuple[str, str, str]]]:
    """The facts of a model before and after it answered, and its answers."""
    model = provider(tiny)
    before = dict(model.facts)
    answers = by_key(model.complete(requests(model, UnlimitedPermit())))
    return before, dict(model.facts), answers


@pytest.fixture(scope="module")
def expected(answered) -> dict[str, tuple[str, str, str]]:
    return answered[2]


def test_rows_under_way_when_the_process_is_killed_are_answered_by_another(tiny, expected):
    model = provider(tiny)
    permit = Deadly(kills=1)
    assert by_key(model.complete(requests(model, permit))) == expected
    assert len(permit.killed) == 1


def test_batches_halved_by_a_death_grow_again_once_enough_full_ones_were_answered(
    tiny, monkeypatch
):
    monkeypatch.setattr(model_process, "STEADY_WINDOWS", 3)
    model = provider(tiny)
    sizes = []
    with model.load() as process:
        for permit, rows in [
            (Deadly(kills=1), 12),
            *[(UnlimitedPermit(), 1)] * 9,  # too few to show anything
            *[(UnlimitedPermit(), 4)] * 9,
        ]:
            assert len(list(process.complete(requests(model, permit, rows)))) == rows
            sizes.append(process.batch_size)
    assert sizes == [2] * 12 + [4] * 7


def test_row_with_which_the_process_dies_again_fails_and_the_others_are_answered(tiny, expected):
    model = provider(tiny)
    for _ in range(5):  # on a busy machine the row may be answered before the second kill
        results = by_key(model.complete(requests(model, Deadly(kills=2))))
        if failed := [key for key, (state, _, _) in results.items() if state == "failed"]:
            break
    assert len(failed) == 1
    assert results == expected | {
        failed[0]: (
            "failed",
            "",
            "the model's process ended while it answered this request: SIGKILL",
        )
    }


def test_model_whose_process_dies_while_it_loads_stops_with_the_reason(tiny):
    model = provider(tiny)
    done = threading.Event()

    def kill() -> None:
        while not done.wait(0.01):
            for pid in workers():
                with suppress(ProcessLookupError):  # it has ended
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(WorkbenchError) as caught:
            list(model.complete(requests(model, UnlimitedPermit())))
    finally:
        done.set()
        killer.join()
    assert str(caught.value) == (
        f"{tiny}: the model's process ended while it loaded the model: SIGKILL\n"
        "  fix: is there enough memory for it?"
    )


def test_batch_under_way_is_the_last_where_the_run_is_ending(tiny, expected):
    model = provider(tiny)
    results = by_key(model.complete(requests(model, Ending())))
    answered = {key: result for key, result in results.items() if result[0] != "failed"}
    assert len(answered) == 4
    assert answered.items() <= expected.items()
    assert {error for state, _, error in results.values() if state == "failed"} == {
        "not answered: the run was stopped"
    }


def test_process_ends_with_ours(tiny, tmp_path):
    note = tmp_path / "pid"
    pid = os.fork()
    if not pid:  # a process that dies without a word while its model answers
        model = provider(tiny)
        answers = model.complete(requests(model, UnlimitedPermit()))
        next(answers)
        note.write_text(str(workers()[0]))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    worker = int(note.read_text())
    assert gone(worker)


def test_process_gets_no_key_of_ours_and_is_gone_when_the_answers_are_closed(tiny, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-0123456789abcdef")
    monkeypatch.setenv("ANYTHING", "what nobody granted")
    model = provider(tiny)
    answers = model.complete(requests(model, UnlimitedPermit()))
    next(answers)
    (pid,) = workers()
    environment = Path(f"/proc/{pid}/environ").read_text()
    answers.close()
    assert ("OPENAI" in environment, "ANYTHING" in environment, "PATH=" in environment) == (
        False,
        False,
        True,
    )
    assert gone(pid)


def test_memory_that_it_took_is_known_afterwards(answered):
    before, after, _ = answered
    peak = after["peak_memory_mb"]
    assert before == {"batch_size": 4, "batch_tokens": 32768}
    assert 50 < peak < 5000
