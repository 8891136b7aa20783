"""Patterns mean under the time limit what they mean to Python's `re`."""

import random
import re
import warnings

import pytest

from workbench.evaluators._timed_pattern import PatternError, timed_pattern, timed_search

ATOMS = [
    *(
        "a",
        "b",
        "é",
        "_",
        "1",
        " ",
        r"\w",
        r"\W",
        r"\d",
        r"\D",
        r"\s",
        r"\S",
        r"\b",
        r"\B",
        "^",
        "$",
    ),
    *(r"\A", r"\Z", ".", "[ab]", "[^a]", r"[\w-]", r"[^\W_]", r"[\s\d]", r"[^\d\W]", "[[:alpha:]]"),
    *("a{e}", "a{1e<=2}", "{", "a{,2}", r"\n", "\u0301", "K", "ß", "ı", "[a-z]", r"[^\n]", r"\x41"),
    *(r"\u00e9", "[b-é]", "क\u0941", "(?<=a)", "(?<!b)", "(?=a)", "(?!a)", r"(?<=\b)", r"\Aa|b$"),
]
CHARACTERS = "aAbBéÉe\u0301_12 \n\tkK\u212aßſsıiİक\u0941٣①,-[:lph]{}\x1c"
FLAGS = ["", "", "", "(?a)", "(?m)", "(?s)", "(?i)", "(?x)"]
REPEATS = ["", "*", "+", "?", "{1,2}", "*?", "+?", "*+", "??"]


def draw_pattern(draw: random.Random, depth: int = 3) -> str:
    """A pattern; not each is a regular expression."""
    choice = draw.random()
    if depth == 0 or choice < 0.35:
        return draw.choice(ATOMS)
    inner, other = (draw_pattern(draw, depth - 1) for _ in range(2))
    if choice < 0.6:
        return inner + other
    forms = [f"{inner}|{other}", f"({inner}){draw.choice(REPEATS)}", f"(?:{inner}){{0,2}}"]
    forms += [f"(?{flags}:{inner})" for flags in ("i", "-i", "s", "m")]
    forms += [rf"({inner})(?:x|\1)", f"(a)?(?(1){inner}|{other})", f"(?>{inner})"]
    return draw.choice(forms)


def drawn_patterns(count: int) -> list[tuple[str, bool]]:
    """Regular expressions, each with whether case is ignored."""
    draw = random.Random(7)
    patterns: list[tuple[str, bool]] = []
    while len(patterns) < count:
        pattern, ignore_case = draw.choice(FLAGS) + draw_pattern(draw), draw.random() < 0.3
        try:
            re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        except re.error:
            continue
        patterns.append((pattern, ignore_case))
    return patterns


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_drawn_patterns_match_as_in_re():
    draw = random.Random(11)
    differing = []
    for pattern, ignore_case in drawn_patterns(500):
        expression = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        for full in (False, True, False, False):
            text = "".join(draw.choices(CHARACTERS, k=draw.randint(0, 8)))
            match = expression.fullmatch(text) if full else expression.search(text)
            matches = timed_search(pattern, text, ignore_case=ignore_case, full=full) is not None
            if matches is not (match is not None):
                differing.append((pattern, text, ignore_case, full))
    assert differing == []


@pytest.mark.parametrize(
    ("pattern", "text", "span"),
    [
        # each is read in another way by the package regex alone
        ("a{e}", "xa{e}", (1, 5)),
        ("[[:alpha:]]", "b]", None),
        ("[[:alpha:]]", ":]", (0, 2)),
        (r"^\w+$", "Cafe\u0301", None),
        (r"\w+", "हिन्दी", (0, 1)),
        (r"\s", "\x1c", (0, 1)),
        ("(?i)ı", "I", (0, 1)),
        (r"^b", "a\nb", None),
        (r"(?m)^b", "a\nb", (2, 3)),
        (r"a$", "a\n", (0, 1)),
        (r"a\Z", "a\n", None),
        (r"(?P<x>a)(?P=x)", "aa", (0, 2)),
        (r"(?x) a  b # a comment [", "ab", (0, 2)),
        (r"\B", "", None),
        ("\ud800", "\ud800", (0, 1)),
        ("(?s).{3}", "a\nb", (0, 3)),
        (r"(?a)\w\b", "aé", (0, 1)),
    ],
)
def test_a_pattern_is_read_as_by_re(pattern, text, span):
    with warnings.catch_warnings(action="ignore"):
        match = re.search(pattern, text)
        assert (match.span() if match else None) == span
        assert timed_search(pattern, text) == span


@pytest.mark.parametrize("pattern", ["(a", "[", "*", r"\p{L}", r"(?<=a+)b", "(?R)", "a**", 5])
def test_what_re_refuses_is_no_pattern(pattern):
    with pytest.raises(PatternError):
        timed_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 2_000 + "b"),
        ("(a|aa)+[bc]", "a" * 2_000),
        (r"\s+$", " " * 400_000 + "x"),
        (r"(.*)*[yz]", "ab" * 2_000),
    ],
)
def test_a_pattern_without_end_is_given_up(pattern, text):
    with pytest.raises(TimeoutError):
        timed_search(pattern, text)
