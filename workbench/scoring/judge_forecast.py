"""Verdicts that a run may ask for, with their expected tokens and cost.

JudgeForecast("rubric", stored=150, requests=150, input_tokens=61_000, output_tokens=30_000, …)

A verdict depends on an answer, so its request is known once the answer is stored; before that, the
most there can be is one for each answer.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from workbench.judges.judge import Judge
from workbench.plan import Plan
from workbench.plan.forecast import ANSWER_BYTES, BYTES_PER_TOKEN
from workbench.project import Price
from workbench.results.types import Row
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.cells import score_keys
from workbench.scoring.judged_scores import waiting_judges
from workbench.scoring.scored_rows import ScoredRows
from workbench.store import Store

REASON_TOKENS = 100  # of a verdict with its reason
SAMPLE = 50  # rows whose length is measured


@dataclass(frozen=True)
class JudgeForecast:
    """The verdicts of one judge.

    Attributes:
        stored: answers whose verdict is stored, or that a check settles.
        requests: the most that may be sent.
        input_tokens: expected for all of them.
        output_tokens: the most, by the judge's parameters; expected, where these set no limit.
        high: cost, in the project's currency; None without a price.
    """

    name: str
    models: tuple[str, ...]
    stored: int
    requests: int
    input_tokens: int
    output_tokens: int
    high: float | None


def forecast_judges(plan: Plan, store: Store, prices: Mapping[str, Price]) -> list[JudgeForecast]:
    """One forecast per judge, in the order of the evaluators."""
    judges = plan.experiment.judges
    evaluators = [e for e in plan.experiment.evaluators if e.name in judges]
    unjudged: dict[str, set[str]] = {e.name: set() for e in evaluators}
    unjudged_rows, answered, lengths = Counter[str](), 0, list[int]()
    for rows in _stored_rows(plan, store) if evaluators else ():
        answered += len(rows)
        lengths += [len(row.completion.text) for row in rows[:SAMPLE] if row.completion]
        waiting = [waiting_judges(evaluators, row.scores) for row in rows]
        keys = score_keys(evaluators, rows)
        for name in unjudged:
            new = [key for key, names in zip(keys[name], waiting, strict=True) if name in names]
            unjudged_rows[name] += len(new)
            unjudged[name].update(new)
    row_bytes = _row_bytes(plan) + (fmean(lengths) if lengths else ANSWER_BYTES)
    to_come = plan.planned - answered
    return [
        _forecast(
            judges[name],
            answers=len(keys) + to_come,
            stored=answered - unjudged_rows[name],
            row_bytes=row_bytes,
            prices=prices,
        )
        for name, keys in unjudged.items()
    ]


def _forecast(
    judge: Judge, *, answers: int, stored: int, row_bytes: float, prices: Mapping[str, Price]
) -> JudgeForecast:
    """The forecast of verdicts on so many answers."""
    each = answers * judge.samples * (2 if judge.pairwise else 1)  # requests to each model
    request_bytes = len(judge.prompt.source) + row_bytes
    input_tokens = round(request_bytes / BYTES_PER_TOKEN)
    limit = judge.parameters.get("max_tokens")
    output_tokens = limit if isinstance(limit, int) else REASON_TOKENS
    costs: list[float] = []
    for model in judge.models:
        price = prices.get(model.model.ref)
        if price:
            costs.append(price.cost(each * input_tokens, each * output_tokens))
    requests = each * len(judge.models)
    return JudgeForecast(
        judge.name,
        tuple(model.model.ref for model in judge.models),
        stored,
        requests,
        requests * input_tokens,
        requests * output_tokens,
        sum(costs) if len(costs) == len(judge.models) else None,
    )


def _row_bytes(plan: Plan) -> float:
    """The mean length of a row's inputs and expectations as JSON."""
    rows = [[example.inputs, example.expectations] for example in plan.examples[:SAMPLE]]
    return fmean(len(json.dumps(row, default=dict)) for row in rows) if rows else 0.0


def _stored_rows(plan: Plan, store: Store) -> Iterator[Sequence[Row]]:
    """The stored answers of the plan with their stored scores, some at a time."""
    sent = {request.key for requests in plan.requests for request in requests}
    reader = AnswerReader(plan, store)
    scored = ScoredRows(plan, store, reader, [])
    for variant in range(len(plan.variants)):
        for rows in scored.stored(variant):
            yield [row for _, row in rows if row.scored and row.cell.key not in sent]
