"""Stored rows tallied by two processes: the same results, and the same errors, as by one."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from bench import Bench

from workbench.comparing.comparison import ExperimentComparison, compare_stored
from workbench.errors import WorkbenchError
from workbench.model import Completion, Usage
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.scoring import tally_process
from workbench.scoring.tally_process import TalliedVariants, TallyProcess
from workbench.store import Store

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short, long]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""
ROWS = 700  # two batches
pytestmark = pytest.mark.slow


@dataclass
class Answers:
    """A store with answers, and what the child processes sent since it was opened."""

    plan: Plan
    store: Store
    received: list[TalliedVariants | None]

    def compare(self) -> ExperimentComparison:
        return compare_stored(self.plan, self.store)


@pytest.fixture
def answers(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Answers to three variants: one is a thought, one has no reply, one is not there."""
    received: list[TalliedVariants | None] = []

    class ObservedProcess(TallyProcess):
        def receive(self, *args: object) -> TalliedVariants | None:
            received.append(super().receive(*args))  # type: ignore[arg-type]
            return received[-1]

    monkeypatch.setattr("workbench.scoring.stream.TallyProcess", ObservedProcess)
    monkeypatch.setattr(tally_process, "_can_fork", lambda: True)  # whatever the suite imported
    for name in ("short", "long"):
        bench.write(f"{name}.jinja", f"{name}: {{{{ text }}}}")
    lines = (f'{{"text": "{n}", "label": "{n % 3}"}}\n' for n in range(ROWS))
    bench.write("rows.jsonl", "".join(lines))
    bench.project.store.mkdir(exist_ok=True)
    plan = bench.plan(EXPERIMENT)
    with Store(bench.project.store) as store:
        for variant, cells in enumerate(plan.cells):
            usage = Usage(variant + 3, 2)
            texts = ["<think>Hm.</think>1", *(str(n % (variant + 2)) for n in range(2, ROWS - 1))]
            completions = [
                Completion(cell.key, "ok", text=text, usage=usage, raw="{}", latency_s=0.1 * n)
                for n, (cell, text) in enumerate(zip(cells, texts, strict=False))
            ]
            store.save_completions([(plan.bodies[c.key], c) for c in completions])
            store.no_replies.record([(cells[-2].key, "echo:last", "HTTP 500: busy")])
        compare_stored(plan, store)  # computes the scores
        received.clear()
        monkeypatch.setattr(tally_process, "MIN_ROWS", 3)
        yield Answers(plan, store, received)


def contents(tally: Tally) -> list[object]:
    """All that a tally holds."""
    texts, columns = tally._texts, tally.columns
    state = {k: v for k, v in vars(tally).items() if v is not texts and v is not columns}
    column_states = {
        name: {k: v for k, v in vars(column).items() if v is not column._texts}
        for name, column in columns.items()
    }
    assert all(column._texts is texts for column in columns.values())
    return [repr(state), column_states, vars(texts)]


def test_two_processes_tally_as_one(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = answers.compare()
    assert [sorted(tallied.tallies) for tallied in answers.received if tallied] == [[2]]
    monkeypatch.setattr(tally_process, "MIN_ROWS", 10 * ROWS)
    single = answers.compare()
    assert len(answers.received) == 1
    assert [contents(t) for t in shared.tallies] == [contents(t) for t in single.tallies]
    assert shared.results == single.results
    assert shared.scored
    assert single.scored
    assert shared.scored.failed == single.scored.failed
    assert sorted(shared.scored.failed) == [(variant, ROWS - 2) for variant in range(3)]


def test_missing_score_is_computed_by_the_main_process(answers: Answers) -> None:
    complete = answers.compare().results
    answers.store.database.write([("DELETE FROM scores WHERE score LIKE ?", [("%true%",)])])
    assert answers.compare().results == complete
    assert [tallied is None for tallied in answers.received] == [False, True]


def test_damaged_answer_has_the_same_error(answers: Answers) -> None:
    key = answers.plan.cells[2][ROWS // 2].key
    damage = "UPDATE completions SET completion = replace(completion, 'ok', 'no') WHERE key = ?"
    answers.store.database.write([(damage, [(key,)])])
    with pytest.raises(WorkbenchError) as raised:
        answers.compare()
    message = f"the store is damaged: the row {key} does not match its checksum"
    assert raised.value.message == message
    assert answers.received == [None]
