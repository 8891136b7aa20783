"""One score a row, each computed once and stored.

score_cells(evaluator, rows, store)     [Score(True), …]
score_rows(evaluators, rows, store)     the rows with their scores
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.canonical import JSON
from workbench.evaluator import Evaluator, Score
from workbench.results import Row
from workbench.store import Store, completion_json, score_key


def score_cells(evaluator: Evaluator, rows: Sequence[Row], store: Store) -> list[Score]:
    """One score a row, in order; those the store holds are not computed again.

    Args:
        evaluator: what judges.
        rows: rows with a finished answer.
        store: where scores are kept; one that went wrong is not.
    """
    data = [_data(row) for row in rows]
    keys = [score_key(evaluator, one) for one in data]
    known = store.scores(set(keys)) if evaluator.traits.cache else {}
    fresh: dict[str, Score] = {}
    scores: list[Score] = []
    for key, row in zip(keys, rows, strict=True):
        if key not in known:
            assert row.completion
            known[key] = fresh[key] = evaluator.judge(
                inputs=row.cell.example.inputs,
                expectations=row.cell.example.expectations,
                completion=row.completion,
            )
        scores.append(known[key])
    if evaluator.traits.cache:
        store.keep_scores(evaluator, {k: score for k, score in fresh.items() if not score.error})
    return scores


def score_rows(evaluators: Sequence[Evaluator], rows: Sequence[Row], store: Store) -> list[Row]:
    """The rows with their scores."""
    finished = [row for row in rows if row.state == "scored"]
    columns = {one.name: score_cells(one, finished, store) for one in evaluators}
    return with_scores(rows, columns)


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


def _data(row: Row) -> dict[str, JSON]:
    assert row.completion
    return {
        "inputs": row.cell.example.inputs,
        "outputs": row.completion.text,
        "expectations": row.cell.example.expectations,
        "completion": completion_json(row.completion),
    }
