r"""The place in a text, of which more is to come, at which the answer begins behind the thoughts.

>>> answer_start("<think>Hm.</think>\n\nIt is", begins_unmarked=False)
20
>>> answer_start("<think>Hm.", begins_unmarked=False)
>>> answer_start("Paris, ", begins_unmarked=False)
0

It is where `split_reasoning` will find it in the complete text. Where that is not certain yet, as
in nested thoughts, there is none: the answer is read when it is complete.
"""

import re
from collections.abc import Sequence

from workbench.answers.reasoning import (
    ReasoningMarks,
    is_mention,
    open_mark,
    reasoning_patterns,
    same_tag_closing,
)

# Texts in these forms are read when they are complete.
COMPLETE_FORMS = (
    *("<|channel|>", "<|start|>assistant<|channel|>"),
    *("Here's my thought process:", "Here is my thought process:"),
)
BARE_CHANNELS = "analysis"  # with no space behind it
ENDS = {"<": ">", "[": "]", "◁": "▷"}  # of marks
LOOKAHEAD = {"<": 8, "[": 0, "◁": 0}  # characters behind its end that may belong to a mark
LONGEST = {"<": 200, "[": 24, "◁": 24}  # characters of a mark
AFTER_CLOSING = 2  # characters that tell a closing mark from a text that talks about it


def answer_start(
    text: str, *, begins_unmarked: bool, prefill: str = "", tags: Sequence[str] = ()
) -> int | None:
    """Return the index of the answer's first character; None while it isn't certain.

    Args:
        text: the beginning of a text.
        begins_unmarked: the text may begin within a thought whose mark stands in the prompt.
        prefill: as for `split_reasoning`.
        tags: likewise.
    """
    stripped = text.lstrip()
    if not stripped or _may_have_complete_form(stripped):
        return None
    marks = reasoning_patterns(tuple(tags))
    start = 0
    if empty := marks.empty.match(text):
        start = empty.end()
    rest = text[start:]
    if opening := open_mark(prefill, marks):
        behind = _behind_thoughts(rest, opening, marks)
    elif not rest.strip() or _may_become_mark(rest.lstrip()):
        return None
    elif opening := marks.opening.match(rest.lstrip()):
        behind = _behind_thoughts(rest.lstrip()[opening.end() :], opening, marks)
    elif begins_unmarked:
        behind = _behind_unmarked(rest, marks)
    else:
        return start
    return None if behind is None else len(text) - len(behind)


def _behind_thoughts(text: str, opening: re.Match[str], marks: ReasoningMarks) -> str | None:
    """The answer behind thoughts, of which `opening` has opened the first."""
    while True:
        matches = same_tag_closing(opening, marks).finditer(text)
        closing = next((match for match in matches if not is_mention(text, match)), None)
        if not closing or marks.opening.search(text, 0, closing.start()):
            return None
        behind = text[closing.end() :]
        answer = behind.lstrip()
        if repeated := marks.closing.match(answer):
            answer = answer[repeated.end() :].lstrip()
        if not answer or len(behind) < AFTER_CLOSING or _may_become_mark(answer):
            return None
        another = marks.opening.match(answer)
        if not another:
            is_marked = answer.startswith("<|") or marks.closing.match(answer)
            return None if is_marked else answer
        text, opening = answer[another.end() :], another


def _behind_unmarked(text: str, marks: ReasoningMarks) -> str | None:
    """The answer behind the first mark that closes a thought; None without one."""
    for closing in marks.closing.finditer(text):
        behind = text[closing.end() :]
        if marks.opening.search(text, 0, closing.start()) or len(behind) < AFTER_CLOSING:
            return None
        if not is_mention(text, closing):
            answer = behind.lstrip()
            uncertain = not answer or _may_become_mark(answer) or answer.startswith("<|")
            return None if uncertain else answer
    return None


def _may_have_complete_form(stripped: str) -> bool:
    if any(stripped.startswith(form) or form.startswith(stripped) for form in COMPLETE_FORMS):
        return True
    if BARE_CHANNELS.startswith(stripped):
        return True
    behind = stripped.removeprefix(BARE_CHANNELS)
    return behind != stripped and not behind[:1].isspace()


def _may_become_mark(text: str) -> bool:
    """True while a text that begins like a mark is too short to tell."""
    end = ENDS.get(text[0])
    if end is None:
        return False
    index = text.find(end, 0, LONGEST[text[0]])
    if index < 0:
        return len(text) < LONGEST[text[0]]
    return len(text) < index + 1 + LOOKAHEAD[text[0]]
