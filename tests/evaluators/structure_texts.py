"""Drawn texts for tests of evaluators of structure: any text, and long ones of one part."""

from random import Random

from hypothesis import strategies as st

PIECES = [
    *('{"a": 1}', "[", "]", "{", "}", '"', ",", ":", "```json\n", "```\n", "- ", "1. ", "**", "$"),
    *("2023-12-01", "May 5", "1 ", "the answer is ", "B", "(B)", "SELECT ", "FROM t ", "' ", "--"),
    *("<a>", "</a>", "&", "key: ", "\n", "\t", "\r", "\0", "\x1b", "\ud800", "\u202e", "🙂", "é"),
    *("a@b.de", "+49 ", "4111 ", "password=", "sk-", "eyJ", "def f(:", "return ", "ا", "日", "\\"),
]
ANY_TEXT = st.text() | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=4,
)
# Long repetitions of each would show a step whose time grows with the square of the length.
LONG_PARTS = [
    *("", "a", " ", "\n", "[", "{", '"', "1 ", "1/1/", "a@", "a.", "+1 ", "- a\n", "a, ", "**a** "),
    *(
        "```\n",
        "<a>",
        "a: ",
        "password=",
        "sk-",
        "eyJ",
        "A) ",
        "B or ",
        "May ",
        "\ud800",
        "\0",
        "🙂",
    ),
    *("מ", "2023-", "[1] ", "{a", "-", "_a", "&a ", "DE89 ", "born on ", "xoxb-1", "(", "SELECT ("),
]
LENGTH = 5_000


def long_texts(length: int = LENGTH) -> list[str]:
    """A long text of each of the parts."""
    return [part * (length // max(1, len(part))) for part in LONG_PARTS]


def drawn_texts(seed: int, count: int = 1_000) -> list[str]:
    """Texts of random pieces, the same for the same seed."""
    draw = Random(seed)
    return ["".join(draw.choices(PIECES, k=draw.randrange(12))) for _ in range(count)]
