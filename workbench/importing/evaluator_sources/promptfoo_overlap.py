"""Measures of similar texts with the meaning of promptfoo's assertions of the same name.

    - evaluators/promptfoo_overlap.py:bleu: {expected_column: bleu, threshold: 0.5}

The expected text is the setting `value`, or stands in the column that `expected_column` names.
To a row that has none the check doesn't apply.
"""

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from workbench.evaluator import Score, evaluator

MOST_CELLS = 100_000_000  # of the table of a Levenshtein distance
ABBREVIATIONS = (
    "Mr",
    "Mrs",
    "Ms",
    "Dr",
    "Prof",
    "St",
    "vs",
    "Jr",
    "Sr",
    "Gen",
    "Rep",
    "e.g",
    "i.e",
)
SENTENCE_END = re.compile(
    "".join(rf"(?<!\b{name}\.)" for name in ABBREVIATIONS)
    + r"(?:(?<=[.!?])|(?<=[.!?][\"')\]])) (?=[\"'(\[]?[A-Z0-9])"
)
# Penn Treebank's tokens (Robert MacIntyre's script, 1995), in the order of the package js-rouge.
Replacement = str | Callable[[re.Match[str]], str]
TREEBANK: list[tuple[re.Pattern[str], Replacement]] = [
    (re.compile(r"(^|[\s([{<])(?:\"|``|'')(?=\S)"), r"\1 `` "),
    (re.compile(r"\"|''"), " '' "),
    (re.compile(r"\.{3}"), " ... "),
    (re.compile(r"[:,](?!\d)"), r" \g<0> "),
    (re.compile(r"[;@#$%&]"), r" \g<0> "),
    (re.compile(r"([^.])(?<!\b[A-Za-z]\.[A-Za-z])(\.)([\])}>'\s]*)$"), r"\1 \2\3 "),
    (re.compile(r"[?!]"), r" \g<0> "),
    (re.compile(r"[\]\[(){}<>]"), r" \g<0> "),
    (re.compile("--"), " -- "),
]
TREEBANK_ENDS: list[tuple[re.Pattern[str], Replacement]] = [
    (re.compile(r"([^'])' "), r"\1 ' "),
    (re.compile(r"'([sSmMdD]) "), r" '\1 "),
    (re.compile(r"('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) "), r" \1 "),
    (
        re.compile(r"\b(?:(can)(not)|(d)('ye)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me))\b", re.I),
        lambda match: " ".join(("", *filter(None, match.groups()), "")),
    ),
    (
        re.compile(r"\b(?:(wan)(na)(?= )|(more)('n))|('t)(is|was)\b", re.I),
        lambda match: " ".join(("", *filter(None, match.groups()), "")),
    ),
]


@evaluator(kind="pass")
def levenshtein(
    outputs: str, expectations: Any = None, *, value: Any = None, threshold: float = 5
) -> Score:
    """True if at most `threshold` characters must be changed to get the expected text."""
    expected = _expected(expectations, value)
    if expected is None:
        return Score(None)
    distance = _distance(_units(outputs), _units(expected))
    return Score(distance <= threshold, f"distance {distance}")


@evaluator(kind="pass")
def bleu(
    outputs: str,
    expectations: Any = None,
    *,
    value: Any = None,
    threshold: float = 0.5,
    negate: bool = False,
) -> Score:
    """True if the BLEU of the answer's words, in lower case, is at least `threshold`."""
    expected = _expected(expectations, value)
    if expected is None:
        return Score(None)
    references = [_words(text) for text in _listed(expected)]
    words = _words(outputs)
    logs = 0.0
    for size in range(1, 5):
        grams = _grams(words, size)
        matches = max((grams & _grams(reference, size)).total() for reference in references)
        logs += 0.25 * math.log(matches / grams.total() if matches else 1e-7)
    closest = min((len(reference) for reference in references), key=lambda n: abs(n - len(words)))
    penalty = 1.0 if len(words) > closest else math.exp(1 - len(words) / closest)
    return _above(penalty * math.exp(logs), threshold, negate=negate)


@evaluator(kind="pass")
def gleu(
    outputs: str,
    expectations: Any = None,
    *,
    value: Any = None,
    threshold: float = 0.5,
    negate: bool = False,
) -> Score:
    """True if the GLEU of the answer's words, in lower case, is at least `threshold`."""
    expected = _expected(expectations, value)
    if expected is None:
        return Score(None)
    words = [word.rstrip(".") for word in _words(outputs)]
    references = [[word.rstrip(".") for word in _words(text)] for text in _listed(expected)]
    return _above(max(_gleu(words, each) for each in references), threshold, negate=negate)


@evaluator(kind="pass")
def rouge_n(
    outputs: str,
    expectations: Any = None,
    *,
    value: Any = None,
    threshold: float = 0.75,
    negate: bool = False,
) -> Score:
    """True if the ROUGE-1 of the words, F1 in Penn Treebank's form, is at least `threshold`."""
    expected = _expected(expectations, value)
    if expected is None:
        return Score(None)
    answer, reference = Counter(_tokens(outputs)), Counter(_tokens(expected))
    shared = (answer & reference).total()
    recall, precision = shared / max(reference.total(), 1), shared / max(answer.total(), 1)
    f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
    return _above(f1, threshold, negate=negate)


def _expected(expectations: Any, value: Any) -> Any:
    """The setting, else the value of the row; None: the row has none."""
    return value if value is not None else (expectations or {}).get("expected_response")


def _listed(expected: Any) -> list[str]:
    return expected if isinstance(expected, list) else [expected]


def _above(score: float, threshold: float, *, negate: bool) -> Score:
    return Score((score >= threshold) is not negate, f"{score:.4f}")


def _units(text: str) -> list[bytes]:
    """UTF-16 units, which JavaScript counts as characters."""
    data = text.encode("utf-16-le", "surrogatepass")
    return [data[i : i + 2] for i in range(0, len(data), 2)]


def _distance(first: list[bytes], second: list[bytes]) -> int:
    if len(first) * len(second) > MOST_CELLS:
        raise ValueError("the texts are too long for a Levenshtein distance")
    row = list(range(len(second) + 1))
    for number, unit in enumerate(first, start=1):
        diagonal, row[0] = row[0], number
        for column, other in enumerate(second, start=1):
            change = diagonal + (unit != other)
            diagonal = row[column]
            row[column] = min(change, row[column] + 1, row[column - 1] + 1)
    return row[-1]


def _words(text: str) -> list[str]:
    return re.split(r"\s+", text.lower().strip())


def _grams(words: list[str], size: int) -> Counter[str]:
    return Counter(" ".join(words[i : i + size]) for i in range(len(words) - size + 1))


def _gleu(words: list[str], reference: list[str]) -> float:
    if words == reference:
        return 1.0
    matches = total = reference_total = 0
    for size in range(1, 5):
        grams, others = _grams(words, size), _grams(reference, size)
        matches += (grams & others).total()
        total += grams.total()
        reference_total += others.total()
    return min(matches / total, matches / reference_total) if total and reference_total else 0.0


def _tokens(text: str) -> list[str]:
    """Words and signs in Penn Treebank's form, sentence by sentence; case counts."""
    sentences = SENTENCE_END.split(" ".join(text.split()))
    return [token for sentence in sentences for token in _treebank(sentence)]


def _treebank(text: str) -> list[str]:
    for pattern, replacement in TREEBANK:
        text = pattern.sub(replacement, text)
    text = f" {text} "
    for pattern, replacement in TREEBANK_ENDS:
        text = pattern.sub(replacement, text)
    return text.split()
