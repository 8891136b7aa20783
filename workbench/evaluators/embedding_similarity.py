"""Evaluator: similarity of meaning to the expected text, by an encoder on this machine.

- embedding_similarity
- embedding_similarity: {encoder: use-multilingual-v3}

With `model:` an API's embeddings are compared instead: workbench/model_scores.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from workbench.canonical import JSON
from workbench.catalog.encoders import find_encoder
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluators._encoders import embed_text
from workbench.evaluators._expected import expected_texts
from workbench.evaluators._sentence_embedding import most_similar


@evaluator(kind="number", range=(-1, 1))
def embedding_similarity(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    encoder: str = "all-minilm-l6-v2",
    sha256: str = "",  # noqa: ARG001  part of the score's key, see resolve_settings
) -> Score:
    """The cosine similarity of the answer's and the expected answer's embedding, -1 to 1.

    Rarely below 0 in practice. An opposite (`good`, `not good`) is similar, too: it measures the
    topic more than the truth. Of a list, the most similar entry counts. An empty answer has 0. The
    encoder runs on this machine, without a network; `workbench models add` fetches it. With
    `model: openai:text-embedding-3-small` in its place, an API is asked. Values are rounded to six
    decimals. Source: Reimers and Gurevych 2019, Sentence-BERT (arXiv:1908.10084).

    Args:
        outputs: the answer.
        expectations: `expected_response` is the expected text.
        encoder: a name in `workbench models list`.
        sha256: digest of the encoder's files; it is filled in.
    """
    return most_similar(outputs, expected_texts(expectations), partial(embed_text, encoder))


def resolve_settings(settings: Mapping[str, JSON], root: Path) -> Mapping[str, JSON]:  # noqa: ARG001
    """The settings with the digest of the encoder, so that others get other scores.

    Raises:
        WorkbenchError: there is no such encoder, or it is set to another digest.
    """
    name = settings.get("encoder", "all-minilm-l6-v2")
    if not isinstance(name, str):
        return settings
    sha256 = find_encoder(name).sha256
    if settings.get("sha256", sha256) != sha256:
        message = f"embedding_similarity: the encoder {name!r} has the digest {sha256}"
        raise WorkbenchError(message, fix="remove `sha256`")
    return {**settings, "sha256": sha256}


def check_settings(*, encoder: str = "all-minilm-l6-v2", **_settings: JSON) -> None:
    """Check that the encoder has been fetched; raises WorkbenchError if not."""
    find_encoder(encoder).check()


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError as the evaluator does."""
    expected_texts(expectations)
