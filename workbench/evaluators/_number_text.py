r"""Text with its mathematics in plain signs: the first step of reading numbers.

>>> plain_mathematics(r"\(x = 2\frac{1}{2} \times 10^{3}\), on 1 May 2024, ½, √2")
' x = 2 1/2*10^3 , on 2024-05-01, 1/2, \ue000'
"""

import re
import unicodedata

from workbench.evaluators._citations import ADDRESS, without_citations
from workbench.evaluators._text import normalize_text, read_steps

UNREAD = "\ue000"  # stands for a quantity that is not read: √2, π, \log 3
# `six (6) or seven (7)`, `6 (six) or 7 (seven)`: one of two numbers has its word beside it.
_WORD = r"[^\W\d_]+(?:[- ][^\W\d_]+)?"
_BETWEEN = (
    r"(?:,?[ ](?:and|or|to|through|vs\.?|versus|und|oder|bis|et|ou|y|o|u|e|или|и)[ ](?:else[ ])?"
    r"|[ ]?[/–-][ ]?)"
)
GLOSSED = (
    rf"[ ]?[(\[]{_WORD}[)\]](?:{_BETWEEN}|,[ ])(?:{_WORD}[ ]?[(\[])?"
    rf"|(?:[)\]](?:{_BETWEEN}|,[ ])|{_BETWEEN}){_WORD}[ ]?[(\[]"
)
MAX_NESTING = 20  # of LaTeX's braces
_STEPS = read_steps(None)
# Clause marks of Chinese and Japanese, which normalisation makes ASCII, end a number.
_CLAUSE = re.compile(r"(?<!\d)[，：；（）]|[，：；（）](?!\d)")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>|<<[^<>\n]*>>")  # HTML, calculations of GSM8K
_UNDERLINES = re.compile(r"(?<!\w)_{1,3}(?=[^\W_]|[-$])|(?<=[^\W_]|%)_{1,3}(?!\w|\{)")  # __42__
_BRACED = r"\{([^{}]*)\}"
_FRACTION = re.compile(r"\\[cdt]?frac\s*(?:" + _BRACED + r"|(\d))\s*(?:" + _BRACED + r"|(\d))")
_STYLED = re.compile(
    r"\\(?:text(?:bf|it|rm|tt|sf)?|math(?:bf|it|rm|tt|sf|bb|cal)?|mbox|hbox|bf|rm|operatorname|"
    r"boldsymbol|emph|underline|fbox|framebox|boxed)\s*" + _BRACED
)
_LATEX_SIGNS = {
    rf"\{name}": sign
    for names, sign in (
        (["times", "cdot", "ast"], "*"),
        (["div"], "÷"),
        (["pm", "mp"], "±"),
        (["ge", "geq", "geqslant"], ">="),
        (["le", "leq", "leqslant"], "<="),
        (["gt"], ">"),
        (["lt"], "<"),
        (["ne", "neq"], "!="),
        (["approx", "sim", "simeq", "cong"], "~"),
        (["to", "rightarrow"], "->"),
        (["Rightarrow", "implies"], "=>"),
        (["circ", "degree"], "°"),
        (["ldots", "dots"], "..."),
        (["colon"], ":"),
        (["n"], "\n"),
        (["therefore", "quad", "qquad", "begin", "end", "item", "t"], " "),
        (["left", "right", "big", "Big", "displaystyle", "boxed"], ""),
    )
    for name in names
}
_MACRO = re.compile(r"\\[A-Za-z]+(?:\s*" + _BRACED + ")*")
_ESCAPED = re.compile(r"\\([%&#_])")
_DOLLAR = "\ue001"  # an escaped one
_DOLLARS = re.compile(r"\$\$?(?=\S)([^$\n]+?)(?<=\S)\$\$?(?!\d)")  # around mathematics
_SPACING = re.compile(r"\\[,;:! ]|\\[()\[\]]|(?<!\\)\\\\")
_SIGNS = {
    ord(character): sign
    for characters, sign in (
        ("×·⋅∙∗✕", "*"),
        ("−﹣⁻", "-"),
        ("≈≃≅∼～〜", "~"),
        ("،", ","),
        ("∓", "±"),
        ("≥≧", ">="),
        ("≤≦", "<="),
        ("≠", "!="),
        ("→", "->"),
        ("⇒", "=>"),
        ("⁄∕", "/"),
        ("∶", ":"),
        ("′", "'"),
        ("″", '"'),
        ("º", "°"),
        ("℃", "°C"),
        ("℉", "°F"),
        ("μ", "µ"),
    )
    for character in characters
}
_ROOT = re.compile(r"[√∛∜∑∫∏]\s*\(?[\w.]*\)?|(?<![^\W\d_])[πϖ∞τφ](?![^\W\d_])|∞")
_SUPERSCRIPT = re.compile(r"(?<=\d)([⁺⁻]?[⁰¹²³⁴-⁹]+)")
_SUBSCRIPT = re.compile(r"(?<=\d)[₀-₉]+")
_VULGAR = re.compile("(\\d[ ]?)?([¼-¾⅐-⅞↉])")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("january jan", "february feb", "march mar", "april apr", "may", "june jun"),
            *("july jul", "august aug", "september sept sep", "october oct", "november nov"),
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = (
    "|".join(name.capitalize() for name in _MONTHS)
    + "|"
    + "|".join(name.upper() for name in _MONTHS)
)
_DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?[\s-]+({_MONTH})\b\.?(?:,?[\s-]+(\d{{4}})\b(?![,.]?\d))?"
)
_MONTH_DAY = re.compile(
    rf"\b({_MONTH})\b\.?\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b(?![.:/]\d)(?:,?\s+(\d{{4}})\b(?![,.]?\d))?"
)
_MONTH_YEAR = re.compile(
    rf"\b(?:{_MONTH}|Q[1-4]|H[12]|FY|(?i:spring|summer|autumn|winter))\b\.?,?\s+\d{{4}}\b"
)
_CJK_DATE = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]")


def plain_mathematics(text: str) -> str:
    """`text` normalised, with LaTeX, signs, powers, fractions and dates in one spelling."""
    text = _CLAUSE.sub(lambda mark: f" {mark[0]} ", text)
    text = ADDRESS.sub("w", normalize_text(text, _STEPS))
    text = _UNDERLINES.sub(" ", _TAG.sub(" ", text))
    text = _ROOT.sub(UNREAD, _without_latex(text))
    text = _SUPERSCRIPT.sub(_power, text.replace("+/-", "±"))
    text = _SUBSCRIPT.sub("_0_", text)  # a base: 1010₂
    text = _VULGAR.sub(_vulgar, text.translate(_SIGNS))
    text = _CJK_DATE.sub(lambda date: _iso(date[1], int(date[2]), date[3]), text)
    text = _DAY_MONTH.sub(lambda date: _iso(date[3], _month(date[2]), date[1]), text)
    text = _MONTH_DAY.sub(lambda date: _iso(date[3], _month(date[1]), date[2]), text)
    return without_citations(_MONTH_YEAR.sub(UNREAD, text), UNREAD)


def _without_latex(text: str) -> str:
    text = re.sub(r"(?<=\d)\s?\{,\}\s?(?=\d)", ",", text)
    text = _DOLLARS.sub(r" \1 ", text.replace("\\$", _DOLLAR)).replace(_DOLLAR, "$")
    if "\\" not in text:
        return text
    text = _ESCAPED.sub(r"\1", text)
    text = re.sub(r"\^\s*(?:\\circ\b|\{\s*\\circ\s*\})", "°", text)
    text = _SPACING.sub(lambda sign: "" if sign[0] == "\\!" else " ", text)
    for _ in range(MAX_NESTING):
        before = text
        text = _FRACTION.sub(_fraction, _STYLED.sub(r"\1", text))
        text = re.sub(r"\^\s*\{\s*([-+]?\d+)\s*\}", r"^\1", text)
        if before == text:
            break
    text = _MACRO.sub(lambda macro: _LATEX_SIGNS.get(macro[0].split("{")[0].strip(), UNREAD), text)
    return re.sub(r"(?<!\s)\s*\*\s*10\s*\^", "*10^", re.sub(r"(?<=\d)[ ]{2,}(?=[a-z])", " ", text))


def _fraction(match: re.Match[str]) -> str:
    parts = [(match[1] or match[2] or "").strip(), (match[3] or match[4] or "").strip()]
    if not all(re.fullmatch(r"-?\d+(?:\.\d+)?", part) for part in parts):
        return UNREAD
    before = match.string[: match.start()]
    return f"{' ' if before[-1:].isdigit() else ''}{parts[0]}/{parts[1]}"


def _power(match: re.Match[str]) -> str:
    signs = match[1].replace("⁺", "").replace("⁻", "-")
    return "^" + "".join(sign if sign == "-" else str(unicodedata.digit(sign)) for sign in signs)


def _vulgar(match: re.Match[str]) -> str:
    above, _, below = unicodedata.normalize("NFKC", match[2]).partition("⁄")
    return f"{match[1].strip()} {above}/{below}" if match[1] else f"{above}/{below}"


def _month(name: str) -> int:
    return _MONTHS[name.lower()]


def _iso(year: str | None, month: int, day: str) -> str:
    """A date; without a year it is not read."""
    return f"{year}-{month:02}-{int(day):02}" if year else UNREAD
