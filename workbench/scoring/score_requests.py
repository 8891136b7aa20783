"""The makers of requests for the evaluators whose scores models give.

makers = score_requests(plan, renderer)
makers["polite"].make([JudgedAnswer("r1", …)])      [[JudgeRequest(…)]]
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from workbench.evaluator import Score
from workbench.judges.judge_requests import JudgedAnswer, JudgeRequests, ScoreRequest
from workbench.model import Completion
from workbench.model_scores.embedding_requests import EmbeddingRequests
from workbench.model_scores.embedding_score import EmbeddingSimilarity
from workbench.model_scores.expected_likelihood import ExpectedLikelihood
from workbench.plan import Plan
from workbench.prompt import Renderer
from workbench.scoring.likelihood_requests import LikelihoodRequests


class ScoreRequests(Protocol):
    """Makes the requests of one such evaluator, and scores from their replies."""

    def make(
        self, answers: Sequence[JudgedAnswer]
    ) -> Sequence[Sequence[ScoreRequest] | str | Score]:
        """The requests about each answer, the reason why none can be made, or a score without."""

    def score(self, requests: Sequence[Any], replies: Mapping[str, Completion]) -> Score:
        """The score of one answer by the replies to its requests, by their keys."""


def score_requests(plan: Plan, renderer: Renderer) -> dict[str, ScoreRequests]:
    """The maker of each of the plan's evaluators whose scores models give, by name."""
    makers: dict[str, ScoreRequests] = {}
    for name, scorer in plan.experiment.scorers.items():
        if isinstance(scorer, EmbeddingSimilarity):
            makers[name] = EmbeddingRequests(scorer)
        elif isinstance(scorer, ExpectedLikelihood):
            makers[name] = LikelihoodRequests(scorer, plan, renderer)
        else:
            makers[name] = JudgeRequests(scorer, renderer)
    return makers
