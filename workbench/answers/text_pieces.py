"""The pieces of an answer's text that are certain while its reply is still coming.

    "<think>H"  "m.</think>Par"  "is"      arrive
                "Par"            "is"      are pieces of the answer "Paris"

What is not certain waits: the beginning of a stop text, the prefill where the server repeats it, a
thought until it ends. `read_answer` of the complete reply decides; pieces only come before it.
"""

from collections.abc import Sequence

from workbench.answers.answer_start import ENDS, answer_start
from workbench.answers.prefill import repeated_length
from workbench.answers.read import requested_choices, stop_texts
from workbench.answers.reply_body import replace_surrogates
from workbench.canonical import JSON
from workbench.model import Reasoning

SHORT = 300  # characters; longer texts are looked at again only where a mark has ended


class TextPieces:
    """Takes the text of one reply as it arrives, and gives what belongs to the answer.

    Args:
        reasoning: as in `Model`.
        prefill: that the reply continues.
        prefill_repeated: the reply begins with it.
        stops: texts at which the answer is cut.
        begins_unmarked: the reply may begin within a thought.
    """

    def __init__(
        self,
        reasoning: Reasoning | Sequence[JSON],
        *,
        prefill: str = "",
        prefill_repeated: bool = False,
        stops: Sequence[str] = (),
        begins_unmarked: bool = True,
    ) -> None:
        self._keeps_reasoning = reasoning == "keep"
        self._tags = [] if isinstance(reasoning, str) else [str(tag) for tag in reasoning]
        self._prefill = prefill
        self._prefill_repeated = prefill_repeated
        self._stops = [] if self._keeps_reasoning else list(stops)
        self._begins_unmarked = begins_unmarked
        self._surrogate = ""  # the first half of a character
        self._waiting = ""  # text of which it isn't certain whether it belongs to the answer
        self._has_begun = self._has_ended = False

    def feed(self, text: str) -> str:
        """Return the next certain piece of the answer; mostly `text` itself."""
        if self._has_ended:
            return ""
        self._waiting += self._complete_characters(text)
        if not self._has_begun:
            if not self._may_begin(text) or (start := self._start()) is None:
                return ""
            self._waiting, self._has_begun = self._waiting[start:], True
        return self._cut_at_stop()

    def _complete_characters(self, text: str) -> str:
        text = self._surrogate + text
        self._surrogate = text[-1] if text[-1:] and "\ud800" <= text[-1] <= "\udbff" else ""
        return replace_surrogates(text[: len(text) - len(self._surrogate)])

    def _may_begin(self, added: str) -> bool:
        """False if the added text can't tell where the answer begins."""
        if len(self._waiting) < SHORT:
            return True
        recent = self._waiting[-len(added) - SHORT :]
        return any(end in recent for end in ENDS.values())

    def _start(self) -> int | None:
        """The index of the answer in the waiting text; None if it isn't certain."""
        text, start = self._waiting, 0
        if self._prefill_repeated and self._prefill:
            is_exact = text.startswith(self._prefill) and self._prefill.strip()
            if not is_exact and len(text) < 2 * len(self._prefill) + 16:
                return None
            start = repeated_length(self._prefill, text) or 0
            if not text[start:].strip():
                return None
        if self._keeps_reasoning:
            return start
        behind = answer_start(
            text[start:],
            begins_unmarked=self._begins_unmarked,
            prefill=self._prefill,
            tags=self._tags,
        )
        return None if behind is None else start + behind

    def _cut_at_stop(self) -> str:
        """The waiting text up to a stop text, or to what may become one."""
        text = self._waiting
        ends = [end for end in map(text.find, self._stops) if end >= 0]
        if ends:
            self._has_ended = True
            return text[: min(ends)]
        certain = min((_certain_length(text, stop) for stop in self._stops), default=len(text))
        self._waiting = text[certain:]
        return text[:certain]


def open_pieces(
    request_text: str,
    reasoning: Reasoning | Sequence[JSON],
    *,
    prefill: str = "",
    stop_field: str = "stop",
    **options: bool,
) -> TextPieces | None:
    """Return the pieces of a request's reply; None if its answer is known only at its end.

    `options` are `prefill_repeated` and `begins_unmarked` of `TextPieces`.
    """
    if requested_choices(request_text) is not None:
        return None
    stops = stop_texts(request_text, stop_field)
    return TextPieces(reasoning, prefill=prefill, stops=stops, **options)


def _certain_length(text: str, stop: str) -> int:
    """Characters before the end of `text` that may be the beginning of `stop`."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return len(text) - length
    return len(text)
