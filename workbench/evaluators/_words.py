"""Characters, words and sentences of a text, by plain rules.

>>> split_words("Don't pay $1,200: it's 3.5% off!")
["Don't", 'pay', '1,200', "it's", '3.5', 'off']
>>> split_words("我爱你 GPT-4")
['我', '爱', '你', 'GPT-4']
>>> split_sentences("Dr. Kim arrived at 5 p.m. on Monday. Why? 我不知道。他也是。")
['Dr. Kim arrived at 5 p.m. on Monday.', 'Why?', '我不知道。', '他也是。']
>>> count_characters("Cafe\u0301 🇩🇪👩‍👧")
7
"""

import re

import regex

# Scripts without spaces between words: each letter counts as a word.
_UNSPACED = (
    r"[[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}ーｰ]&&\p{L}]"
)
# Letters, digits and their marks; one apostrophe, hyphen, point or underscore joins them, and a
# comma joins digits.
_SPACED = rf"[[\p{{L}}\p{{N}}\p{{M}}]--{_UNSPACED}]"
_WORD = regex.compile(
    rf"(?V1){_UNSPACED}\p{{M}}*|"
    rf"(?!\p{{M}}){_SPACED}+(?:(?:[-'’._]|(?<=\p{{N}}),(?=\p{{N}})){_SPACED}+)*"
)
_END = re.compile(
    r"[.!?…]+[\"'”’»)\]*_]*(?=\s|\Z)|[。！？｡]+[」』”’）)*_]*|[।॥؟۔]+[\"'”’»)\]*_]*|[\n\r\u2028\u2029]"
)
_ABBREVIATIONS = frozenset(  # those that seldom end a sentence
    (
        *("mr", "mrs", "ms", "dr", "prof", "sr", "jr", "vs", "e.g", "i.e", "cf", "approx", "vol"),
        *("fig", "pp", "inc", "ltd", "dept", "gov", "u.s", "u.k", "z.b", "d.h", "u.a", "bzw", "ca"),
        *("nr", "vgl", "mme", "mlle", "p.ej"),
    )
)
_NEAR = 16  # characters before a point that may be an abbreviation
_LAST_WORD = re.compile(r"[^\W_](?:[^\W_]|\.)*\Z")
_LIST_MARK = re.compile(r"(?:\A|[\n\r])[ \t*_#>-]*\d{1,3}\Z")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


def count_characters(text: str) -> int:
    """Characters that a reader sees: extended grapheme clusters (UAX #29)."""
    if text.isascii():
        return len(text) - text.count("\r\n")
    # A pair of regional indicators is one character; `regex` takes quadratic time for many of them.
    return sum(1 for _ in regex.finditer(r"\X", _FLAG.sub("a", text)))


def split_words(text: str) -> list[str]:
    """The words, without punctuation.

    In scripts without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan)
    each letter is one.
    """
    words: list[str] = _WORD.findall(text)
    return words


def has_words(text: str) -> bool:
    """True if the text has a letter or a digit."""
    return _WORD.search(text) is not None


def split_sentences(text: str) -> list[str]:
    """The sentences, each with at least one word; a line ends a sentence.

    A point ends none behind an initial, a common abbreviation or the number of a list, nor before a
    lower-case letter.
    """
    sentences, start = [], 0
    for end in _END.finditer(text):
        if end[0][0] == "." and _is_inside(text, start, end):
            continue
        sentences.append(text[start : end.end()].strip())
        start = end.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if has_words(sentence)]


def _is_inside(text: str, start: int, end: re.Match[str]) -> bool:
    """True if a point is part of a sentence."""
    after = text[end.end() : end.end() + 3].lstrip(" \t")
    if after[:1].islower():
        return True
    before = text[max(start, end.start() - _NEAR) : end.start()]
    word = _LAST_WORD.search(before)
    if end[0] != "." or not word or not after or after[0] in "\r\n":
        return False
    is_initial = len(word[0]) == 1 and word[0].isupper() and word[0] != "I"
    return is_initial or word[0].lower() in _ABBREVIATIONS or bool(_LIST_MARK.search(before))
