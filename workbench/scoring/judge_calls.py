"""The calls of judges and embedding models about stored answers, or why one is not made.

list(judge_calls(plan, store, renderer, rows=["r1"]))
[JudgeCall("polite", variant=0, row="r1", model="openai:judge", request=Request(key, …)), …]
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from workbench.evaluator import Score
from workbench.experiment.types import Scorer
from workbench.judges.judge_requests import JudgeRequest
from workbench.model import Request
from workbench.plan import Plan
from workbench.prompt import Renderer
from workbench.results.types import Row
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.judged_scores import UNPAIRED, settled_score
from workbench.scoring.judging import judged_answer
from workbench.scoring.score_requests import ScoreRequests, score_requests
from workbench.scoring.scored_rows import BATCH_SIZE, ScoredRows
from workbench.store import Store


@dataclass(frozen=True)
class JudgeCall:
    """A request to a judge about the answer to a row, or the reason why there is none.

    Attributes:
        variant: its number.
        repeat: of the answer.
        swapped: the baseline's answer stands first.
        reason: empty where there is a request.
    """

    judge: str
    variant: int
    row: str
    repeat: int
    model: str = ""
    swapped: bool = False
    request: Request | None = None
    reason: str = ""


def judge_calls(
    plan: Plan, store: Store, renderer: Renderer, *, rows: Collection[str] | None = None
) -> Iterator[JudgeCall]:
    """The calls of all judges about these rows, by variant, row and judge; None: all rows."""
    judges = plan.experiment.scorers
    makers = score_requests(plan, renderer)
    scored = ScoredRows(plan, store, AnswerReader(plan, store), [])
    for variant, cells in enumerate(plan.cells if judges else ()):
        numbers = [n for n, cell in enumerate(cells) if rows is None or cell.example.id in rows]
        for start in range(0, len(numbers), BATCH_SIZE):
            batch = numbers[start : start + BATCH_SIZE]
            answered = dict(scored.numbered(variant, batch))
            for number in batch:
                for name, judge in judges.items():
                    place = (name, variant, cells[number].example.id, cells[number].repeat)
                    yield from _calls(place, judge, makers[name], answered.get(number))


def _calls(
    place: tuple[str, int, str, int], judge: Scorer, maker: ScoreRequests, row: Row | None
) -> Iterator[JudgeCall]:
    if reason := _reason(judge, row):
        yield JudgeCall(*place, reason=reason)
        return
    assert row
    (requests,) = maker.make([judged_answer(row, place[1])])
    if isinstance(requests, str | Score):
        yield JudgeCall(*place, reason=requests if isinstance(requests, str) else requests.reason)
        return
    for each in requests:
        swapped = isinstance(each, JudgeRequest) and each.swapped
        yield JudgeCall(*place, each.model.model.ref, swapped, each.request)


def _reason(judge: Scorer, row: Row | None) -> str:
    """The reason why the judge is not asked about an answer; empty: it is."""
    if row is None:
        return "the answer is not stored yet"
    if not row.scored:
        return "the answer can't be scored"
    if judge.pairwise and row.baseline == UNPAIRED:
        return "the variant has no baseline"
    if judge.pairwise and row.baseline is None:
        return "the baseline's answer is not stored yet"
    if judge.pairwise and row.baseline and not row.baseline.scored:
        return "the baseline's answer can't be scored"
    only_if = judge.only_if
    if only_if and only_if.evaluator not in row.scores:
        return f"{only_if.evaluator} has not scored the answer yet"
    if only_if and settled_score(only_if.evaluator, only_if.outcome, scores=row.scores):
        score = row.scores[only_if.evaluator]
        outcome = score.label or str(score.value).lower()
        return f"{only_if.evaluator} is {outcome}, not {only_if.outcome}"
    return ""
