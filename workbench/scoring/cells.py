"""One score per row and evaluator, each computed once and stored.

{"outputs": "Paris", "expectations": {"expected_response": "Paris"}}  ->  Score(True)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

from workbench.canonical import digest
from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.evaluator import Evaluator, Score
from workbench.evaluator.combination_order import combination_order
from workbench.results.column_score import ColumnScore
from workbench.results.types import Row
from workbench.scoring.judged_scores import judged_score, unreadable_pair
from workbench.scoring.pool import shared_pool
from workbench.scoring.row_arguments import (
    RowArguments,
    row_arguments,
    row_expectations,
    score_keys,
    sent_prompt,
)
from workbench.scoring.score_batches import EvaluatorRows
from workbench.scoring.score_writer import ScoreWriter
from workbench.store import Store

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
    arguments = RowArguments(finished)
    columns = [
        _Column.of(evaluator, finished, arguments, store)
        for evaluator in evaluators
        if evaluator.has_function
    ]
    with shared_pool() as pool, ScoreWriter(store) as writer:
        in_pool = [column for column in columns if column.evaluator.spec]
        unscored = [
            EvaluatorRows(
                column.evaluator,
                [arguments.text(column.evaluator, n) for n in column.missing.values()],
            )
            for column in in_pool
        ]
        for number, scores in pool.judge_columns(unscored, stopped):
            in_pool[number].add(scores, writer)
        for column in columns:
            if not column.evaluator.spec:
                unscored_rows = [finished[n] for n in column.missing.values()]
                for score in _judge_here(column.evaluator, unscored_rows, stopped):
                    column.add([score], writer)
    by_answer = [
        {column.evaluator.name: column.score(number) for column in columns}
        for number in range(len(finished))
    ]
    add_derived_scores(evaluators, finished, by_answer, store)
    scored = iter(by_answer)
    return [replace(row, scores=next(scored)) if row.scored else row for row in rows]


@dataclass(frozen=True)
class _Column:
    """The scores of rows by one evaluator.

    Attributes:
        excluded: by number, the scores of rows that the evaluator is not about.
        keys: of the rows' scores.
        missing: the keys without a stored score, and the number of a row of each, in order.
        scores: by key.
    """

    evaluator: Evaluator
    excluded: Mapping[int, Score]
    keys: Sequence[str]
    missing: Mapping[str, int]
    scores: dict[str, Score]
    _unanswered: Iterator[str]

    @classmethod
    def of(
        cls, evaluator: Evaluator, rows: Sequence[Row], arguments: RowArguments, store: Store
    ) -> "_Column":
        """The column with its stored scores."""
        keys = arguments.keys(evaluator)
        by_number = {n: _excluded(evaluator, row) for n, row in enumerate(rows)}
        excluded = {n: score for n, score in by_number.items() if score}
        covered = {key: n for n, key in enumerate(keys) if n not in excluded}
        scores = store.scores(covered) if evaluator.traits.cache else {}
        missing = {key: n for key, n in covered.items() if key not in scores}
        return cls(evaluator, excluded, keys, missing, scores, iter(missing))

    def add(self, scores: Sequence[Score], writer: ScoreWriter) -> None:
        """Take the next scores, without secrets; those without an error are stored."""
        redact, evaluator = writer.store.redactor.redact, self.evaluator
        new = {next(self._unanswered): _redacted(score, redact) for score in scores}
        self.scores.update(new)
        if evaluator.traits.cache:
            writer.add(evaluator, {key: score for key, score in new.items() if not score.error})

    def score(self, number: int) -> Score:
        """The score of a row."""
        return self.excluded.get(number) or self.scores[self.keys[number]]


def _redacted(score: Score, redact: Callable[[str], str]) -> Score:
    """The score without secrets."""
    texts = (score.reason, score.label, score.error, score.parsed)
    if not any(texts) and not isinstance(score.value, str):
        return score
    value = redact(score.value) if isinstance(score.value, str) else score.value
    return Score(value, *map(redact, texts))


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
    arguments = [row_arguments(evaluator, row) for row in rows]
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


def _judge_here(evaluator: Evaluator, rows: Sequence[Row], stopped: StopCheck) -> Iterator[Score]:
    """Scores of an evaluator made of a function, which no other process can import."""
    for row in rows:
        if stopped():
            raise Stopped
        assert row.completion
        yield evaluator.score(
            inputs=row.cell.example.inputs,
            expectations=row_expectations(evaluator, row),
            completion=row.completion,
            prompt=sent_prompt(row),
        )
