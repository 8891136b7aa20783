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
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import islice

# Tags that models write by themselves: EXAONE `thought`, Seed-OSS `seed:think`, MiniMax `mm:think`.
TAGS = ("think", "thinking", "thoughts?", "reasoning", "seed:think", "mm:think", "longcat_think")
# The other marks that open a thought, and those that close it.
OTHER_MARKS = (
    (r"\[(THINK)\]", r"\[/THINK\]"),  # Magistral
    (r"◁(think)▷", r"◁/think▷"),  # Kimi
    (r"<\|(begin_of_thought)\|>", r"<\|end_of_thought\|>"),  # OpenThinker, Sky-T1
    (r"<\|(START_THINKING)\|>", r"<\|END_THINKING\|>"),  # Cohere
    (r"<\|(inner_prefix)\|>", r"<\|inner_suffix\|>"),  # Apertus
    (r"\[(unused16)\]", r"\[unused17\]"),  # Pangu
    (r"<\|(channel)>thought\b", r"<channel\|>"),  # Gemma
    (r"<(unused94)>thought\b", r"<unused95>"),  # MedGemma
)
# gpt-oss: messages in channels, with their special tokens or, where a server drops them, without.
CHANNEL = re.compile(
    r"(?:<\|start\|>assistant)?<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
    r"(.*?)(?:<\|end\|>|<\|return\|>|<\|call\|>|(?=<\|(?:start|channel)\|>)|$)",
    re.DOTALL,
)
BARE_CHANNELS = re.compile(r"analysis(?=\S)(.+?)assistantfinal(.*)", re.DOTALL)
GRANITE = re.compile(
    r"(?:Here's|Here is) my thought process:(.+?)(?:Here's|Here is) my response:(.*)", re.DOTALL
)
ANSWER_MARKS = re.compile(  # around the answer itself
    r"<\|(?:begin_of_solution|START_RESPONSE|START_TEXT|begin_of_box)\|>\s*(.*?)\s*"
    r"(?:<\|(?:end_of_solution|END_RESPONSE|END_TEXT|end_of_box)\|>\s*)?",
    re.DOTALL,
)
# A text that talks about a mark: `the tag </think> ends it`.
QUOTED = (re.compile(r"[`'\"“‘(]$"), re.compile(r"[`'\"”’)]"))  # before and after
WORD_BEFORE = re.compile(
    r"\b(an?|the|with|by|of|is|or|and|tag|token|mark(er)?|until|before|after|called|named"
    r"|us(e|es|ing)|writ(e|es|ing)|emits?|clos(e|es|ing)|ends?) $",
    re.IGNORECASE,
)
SIGNS = ("<", "[", "◁", "analysis", "my thought process:")  # every mark has one
MOST_MARKS = 50  # that are looked at
PUNCTUATION_AFTER = re.compile(r"[.,;:!?](\s|$)")


@dataclass(frozen=True)
class ReasoningMarks:
    """Patterns of the marks; `pairs`: of those that open a thought with what closes each."""

    pairs: tuple[tuple[str, str], ...]
    opening: re.Pattern[str]
    closing: re.Pattern[str]
    empty: re.Pattern[str]


@cache
def reasoning_patterns(tags: tuple[str, ...]) -> ReasoningMarks:
    """The marks of models, and `<tag>` … `</tag>` of further tags."""
    tag = "|".join((*TAGS, *map(re.escape, tags)))
    pairs = ((rf"<({tag})(?:\s[^<>]*)?>", r"</{name}\s*>"), *OTHER_MARKS)
    closing = "|".join(mark.format(name=f"(?:{tag})") for _, mark in pairs)
    opening = "|".join(mark for mark, _ in pairs)
    compiled = (re.compile(mark, re.I) for mark in (opening, closing, rf"\s*<({tag})\s*/>\s*"))
    return ReasoningMarks(pairs, *compiled)


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


def split_reasoning(text: str, *, prefill: str = "", tags: Sequence[str] = ()) -> Thoughts:
    """Separate the thoughts at the beginning of `text` from the answer.

    `prefill` is the text that it continues, which may have begun a thought; `tags` are further ones
    that the prompt asks for, as `scratchpad`.
    """
    if not (_has_sign(text) or (prefill and _has_sign(prefill))):
        return Thoughts("", text)  # which is most texts
    if parts := _split_channels(text.lstrip()) or _split_phrases(text.strip()):
        return parts
    marks = reasoning_patterns(tuple(tags))
    if empty := marks.empty.match(text):
        text = text[empty.end() :]
    thoughts, answer = list[str](), text
    opening = open_mark(prefill, marks)
    start = 0
    if not opening and (opening := marks.opening.match(text.lstrip())):
        start = len(text) - len(text.lstrip()) + opening.end()
    if not opening:
        return _split_at_closing(text, marks)
    while opening:
        closing = _find_closing(answer, start, opening, marks)
        if not closing:
            return Thoughts(_join([*thoughts, answer[start:]]), "", closed=False)
        thought, answer = answer[start : closing.start()], answer[closing.end() :].lstrip()
        if marks.opening.search(thought):  # nested
            nested = _split_at_closing(answer, marks)
            thought, answer = _join([thought, nested.reasoning]), nested.answer
        thoughts.append(thought)
        if repeated := marks.closing.match(answer):
            answer = answer[repeated.end() :].lstrip()
        opening = marks.opening.match(answer)
        start = opening.end() if opening else 0
    return Thoughts(_join(thoughts), _without_marks(answer))


def _has_sign(text: str) -> bool:
    for sign in SIGNS:  # noqa: SIM110  `any` takes twice as long
        if sign in text:
            return True
    return False


def reasoning_marks(tokens: Set[str]) -> set[str]:
    """Return those of a model's special tokens by which `split_reasoning` reads its answers."""
    patterns = (reasoning_patterns(()).opening, reasoning_patterns(()).closing)
    marks = {token for token in tokens if any(pattern.fullmatch(token) for pattern in patterns)}
    if "<|START_THINKING|>" in tokens:
        ends = {f"<|{end}_{part}|>" for end in ("START", "END") for part in ("RESPONSE", "TEXT")}
        marks |= ends & tokens
    if "<|channel|>" in tokens:
        marks |= {"<|channel|>", "<|message|>", "<|start|>", "<|end|>"} & tokens
    return marks | ({"<|channel>", "<channel|>"} & tokens)


def find_open_thought(text: str) -> str:
    """Return the mark that opens a thought in `text` and has no end; empty without one."""
    mark = open_mark(text, reasoning_patterns(()))
    return mark[0] if mark else ""


def has_thought(text: str) -> bool:
    """Return True if there is a mark of reasoning in `text`."""
    marks = reasoning_patterns(())
    patterns = (marks.opening, marks.closing, re.compile(r"<\|channel\|>"))
    return any(pattern.search(text) for pattern in patterns)


def closes_unmarked_thought(text: str, *, prefill: str = "", tags: Sequence[str] = ()) -> bool:
    """Return True if `text` begins within a thought whose mark stands in the prompt."""
    marks = reasoning_patterns(tuple(tags))
    if open_mark(prefill, marks) or marks.opening.match(text.lstrip()):
        return False
    return _split_at_closing(text, marks).answer != text


def _split_at_closing(text: str, marks: ReasoningMarks) -> Thoughts:
    """Split at a closing mark whose opening one stands in the prompt; no split without any."""
    for closing in islice(marks.closing.finditer(text), MOST_MARKS):
        before = text[: closing.start()]
        if marks.opening.search(before):
            break
        if not is_mention(text, closing):
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


def _split_phrases(text: str) -> Thoughts | None:
    """The two parts that Granite announces by a phrase each; None if the text has another form."""
    match = GRANITE.fullmatch(text)
    return Thoughts(match[1].strip(), match[2].strip()) if match else None


def open_mark(prefill: str, marks: ReasoningMarks) -> re.Match[str] | None:
    """Return the last opening mark of the prefill, if none closes it."""
    *_, opening = [None, *marks.opening.finditer(prefill)]
    return opening if opening and not marks.closing.search(prefill, opening.end()) else None


def _find_closing(
    text: str, start: int, opening: re.Match[str], marks: ReasoningMarks
) -> re.Match[str] | None:
    """The mark that closes a thought: the first that the thought doesn't talk about."""
    pattern = same_tag_closing(opening, marks)
    matches = list(islice(pattern.finditer(text, start), MOST_MARKS))
    matches = matches or list(islice(marks.closing.finditer(text, start), MOST_MARKS))
    meant = (match for match in matches if not is_mention(text, match))
    return next(meant, matches[0] if matches else None)


def same_tag_closing(opening: re.Match[str], marks: ReasoningMarks) -> re.Pattern[str]:
    """Return the pattern of the mark that closes what `opening` opens."""
    name = next(filter(None, opening.groups()))
    _, closing = next(
        mark for mark in marks.pairs if re.fullmatch(mark[0], opening[0], re.IGNORECASE)
    )
    return re.compile(closing.format(name=re.escape(name)), re.IGNORECASE)


def is_mention(text: str, mark: re.Match[str]) -> bool:
    """Return True if the text talks about a mark: in code, in quotes, or as a sentence's word."""
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
