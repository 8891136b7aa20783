"""One score a row, each computed once and stored.

score_cells(evaluator, rows, store)     [Score(True), …]
score_rows(evaluators, rows, store)     the rows with their scores
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from workbench.canonical import JSON
from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.evaluator import Evaluator, Score
from workbench.results.types import Row
from workbench.scoring.pool import one_child
from workbench.secrets import Redactor
from workbench.store import Store, completion_json, score_key

AT_ONCE = 500  # scores kept in one commit
SECONDS = 1.5  # after which fewer are


def score_cells(
    evaluator: Evaluator, rows: Sequence[Row], store: Store, *, stopped: StopCheck = not_stopped
) -> list[Score]:
    """One score a row, in order; those the store holds are not computed again.

    Args:
        evaluator: what judges.
        rows: rows with a finished answer.
        store: where scores are kept, as they come; one that went wrong is not.
        stopped: asked again and again whether to end.

    Raises:
        Stopped: `stopped` said so; the scores there are by then are kept.
        WorkbenchError: the evaluator is not what it was when the experiment was read.
    """
    data = [_data(evaluator, row) for row in rows]
    keys = [score_key(evaluator, one) for one in data]
    known = store.scores(set(keys)) if evaluator.traits.cache else {}
    wanted = {key: n for n, key in enumerate(keys) if key not in known}
    with one_child() as judges, _Keeping(evaluator, store) as keeping:
        if evaluator.spec:
            scores = judges.judge(evaluator, [data[n] for n in wanted.values()], stopped)
        else:
            scores = _in_process(evaluator, [rows[n] for n in wanted.values()], stopped)
        for key, said in zip(wanted, scores, strict=True):
            score = known[key] = _clean(said, store.redactor)
            keeping.add(key, score)
    return [known[key] for key in keys]


def score_rows(
    evaluators: Sequence[Evaluator],
    rows: Sequence[Row],
    store: Store,
    *,
    stopped: StopCheck = not_stopped,
) -> list[Row]:
    """The rows with their scores; `stopped` and what is raised as for `score_cells`."""
    finished = [row for row in rows if row.state == "scored"]
    with one_child():
        columns = {e.name: score_cells(e, finished, store, stopped=stopped) for e in evaluators}
    return with_scores(rows, columns)


def kept_scores(
    evaluators: Sequence[Evaluator], rows: Sequence[Row], store: Store
) -> list[dict[str, Score]]:
    """What the store holds of each row's scores, by evaluator; nothing is judged."""
    found: list[dict[str, Score]] = [{} for _ in rows]
    finished = [number for number, row in enumerate(rows) if row.state == "scored"]
    for one in evaluators:
        if one.traits.cache:
            keys = [score_key(one, _data(one, rows[number])) for number in finished]
            known = store.scores(set(keys))
            for number, key in zip(finished, keys, strict=True):
                if key in known:
                    found[number][one.name] = known[key]
    return found


class _Keeping:
    """Keeps scores some at a time, and the last of them however it ends."""

    def __init__(self, evaluator: Evaluator, store: Store) -> None:
        self._evaluator = evaluator
        self._store = store
        self._fresh: dict[str, Score] = {}
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._keep()

    def add(self, key: str, score: Score) -> None:
        """Takes a score that will soon be kept."""
        if self._evaluator.traits.cache and not score.error:
            self._fresh[key] = score
        if len(self._fresh) >= AT_ONCE or time.monotonic() - self._since > SECONDS:
            self._keep()

    def _keep(self) -> None:
        self._store.save_scores(self._evaluator, self._fresh)
        self._fresh = {}
        self._since = time.monotonic()


def _clean(score: Score, redactor: Redactor) -> Score:
    """Without the secrets that it may have been granted."""
    clean = redactor.redact
    value = clean(score.value) if isinstance(score.value, str) else score.value
    return Score(value, clean(score.reason), clean(score.label), clean(score.error))


def _in_process(evaluator: Evaluator, rows: Sequence[Row], stopped: StopCheck) -> Iterator[Score]:
    """For an evaluator that was made of a function, so that no other process could find it."""
    for row in rows:
        if stopped():
            raise Stopped
        assert row.completion
        yield evaluator.score(
            inputs=row.cell.example.inputs,
            expectations=row.cell.example.expectations,
            completion=row.completion,
        )


def with_scores(rows: Sequence[Row], columns: Mapping[str, list[Score]]) -> list[Row]:
    """The rows with a column an evaluator, one score for each row that has an answer."""
    position = iter(range(len(rows)))
    scored: list[Row] = []
    for row in rows:
        if row.state != "scored":
            scored.append(row)
            continue
        index = next(position)
        scored.append(
            replace(row, scores={name: scores[index] for name, scores in columns.items()})
        )
    return scored


def _data(evaluator: Evaluator, row: Row) -> dict[str, JSON]:
    """The arguments that the evaluator takes, as JSON."""
    assert row.completion
    example = row.cell.example
    plain = {
        "inputs": example.inputs,
        "outputs": row.completion.text,
        "expectations": example.expectations,
    }
    return {
        name: completion_json(row.completion) if name == "completion" else plain[name]
        for name in evaluator.arguments
    }
