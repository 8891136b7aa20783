"""Words that two summaries share by their lines: the hits of ROUGE-Lsum.

For each line of the expected summary, the union of its longest common subsequences with the lines
of the answer (Lin 2004, section 3.2). A word counts at most as often as each summary has it, as in
ROUGE 1.5.5. Ties between subsequences are broken as in rouge-score.

>>> summary_overlap([["w1", "w2", "w3", "w4", "w5"]], [["w1", "w2", "w6"], ["w1", "w3", "w5"]])
4
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

# Pairs of words, and pairs of lines at PAIR_COST each, above which a row takes seconds.
MOST_COST = 50_000_000
PAIR_COST = 500


class TooLongError(Exception):
    """The summaries are too long to compare."""


def summary_overlap(expected: Sequence[list[str]], answer: Sequence[list[str]]) -> int:
    """Words of the expected lines that the answer's lines have in the same order.

    Raises:
        TooLongError: it would take too long.
    """
    sizes = sum(map(len, expected)), sum(map(len, answer))
    if sizes[0] * sizes[1] + PAIR_COST * len(expected) * len(answer) > MOST_COST:
        raise TooLongError(
            f"the texts are too long to compare: {sizes[1]:,} and {sizes[0]:,} words"
        )
    numbers: dict[str, int] = {}
    arrays = [
        [np.array([numbers.setdefault(word, len(numbers)) for word in line]) for line in lines]
        for lines in (expected, answer)
    ]
    left = [Counter(word for line in lines for word in line) for lines in (expected, answer)]
    hits = 0
    for words, line in zip(expected, arrays[0], strict=True):
        union = set().union(*(_common_positions(line, other) for other in arrays[1]))
        for position in sorted(union):
            word = words[position]
            if all(counter[word] > 0 for counter in left):
                hits += 1
                left[0][word] -= 1
                left[1][word] -= 1
    return hits


def _common_positions(line: np.ndarray, other: np.ndarray) -> list[int]:
    """The positions in `line` of a longest common subsequence with `other`."""
    lengths = np.zeros((len(line) + 1, len(other) + 1), dtype=np.int32)
    for row, word in enumerate(line, start=1):
        above = lengths[row - 1]
        np.maximum.accumulate(
            np.maximum(above[1:], above[:-1] + (other == word)), out=lengths[row, 1:]
        )
    positions = []
    row, column = len(line), len(other)
    while row and column:
        if line[row - 1] == other[column - 1]:
            positions.append(row - 1)
            row, column = row - 1, column - 1
        elif lengths[row, column - 1] > lengths[row - 1, column]:
            column -= 1
        else:
            row -= 1
    return positions
