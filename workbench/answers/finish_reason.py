"""Finish reasons, as servers spell them: did the model end its answer, or was it cut or withheld?

>>> finish_kind("stop"), finish_kind("FinishReason.MAX_TOKENS"), finish_kind("abort")
('ended', 'cut', 'broken')
>>> empty_state("stop"), empty_state("MAX_TOKENS"), empty_state("")
('ok', 'truncated', 'empty_output')
"""

import re
from functools import lru_cache
from typing import Literal

from workbench.model import Completion, State

Kind = Literal["ended", "cut", "withheld", "refused", "broken", "tool_calls", "missing", "unknown"]
KINDS: dict[Kind, str] = {  # words without case, spaces and punctuation
    "ended": """stop eos eostoken endid endturn stopsequence stopwords complete completed finish
        finished normal done success finalanswer endoftext imend""",
    "cut": """length maxtokens maxlength maxoutput maxoutputtokens maxcompletiontokens
        maxtokensreached maxnewtokens modellength modelcontextwindowexceeded contextlength
        contextwindowexceeded contextlengthexceeded tokenlimit incomplete truncated""",
    "withheld": """contentfilter contentfiltered contentfilterresult safety recitation sensitive
        prohibitedcontent blocklist spii imagesafety errortoxic guardrailintervened guardrails
        blocked moderation flagged contentmoderation language""",
    "refused": "refusal",
    "broken": """error abort aborted insufficientsystemresource networkerror cancel canceled
        cancelled usercancel timeout timelimit unload load repetition repetitiontruncation
        errorlimit other malformedfunctioncall unexpectedtoolcall malformedresponse interrupted
        failed failure internalerror servererror notfinished pauseturn disconnected preempted""",
    "tool_calls": "toolcalls toolcall tooluse functioncall",
    "missing": "none null finishreasonunspecified unspecified unknown",
}
# Parts of words that no list has; the first kind that fits counts.
PARTS: dict[Kind, re.Pattern[str]] = {
    "withheld": re.compile(
        "filter|safety|unsafe|prohibit|block|policy|moderat|recitation|copyright|guardrail"
        "|jailbreak|harm|toxic|sensitive|modelarmor|violation"
    ),
    "broken": re.compile(
        "error|abort|cancel|timed?out|deadline|malformed|unavailable|disconnect|interrupt|overload"
        "|kill|exception|crash|fail|evict|preempt|terminated|expired|shutdown|memory|oom$|insufficient"
        "|exhausted|ratelimit|inprogress|queued|noimage|toomanytoolcalls|missingthought|imageother"
    ),
    "ended": re.compile("stop(str|seq|token|word)|modelstop|^eo[sd]|^end"),
    "cut": re.compile("length|limit|max.*tokens|tokens?max|truncat|context|overflow|numpredict"),
}
WORDS: dict[str, Kind] = {word: kind for kind, words in KINDS.items() for word in words.split()}
TIE = "tie"  # two choices were equally likely, and the first is the answer
PREFIX = re.compile(r"(?i)^(finish|stop|incomplete)_?reason[._]")


@lru_cache(maxsize=1_000)
def finish_kind(finish_reason: str) -> Kind:
    """Return the end that a server's word means."""
    if not finish_reason:
        return "missing"
    texts = (finish_reason, PREFIX.sub("", finish_reason))
    words = [re.sub(r"[\W_]", "", text).lower() for text in texts]
    if exact := next((WORDS[word] for word in words if word in WORDS), None):
        return exact
    return next((kind for kind, part in PARTS.items() if part.search(words[1])), "unknown")


def empty_state(finish_reason: str, *, tool_calls: bool = False) -> State:
    """Return the state of a reply without text.

    An empty answer is an answer: the model ended by itself, called a tool, or spent all its tokens
    on reasoning. It is none if nothing says that it ended.
    """
    kind = finish_kind(finish_reason)
    if kind == "cut":
        return "truncated"
    return "ok" if tool_calls or kind == "ended" else "empty_output"


def is_cut(finish_reason: str) -> bool:
    """Return True if the answer reached the limit of its length."""
    return finish_kind(finish_reason) == "cut"


def notable_finish(completion: Completion) -> str:
    """Return the finish reason of a scored answer if it is unknown or a tie of choices."""
    reason = completion.finish_reason
    if not completion.scored or (completion.choice_scores is not None and reason != TIE):
        return ""
    return reason if finish_kind(reason) == "unknown" else ""
