"""The evaluator that asks a variant's own model how likely it finds the expected answer.

    ExpectedLikelihood("expected_likelihood", "perplexity", models=(OpenModel(…),))

Its models are those of the experiment that give log-likelihoods: local ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, get_args

from workbench.canonical import digest
from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator, Score, Traits
from workbench.model import Completion, OpenModel, PromptCall

KIND = "expected_likelihood"
FORMAT = 1  # of the requests and of the reading of their replies
ARGUMENTS = ("request", "expectations")
Measure = Literal["per_token", "log_likelihood", "perplexity", "bits_per_byte"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
LOWER_IS_BETTER = ("perplexity", "bits_per_byte")
TEXTS = ("a", "b")  # to see how a model takes choices
METHOD = "loglikelihood"


@dataclass(frozen=True)
class ExpectedLikelihood:
    """The likelihood of the expected answer behind the row's prompt.

    Attributes:
        name: of its metric.
        models: of the experiment that give log-likelihoods.
        delimiter: between a raw prompt and the answer; None: a space unless white space is there.
    """

    pairwise: ClassVar = False
    only_if: ClassVar = None

    name: str
    measure: Measure
    models: tuple[OpenModel, ...]
    delimiter: str | None = None

    def with_models(self, models: Sequence[OpenModel]) -> Self:
        """The same evaluator with these models in place of its own."""
        return replace(self, models=tuple(models))

    def can_ask(self, model: OpenModel) -> bool:
        """True if the model gives log-likelihoods."""
        return model.model.label in [each.model.label for each in self.models]

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator whose scores are these likelihoods."""
        return Evaluator(
            self.name,
            arguments=ARGUMENTS,
            traits=Traits(
                kind="number", higher_is_better=self.measure not in LOWER_IS_BETTER, judged=True
            ),
            digest=digest({KIND: FORMAT, "measure": self.measure, "delimiter": self.delimiter}),
            source=KIND,
            needs_expectations=True,
        )

    def score(self, reply: Completion) -> Score:
        """The score of the likeliest expected text in a reply."""
        likelihoods, tokens = reply.choice_scores, reply.choice_tokens
        if not reply.scored or not likelihoods or not tokens:
            return Score(error=f"no likelihood: {reply.error or reply.state}")
        values = {text: self._value(text, likelihoods[text], tokens[text]) for text in likelihoods}
        best = (min if self.measure in LOWER_IS_BETTER else max)(values, key=values.__getitem__)
        reason = f"log-likelihood of {best!r:.60}: {likelihoods[best]:.4g}, {tokens[best]} tokens"
        return Score(values[best], reason)

    def _value(self, text: str, log_likelihood: float, tokens: int) -> float:
        if self.measure == "log_likelihood":
            return log_likelihood
        if self.measure == "bits_per_byte":
            return -log_likelihood / (len(text.encode("utf-8", "replace")) * math.log(2))
        if self.measure == "per_token":
            return log_likelihood / tokens
        try:
            return math.exp(-log_likelihood / tokens)
        except OverflowError:
            return math.inf


def gives_likelihoods(model: OpenModel) -> bool:
    """True if a model answers choices by their log-likelihoods."""
    for conversation in (Conversation((Message("user", "?"),)), Conversation(text="?")):
        try:
            prepared = model.provider.prepare(PromptCall(conversation, choices=TEXTS))
        except WorkbenchError:
            continue
        if prepared.choice_method == METHOD:
            return True
    return False
