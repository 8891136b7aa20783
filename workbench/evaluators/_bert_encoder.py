"""Sentence embeddings by a BERT model: the mean of its last vectors, with length 1.

BertEncoder(folder).embed("Good morning!")      SentenceEmbedding(vector=array([0.02, …]))

The network is that of Devlin et al. 2019 (arXiv:1810.04805), the mean and the length those of
Reimers and Gurevych 2019, Sentence-BERT (arXiv:1908.10084). Computed in numpy, it needs no torch.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from scipy.special import erf, softmax
from tokenizers import Tokenizer

from workbench.evaluators._sentence_embedding import FloatArray, SentenceEmbedding, unit_vector


class BertEncoder:
    """The encoder in a folder as sentence-transformers writes it."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        limits = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))
        self._heads: int = config["num_attention_heads"]
        self._layers: int = config["num_hidden_layers"]
        self._eps: float = config["layer_norm_eps"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(limits["max_seq_length"])
        weights = load_file(folder / "model.safetensors")
        self._words = weights.pop("embeddings.word_embeddings.weight")
        self._weights: dict[str, FloatArray] = {
            name: values.astype(np.float64) for name, values in weights.items()
        }

    def embed(self, text: str) -> SentenceEmbedding:
        """The embedding of a text; a note says if only its first tokens were read."""
        encoding = self._tokenizer.encode(text)
        tokens = encoding.ids
        note = f"only the first {len(tokens)} tokens are compared" if encoding.overflowing else ""
        vectors = self._words[tokens].astype(np.float64)
        vectors += self._weights["embeddings.position_embeddings.weight"][: len(tokens)]
        vectors += self._weights["embeddings.token_type_embeddings.weight"][0]
        vectors = self._normalized(vectors, "embeddings.LayerNorm")
        for number in range(self._layers):
            vectors = self._layer(vectors, f"encoder.layer.{number}")
        return SentenceEmbedding(unit_vector(vectors.mean(axis=0)), note)

    def _layer(self, vectors: FloatArray, name: str) -> FloatArray:
        """Attention, then two dense layers; each is added to what it reads."""
        attended = self._dense(self._attended(vectors, name), f"{name}.attention.output.dense")
        vectors = self._normalized(vectors + attended, f"{name}.attention.output.LayerNorm")
        inner = self._dense(vectors, f"{name}.intermediate.dense")
        activated = inner * (1 + erf(inner / np.sqrt(2))) / 2  # GELU
        added = self._dense(activated, f"{name}.output.dense")
        return self._normalized(vectors + added, f"{name}.output.LayerNorm")

    def _attended(self, vectors: FloatArray, name: str) -> FloatArray:
        count, size = vectors.shape
        query, key, value = (
            self._dense(vectors, f"{name}.attention.self.{part}")
            .reshape(count, self._heads, -1)
            .transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(size // self._heads)
        shares: FloatArray = softmax(scores, axis=-1)
        return (shares @ value).transpose(1, 0, 2).reshape(count, size)

    def _dense(self, vectors: FloatArray, name: str) -> FloatArray:
        return vectors @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normalized(self, vectors: FloatArray, name: str) -> FloatArray:
        """Layer normalisation of each vector."""
        centred = vectors - vectors.mean(axis=1, keepdims=True)
        variance = (centred**2).mean(axis=1, keepdims=True)
        scaled: FloatArray = centred / np.sqrt(variance + self._eps)
        return scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
