"""The requests that ask a variant's own model how likely it finds the expected answers.

    requests = LikelihoodRequests(likelihood, plan, renderer)
    requests.make([JudgedAnswer("r1", {"q": "…"}, "Rome.", {"expected_response": "Paris"})])
    [[ScoreRequest(OpenModel(…), Request(key, …))]]

A request has the row's prompt as it was sent, and the expected answers as its choices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators._expected import expected_texts
from workbench.judges.judge_requests import JudgedAnswer, ScoreRequest
from workbench.model import Completion, PromptCall
from workbench.model_scores.expected_likelihood import ExpectedLikelihood
from workbench.plan import Plan
from workbench.prompt import Renderer
from workbench.prompt.requests import RequestBuilder

NO_LIKELIHOODS = Score(reason="the model gives no log-likelihoods")
DELIMITER = " "  # as lm-evaluation-harness has it between a prompt and its target


class LikelihoodRequests:
    """Makes the requests of one such evaluator."""

    def __init__(self, likelihood: ExpectedLikelihood, plan: Plan, renderer: Renderer) -> None:
        self._likelihood, self._renderer = likelihood, renderer
        self._variants = plan.variants
        self._examples = {example.id: example for example in plan.examples}

    def make(self, answers: Sequence[JudgedAnswer]) -> list[list[ScoreRequest] | str | Score]:
        """The request about each answer, why none can be made, or a score without one."""
        calls = self._calls(answers)
        return [
            self._requests(answer, calls[answer.row_id, answer.variant])
            if self._likelihood.can_ask(self._variants[answer.variant].model)
            else NO_LIKELIHOODS
            for answer in answers
        ]

    def score(self, requests: Sequence[ScoreRequest], replies: Mapping[str, Completion]) -> Score:
        """The score of one answer by the reply to its request."""
        (each,) = requests
        return self._likelihood.score(replies[each.request.key])

    def _calls(self, answers: Sequence[JudgedAnswer]) -> dict[tuple[str, int], PromptCall]:
        """The prompt of each answer, by its row and variant; they rendered when planning."""
        by_variant: dict[int, dict[str, None]] = {}
        for answer in answers:
            by_variant.setdefault(answer.variant, {})[answer.row_id] = None
        return {
            (row, number): call
            for number, rows in by_variant.items()
            for row, call in zip(
                rows,
                self._variants[number].prompt.calls(
                    self._renderer, [self._examples[row].variables for row in rows], rows
                ),
                strict=True,
            )
        }

    def _requests(self, answer: JudgedAnswer, call: PromptCall) -> list[ScoreRequest] | str:
        variant = self._variants[answer.variant]
        if self._examples[answer.row_id].turn > 1:
            return "the likelihood of a later turn's answer is not asked for"
        try:
            expected = expected_texts(answer.expectations)
            model = variant.model
            builder = RequestBuilder(variant.prompt, model.model, model.provider, {})
            choices = tuple(dict.fromkeys(self._delimiter(call) + text for text in expected))
            prepared = builder.prepare(PromptCall(call.conversation, choices=choices))
        except WorkbenchError as error:
            return f"{error.message}; {error.fix}" if error.fix else error.message
        request = builder.request(prepared, {}, prefill=call.conversation.prefill)
        return [ScoreRequest(model, replace(request, purpose="judge", max_output_tokens=0))]

    def _delimiter(self, call: PromptCall) -> str:
        if self._likelihood.delimiter is not None:
            return self._likelihood.delimiter
        conversation = call.conversation
        begun = conversation.prefill if conversation.text is None else conversation.text
        return DELIMITER if begun and not begun[-1].isspace() else ""
