"""The evaluator that compares an answer with the expected text by the embeddings of an API.

    EmbeddingSimilarity("embedding_similarity", OpenModel(…))

Its scores are those of an evaluator whose vectors are requested from a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from workbench.canonical import digest
from workbench.evaluator import Evaluator, Traits
from workbench.model import OpenModel

KIND = "embedding_similarity"
FORMAT = 1  # of the requests and of the reading of their replies
ARGUMENTS = ("outputs", "expectations")
RANGE = (-1.0, 1.0)  # of a cosine


@dataclass(frozen=True)
class EmbeddingSimilarity:
    """A similarity of meaning by one model of an API.

    Attributes:
        name: of its metric.
        model: that embeds texts.
        dimensions: numbers of a vector; None: as many as the model has.
    """

    pairwise: ClassVar = False
    only_if: ClassVar = None

    name: str
    model: OpenModel
    dimensions: int | None = None

    @property
    def models(self) -> tuple[OpenModel, ...]:
        """The one model, as a judge has several."""
        return (self.model,)

    def with_models(self, models: Sequence[OpenModel]) -> Self:
        """The same similarity with this model in place of its own."""
        return replace(self, model=models[0])

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator whose scores are its similarities."""
        model, provider = self.model.model, self.model.provider
        identity = [model.ref, dict(provider.identity), dict(model.parameters), self.dimensions]
        return Evaluator(
            self.name,
            arguments=ARGUMENTS,
            traits=Traits(range=RANGE, judged=True),
            digest=digest({KIND: FORMAT, "model": identity}),
            source=f"{KIND} by {model.ref}",
            needs_expectations=True,
        )
