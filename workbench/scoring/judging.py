"""Judges and embedding models: their requests follow from an answer, and their replies are scores.

    judging.ask(1, rows)             the rows that need no verdict any more
    judging.receive(completions)     {1: [17, 18]}: the rows that have all their verdicts now

A score of equal texts is asked for once, however many rows and variants have them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from workbench.completing.follow_ups import FollowUps
from workbench.evaluator import Score
from workbench.evaluator.combination_order import combination_order
from workbench.judges.judge_requests import JudgedAnswer, ScoreRequest
from workbench.model import Completion
from workbench.plan import Plan
from workbench.prompt import Renderer
from workbench.results.types import Row
from workbench.scoring.answer_reader import NumberedRow
from workbench.scoring.cells import add_combined_scores
from workbench.scoring.judged_scores import UNJUDGED, waiting_judges
from workbench.scoring.row_arguments import score_keys
from workbench.scoring.score_requests import ScoreRequests, score_requests
from workbench.store import Store

Place = tuple[int, int]  # variant and row


@dataclass
class _Question:
    """A question to a judge about one answer.

    Attributes:
        judge: name of its evaluator.
        score_key: of the score that comes of it.
        missing: keys of the requests without a reply.
        places: the answers that it is about.
        error: the score, if it is an error.
    """

    judge: str
    maker: ScoreRequests
    score_key: str
    requests: Sequence[ScoreRequest] = ()
    replies: dict[str, Completion] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)
    error: Score | None = None

    def score(self) -> Score:
        """The score of all replies."""
        return self.maker.score(self.requests, self.replies)


class Judging:
    """The judges of one plan.

    Attributes:
        errors: of judges, by place and judge; the store doesn't keep them.
    """

    def __init__(self, plan: Plan, store: Store, renderer: Renderer, follow_ups: FollowUps) -> None:
        self.errors: dict[Place, dict[str, Score]] = {}
        self._store, self._follow_ups = store, follow_ups
        self._all = plan.experiment.evaluators
        self._evaluators = {e.name: e for e in self._all if e.traits.judged}
        self._makers = score_requests(plan, renderer)
        self._questions: dict[tuple[str, str], _Question] = {}
        self._by_request: dict[str, list[_Question]] = {}
        self._open: Counter[Place] = Counter()  # questions without all replies

    def ask(self, variant: int, rows: Sequence[NumberedRow]) -> list[NumberedRow]:
        """Ask about the answers; return the rows that have all their scores, with them."""
        evaluators = self._evaluators.values()
        waiting = {number: waiting_judges(evaluators, row.scores) for number, row in rows}
        keys: dict[str, dict[int, str]] = {name: {} for name in self._makers}
        for name in self._makers:
            unjudged = [(number, row) for number, row in rows if name in waiting[number]]
            if unjudged:
                keys[name] = self._ask(name, variant, unjudged)
        complete = [(number, row) for number, row in rows if not self._open[variant, number]]
        return self._with_scores(variant, complete, keys)

    def is_verdict(self, key: str) -> bool:
        """True for the key of a request that a question waits for."""
        return key in self._by_request

    def receive(self, completions: Iterable[Completion]) -> dict[int, list[int]]:
        """Take replies; return by variant the numbers of the rows that have all scores now."""
        answered: list[_Question] = []
        for completion in completions:
            for question in self._by_request.pop(completion.key, ()):
                question.replies[completion.key] = completion
                question.missing.discard(completion.key)
                if not question.missing:
                    answered.append(question)
        self._score(answered)
        return self._close(answered)

    def give_up(self) -> dict[int, list[int]]:
        """End all questions that wait; return the rows that waited for them, by variant."""
        questions = {id(q): q for waiting in self._by_request.values() for q in waiting}
        self._by_request.clear()
        for question in questions.values():
            self._fail(question, UNJUDGED)
        return self._close(list(questions.values()))

    def _ask(self, name: str, variant: int, rows: Sequence[NumberedRow]) -> dict[int, str]:
        """Ask one judge; return the key of each row's score."""
        keys = score_keys([self._evaluators[name]], [row for _, row in rows])[name]
        new: dict[str, Row] = {}
        for key, (_, row) in zip(keys, rows, strict=True):
            if (name, key) not in self._questions:
                new[key] = row
                self._questions[name, key] = _Question(name, self._makers[name], key)
        self._send(name, variant, new)
        for key, (number, _) in zip(keys, rows, strict=True):
            question = self._questions[name, key]
            if question.missing and (variant, number) not in question.places:
                self._open[variant, number] += 1
            question.places.add((variant, number))
        return dict(zip((number for number, _ in rows), keys, strict=True))

    def _send(self, name: str, variant: int, rows: Mapping[str, Row]) -> None:
        """Queue the requests of new questions whose replies are not stored."""
        questions = [self._questions[name, key] for key in rows]
        requests = self._makers[name].make([judged_answer(row, variant) for row in rows.values()])
        for question, each in zip(questions, requests, strict=True):
            if isinstance(each, str | Score):
                self._fail(question, Score(error=each) if isinstance(each, str) else each)
            else:
                question.requests = each
        by_key = {r.request.key: r for question in questions for r in question.requests}
        stored = self._store.completions(by_key)
        unsent = [r for key, r in by_key.items() if key not in stored]
        new = [r for r in unsent if r.request.key not in self._by_request]
        dropped = self._follow_ups.add((r.model, r.request) for r in new)
        refused, complete = {request.key for request in dropped}, list[_Question]()
        for question in questions:
            keys = {r.request.key for r in question.requests}
            question.replies = {key: stored[key] for key in keys & stored.keys()}
            if keys & refused:
                self._fail(question, UNJUDGED)
                continue
            question.missing = keys - stored.keys()
            for key in question.missing:
                self._by_request.setdefault(key, []).append(question)
            if keys and not question.missing:
                complete.append(question)
        self._score(complete)

    def _score(self, questions: Sequence[_Question]) -> None:
        """Turn the replies of questions into scores, which the store keeps."""
        by_judge: dict[str, dict[str, Score]] = {}
        redact = self._store.redactor.redact
        for question in questions:
            score = question.score()
            score = replace(score, reason=redact(score.reason), error=redact(score.error))
            if score.error:
                self._fail(question, score)
            else:
                by_judge.setdefault(question.judge, {})[question.score_key] = score
            question.requests, question.replies = (), {}
        for name, scores in by_judge.items():
            self._store.save_scores(self._evaluators[name], scores)

    def _fail(self, question: _Question, score: Score) -> None:
        question.error, question.missing = score, set()
        for place in question.places:
            self.errors.setdefault(place, {})[question.judge] = score

    def _close(self, questions: Sequence[_Question]) -> dict[int, list[int]]:
        """The rows that wait for no question any more, by variant."""
        complete: dict[int, list[int]] = {}
        for question in questions:
            for variant, number in sorted(question.places):
                self._open[variant, number] -= 1
                if not self._open[variant, number]:
                    del self._open[variant, number]
                    complete.setdefault(variant, []).append(number)
        return complete

    def _with_scores(
        self,
        variant: int,
        rows: Sequence[NumberedRow],
        keys: Mapping[str, Mapping[int, str]],
    ) -> list[NumberedRow]:
        """The rows with the scores of their judges, which are stored or failed."""
        scores = {number: dict(row.scores) for number, row in rows}
        for name, key_of_row in keys.items():
            stored = self._store.scores({key_of_row[n] for n in scores if n in key_of_row})
            for number in scores.keys() & key_of_row.keys():
                key = key_of_row[number]
                error = self._questions[name, key].error
                scores[number][name] = error or stored.get(key, UNJUDGED)
                if error:
                    self.errors.setdefault((variant, number), {})[name] = error
        combined = combination_order(self._all)
        for number, row in rows:
            add_combined_scores(combined, scores[number], row)
        return [(n, replace(row, scores=scores[n])) for n, row in rows]


def judged_answer(row: Row, variant: int = 0) -> JudgedAnswer:
    """The answer of a row of a variant, to be judged."""
    example = row.cell.example
    assert row.completion
    baseline = row.baseline.text if row.baseline else ""
    text = row.completion.text
    return JudgedAnswer(example.id, example.inputs, text, example.expectations, baseline, variant)
