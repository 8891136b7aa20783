"""Encoders of the catalogue, loaded once in a process.

embed_text("all-minilm-l6-v2", "Good morning!")     SentenceEmbedding(vector=array([0.02, …]))
"""

from functools import cache, lru_cache
from typing import Protocol

from threadpoolctl import ThreadpoolController

from workbench.catalog.encoders import find_encoder
from workbench.evaluators._sentence_embedding import SentenceEmbedding

MOST_CACHED = 1_000  # texts: expected answers, which come once for each variant
LONGEST_CACHED = 10_000  # characters


class Encoder(Protocol):
    """A network with its weights."""

    def embed(self, text: str) -> SentenceEmbedding:
        """The embedding of a text; raises TextTooLongError if that would take too long."""
        ...


def embed_text(encoder: str, text: str) -> SentenceEmbedding:
    """The embedding of a text by an encoder of the catalogue.

    Raises:
        WorkbenchError: there is no such encoder, or it has not been fetched.
        TextTooLongError: it would take too long.
    """
    embed = _embed if len(text) > LONGEST_CACHED else _embed_once
    return embed(encoder, text)


def _embed(encoder: str, text: str) -> SentenceEmbedding:
    network = _load(encoder)
    with _blas().limit(limits=1, user_api="blas"):
        return network.embed(text)


_embed_once = lru_cache(maxsize=MOST_CACHED)(_embed)


@cache
def _blas() -> ThreadpoolController:
    """Threads of numpy: one is as fast for a text, waits for no busy core, and rounds alike."""
    return ThreadpoolController()


@cache
def _load(name: str) -> Encoder:
    entry = find_encoder(name)
    entry.check()
    if entry.network == "bert":  # imported here: each takes half a second
        from workbench.evaluators._bert_encoder import BertEncoder

        return BertEncoder(entry.folder)
    from workbench.evaluators._convolutional_encoder import UniversalEncoder

    return UniversalEncoder(entry.folder)
