"""Labels that a text names, in any script, and which of them it negates.

>>> find_mentions("It is Billing Issue.", ("positive", "billing_issue"))
[Mention(label='billing_issue', start=6, end=19, negated=False)]
>>> find_mentions("It isn't positive.", ("positive", "billing_issue"))
[Mention(label='positive', start=9, end=17, negated=True)]
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from functools import cache

NEAR = 80  # characters before and behind a label that may negate it
MOST_MENTIONS = 400  # that are looked at from the beginning, and as many from the end
# Scripts without spaces between words, or with endings that follow a word directly (Hangul).
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aad\u1b00-\u1b7f"
    "\u3005\u3040-\u30ff\u3400-\u9fff\ua980-\ua9df\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = rf"[^\W_{_UNSPACED}]"
_BREAK = re.compile(
    r"[.,;:!?(\n。，；：！？、=→—–]|->|\s-\s|"
    r"\b(?:(?<!anything )but|rather(?! than)|instead(?! of)|however|so|because|therefore|thus|"
    r"hence|and(?=\s+(?:the|it|it's|its|this|that|i|we|so|therefore|thus|is|was)\b)|sondern|mais|sino)\b",
    re.IGNORECASE,
)
_NEGATORS = (
    *("not", "never", "neither", "nor", "hardly", "scarcely", "barely", "without", "cannot", "no"),
    *("none", "nothing", "lacks", "lacking", "anything but", "far from", "free of", "nicht"),
    *("rather than", "instead of", "opposed to", "unlike", "opposite of", "fails to", "i doubt"),
    *("keineswegs", "keinesfalls", "nada", "nunca", "inte", "ikke", "nem", "không", "ليس", "غير"),
    *("kein", "keine", "keinen", "pas", "jamais", "ni", "niet", "geen", "não", "nao", "non", "nie"),
    *("не", "tidak", "bukan", "aint"),
)
_NEGATION = re.compile(
    r"(?:\b(?P<word>"
    + "|".join(_NEGATORS)
    + r")|n['’]t)\b(?!\s+(?:\w+\s+)?(?:only|just|merely|simply|doubts?|question)\b)"
    r"(?:\s+[\w'*-]+){0,6}[\s\W]*$",
    re.IGNORECASE,
)
_UNSPACED_NEGATION = re.compile(
    "(?:不(?![但仅僅只错錯])|[没沒别別]|非(?!常)|[无無](?![比疑])|未(?![来來])).{0,3}$"
    "|(?:ไม่|មិន|ບໍ່|မ)$"
)
_NEGATED_BEHIND = re.compile(
    r"[)\]}*_\"'.:]*\s+(?:(?:is|was|are|would be)\s+(?:\w+ly\s+)?(?:not|incorrect|wrong)\b|"
    r"(?:isn't|wasn't|can't be|cannot be)\b|değil)|"
    r".{0,4}?(?:では(?:な|あり)|じゃ(?:な|あり)|とは[言い]え|くな)|"
    r".{0,3}?(?:지 않|[이가은는] 아니)",
    re.IGNORECASE,
)
_CUE = (
    r"(?:answer|option|choice|label|category|class|letter|select|choose|pick|réponse|antwort|"
    r"respuesta|risposta|resposta|ответ|答案|回答|答え|正解|选择?|選択?|정답|답)"
)
_CUED = re.compile(
    _CUE + r"(?:\s*(?:is|was|are|would be|should be|must be|will be|ist|est|es|è|é|是|为|為|は|"
    r"이|은|:|=|-|–))*"
    r"[\s*_`\"'(\[{:]*(?:option |choice |\\(?:boxed|text(?:bf)?)\{)*[\s*_`\"'(\[{]*$",
    re.IGNORECASE,
)
# A letter before another word is an article, unless that word makes it a subject or an object.
_SUBJECT = (
    r"(?![ ]+(?!(?:is|was|are|were|because|since|as|and|or|nor|but|not|would|seems|for|from|in|"
    r"with|may|might|will|can|cannot|could|should|must|does|has|fits|applies|best|most|only|here|if|"
    r"due|over|than|instead|rather|by|to|at|on|of|when|while|where|which|that)\b)[^\W\d_])"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A label that a text names, and its position."""

    label: str
    start: int
    end: int
    negated: bool


def fold_label(label: str, ignore_case: bool = True) -> str:
    """The words of a label with a space between: `billing issue` of `billing_issue`."""
    words = " ".join(_words(label))
    return words.casefold() if ignore_case else words


def find_mentions(text: str, labels: tuple[str, ...], *, ignore_case: bool = True) -> list[Mention]:
    """The labels that `text` names, in its order; where two match, the longer one counts.

    A label of one letter is named by the letter alone, in brackets, after `answer is`, or in upper
    case, but not where it is an article. A negated label is the label that says so (`non-toxic`).
    """
    longest = tuple(sorted(labels, key=len, reverse=True))
    folds = {fold_label(label).replace(" ", ""): label for label in labels}
    mentions = []
    matches = list(_pattern(longest, ignore_case).finditer(text))
    if len(matches) > 2 * MOST_MENTIONS:
        matches = [*matches[:MOST_MENTIONS], *matches[-MOST_MENTIONS:]]
    for match in matches:
        label = longest[(match.lastindex or 1) - 1]
        if len(label) == 1 and not label.isdigit() and not _is_letter_label(text, match):
            continue
        negated = _is_negated(text, match, folds)
        if negated:
            fold = fold_label(label).replace(" ", "")
            names = (folds[f"{no}{fold}"] for no in _PREFIXES if f"{no}{fold}" in folds)
            label, negated = next(((name, False) for name in names), (label, True))
        mentions.append(Mention(label, match.start(), match.end(), negated))
    return mentions


def is_cued(text: str, mention: Mention) -> bool:
    """True if `answer is`, `option` or the like stands directly before the mention."""
    return bool(_CUED.search(text[max(0, mention.start - NEAR) : mention.start]))


_PREFIXES = ("not", "non", "no", "un", "in", "im", "il", "ir", "dis", "不", "非", "无")


@cache
def _pattern(labels: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    """Each label as a group and a whole word; `non-positive` is another word than `positive`."""
    groups = "|".join(f"({_bounded(label)})" for label in labels)
    return re.compile(groups, re.IGNORECASE if ignore_case else 0)


def _bounded(label: str) -> str:
    first, last = label.strip()[0], label.strip()[-1]
    before = rf"(?<!{_WORD})(?<!{_WORD}-)" if re.match(_WORD, first) else ""
    after = rf"(?!{_WORD})(?!-{_WORD})" if re.match(_WORD, last) else ""
    if first.isdigit():
        before += r"(?<!\d[.,:/])(?<![-−.])"
    if last.isdigit():
        after += r"(?![.,:/]\d)(?!%)"
    return before + r"[\s_\-\\]*".join(re.escape(word) for word in _words(label)) + after


def _words(label: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=\bnon)(?=[a-z]{3})", " ", label)
    return re.split(r"[\s_-]+", spaced.strip(" _-") or label)


def _is_negated(text: str, match: re.Match[str], folds: Container[str]) -> bool:
    """True if the clause negates the label; a negator that is a label itself doesn't."""
    before = _BREAK.split(text[max(0, match.start() - NEAR) : match.start()])[-1]
    negation = _NEGATION.search(before)
    if negation and (negation["word"] or "").casefold() not in folds:
        return True
    behind = text[match.end() : match.end() + NEAR]
    return bool(_UNSPACED_NEGATION.search(before) or _NEGATED_BEHIND.match(behind))


def _is_letter_label(text: str, match: re.Match[str]) -> bool:
    """True if a single character is meant as a label."""
    letter, start, after = match[0], match.start(), text[match.end() : match.end() + NEAR]
    before = "\n" * (start <= NEAR) + text[max(0, start - NEAR) : start]
    if len(text) <= NEAR and sum(character.isalnum() for character in text) == 1:
        return True
    if re.search(r"[(\[{<]\s*[*_]*$", before) and re.match(r"[*_]*\s*[)\]}>]", after):
        return True
    if re.search(r"\n[\s*_#>-]*$", before) and re.match(r"[*_]*[).:\]](?:\s|[*_]|$)", after):
        return True
    cued = _CUED.search(before)
    if cued and re.match(r"[*_`\"']*(?:[.,;:!?)\]}。，；：！？]|\s*$|\s*\n)", after):
        return True
    if re.search(r"\n[\s*_#>-]*$", before) and re.match(r"[*_]*[ ]*(?:\n|$|[,;–—])", after):
        return letter.isupper() or not letter.isascii()
    return letter.isupper() and bool(re.match(rf"(?!['’+#&=^]){_SUBJECT}", after))
