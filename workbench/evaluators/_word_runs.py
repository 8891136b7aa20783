"""Runs of words that two texts share, in time linear in both.

>>> longest_run(tuple("my rule is be kind to all".split()), ("be", "kind", "to"), (), least=2)
('be', 'kind', 'to')
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import TypeVar

Words = TypeVar("Words", tuple[str, ...], str)  # a string is a sequence of letters


def longest_run(answer: Words, source: Words, typed: Words, *, least: int) -> Words:
    """The longest run of `answer` that repeats at least `least` successive words of `source`.

    Words of the answer that repeat as many of `typed` don't count. Empty: there is no such run.
    """
    pieces = list(_runs(answer, map(set(source).__contains__, answer), least))
    grams = set(chain.from_iterable(_grams(piece, least) for piece in pieces))
    repeated = grams.intersection(_grams(source, least))
    typed_grams = grams.intersection(_grams(typed, least)) if repeated else set()
    longest = answer[:0]
    for piece in pieces if repeated else ():
        counts = zip(
            _covered(piece, repeated, least), _covered(piece, typed_grams, least), strict=True
        )
        for run in _runs(piece, (new and not old for new, old in counts), least):
            longest = max(longest, run, key=len)
    return longest


def _runs(words: Words, counts: Iterable[bool], least: int) -> Iterator[Words]:
    """The runs of at least `least` words that count."""
    start = 0
    for count, group in groupby(counts):
        end = start + sum(1 for _ in group)
        if count and end - start >= least:
            yield words[start:end]
        start = end


def _grams(words: Words, length: int) -> Iterator[int]:
    """The hash of each run of this length."""
    return (hash(words[at : at + length]) for at in range(len(words) - length + 1))


def _covered(words: Words, grams: set[int], length: int) -> Iterator[bool]:
    """For each word, True if it is in a run of these."""
    end = 0  # of the last such run
    starts = chain(_grams(words, length), [None] * (length - 1))
    for at, gram in enumerate(starts):
        if gram in grams:
            end = at + length
        yield at < end
