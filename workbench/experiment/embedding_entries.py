"""An entry `embedding_similarity` with a model, whose `/embeddings` endpoint is asked.

- embedding_similarity: {model: openai:text-embedding-3-small}
- embedding_similarity: {model: {openai:bge-m3: {base_url: "http://localhost:8000/v1"}}, name: near}

Without a model it is the evaluator of that name, whose encoder runs on this machine.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON
from workbench.conversation import Conversation
from workbench.document import Document
from workbench.embeddings.similarity import KIND, EmbeddingSimilarity
from workbench.errors import WorkbenchError
from workbench.experiment.scoring_models import scoring_model
from workbench.judges.entries import ModelEntry
from workbench.model import OpenModel, PromptCall
from workbench.parameters import check_parameters

EMBEDS: Mapping[str, Any] = {"api": "embeddings"}  # the model's setting, unless it is written
LOCAL_FIX = "name an API's model, or a local encoder: - embedding_similarity: {encoder: …}"


class EmbeddingEntry(BaseModel):
    """Settings of a similarity by an API's embeddings."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: ModelEntry
    dimensions: Annotated[int | None, Field(ge=1)] = None
    name: str = ""


def is_by_model(kind: str, settings: Mapping[str, JSON]) -> bool:
    """True for an entry whose embeddings are requested from a model."""
    return kind == KIND and "model" in settings


def load_similarity(
    settings: Mapping[str, JSON], models: Sequence[OpenModel]
) -> EmbeddingSimilarity:
    """The similarity of an entry; `models` are those of the experiment.

    Raises:
        WorkbenchError: a setting or the model can't be used.
    """
    if "encoder" in settings:
        message = "`model` and `encoder` are both set"
        raise WorkbenchError(message, fix="keep one: an API's model, or an encoder on this machine")
    entry = Document("", dict(settings)).check(EmbeddingEntry)
    name = entry.model if isinstance(entry.model, str) else next(iter(entry.model), "")
    if name.partition(":")[0] != "openai":
        raise WorkbenchError(f"model: {name!r} gives no embeddings", fix=LOCAL_FIX)
    model = scoring_model(entry.model, models, role="embeddings", defaults=EMBEDS)
    check_parameters(model.model.parameters)
    if not getattr(model.provider, "embeds", False):
        message = f"model: {name!r} is set to another API, and gives no embeddings"
        raise WorkbenchError(message, fix="`api: embeddings`, or leave `api` out")
    model.provider.prepare(PromptCall(Conversation(text="?"), model.model.parameters))
    return EmbeddingSimilarity(entry.name or KIND, model, entry.dimensions)
