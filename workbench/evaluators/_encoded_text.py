r"""The words of a text, also where they are written in an encoding.

>>> plain_words("**You** are\u200b Nova:\n1. Don’t guess.")
('you', 'are', 'nova', 'dont', 'guess')
>>> [encoding for encoding, words in read_encodings("Lbh ner Abin") if "nova" in words]
['rot13']

Markup, entities, marks, invisible characters, numbers of lists and accents don't count, and letters
have their plain form. An encoding inside another one is not read.
"""

import base64
import html
import re
import unicodedata
from collections.abc import Iterator
from string import ascii_lowercase

import regex

from workbench.evaluators._words import split_words

MOST_CHARACTERS = 1_000_000  # that are read of a text
MOST_LETTERS = 100_000  # that are read of words in single letters
Words = tuple[str, ...]

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
_ESCAPE = re.compile(r"\\(?:[nrt]|u([0-9a-fA-F]{4}))")
_LIST_NUMBER = re.compile(r"^[ \t>*-]{0,8}\(?\d{1,3}(?:[.):][ \t]|\t)", re.MULTILINE)
# Tag characters look like nothing, and each stands for a character of ASCII.
_INVISIBLE_ASCII = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_NOTHING = regex.compile(r"[\p{Cf}\p{Mn}\p{Me}'’‘ʼ`´]")
_BETWEEN = regex.compile(r"[^\p{L}\p{N}\p{M}]+")
_BASE64 = re.compile("[A-Za-z0-9+/_-]{16,}")
_URL_SAFE = str.maketrans("-_", "+/")
_ROT13 = str.maketrans(ascii_lowercase, ascii_lowercase[13:] + ascii_lowercase[:13])


def plain_words(text: str) -> tuple[str, ...]:
    """The words in lower case, without marks and markup."""
    text = _ESCAPE.sub(_unescape, text[:MOST_CHARACTERS].translate(_INVISIBLE_ASCII))
    text = _TAG.sub(" ", _ENTITY.sub(lambda entity: html.unescape(entity[0]), text))
    text = _LIST_NUMBER.sub("", text)
    text = unicodedata.normalize("NFKD", text)[:MOST_CHARACTERS].casefold()
    return tuple(split_words(_BETWEEN.sub(" ", _NOTHING.sub("", text))))


def _unescape(escape: re.Match[str]) -> str:
    r"""The character of `\u00e9`; a space for the end of a line."""
    return chr(int(escape[1], 16)) if escape[1] else " "


def read_encodings(text: str) -> Iterator[tuple[str, Words]]:
    """The words of the text, as it is and then by each encoding, with the encoding's name."""
    words = plain_words(text)
    yield "plain", words
    yield "base64", plain_words(_decode_base64(text))
    yield "rot13", tuple(" ".join(words).translate(_ROT13).split(" "))
    turned = tuple(word[::-1] for word in words)
    for backwards in (turned, turned[::-1], words[::-1]):
        yield "backwards", backwards


def spelled_letters(words: Words) -> str:
    """The words that are single letters, as one text: `y o u a r e` is `youare`."""
    return "".join(word for word in words if len(word) == 1)[:MOST_LETTERS]


def _decode_base64(text: str) -> str:
    """The text of all base64 in it; of other words some nonsense."""
    tokens = _BASE64.findall(text[:MOST_CHARACTERS].translate(_URL_SAFE))
    groups_of_four = (token[: len(token) // 4 * 4] for token in tokens)
    return b"".join(map(base64.b64decode, groups_of_four)).decode("utf-8", "replace")
