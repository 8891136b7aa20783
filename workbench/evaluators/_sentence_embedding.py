"""The meaning of a text as a vector, and the similarity of two of them.

>>> vectors = {"a cat": [0.6, 0.8], "a kitten": [0.8, 0.6], "Tuesday": [0.0, -1.0]}
>>> embed = lambda text: SentenceEmbedding(np.array(vectors[text]))
>>> most_similar("a cat", ["Tuesday", "a kitten"], embed)
Score(value=0.96, reason="nearest: 'a kitten'", label='', error='', parsed='')
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.evaluator import Score

FloatArray = NDArray[np.float64]
DECIMALS = 6  # of a similarity: more of them differ between processors


class TextTooLongError(Exception):
    """The encoder would take too long for a text."""


@dataclass(frozen=True, slots=True)
class SentenceEmbedding:
    """The embedding of a text.

    Attributes:
        vector: of length 1.
        note: says what of the text was not read; empty: nothing.
    """

    vector: FloatArray
    note: str = ""


def most_similar(
    answer: str, expected: Sequence[str], embed: Callable[[str], SentenceEmbedding]
) -> Score:
    """The cosine similarity of an answer to the nearest of the expected texts.

    An empty answer has the similarity 0.
    """
    if not answer.strip():
        return Score(0.0, "the answer is empty")
    try:
        embedding = embed(encodable(answer))
        others = [embed(encodable(text)) for text in expected]
    except TextTooLongError as error:
        return Score(error=f"the texts are too long to compare: {error}")
    values = [float(embedding.vector @ other.vector) for other in others]
    best = max(range(len(values)), key=values.__getitem__)
    reasons = [f"nearest: {expected[best]!r:.60}"] if len(expected) > 1 else []
    reasons += dict.fromkeys(filter(None, (embedding.note, others[best].note)))
    value = max(-1.0, min(1.0, round(values[best], DECIMALS)))
    return Score(value, "; ".join(reasons))


def unit_vector(vector: FloatArray) -> FloatArray:
    """The vector with length 1; one of zeros stays."""
    scaled: FloatArray = vector / (np.linalg.norm(vector) or 1.0)
    return scaled


def encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate."""
    return text.encode("utf-8", "replace").decode()
