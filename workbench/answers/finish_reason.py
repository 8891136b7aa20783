"""Finish reasons, as servers spell them: did the model end its answer, or was it cut or withheld?

>>> empty_state("stop"), empty_state("MAX_TOKENS"), empty_state("")
('ok', 'truncated', 'empty_output')
"""

from workbench.model import State

# Of a model that ended its answer by itself.
ENDED = frozenset(
    {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"}
)
CUT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens"})
WITHHELD = frozenset(
    {"content_filter", "safety", "recitation", "prohibited_content", "blocklist", "spii"}
)


def empty_state(finish_reason: str, *, tool_calls: bool = False) -> State:
    """Return the state of a reply without text.

    An empty answer is an answer: the model ended by itself, or spent all its tokens on reasoning.
    It is none if the model called a tool, or if nothing says that it ended.
    """
    if is_cut(finish_reason):
        return "truncated"
    return "ok" if finish_reason.lower() in ENDED and not tool_calls else "empty_output"


def is_cut(finish_reason: str) -> bool:
    """Return True if the answer reached the limit of its length."""
    return finish_reason.lower() in CUT


def is_withheld(finish_reason: str) -> bool:
    """Return True if a filter of the provider withheld the answer."""
    return finish_reason.lower() in WITHHELD
