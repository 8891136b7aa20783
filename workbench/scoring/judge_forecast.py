"""Verdicts and embeddings that a run may ask for, with their expected tokens and cost.

JudgeForecast("rubric", stored=150, requests=150, input_tokens=61_000, output_tokens=30_000, …)

A verdict depends on an answer, so its request is known once the answer is stored; before that, the
most there can be is one for each answer.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean
from typing import Literal

from workbench.experiment.types import Scorer
from workbench.judges.judge import Judge
from workbench.judges.judge_requests import DIRECT, choice_method
from workbench.model import OpenModel
from workbench.model_scores.embedding_requests import expected_forms
from workbench.model_scores.embedding_score import EmbeddingSimilarity
from workbench.model_scores.expected_likelihood import ExpectedLikelihood
from workbench.plan import Plan, Variant
from workbench.plan.forecast import ANSWER_BYTES, BYTES_PER_TOKEN
from workbench.project import Price
from workbench.results.types import Row
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.judged_scores import waiting_judges
from workbench.scoring.row_arguments import score_keys
from workbench.scoring.scored_rows import ScoredRows
from workbench.store import Store

ForecastKind = Literal["judge", "embeddings", "likelihoods"]
SAMPLE = 50  # rows whose length is measured


@dataclass(frozen=True)
class JudgeForecast:
    """The requests of one judge, or of another evaluator whose scores models give.

    Attributes:
        kind: of its requests.
        stored: answers whose score is stored, or that a check settles.
        requests: the most that may be sent.
        input_tokens: expected for all of them.
        output_tokens: the most, by the judge's parameters; None: these set no limit.
        low, high: cost in the project's currency: expected, and with the longest replies; None
            where it is unknown.
    """

    kind: ForecastKind
    name: str
    models: tuple[str, ...]
    stored: int
    requests: int
    input_tokens: int
    output_tokens: int | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class _ModelForecast:
    """The requests of one judge to one of its models, as in `JudgeForecast`."""

    input_tokens: int
    output_tokens: int | None
    low: float | None
    high: float | None


def forecast_judges(plan: Plan, store: Store, prices: Mapping[str, Price]) -> list[JudgeForecast]:
    """One forecast per judge, in the order of the evaluators."""
    judges = plan.experiment.scorers
    evaluators = [e for e in plan.experiment.evaluators if e.name in judges]
    unjudged: dict[str, set[str]] = {e.name: set() for e in evaluators}
    stored, ready_rows, lengths = Counter[str](), Counter[str](), list[int]()
    paired = {number for number, base in enumerate(plan.baselines) if base is not None}
    for variant, rows in _stored_rows(plan, store) if evaluators else ():
        lengths += [len(row.completion.text) for row in rows[:SAMPLE] if row.completion]
        for evaluator in evaluators:
            name, is_pair = evaluator.name, judges[evaluator.name].pairwise
            if not _is_judged(judges[name], plan.variants[variant], is_paired=variant in paired):
                continue
            ready = [row for row in rows if row.baseline or not is_pair]
            waiting = [row for row in ready if waiting_judges([evaluator], row.scores)]
            unjudged[name].update(score_keys([evaluator], waiting)[name])
            stored[name] += len(ready) - len(waiting)
            ready_rows[name] += len(ready)
    answer_bytes = fmean(lengths) if lengths else ANSWER_BYTES
    forecasts = []
    for name, keys in unjudged.items():
        judge = judges[name]
        judged = [
            n for n, v in enumerate(plan.variants) if _is_judged(judge, v, is_paired=n in paired)
        ]
        planned = sum(len(plan.cells[variant]) for variant in judged)
        answers = len(keys) + planned - ready_rows[name]
        size = _size(judge, answers, answer_bytes, plan)
        forecasts.append(_forecast(judge, size, stored[name], (store, prices)))
    return forecasts


def _is_judged(judge: Scorer, variant: Variant, *, is_paired: bool) -> bool:
    """True if the judge is asked about a variant's answers."""
    if isinstance(judge, ExpectedLikelihood):
        return judge.can_ask(variant.model)
    return is_paired or not judge.pairwise


def _size(judge: Scorer, answers: int, answer_bytes: float, plan: Plan) -> tuple[int, float]:
    """The requests about so many answers to each model, and their bytes in all."""
    if isinstance(judge, Judge):
        requests = answers * judge.samples * (2 if judge.pairwise else 1)
        return requests, requests * (len(judge.prompt.source) + _row_bytes(plan) + answer_bytes)
    if isinstance(judge, ExpectedLikelihood):
        return answers, answers * _row_bytes(plan)
    if not answers:
        return 0, 0.0
    # Each answer, and each expected text once.
    texts = set().union(*(expected_forms(example.expectations) for example in plan.examples))
    return answers + len(texts), answers * answer_bytes + sum(map(len, texts))


def _forecast(
    judge: Scorer,
    size: tuple[int, float],
    stored: int,
    sources: tuple[Store, Mapping[str, Price]],
) -> JudgeForecast:
    """The forecast of so many requests to each model, with so many bytes in all."""
    by_answerer = isinstance(judge, ExpectedLikelihood)  # the model of the answer, local
    models = judge.models[:1] if by_answerer else judge.models
    forecasts = [_forecast_model(judge, model, size, sources) for model in models]
    limits = [forecast.output_tokens for forecast in forecasts]
    return JudgeForecast(
        _kind(judge),
        judge.name,
        tuple(model.model.ref for model in judge.models),
        stored,
        size[0] * len(models),
        sum(forecast.input_tokens for forecast in forecasts),
        sum(n for n in limits if n is not None) if None not in limits else None,
        _sum([forecast.low for forecast in forecasts]),
        _sum([forecast.high for forecast in forecasts]),
    )


def _kind(judge: Scorer) -> ForecastKind:
    if isinstance(judge, Judge):
        return "judge"
    return "embeddings" if isinstance(judge, EmbeddingSimilarity) else "likelihoods"


def _forecast_model(
    judge: Scorer,
    model: OpenModel,
    size: tuple[int, float],
    sources: tuple[Store, Mapping[str, Price]],
) -> _ModelForecast:
    """As the forecast of answers: by the model's history and price, and by its limit."""
    (requests, size_bytes), (store, prices) = size, sources
    history, price = store.history(model.model.ref), prices.get(model.model.ref)
    input_tokens = round(size_bytes * (history.input_per_byte or 1 / BYTES_PER_TOKEN))
    limit = _most_output(judge, model)
    expected = history.output_tokens
    if limit is not None and expected is not None:
        expected = min(expected, limit)
    expected = 0 if limit == 0 else expected
    most = None if limit is None else requests * limit
    low = high = None
    if not model.provider.billed:
        low = high = 0.0
    elif price:
        if expected is not None:
            low = price.cost(input_tokens, round(requests * expected), calls=requests)
        if most is not None or not price.output:
            high = price.cost(input_tokens, most or 0, calls=requests)
    return _ModelForecast(input_tokens, most, low, high)


def _most_output(judge: Scorer, model: OpenModel) -> int | None:
    """The most tokens of a reply: none by log-likelihood, a choice's where it is nothing else."""
    if not isinstance(judge, Judge):
        return 0
    method = choice_method(judge, model)
    if method == "loglikelihood":
        return 0
    names = ("max_tokens", "max_completion_tokens")
    values = [judge.parameters.get(name) for name in names]
    limit = max((value for value in values if isinstance(value, int)), default=None)
    if method in DIRECT:
        choice = ceil(max(map(len, judge.choices)) / BYTES_PER_TOKEN)
        return choice if limit is None else min(limit, choice)
    return limit


def _sum(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return sum(numbers) if len(numbers) == len(values) else None


def _row_bytes(plan: Plan) -> float:
    """The mean length of a row's inputs and expectations as JSON."""
    rows = [[example.inputs, example.expectations] for example in plan.examples[:SAMPLE]]
    return fmean(len(json.dumps(row, default=dict)) for row in rows) if rows else 0.0


def _stored_rows(plan: Plan, store: Store) -> Iterator[tuple[int, Sequence[Row]]]:
    """The stored answers of each variant with their stored scores, some at a time."""
    sent = {request.key for requests in plan.requests for request in requests}
    reader = AnswerReader(plan, store)
    scored = ScoredRows(plan, store, reader, [])
    for variant in range(len(plan.variants)):
        for rows in scored.stored(variant):
            yield variant, [row for _, row in rows if row.scored and row.cell.key not in sent]
