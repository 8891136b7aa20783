r"""Reasoning that a model writes before its answer, in the same text.

>>> split_reasoning("<think>France, so…</think>Paris")
Thoughts(reasoning='France, so…', answer='Paris', closed=True)
>>> split_reasoning("So it is Paris.\n</think>\n\nParis").answer
'Paris'
>>> split_reasoning("`<think>` begins a thought").answer
'`<think>` begins a thought'

Only the beginning of a text is a thought. A closing mark without an opening one ends a thought that
the chat template has begun, unless the text talks about the mark.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from itertools import islice

TAG = r"think|thinking|thoughts?|reasoning|seed:think"
# The mark that opens a thought, and the one that closes it.
MARKS = (
    (rf"<({TAG})(?:\s[^<>]*)?>", r"</{name}\s*>"),
    (r"\[(THINK)\]", r"\[/THINK\]"),
    (r"◁(think)▷", r"◁/think▷"),
    (r"<\|(begin_of_thought)\|>", r"<\|end_of_thought\|>"),
    (r"<\|(START_THINKING)\|>", r"<\|END_THINKING\|>"),
    (r"<\|(channel)>thought\b", r"<channel\|>"),
)
OPENING = re.compile("|".join(opening for opening, _ in MARKS), re.IGNORECASE)
CLOSING = re.compile(
    "|".join(closing.format(name=f"(?:{TAG})") for _, closing in MARKS), re.IGNORECASE
)
EMPTY_THOUGHT = re.compile(rf"\s*<({TAG})\s*/>\s*", re.IGNORECASE)
# gpt-oss: messages in channels, with their special tokens or, where a server drops them, without.
CHANNEL = re.compile(
    r"(?:<\|start\|>assistant)?<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
    r"(.*?)(?:<\|end\|>|<\|return\|>|<\|call\|>|(?=<\|start\|>)|$)",
    re.DOTALL,
)
BARE_CHANNELS = re.compile(r"analysis(?=\S)(.+?)assistantfinal(.*)", re.DOTALL)
ANSWER_MARKS = re.compile(  # around the answer itself
    r"<\|(?:begin_of_solution|START_RESPONSE)\|>\s*(.*?)\s*"
    r"(?:<\|(?:end_of_solution|END_RESPONSE)\|>\s*)?",
    re.DOTALL,
)
# A text that talks about a mark: `the tag </think> ends it`.
QUOTED = (re.compile(r"[`'\"“‘(]$"), re.compile(r"[`'\"”’)]"))  # before and after
WORD_BEFORE = re.compile(
    r"\b(an?|the|with|by|of|is|or|and|tag|token|mark(er)?|until|before|after|called|named"
    r"|us(e|es|ing)|writ(e|es|ing)|emits?|clos(e|es|ing)|ends?) $",
    re.IGNORECASE,
)
MOST_MARKS = 50  # that are looked at
PUNCTUATION_AFTER = re.compile(r"[.,;:!?](\s|$)")


@dataclass(frozen=True)
class Thoughts:
    """A text in its two parts.

    Attributes:
        reasoning: without its marks; empty if there is none.
        answer: the rest; the text as it was if there is no thought.
        closed: False if the thought has no end, so that there is no answer.
    """

    reasoning: str
    answer: str
    closed: bool = True


def split_reasoning(text: str, *, prefill: str = "") -> Thoughts:
    """Separate the thoughts at the beginning of `text` from the answer.

    `prefill` is the text that it continues, which may have begun a thought.
    """
    if channels := _split_channels(text.lstrip()):
        return channels
    if empty := EMPTY_THOUGHT.match(text):
        text = text[empty.end() :]
    thoughts, answer = list[str](), text
    opening = _open_mark(prefill)
    start = 0
    if not opening and (opening := OPENING.match(text.lstrip())):
        start = len(text) - len(text.lstrip()) + opening.end()
    if not opening:
        return _split_at_closing(text)
    while opening:
        closing = _find_closing(answer, start, opening)
        if not closing:
            return Thoughts(_join([*thoughts, answer[start:]]), "", closed=False)
        thought, answer = answer[start : closing.start()], answer[closing.end() :].lstrip()
        if OPENING.search(thought):  # nested
            nested = _split_at_closing(answer)
            thought, answer = _join([thought, nested.reasoning]), nested.answer
        thoughts.append(thought)
        if repeated := CLOSING.match(answer):
            answer = answer[repeated.end() :].lstrip()
        opening = OPENING.match(answer)
        start = opening.end() if opening else 0
    return Thoughts(_join(thoughts), _without_marks(answer))


def reasoning_marks(tokens: Set[str]) -> set[str]:
    """Return those of a model's special tokens by which `split_reasoning` reads its answers."""
    marks = {token for token in tokens if OPENING.fullmatch(token) or CLOSING.fullmatch(token)}
    if "<|START_THINKING|>" in tokens:
        marks |= {"<|START_RESPONSE|>", "<|END_RESPONSE|>"} & tokens
    if "<|channel|>" in tokens:
        marks |= {"<|channel|>", "<|message|>", "<|start|>", "<|end|>"} & tokens
    return marks | ({"<|channel>", "<channel|>"} & tokens)


def _split_at_closing(text: str) -> Thoughts:
    """Split at a closing mark whose opening one stands in the prompt; no split without any."""
    for closing in islice(CLOSING.finditer(text), MOST_MARKS):
        before = text[: closing.start()]
        if OPENING.search(before):
            break
        if not _is_mention(text, closing):
            return Thoughts(before.strip(), _without_marks(text[closing.end() :].lstrip()))
    return Thoughts("", text)


def _split_channels(text: str) -> Thoughts | None:
    """The messages of gpt-oss by channel; None if the text has another form."""
    if match := BARE_CHANNELS.fullmatch(text):
        return Thoughts(match[1].strip(), match[2].strip())
    if not text.startswith(("<|channel|>", "<|start|>assistant<|channel|>")):
        if "<|end|><|start|>assistant<|channel|>" not in text:
            return None
        text = f"<|channel|>analysis<|message|>{text}"  # which the prompt has begun
    messages = CHANNEL.findall(text)
    answers = [message for channel, message in messages if channel == "final"]
    reasoning = _join([message for channel, message in messages if channel != "final"])
    return Thoughts(reasoning or ("" if answers else text), "".join(answers), closed=bool(answers))


def _open_mark(prefill: str) -> re.Match[str] | None:
    """The last opening mark of the prefill, if none closes it."""
    *_, opening = [None, *OPENING.finditer(prefill)]
    return opening if opening and not CLOSING.search(prefill, opening.end()) else None


def _find_closing(text: str, start: int, opening: re.Match[str]) -> re.Match[str] | None:
    """The mark that closes a thought: the first that the thought doesn't talk about."""
    name = next(filter(None, opening.groups()))
    _, closing = next(mark for mark in MARKS if re.fullmatch(mark[0], opening[0], re.IGNORECASE))
    pattern = re.compile(closing.format(name=re.escape(name)), re.IGNORECASE)
    marks = list(islice(pattern.finditer(text, start), MOST_MARKS))
    marks = marks or list(islice(CLOSING.finditer(text, start), MOST_MARKS))
    meant = (mark for mark in marks if not _is_mention(text, mark))
    return next(meant, marks[0] if marks else None)


def _is_mention(text: str, mark: re.Match[str]) -> bool:
    """True if the text talks about a mark: in code, in quotes, or as a word of a sentence."""
    before = text[: mark.start()]
    if before.count("```") % 2 or before.rpartition("\n")[2].count("`") % 2:
        return True
    quote_before, quote_after = QUOTED
    if quote_before.search(before) and quote_after.match(text, mark.end()):
        return True
    if PUNCTUATION_AFTER.match(text, mark.end()):
        return True
    at_line_end = re.match(r"[ \t]*(\n|$)", text[mark.end() :])
    return bool(WORD_BEFORE.search(before)) and not at_line_end


def _without_marks(answer: str) -> str:
    match = ANSWER_MARKS.fullmatch(answer)
    return match[1] if match else answer


def _join(thoughts: list[str]) -> str:
    return "\n\n".join(filter(None, map(str.strip, thoughts)))
