"""Entries whose scores models give without being judges.

- embedding_similarity: {model: openai:text-embedding-3-small}
- embedding_similarity: {model: {openai:bge-m3: {base_url: "http://localhost:8000/v1"}}, name: near}
- expected_likelihood: {measure: perplexity}

Without a model, `embedding_similarity` is the evaluator whose encoder runs on this machine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON
from workbench.conversation import Conversation
from workbench.document import Document
from workbench.errors import WorkbenchError
from workbench.experiment.named_entries import check_reserved
from workbench.experiment.scoring_models import ScoringModels
from workbench.judges.entries import ModelEntry
from workbench.model import OpenModel, PromptCall
from workbench.model_scores import embedding_score, expected_likelihood
from workbench.model_scores.embedding_score import EmbeddingSimilarity
from workbench.model_scores.expected_likelihood import (
    MEASURES,
    ExpectedLikelihood,
    Measure,
    gives_likelihoods,
)
from workbench.parameters import check_parameters

# Settings of a model that embeds, by its provider, unless others are written.
EMBEDS: Mapping[str, Mapping[str, Any]] = {"openai": {"api": "embeddings"}}
LOCAL_FIX = "name an API's model, or a local encoder: - embedding_similarity: {encoder: …}"
ModelScore = EmbeddingSimilarity | ExpectedLikelihood


class EmbeddingEntry(BaseModel):
    """Settings of a similarity by an API's embeddings.

    Attributes:
        model: the model that embeds.
        dimensions: of each embedding, where the API can shorten them.
        name: of the metric.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    model: ModelEntry
    dimensions: Annotated[int | None, Field(ge=1)] = None
    name: str = ""


class LikelihoodEntry(BaseModel):
    """Settings of the likelihood of expected answers.

    Attributes:
        measure: of the expected answer's tokens: the mean or the sum of their log-likelihoods,
            their perplexity, or bits per byte.
        delimiter: between a raw prompt and the answer; None: a space unless white space is there.
        name: of the metric.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    measure: Measure = MEASURES[0]
    delimiter: str | None = None
    name: str = ""


def load_model_score(
    kind: str, settings: Mapping[str, JSON], root: Path, models: ScoringModels
) -> ModelScore | None:
    """The evaluator of an entry whose scores models give; None: it is another entry.

    Args:
        kind: of the entry.
        settings: of the entry.
        root: the project's folder.
        models: those of the experiment, and those that score.

    Raises:
        WorkbenchError: a setting or the model can't be used.
    """
    if kind == embedding_score.KIND and "model" in settings:
        return _load_similarity(settings, models)
    if kind == expected_likelihood.KIND:
        check_reserved(kind, root, "")
        return _load_likelihood(settings, models.answering)
    return None


def _load_similarity(settings: Mapping[str, JSON], models: ScoringModels) -> EmbeddingSimilarity:
    if "encoder" in settings:
        message = "`model` and `encoder` are both set"
        raise WorkbenchError(message, fix="keep one: an API's model, or an encoder on this machine")
    entry = Document("", dict(settings)).check(EmbeddingEntry)
    name = entry.model if isinstance(entry.model, str) else next(iter(entry.model), "")
    defaults = EMBEDS.get(name.partition(":")[0], {})
    model = models.find(entry.model, role="embeddings", defaults=defaults)
    check_parameters(model.model.parameters)
    if not getattr(model.provider, "embeds", False):
        fix = "`api: embeddings`, or leave `api` out" if defaults else LOCAL_FIX
        raise WorkbenchError(f"model: {name!r} gives no embeddings", fix=fix)
    model.provider.prepare(PromptCall(Conversation(text="?"), model.model.parameters))
    metric = entry.name or embedding_score.KIND
    return EmbeddingSimilarity(metric, model, entry.dimensions)


def _load_likelihood(
    settings: Mapping[str, JSON], models: Sequence[OpenModel]
) -> ExpectedLikelihood:
    entry = Document("", dict(settings)).check(LikelihoodEntry)
    able = tuple(filter(gives_likelihoods, models))
    if not able:
        listed = ", ".join(model.model.ref for model in models)
        raise WorkbenchError(
            f"no model of the experiment gives log-likelihoods: {listed}",
            fix="local models do: models: [transformers:…]; or leave this entry out",
        )
    name = entry.name or expected_likelihood.KIND
    return ExpectedLikelihood(name, entry.measure, able, entry.delimiter)
