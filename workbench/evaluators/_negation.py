"""Negations and doubts beside a label, in many languages.

>>> is_negated("It is not really ", ".", ()), is_negated("It is not bad but ", ".", ())
(True, False)
>>> is_doubted("", ": 10%, negative: 90%", "positive"), is_doubted("☐ ", " ☑ negative", "positive")
(True, True)
"""

import re
from collections.abc import Container

from workbench.evaluators._bounds import goes_beyond, is_approximate, is_bounded

_BREAK = re.compile(
    r"[.,;:!?(\n。，；：！？、=→—–]|->|\s-\s|"
    r"\b(?:(?<!anything )(?<!all )(?<!everything )but|rather(?! than)|instead(?! of)|however|so|"
    r"because|therefore|thus|hence|and(?=\s+(?:the|it|it's|its|this|that|i|we|so|therefore|thus|is|was)\b)|sondern|mais|sino)\b",
    re.IGNORECASE,
)
_NEGATORS = (
    *("not", "never", "neither", "nor", "hardly", "scarcely", "barely", "without", "cannot", "no"),
    *(
        "none",
        "nothing",
        "lacks",
        "lacking",
        "(?:anything|everything|all) but",
        "far from",
        "free of",
        "nicht",
    ),
    *("rather than", "instead of", "opposed to", "unlike", "opposite of", "fails to", "i doubt"),
    *("keineswegs", "keinesfalls", "nada", "nunca", "inte", "ikke", "nem", "không", "ليس", "غير"),
    *("kein", "keine", "keinen", "pas", "jamais", "ni", "niet", "geen", "não", "nao", "non", "nie"),
    *("не", "tidak", "bukan", "aint", "weder", "keinerlei", "nullement", "tampoco", "jamás", "nej"),
    *("ej", "ei", "není", "nu", "δεν", "όχι", "לא", "ليست", "لا", "lack of", "absence of"),
    *("вряд ли", "едва ли", "нельзя", "alles andere als", "loin d'être", "tout sauf", "aucunement"),
    *("lejos de", "todo menos", "longe de", "tutt'altro che", "lontano da"),
)
_DOUBTS = (
    *("rarely", "seldom", "unlikely", "doubtful", "less than", "half", "partially", "partly"),
    *("kaum", "(?<!ein )wenig", "guère", "(?<!un )peu", "mai", "apenas", "affatto", "fails"),
)
# Directly before a label, also in brackets, quotes or behind a colon: `not (positive)`.
_NEGATED_BEFORE = re.compile(
    r"(?<![^\W_])(?P<word>not|non|never|nicht|pas|ikke|inte|niet)[\s_:(\"'*\[{`-]+$|"
    r"\bnot,[^.!?;\n,]{1,40},\s*$",
    re.IGNORECASE,
)
_DOUBTED_BEFORE = re.compile(
    rf"\b(?:{'|'.join(_DOUBTS)})(?:\s+[\w'*-]+){{0,6}}[\s\W]*$|(?<![^\W_])(?:false|less|weniger|moins)\s+$|"
    r"(?:\[\s?\]|[☐□▢❌✗✘✖🚫])[\s\"'*_`]*$",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"(?:\b(?P<word>" + "|".join(_NEGATORS) + r")|n['’]t(?!\s+(?:be|get)\s+(?:any\s+)?more\b))\b"
    r"(?!\s+(?:\w+\s+)?(?:only|just|merely|simply|doubts?|question)\b)"
    r"(?:\s+[\w'*-]+){0,6}[\s\W]*$",
    re.IGNORECASE,
)
_UNSPACED_NEGATION = re.compile(
    "(?:不(?![但仅僅只错錯])|[没沒别別]|非(?!常)|[无無](?![比疑])|缺[乏少]|[难難][说說以]|未(?![来來])).{0,3}$"
    r"|(?:^|\s)(?:안\s|[비불])$|(?:ไม่|មិន|ບໍ່|မ|नहीं)\s?$"
)
QUOTES = r"[)\]}*_\"'`$]*"
_NEGATED_BEHIND = re.compile(
    rf"{QUOTES}[.:]?{QUOTES}\s+(?:(?:is|was|are|would be)\s+(?:\w+ly\s+)?"
    r"(?:not|never|incorrect|wrong)\b|(?:isn't|wasn't|can't be|cannot be)\b|değil|नहीं)|"
    r".{0,4}?(?:で[はも]?(?:な|あり)|じゃ(?:な|あり)|とは[言い]え|くな)|"
    r".{0,3}?(?:지 않|[이가은는]? ?아[니님닙닌])|[\u4e00-\u9fff]{0,2}不(?![错錯仅僅])",
    re.IGNORECASE,
)
_DOUBTED_BEHIND = re.compile(
    rf"{QUOTES}\s+(?:(?:is|was|are|would be|seems?|looks?|appears?|can be|must be)\s+(?:\w+ly\s+)?"
    r"(?:false|unlikely|implausible|impossible|absent|missing|eliminated|excluded|rejected|ruled|"
    r"tempting)\b|(?:can't|cannot|doesn't|does not|won't|wouldn't|couldn't|fails|free)\b)|"
    rf"{QUOTES}(?:\s+[^\W\d_]+){{0,2}}\s+nicht\b|\s+or not\b|"
    rf"{QUOTES}\s*(?:[:=(→–—-]|->)?\s*[❌✗✘✖🚫]|"
    rf"{QUOTES}\s*(?:\(|[→–—-]|->)\s*(?:incorrect|wrong)\b",
    re.IGNORECASE,
)
# A label as the name of a value: `{"positive": false, "negative": true}`, `positive: 10%`.
_DENIED = re.compile(
    rf"{QUOTES}\s*(?:[:=]|(?<=\s)[–—-]\s)\s*(?:false|no|none|wrong|incorrect)\b(?!\s+\w)",
    re.IGNORECASE,
)
# The same of an option's letter. `A: false` may be its text, unless another letter is `B: true`.
_JUDGED = re.compile(
    rf"{QUOTES}[:.=–—-]?{QUOTES}\s*(?:(?:this|it|that)(?: is|['’]s)\s+|is\s+)?"
    r"(?:wrong|incorrect|eliminated|not (?:correct|right|the answer)|(?:rejected|ruled out)|"
    r"falsch|faux|errado|errada|incorrecto|неверно|неправильно|错误?|錯誤?|不对|不正确|不正解)"
    r"(?=\s*(?:$|[.;!\n)。]|[,，]\s*(?:and )?\(?[A-Z]\b|[—–-]\s|"
    r"(?:because|since|as|weil|car|porque)\b))",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"\b(?:answer|antwort|réponse|respuesta)\b[^.!?\n\w]*(?:is|ist|est|es)?\W*$", re.IGNORECASE
)
_AFFIRMED = re.compile(
    rf"(?<![^\W_])[A-Z]{QUOTES}\s*[:=]\s*(?:true|yes|right|correct)(?=\s*(?:$|[.,;!\n)]))",
    re.IGNORECASE,
)
_SHARE = re.compile(
    rf"{QUOTES}\s*(?:[:=(-]\s*)?(?:(?P<percent>\d+(?:\.\d+)?)\s?%|(?P<zero>0(?:\.0+)?)(?![\w.%]))|"
    rf"{QUOTES}\s*[:=(]\s*(?P<share>0?\.\d+)"
)


def is_negated(before: str, behind: str, folds: Container[str]) -> bool:
    """True if the clause says that the label between `before` and `behind` does not hold.

    A negator that is one of the labels' `folds` itself is none.
    """
    clause = _BREAK.split(before)[-1]
    for negation in (_NEGATED_BEFORE.search(before), _NEGATION.search(clause)):
        if negation and (negation["word"] or "").casefold() not in folds:
            return True
    return bool(_UNSPACED_NEGATION.search(clause) or _NEGATED_BEHIND.match(behind))


def is_judged_wrong(text: str, before: str, behind: str) -> bool:
    """True if the words behind an option's letter in `text` judge it, and are not its text.

    >>> [is_judged_wrong(f"A{behind}", "", behind) for behind in (": wrong", ": Paris", ": false")]
    [True, False, False]
    >>> is_judged_wrong("A: false, B: true", "", ": false, B: true")
    True
    """
    if _ANSWER.search(before):
        return False
    if _JUDGED.match(behind) and not behind[0].isspace():
        return True
    return bool(_DENIED.match(behind) and _AFFIRMED.search(text))


def is_doubted(before: str, behind: str, label: str) -> bool:
    """True if the text takes the label back in another way, so that its opposite isn't named."""
    if _DOUBTED_BEFORE.search(_BREAK.split(before)[-1]) or _DOUBTED_BEHIND.match(behind):
        return True
    if before.endswith("~~") and behind.startswith("~~"):
        return True
    if len(label) > 1 and _DENIED.match(behind):  # `B: false` may be the text of option B
        return True
    if label.isdigit() and not re.search(r"\bbetween\s+$", before):
        is_amount = before.endswith(("$", "€", "£", "¥")) and not behind.startswith("$")
        if is_amount or is_bounded(before) or is_approximate(before) or goes_beyond(behind):
            return True
    share = _SHARE.match(behind)
    percent = share and float(share["percent"] or 100 * float(share["share"] or 0))
    return percent is not None and percent < 50
