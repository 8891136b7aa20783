r"""Normalisation of answers and expected answers, so that texts that look equal are equal.

>>> steps = read_steps({"markdown": True, "punctuation": True})
>>> normalize_text("**Café\u3000５**.", steps)
'Café 5'
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluators._expected import Acceptable, expected_answers

# Each step with its default.
STEPS = {
    "unicode": True,  # NFC
    "spaces": True,  # every kind of space is a plain one; invisible characters are dropped
    "quotes": True,  # typographic quotes and apostrophes are " and '
    "width": True,  # full-width letters, digits and signs, and digits of any script, are ASCII
    "markdown": False,  # emphasis, code, headings, bullets and links are plain text
    "punctuation": False,  # at the ends of words
    "articles": False,  # a, an, the before another word
}
_DEFAULT_STEPS = frozenset(step for step, on in STEPS.items() if on)
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_END = re.compile("\r\n?|[\u0085\u2028\u2029]")
_QUOTES = str.maketrans(
    {**dict.fromkeys("“”„‟«»〝〞＂", '"'), **dict.fromkeys("‘’‚‛‹›ʼ´＇", "'"), "‐": "-", "‑": "-"}
)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_FENCE = re.compile(r"```[^\n`]*\n(.*)```", re.DOTALL)
# `- 5` alone may be a negative number.
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}|>|[*+]|-(?![ \t]+[\d.,]+\s*\Z))[ \t]+", re.MULTILINE)
_EMPHASIS = re.compile(
    r"(?<![\w*~`])(\*{1,3}|_{1,3}|`++)(?=\S)((?:(?!\1).|(?<=[^\W_])_(?=[^\W_]))+)(?<=\S)\1(?![\w*~`])"
)
_LINK = re.compile(r"\[([^\[\]\n]+)\]\((?:[^()\s]|\([^()\s]*\))*\)")
_EDGES = ".,;:!?…\"'()[]{}<>¡¿。，、；：！？「」『』【】《》〈〉·`*"
_ARTICLE = re.compile(r"(?:(?<!\S)(?:a|an|the)|^(?:A|An|AN|The|THE))\s+(?=\S)")


def read_steps(setting: JSON, evaluator: str = "normalize") -> frozenset[str]:
    """The steps that a `normalize:` setting switches on; null: the default ones.

    Raises:
        WorkbenchError: it is neither `none` nor a mapping of steps to true or false.
    """
    if setting is None:
        return _DEFAULT_STEPS
    if setting == "none":
        return frozenset()
    if not isinstance(setting, Mapping):
        fix = "write `normalize: none`, or switch steps: normalize: {quotes: false, articles: true}"
        raise WorkbenchError(f"{evaluator}: normalize is {setting!r}", fix=fix)
    switches = dict(setting)
    for step, on in switches.items():
        if step not in STEPS:
            raise unknown_name(f"step of {evaluator}'s `normalize`:", step, STEPS)
        if not isinstance(on, bool):
            raise WorkbenchError(f"{evaluator}: normalize.{step} is {on!r}, not true or false")
    return frozenset(step for step, on in {**STEPS, **switches}.items() if on)


def normalize_text(text: str, steps: frozenset[str]) -> str:
    """`text` after the steps, in the order of `STEPS`."""
    if not text.isascii():
        text = _plain_characters(text, steps)
    if "spaces" in steps:
        text = _LINE_END.sub("\n", text)
    if "markdown" in steps:
        text = _without_markdown(text)
    if "punctuation" in steps:
        text = " ".join(filter(None, map(_without_punctuation, text.split())))
    if "articles" in steps:
        text = _ARTICLE.sub("", " ".join(text.split()))
    return text


def _plain_characters(text: str, steps: frozenset[str]) -> str:
    """`text` after the steps that leave ASCII unchanged."""
    if "unicode" in steps:
        text = unicodedata.normalize("NFC", text)
    if "spaces" in steps:
        text = _SPACE.sub(" ", _INVISIBLE.sub("", text))
    if "quotes" in steps:
        text = text.translate(_QUOTES)
    if "width" in steps:
        text = text.translate(_FULL_WIDTH)
        text = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    return text


def normalized_answers(
    expectations: Mapping[str, JSON], steps: frozenset[str]
) -> Sequence[Acceptable]:
    """The acceptable answers of a row, normalised.

    Raises:
        WorkbenchError: the row has none, or nothing is left of one.
    """
    answers = []
    for answer in expected_answers(expectations):
        forms = tuple(normalize_text(form, steps) for form in answer.forms)
        if not forms[0].strip():
            message = f"nothing is left of expected_response {answer.forms[0]!r} after `normalize`"
            raise WorkbenchError(message, fix="switch punctuation or another step off")
        answers.append(Acceptable(forms, answer.boolean))
    return answers


def _without_markdown(text: str) -> str:
    if fence := _FENCE.fullmatch(text.strip()):
        return fence[1].rstrip()
    text = _LINK.sub(r"\1", _LINE_MARK.sub("", text))
    before = ""
    while before != text:
        before, text = text, _EMPHASIS.sub(r"\2", text)
    return text


def _without_punctuation(word: str) -> str:
    """A word without marks at its ends; the point of `.5` stays."""
    bare = word.strip(_EDGES)
    return f".{bare}" if bare[:1].isdigit() and f".{bare}" in word else bare
