"""The requests for the embeddings of answers and expected texts, and the similarity in the replies.

    requests = EmbeddingRequests(similarity)
    requests.make([JudgedAnswer("r1", {}, "Paris.", {"expected_response": "Paris"})])
    [[EmbeddingRequest(text="Paris.", is_answer=True, …), EmbeddingRequest(text="Paris", …)]]

Each text is a request of its own, so equal texts of any rows are embedded once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.answers.embedding import read_vector
from workbench.canonical import JSON
from workbench.conversation import Conversation
from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators._expected import expected_texts
from workbench.evaluators._sentence_embedding import (
    SentenceEmbedding,
    encodable,
    most_similar,
    unit_vector,
)
from workbench.judges.judge_requests import JudgedAnswer, ScoreRequest
from workbench.model import Completion, PromptCall
from workbench.model_scores.embedding_score import EmbeddingSimilarity
from workbench.prompt import Prompt
from workbench.prompt.requests import RequestBuilder

_TEXT = Prompt("", "", "", "", "")  # an embedding has no prompt: the text is sent as it is


@dataclass(frozen=True)
class EmbeddingRequest(ScoreRequest):
    """A request for the embedding of one text.

    Attributes:
        is_answer: it is the answer; otherwise an expected text.
    """

    text: str
    is_answer: bool = False


class EmbeddingRequests:
    """Makes the requests of one similarity."""

    def __init__(self, similarity: EmbeddingSimilarity) -> None:
        self._model = model = similarity.model
        parameters = {**model.model.parameters}
        if similarity.dimensions is not None:
            parameters["dimensions"] = similarity.dimensions
        self._builder = RequestBuilder(_TEXT, model.model, model.provider, parameters)

    def make(self, answers: Sequence[JudgedAnswer]) -> list[list[EmbeddingRequest] | str]:
        """The requests of each answer; a text is the reason why it can't be compared."""
        return [self._requests(answer) for answer in answers]

    def score(
        self, requests: Sequence[EmbeddingRequest], replies: Mapping[str, Completion]
    ) -> Score:
        """The similarity of one answer to the nearest expected text."""
        embeddings: dict[str, SentenceEmbedding] = {}
        for each in requests:
            reply = replies[each.request.key]
            if not reply.scored:
                reason = reply.error or reply.state
                return Score(error=f"{each.text!r:.60} has no embedding: {reason}")
            try:
                embeddings[each.text] = _read_embedding(reply.text)
            except ValueError as error:
                return Score(error=f"{each.text!r:.60} has no embedding: {error}")
        if len({each.vector.shape for each in embeddings.values()}) > 1:
            return Score(error="the embeddings have different numbers of dimensions")
        answer = next((each.text for each in requests if each.is_answer), "")
        expected = [each.text for each in requests if not each.is_answer]
        return most_similar(answer, expected, embeddings.__getitem__)

    def request(self, text: str) -> EmbeddingRequest:
        """The request for the embedding of a text."""
        text = encodable(text)
        prepared = self._builder.prepare(PromptCall(Conversation(text=text)))
        request = self._builder.request(prepared, {})
        request = replace(request, purpose="judge", max_output_tokens=0)
        return EmbeddingRequest(self._model, request, text)

    def _requests(self, answer: JudgedAnswer) -> list[EmbeddingRequest] | str:
        try:
            expected = expected_texts(answer.expectations)
        except WorkbenchError as error:
            return f"{error.message}; {error.fix}"
        # No API embeds an empty text; such an answer is similar to nothing.
        answered = [answer.outputs] if answer.outputs.strip() else []
        return [
            *(replace(self.request(text), is_answer=True) for text in answered),
            *(self.request(text) for text in expected),
        ]


def expected_forms(expectations: Mapping[str, JSON]) -> set[str]:
    """The expected texts of a row that are embedded; none where it can't be compared."""
    try:
        return set(map(encodable, expected_texts(expectations)))
    except WorkbenchError:
        return set()


def _read_embedding(text: str) -> SentenceEmbedding:
    return SentenceEmbedding(unit_vector(np.array(read_vector(text), dtype=np.float64)))
