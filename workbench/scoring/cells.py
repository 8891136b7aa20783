"""One score per row and evaluator, each computed once and stored.

{"outputs": "Paris", "expectations": {"expected_response": "Paris"}}  ->  Score(True)
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version

from workbench.canonical import JSON, digest
from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.evaluator import Evaluator, Score
from workbench.results.column_score import ColumnScore
from workbench.results.types import Row
from workbench.scoring.pool import shared_pool
from workbench.store import Store, completion_json, score_key

COMMIT_SIZE = 500  # scores in one commit
COMMIT_INTERVAL_S = 1.5  # seconds after which a smaller commit is made


def score_rows(
    evaluators: Sequence[Evaluator],
    rows: Sequence[Row],
    store: Store,
    *,
    stopped: StopCheck = not_stopped,
) -> list[Row]:
    """The rows with their scores; raises as `score_cells` does."""
    finished = [row for row in rows if row.scored]
    by_row = [evaluator for evaluator in evaluators if not evaluator.traits.by_column]
    with shared_pool():
        columns = {e.name: score_cells(e, finished, store, stopped=stopped) for e in by_row}
    scored = (
        replace(row, scores={name: scores[number] for name, scores in columns.items()})
        for number, row in enumerate(finished)
    )
    return [next(scored) if row.scored else row for row in rows]


def score_cells(
    evaluator: Evaluator, rows: Sequence[Row], store: Store, *, stopped: StopCheck = not_stopped
) -> list[Score]:
    """One score per row with an answer, in order; those in the store are not computed again.

    The store takes the scores as they come, except errors.

    Raises:
        Stopped: `stopped` returned True; the scores so far are stored.
        WorkbenchError: the evaluator has changed since the experiment was read.
    """
    arguments = [_arguments(evaluator, row) for row in rows]
    keys = [score_key(evaluator, row_arguments) for row_arguments in arguments]
    scores = store.scores(set(keys)) if evaluator.traits.cache else {}
    missing = {key: n for n, key in enumerate(keys) if key not in scores}
    with shared_pool() as pool:
        if evaluator.spec:
            judged = pool.judge(evaluator, [arguments[n] for n in missing.values()], stopped)
        else:
            judged = _judge_here(evaluator, [rows[n] for n in missing.values()], stopped)
        scores |= _store_scores(evaluator, zip(missing, judged, strict=True), store)
    return [scores[key] for key in keys]


def score_column(
    evaluator: Evaluator,
    rows: Sequence[Row],
    clusters: Sequence[int],
    store: Store,
    *,
    stopped: StopCheck = not_stopped,
) -> ColumnScore:
    """The score of a variant's answers by a metric that has no value of a row, stored once.

    `clusters` has the cluster of each answer. Raises as `score_cells` does.
    """
    arguments = [_arguments(evaluator, row) for row in rows]
    key = digest([evaluator.digest, version("mlflow"), arguments, list(clusters)])
    stored = store.scores({key})
    if key in stored:
        return ColumnScore.from_score(stored[key])
    if stopped():
        raise Stopped
    with shared_pool() as pool:
        column_score = pool.measure(evaluator, arguments, clusters, stopped)
    redact = store.redactor.redact
    unread = {position: redact(reason) for position, reason in column_score.unread.items()}
    column_score = replace(column_score, unread=unread, error=redact(column_score.error))
    if not column_score.error:
        store.save_scores(evaluator, {key: column_score.as_score()})
    return column_score


def stored_scores(
    evaluators: Sequence[Evaluator], rows: Sequence[Row], store: Store
) -> list[dict[str, Score]]:
    """The stored scores of each row by evaluator; nothing is judged."""
    by_row: list[dict[str, Score]] = [{} for _ in rows]
    finished = [number for number, row in enumerate(rows) if row.scored]
    for evaluator in evaluators:
        if evaluator.traits.cache and not evaluator.traits.by_column:
            keys = [score_key(evaluator, _arguments(evaluator, rows[n])) for n in finished]
            scores = store.scores(set(keys))
            for number, key in zip(finished, keys, strict=True):
                if key in scores:
                    by_row[number][evaluator.name] = scores[key]
    return by_row


def _store_scores(
    evaluator: Evaluator, judged: Iterable[tuple[str, Score]], store: Store
) -> dict[str, Score]:
    """The scores by key, without secrets; they are stored however the judging ends."""
    redact = store.redactor.redact
    scores: dict[str, Score] = {}
    unsaved: dict[str, Score] = {}
    saved_at = time.monotonic()
    try:
        for key, score in judged:
            value = redact(score.value) if isinstance(score.value, str) else score.value
            texts = (
                redact(text) for text in (score.reason, score.label, score.error, score.parsed)
            )
            scores[key] = Score(value, *texts)
            if evaluator.traits.cache and not score.error:
                unsaved[key] = scores[key]
            late = time.monotonic() - saved_at > COMMIT_INTERVAL_S
            if late or len(unsaved) >= COMMIT_SIZE:
                store.save_scores(evaluator, unsaved)
                unsaved, saved_at = {}, time.monotonic()
    finally:
        store.save_scores(evaluator, unsaved)
    return scores


def _judge_here(evaluator: Evaluator, rows: Sequence[Row], stopped: StopCheck) -> Iterator[Score]:
    """Scores of an evaluator made of a function, which no other process can import."""
    for row in rows:
        if stopped():
            raise Stopped
        assert row.completion
        yield evaluator.score(
            inputs=row.cell.example.inputs,
            expectations=row.cell.example.expectations,
            completion=row.completion,
        )


def _arguments(evaluator: Evaluator, row: Row) -> dict[str, JSON]:
    """The data arguments of the evaluator, as JSON."""
    assert row.completion
    example = row.cell.example
    arguments = {
        "inputs": example.inputs,
        "outputs": row.completion.text,
        "expectations": example.expectations,
    }
    if "completion" in evaluator.arguments:
        arguments["completion"] = completion_json(row.completion)
    return {name: arguments[name] for name in evaluator.arguments}
