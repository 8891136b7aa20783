"""Evaluator: share of the answer that repeats itself.

>>> repetition("and then and then and then", n=2).reason
'3 of 5 sequences repeated, most often "and then" (3 times)'
"""

from collections import Counter

from workbench.canonical import JSON
from workbench.errors import pluralize
from workbench.evaluator import Score, evaluator
from workbench.evaluators._setting_checks import check_integer
from workbench.evaluators._words import split_words

MOST_SHOWN = 60  # characters


@evaluator(kind="number", range=(0, 1), higher_is_better=False)
def repetition(outputs: str, *, n: int = 3) -> Score:
    """The share of sequences of `n` words that repeat an earlier one; 0: none. Lower is better.

    It is 1 − (different sequences) / (all sequences), the seq-rep-n of Welleck et al. 2019 (Neural
    Text Generation with Unlikelihood Training). Upper and lower case are alike, and punctuation
    doesn't count. In scripts without spaces between words (Chinese, Japanese, Thai and others) it
    counts sequences of letters. An answer of fewer than `n` words is left out.
    """
    words = split_words(outputs.casefold())
    sequences = Counter(zip(*(words[start:] for start in range(n)), strict=False))
    total = sequences.total()
    if not total:
        return Score(None, f"fewer than {pluralize(n, 'word')}")
    repeated = total - len(sequences)
    if not repeated:
        return Score(0.0)
    [(sequence, times)] = sequences.most_common(1)
    text = " ".join(sequence)
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
    reason = f'{repeated:,} of {total:,} sequences repeated, most often "{shown}" ({times:,} times)'
    return Score(repeated / total, reason)


def check_settings(**settings: JSON) -> None:
    """Check `n`; raises WorkbenchError if it is no whole number from 1 to 20."""
    check_integer("repetition", settings, "n", 1, 20)
