"""Labels that a text names, in any script, and which of them it negates.

>>> find_mentions("It is Billing Issue.", ("positive", "billing_issue"))
[Mention(label='billing_issue', start=6, end=19, negated=False, certain=True)]
>>> find_mentions("It isn't positive.", ("positive", "billing_issue"))
[Mention(label='positive', start=9, end=17, negated=True, certain=True)]
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from workbench.evaluators._negation import QUOTES, is_doubted, is_judged_wrong, is_negated

NEAR = 80  # characters before and behind a label that may negate it
MOST_MENTIONS = 400  # that are looked at from the beginning, and as many from the end
# Scripts without spaces between words, or with endings that follow a word directly (Hangul).
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aad\u1b00-\u1b7f"
    "\u3005\u3040-\u30ff\u3400-\u9fff\ua980-\ua9df\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = rf"[^\W_{_UNSPACED}]"
_CUE = (
    r"(?:answer|option|choice|label|category|class|letter|select|choose|pick|réponse|antwort|"
    r"respuesta|risposta|resposta|ответ|答案|回答|答え|正解|选择?|選択?|정답|답)"
)
_CUED = re.compile(
    _CUE + r"(?:\s*(?:is|was|are|would be|should be|must be|will be|ist|est|es|è|é|是|为|為|は|"
    r"이|은|:|=|-|–))*"
    r"[\s*_`\"'(\[{:$>]*(?:option |choice |\\(?:boxed|text(?:bf)?)\{)*[\s*_`\"'(\[{$]*$",
    re.IGNORECASE,
)
# A letter before another word is an article, unless that word makes it a subject or an object.
_SUBJECT = (
    r"(?![ ]+(?!(?:is|was|are|were|because|since|as|and|or|nor|but|not|would|seems|for|from|in|"
    r"looks|appears|with|may|might|will|can|cannot|could|should|must|does|has|fits|applies|best|most|only|here|if|"
    r"due|over|than|instead|rather|by|to|at|on|of|when|while|where|which|that)\b)[^\W\d_])"
)
# A letter is a label for certain where it is the subject or the end of such a sentence: `Vitamin C`
# and `written in C` name something else.
_CERTAIN_BEFORE = re.compile(
    r"(?:^|(?<!\bDr)(?<!\bMr)(?<!\b[A-Z])[\n.!?;:,>}\]|—–。，：；]|->|[=→⇒∴] ?)[\s*_\"'(\[#]*$|"
    r"\b(?:is|was|be|been|cho(?:o?se|sen|osing)|pick(?:ed|ing)?|select(?:ed|ing)?|think|believe|say|"
    r"guess|that|so|therefore|thus|hence|then|suggests?|indicates?|means?|conclude|it's|but|as|i'd|"
    r"(?:go|going|went|stick|agree)\s+with|(?:opt|vote|go|settle)\w*\s+for|both|only|prefer|mark|"
    r"(?:statement|sentence|response|assistant|candidate|alternative|scenario)|"
    r"ist|est|es|è|é|wähle|choisis|elijo)\s+[*_\"'(\[]*$",
    re.IGNORECASE,
)
_CERTAIN_BEHIND = re.compile(
    rf"{QUOTES}\s*(?:$|\n|[.,;:!)\]}}。，；：！—–(-](?![^\W_])|\(|(?:because|since|for|due|over|instead|"
    r"rather|if|fits|applies|as (?:it|the|this|that|they)|stars?|points?|out of)\b|"
    r"(?:is|was|seems|looks|appears|would be|must be|has to be|should be)(?: to be)?(?: \w+ly)?"
    r"(?: the| my| an?)?(?: (?:most|only|one|clear|more|much))? (?:right|correct|true|"
    r"best|better|answer|choice|option|appropriate|accurate|valid|fitting|likely|closest)\b)",
    re.IGNORECASE,
)
_IDIOM = re.compile(r"\s+(?:doubts?|question about|exceptions?|matter)\b", re.IGNORECASE)
_QUESTION = re.compile(rf"{QUOTES}\s*(?:[?？]|[吗嗎]|(?:です|でしょう)か|적?(?:인가|일까))")
_NUMBERED = re.compile(  # `Step 1`
    r"\b(?:step|reason|part|point|question|item|case|version|level|chapter|page|section|figure|table|"
    r"day|phase|round|task|example|note)\s+$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A label that a text names, and its position.

    Attributes:
        negated: the text says that it is another label.
        certain: False if it may be a question or a part of a name (`positive?`, `Vitamin C`).
    """

    label: str
    start: int
    end: int
    negated: bool
    certain: bool


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
        is_letter = len(label) == 1 and label.isalpha()
        is_marked = is_letter and _is_marked(text, match)
        if is_letter and not is_marked and not _is_capital(text, match):
            continue
        before = text[max(0, match.start() - NEAR) : match.start()]
        behind = text[match.end() : match.end() + NEAR]
        if label.casefold() == "no" and _IDIOM.match(behind):
            continue
        doubted = is_doubted(before, behind, label) or (
            is_letter and is_judged_wrong(text, before, behind)
        )
        negated = is_negated(before, behind, folds)
        if negated and not doubted:
            fold = fold_label(label).replace(" ", "")
            names = (folds[f"{no}{fold}"] for no in _PREFIXES if f"{no}{fold}" in folds)
            label, negated = next(((name, False) for name in names), (label, True))
        certain = is_marked or _is_certain(text, match)
        mentions.append(Mention(label, match.start(), match.end(), negated or doubted, certain))
    return mentions


def is_cued(text: str, mention: Mention) -> bool:
    """True if `answer is`, `option` or the like stands directly before the mention."""
    return bool(_CUED.search(text[max(0, mention.start - NEAR) : mention.start]))


_PREFIXES = ("not", "non", "no", "un", "in", "im", "il", "ir", "dis", "不", "非", "无")


@lru_cache(maxsize=256)  # each row may have its own labels
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


def _is_certain(text: str, match: re.Match[str]) -> bool:
    """True unless the label is a question, or a letter or digit within a name or a sentence."""
    before = text[max(0, match.start() - NEAR) : match.start()]
    behind = text[match.end() : match.end() + NEAR]
    if _QUESTION.match(behind):
        return False
    if len(match[0]) > 1 and not match[0].isdigit():
        return True
    if not match[0].isalnum() or not match[0].isascii() or _CUED.search(before):
        return True
    if match[0].isdigit():
        is_enumerated = re.match(
            rf"([.)]).*\n\s*{int(match[0]) + 1}\1", text[match.end() :], re.DOTALL
        )
        is_part = is_enumerated or _NUMBERED.search(before)
        return bool(not is_part and _CERTAIN_BEHIND.match(behind))
    return bool(_CERTAIN_BEFORE.search(before) and _CERTAIN_BEHIND.match(behind))


def _is_capital(text: str, match: re.Match[str]) -> bool:
    """True if a character in upper case is no article, initial, grade or name as `C++`."""
    after = text[match.end() : match.end() + NEAR]
    is_other = re.match(r"[+#&=^]|['’]\w|-(?:\s|$)|\*$", after) or text[: match.start()].endswith(
        "&"
    )
    return match[0].isupper() and not is_other and bool(re.match(_SUBJECT, after))


def _is_marked(text: str, match: re.Match[str]) -> bool:
    """True if a single character stands alone, in brackets, as an option or behind `answer is`."""
    letter, start, after = match[0], match.start(), text[match.end() : match.end() + NEAR]
    before = "\n" * (start <= NEAR) + text[max(0, start - NEAR) : start]
    if _QUESTION.match(after) or re.match(r"[+#&]|-(?:\s|$)", after) or before.endswith("&"):
        return False
    if len(text) <= NEAR and sum(character.isalnum() for character in text) == 1:
        return not re.match(r"\*$", after) or before.endswith("*")
    if re.search(r"[(\[{<>]\s*[*_]*$", before) and re.match(r"[*_]*\s*[)\]}<>]", after):
        return True
    if re.search(r"\n[\s*_#>-]*$", before) and re.match(r"[*_]*[).:\]](?:\s|[*_]|$)", after):
        return True
    cued = _CUED.search(before)
    if cued and re.match(r"[*_`\"'$]*(?:[.,;:!?<)\]}。，；：！？]|\s*$|\s*\n)", after):
        return True
    if re.search(r"\n[\s*_#>-]*$", before) and re.match(r"[*_]*[ ]*(?:\n|$|[,;–—])", after):
        return letter.isupper() or not letter.isascii()
    return False
