"""One score per row and evaluator, each computed once and stored.

{"outputs": "Paris", "expectations": {"expected_response": "Paris"}}  ->  Score(True)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version

from workbench.canonical import JSON, canonical_json, digest
from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.evaluator import Evaluator, Score
from workbench.evaluator.combination_order import combination_order
from workbench.results.column_score import ColumnScore
from workbench.results.types import Row
from workbench.scoring.judged_scores import judged_score, unreadable_pair
from workbench.scoring.pool import shared_pool
from workbench.scoring.score_writer import ScoreWriter
from workbench.store import Store, completion_json, score_key

JACKKNIFE = "jackknife 1"  # in the keys of metrics of all rows: how their intervals are computed


def score_rows(
    evaluators: Sequence[Evaluator],
    rows: Sequence[Row],
    store: Store,
    *,
    stopped: StopCheck = not_stopped,
) -> list[Row]:
    """The rows with their scores; those in the store are not computed again.

    The store takes the scores as they come, except errors.

    Raises:
        Stopped: `stopped` returned True; the scores so far are stored.
        WorkbenchError: an evaluator has changed since the experiment was read.
    """
    finished = [row for row in rows if row.scored]
    by_row = [evaluator for evaluator in evaluators if evaluator.has_function]
    keys = score_keys(by_row, finished)
    with shared_pool(), ScoreWriter(store) as writer:
        columns = {
            e.name: _score_covered(e, finished, keys[e.name], writer, stopped=stopped)
            for e in by_row
        }
    by_answer: list[dict[str, Score]] = [{} for _ in finished]
    for name, scores in columns.items():
        for answer, score in zip(by_answer, scores, strict=True):
            answer[name] = score
    add_derived_scores(evaluators, finished, by_answer, store)
    scored = iter(by_answer)
    return [replace(row, scores=next(scored)) if row.scored else row for row in rows]


def add_derived_scores(
    evaluators: Sequence[Evaluator],
    rows: Sequence[Row],
    scores: Sequence[dict[str, Score]],
    store: Store,
) -> None:
    """Add to the scores of rows with an answer those of judges, and those made of others.

    They are in the order of the evaluators.
    """
    for evaluator in (each for each in evaluators if each.traits.judged):
        readable = [n for n, row in enumerate(rows) if not unreadable_pair(evaluator, row)]
        keys = score_keys([evaluator], [rows[n] for n in readable])[evaluator.name]
        stored = store.scores(set(keys))
        by_row = {n: stored.get(key) for n, key in zip(readable, keys, strict=True)}
        for number, by_name in enumerate(scores):
            score = unreadable_pair(evaluator, rows[number]) or by_row[number]
            by_name[evaluator.name] = judged_score(evaluator, by_name, score)
    if not all(evaluator.has_function for evaluator in evaluators):
        combined = combination_order(evaluators)
        for row, by_name in zip(rows, scores, strict=True):
            add_combined_scores(combined, by_name, row)
            ordered = {e.name: by_name[e.name] for e in evaluators if e.name in by_name}
            by_name.clear()
            by_name.update(ordered)


def add_combined_scores(
    evaluators: Sequence[Evaluator], scores: dict[str, Score], row: Row
) -> None:
    """Add to a row's scores those that these evaluators, in their order, make of others."""
    for evaluator in evaluators:
        if evaluator.combination:
            combined = evaluator.combination.score(scores)
            scores[evaluator.name] = _excluded(evaluator, row) or combined


def _excluded(evaluator: Evaluator, row: Row) -> Score | None:
    """The score of a row that the evaluator is not about; None: it is about it."""
    coverage = evaluator.coverage
    if coverage is None or coverage.includes(row.cell.example.columns()):
        return None
    return coverage.excluded


def _score_covered(
    evaluator: Evaluator,
    rows: Sequence[Row],
    keys: Sequence[str],
    writer: ScoreWriter,
    *,
    stopped: StopCheck,
) -> list[Score]:
    """The score of each row, computed where the evaluator is about it."""
    if evaluator.coverage is None:
        return _score_keyed(evaluator, rows, keys, writer, stopped=stopped)
    excluded = [_excluded(evaluator, row) for row in rows]
    covered = [n for n, score in enumerate(excluded) if score is None]
    covered_keys = [keys[n] for n in covered]
    covered_rows = [rows[n] for n in covered]
    scores = iter(_score_keyed(evaluator, covered_rows, covered_keys, writer, stopped=stopped))
    return [next(scores) if score is None else score for score in excluded]


def _score_keyed(
    evaluator: Evaluator,
    rows: Sequence[Row],
    keys: Sequence[str],
    writer: ScoreWriter,
    *,
    stopped: StopCheck,
) -> list[Score]:
    scores = writer.store.scores(set(keys)) if evaluator.traits.cache else {}
    missing = {key: rows[n] for n, key in enumerate(keys) if key not in scores}
    if missing:
        unscored = list(missing.values())
        with shared_pool() as pool:
            if evaluator.spec:
                arguments = [_arguments(evaluator, row) for row in unscored]
                judged = pool.judge(evaluator, arguments, stopped)
            else:
                judged = _judge_here(evaluator, unscored, stopped)
            scores |= _redacted_scores(evaluator, zip(missing, judged, strict=True), writer)
    return [scores[key] for key in keys]


def score_keys(evaluators: Sequence[Evaluator], rows: Sequence[Row]) -> dict[str, list[str]]:
    """The keys of the scores of rows with an answer, by evaluator.

    Evaluators that declare the same data share its JSON.
    """
    texts: dict[tuple[str, ...], list[str]] = {}
    by_evaluator: dict[str, list[str]] = {}
    for evaluator in evaluators:
        column = evaluator.coverage.expected_column if evaluator.coverage else ""
        read = (*evaluator.arguments, column)
        if read not in texts:
            arguments = (_arguments(evaluator, row) for row in rows)
            texts[read] = [canonical_json(each) for each in arguments]
        by_evaluator[evaluator.name] = [score_key(evaluator, text) for text in texts[read]]
    return by_evaluator


def score_column(
    evaluator: Evaluator,
    rows: Sequence[Row],
    groups: Sequence[int],
    store: Store,
    *,
    stopped: StopCheck = not_stopped,
) -> ColumnScore:
    """The score of a variant's answers by a metric that has no value of a row, stored once.

    `groups` has the group of each answer. Raises as `score_rows` does.
    """
    arguments = [_arguments(evaluator, row) for row in rows]
    key = digest([evaluator.digest, version("mlflow"), arguments, list(groups), JACKKNIFE])
    stored = store.scores({key})
    if key in stored:
        return ColumnScore.from_score(stored[key])
    if stopped():
        raise Stopped
    with shared_pool() as pool:
        column_score = pool.measure(evaluator, arguments, groups, stopped)
    redact = store.redactor.redact
    unread = {position: redact(reason) for position, reason in column_score.unread.items()}
    reason, error = redact(column_score.reason), redact(column_score.error)
    column_score = replace(column_score, unread=unread, reason=reason, error=error)
    if not column_score.error:
        store.save_scores(evaluator, {key: column_score.as_score()})
    return column_score


def stored_scores(
    evaluators: Sequence[Evaluator], rows: Sequence[Row], store: Store
) -> list[dict[str, Score]]:
    """The stored scores of each row by evaluator; nothing is judged."""
    by_row: list[dict[str, Score]] = [{} for _ in rows]
    finished = [number for number, row in enumerate(rows) if row.scored]
    stored = [e for e in evaluators if e.traits.cache and e.has_function]
    keys = score_keys(stored, [rows[number] for number in finished])
    for evaluator in stored:
        scores = store.scores(set(keys[evaluator.name]))
        for number, key in zip(finished, keys[evaluator.name], strict=True):
            score = _excluded(evaluator, rows[number]) or scores.get(key)
            if score is not None:
                by_row[number][evaluator.name] = score
    answered = [rows[number] for number in finished]
    add_derived_scores(evaluators, answered, [by_row[number] for number in finished], store)
    return by_row


def _redacted_scores(
    evaluator: Evaluator, judged: Iterable[tuple[str, Score]], writer: ScoreWriter
) -> dict[str, Score]:
    """The scores by key, without secrets; those without an error are stored as they come."""
    redact = writer.store.redactor.redact
    scores: dict[str, Score] = {}
    for key, score in judged:
        value = redact(score.value) if isinstance(score.value, str) else score.value
        texts = (redact(text) for text in (score.reason, score.label, score.error, score.parsed))
        scores[key] = Score(value, *texts)
        if evaluator.traits.cache and not score.error:
            writer.add(evaluator, {key: scores[key]})
    return scores


def _judge_here(evaluator: Evaluator, rows: Sequence[Row], stopped: StopCheck) -> Iterator[Score]:
    """Scores of an evaluator made of a function, which no other process can import."""
    for row in rows:
        if stopped():
            raise Stopped
        assert row.completion
        yield evaluator.score(
            inputs=row.cell.example.inputs,
            expectations=_expectations(evaluator, row),
            completion=row.completion,
            prompt=_prompt(row),
        )


def _arguments(evaluator: Evaluator, row: Row) -> dict[str, JSON]:
    """The data arguments of the evaluator, as JSON."""
    assert row.completion
    names, example, arguments = evaluator.arguments, row.cell.example, dict[str, JSON]()
    if "inputs" in names:
        arguments["inputs"] = example.inputs
    if "outputs" in names:
        arguments["outputs"] = row.completion.text
    if "expectations" in names:
        arguments["expectations"] = _expectations(evaluator, row)
    if "baseline" in names:
        assert row.baseline
        arguments["baseline"] = row.baseline.text
    if "completion" in names:
        arguments["completion"] = completion_json(row.completion)
    if "prompt" in names:
        arguments["prompt"] = _prompt(row)
    if "request" in names:  # of a score that depends on prompt and model, not on the answer
        arguments["request"] = row.cell.key
    return arguments


def _expectations(evaluator: Evaluator, row: Row) -> Mapping[str, JSON]:
    example = row.cell.example
    if evaluator.coverage is None:
        return example.expectations
    return evaluator.coverage.expectations(example.columns(), example.expectations)


def _prompt(row: Row) -> list[dict[str, JSON]]:
    """The messages as sent; a text without roles is one of the user."""
    return [{"role": each.role or "user", "content": each.text} for each in row.prompt]
