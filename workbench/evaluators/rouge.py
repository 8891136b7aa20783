"""Evaluator: ROUGE.

>>> rouge("the cat sat", {"expected_response": "The cat sat on the mat"}, type="rouge2").reason
'precision 1.00, recall 0.40'
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, pairwise
from typing import Any, Literal, NamedTuple

from rapidfuzz.distance import LCSseq
from rouge_score.tokenize import tokenize

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_texts
from workbench.evaluators._setting_checks import MEASURES, check_choice
from workbench.evaluators._summary_overlap import TooLongError, summary_overlap

TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
MOST_COST = 10_000_000_000  # pairs of words, above which rougeL takes seconds
LONGEST_STEMMED = 64  # characters; the stemmer takes quadratic time


class SharedUnits(NamedTuple):
    """Units that two texts share, as shares of the answer's and of the expected ones."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@evaluator(kind="number", range=(0, 1))
def rouge(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    type: Literal["rouge1", "rouge2", "rougeL", "rougeLsum"] = "rougeL",  # noqa: A002
    measure: Literal["f1", "precision", "recall"] = "f1",
    stemmer: bool = False,
) -> Score:
    """The ROUGE of the answer, as rouge-score computes it, from 0 to 1.

    Of `type`, `rouge1` and `rouge2` count shared words and pairs of words, `rougeL` the longest
    common subsequence, `rougeLsum` the same line by line. `measure` chooses F1, precision or
    recall, and `stemmer` removes English endings. Only the letters a to z and digits are read:
    `für` is `f` and `r`, and other scripts are refused. Of a list, the entry with the best F1
    counts. Texts that are too long for `rougeL` (100,000 words each) or `rougeLsum` (7,000 words
    each) are an error of the row.
    """
    answer = _lines(outputs, stemmer=stemmer)
    expected = _expected_lines(expectations, stemmer=stemmer)
    try:
        overlap = max((_overlap(answer, lines, type) for lines in expected), key=lambda o: o.f1)
    except TooLongError as error:
        return Score(error=str(error))
    reason = f"precision {overlap.precision:.2f}, recall {overlap.recall:.2f}"
    return Score(float(getattr(overlap, measure)), reason)


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row's acceptable answers have words of a to z.

    Raises:
        WorkbenchError: one has none, or there is no acceptable answer.
    """
    _expected_lines(expectations, stemmer=False)


def check_settings(**settings: JSON) -> None:
    """Check `type` and `measure`; raises WorkbenchError for one that isn't valid."""
    check_choice("rouge", {"type": "rougeL", **settings}, "type", TYPES)
    check_choice("rouge", settings, "measure", MEASURES)


def _expected_lines(expectations: Mapping[str, JSON], *, stemmer: bool) -> list[list[list[str]]]:
    expected = []
    for text in expected_texts(expectations):
        lines = _lines(text, stemmer=stemmer)
        if not any(lines):
            message = f"expected_response {text!r} has no letters from a to z and no digits"
            raise WorkbenchError(message, fix="rouge reads no other letters; use chrf")
        expected.append(lines)
    return expected


def _lines(text: str, *, stemmer: bool) -> list[list[str]]:
    """The words of each line that is not empty."""
    stem = _stemmer() if stemmer else None
    return [tokenize(line, stem) for line in text.split("\n") if line]


def _overlap(answer: Sequence[list[str]], expected: Sequence[list[str]], kind: str) -> SharedUnits:
    words: list[Any] = list(chain.from_iterable(answer))
    expected_words: list[Any] = list(chain.from_iterable(expected))
    if kind == "rouge2":
        words, expected_words = list(pairwise(words)), list(pairwise(expected_words))
    if kind == "rougeLsum":
        shared = summary_overlap(expected, answer)
    elif kind == "rougeL":
        if len(words) * len(expected_words) > MOST_COST:
            sizes = f"{len(words):,} and {len(expected_words):,} words"
            raise TooLongError(f"the texts are too long to compare: {sizes}")
        shared = LCSseq.similarity(words, expected_words)
    else:
        shared = (Counter(words) & Counter(expected_words)).total()
    return SharedUnits(shared / (len(words) or 1), shared / (len(expected_words) or 1))


class _ShortWordStemmer:
    """The Porter stemmer, without words that are too long for it."""

    def __init__(self, stemmer: Any) -> None:
        self.stemmer = stemmer

    def stem(self, word: str) -> str:
        """The word without its ending."""
        return self.stemmer.stem(word) if len(word) <= LONGEST_STEMMED else word


@cache
def _stemmer() -> _ShortWordStemmer:
    from nltk.stem.porter import PorterStemmer  # imported here: it takes a second or more

    return _ShortWordStemmer(PorterStemmer())
