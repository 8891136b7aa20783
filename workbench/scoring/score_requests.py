"""The makers of requests for the evaluators whose scores models give.

makers = score_requests(experiment, renderer)
makers["polite"].make([JudgedAnswer("r1", …)])      [[JudgeRequest(…)]]
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from workbench.embeddings.embedding_requests import EmbeddingRequests
from workbench.evaluator import Score
from workbench.experiment import Experiment
from workbench.judges.judge import Judge
from workbench.judges.judge_requests import JudgedAnswer, JudgeRequests, ScoreRequest
from workbench.model import Completion
from workbench.prompt import Renderer


class ScoreRequests(Protocol):
    """Makes the requests of one such evaluator, and scores from their replies."""

    def make(self, answers: Sequence[JudgedAnswer]) -> Sequence[Sequence[ScoreRequest] | str]:
        """The requests of each answer; a text is the reason why it can't be scored."""

    def score(self, requests: Sequence[Any], replies: Mapping[str, Completion]) -> Score:
        """The score of one answer by the replies to its requests, by their keys."""


def score_requests(experiment: Experiment, renderer: Renderer) -> dict[str, ScoreRequests]:
    """The maker of each of the experiment's evaluators whose scores models give, by name."""
    return {
        name: JudgeRequests(each, renderer) if isinstance(each, Judge) else EmbeddingRequests(each)
        for name, each in experiment.scorers.items()
    }
