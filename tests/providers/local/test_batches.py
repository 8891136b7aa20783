from collections.abc import Sequence

from workbench.model import Completion
from workbench.providers.transformers.batches import Batch, BatchRow, Question, batches
from workbench.providers.transformers.engine import run_in_parts

SHARED_A, SHARED_B = tuple(range(100)), tuple(range(500, 580))


def row(*prompt: int, room: int = 10) -> BatchRow:
    key = f"{prompt[-1]}"
    return BatchRow(Question(key, {}), tuple(prompt), len(prompt), room)


def sizes(rows: Sequence[BatchRow], **limits: int) -> list[tuple[int, int]]:
    limits = {"batch_size": 32, "batch_tokens": 32_768} | limits
    return [(len(batch.rows), batch.shared) for batch in batches(rows, **limits)]


def test_rows_of_one_prompt_share_its_beginning():
    assert sizes([row(*SHARED_A, 1000 + n) for n in range(40)]) == [(32, 100), (8, 100)]


def test_rows_of_two_prompts_are_kept_apart():
    rows = [row(*shared, 1000 + n) for n in range(20) for shared in (SHARED_A, SHARED_B)]
    assert sorted(sizes(rows)) == [(20, 80), (20, 100)]


def test_two_prompts_with_a_common_system_message_are_kept_apart():
    system = tuple(range(900, 940))
    rows = [row(*system, *shared, 1000 + n) for n in range(20) for shared in (SHARED_A, SHARED_B)]
    assert sorted(sizes(rows)) == [(20, 120), (20, 140)]


def test_pairs_of_equal_rows_do_not_make_small_batches():
    rows = [row(*range(n, n + 50)) for n in range(0, 2000, 100)] * 2
    assert sizes(rows) == [(32, 0), (8, 0)]


def test_short_common_beginning_is_not_shared():
    assert sizes([row(*range(31), 1000 + n) for n in range(20)]) == [(20, 0)]


def test_every_row_keeps_a_token_of_its_own():
    assert sizes([row(*SHARED_A)] * 20) == [(20, 99)]


def test_longest_rows_come_first_and_a_batch_stays_within_its_tokens():
    rows = [row(*range(n * 1000, n * 1000 + length)) for n, length in enumerate((10, 90, 40, 40))]
    made_batches = list(batches(rows, batch_size=32, batch_tokens=100))
    assert [[len(row.prompt) for row in batch.rows] for batch in made_batches] == [
        [90],
        [40, 40],
        [10],
    ]


def test_row_above_the_budget_is_a_batch_of_its_own():
    assert sizes([row(*range(50)), row(7)], batch_tokens=20) == [(1, 0), (1, 0)]


def run_up_to(most: int, sizes: list[int]):
    def run(batch: Batch) -> list[Completion]:
        sizes.append(len(batch.rows))
        if len(batch.rows) > most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 GB\nat c10")
        return [Completion(row.question.key, "ok") for row in batch.rows]

    return run


def test_batch_that_does_not_fit_into_memory_is_halved():
    sizes: list[int] = []
    batch = Batch(tuple(row(n) for n in range(5)), shared=0)
    answers = list(run_in_parts(batch, run_up_to(2, sizes)))
    assert [answer.key for answer in answers] == ["0", "1", "2", "3", "4"]
    assert sizes == [5, 2, 3, 1, 2]


def test_row_that_does_not_fit_alone_fails():
    batch = Batch((row(1), row(2)), shared=0)
    answers = list(run_in_parts(batch, run_up_to(0, [])))
    assert [(answer.state, answer.error) for answer in answers] == [
        ("failed", "out of memory: DefaultCPUAllocator: can't allocate memory: 1 GB")
    ] * 2


def test_row_that_raises_fails_alone_and_the_others_are_answered():
    sizes: list[int] = []

    def run(batch: Batch) -> list[Completion]:
        sizes.append(len(batch.rows))
        if any(row.question.key == "2" for row in batch.rows):
            raise IndexError("index out of range in self\nat somewhere")
        return [Completion(row.question.key, "ok") for row in batch.rows]

    batch = Batch(tuple(row(n) for n in range(4)), shared=0)
    outcomes = [(row.key, row.state, row.error) for row in run_in_parts(batch, run)]
    broken = "the model can't answer it: IndexError: index out of range in self"
    assert outcomes == [("0", "ok", ""), ("1", "ok", ""), ("2", "failed", broken), ("3", "ok", "")]
    assert sizes == [4, 1, 1, 1, 1]


def test_python_out_of_memory_is_halved_as_torch_is():
    def run(batch: Batch) -> list[Completion]:
        if len(batch.rows) > 1:
            raise MemoryError
        return [Completion(row.question.key, "ok") for row in batch.rows]

    batch = Batch((row(1), row(2)), shared=0)
    assert [row.state for row in run_in_parts(batch, run)] == ["ok", "ok"]
