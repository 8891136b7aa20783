r"""The text in the events of a streamed reply, while they arrive.

>>> events = TextEvents()
>>> events.feed(b'data: {"choices": [{"delta": {"content": "fo"}}]}\n\ndata: {"choi')
'fo'
>>> events.feed(b'ces": [{"delta": {"content": "ur"}}]}\n\n')
'ur'

`join_events` reads the complete reply and decides; where both could differ, no more text comes.
"""

import codecs

from workbench.answers.reply_body import parse_reply
from workbench.canonical import JSON
from workbench.providers.openai.event_stream import EVENT_END, STREAM, TEXT_DELTA, event_data

LONGEST_EVENT = 2**20  # characters; a longer one is not looked at before the reply is complete


class TextEvents:
    """The events of one reply.

    Attributes:
        has_text: some text has been returned.
    """

    def __init__(self) -> None:
        self.has_text = False
        self.reset()

    def reset(self) -> None:
        """Begin again with another reply."""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._is_first = True
        self._has_ended = False

    def feed(self, chunk: bytes) -> str:
        """Return the text in the events that the chunk completes."""
        if self._has_ended:
            return ""
        text = self._rest + self._decoder.decode(chunk)
        if self._is_first and len(text.lstrip()) > len("event:"):
            self._is_first = False
            self._has_ended = not STREAM.match(text)
        *events, self._rest = EVENT_END.split(text)
        self._has_ended = self._has_ended or len(self._rest) > LONGEST_EVENT
        added = "".join(self._text(data) for event in events for data in event_data(event))
        self.has_text = self.has_text or bool(added)
        return added

    def _text(self, data: str) -> str:
        if self._has_ended:
            return ""
        try:
            event = parse_reply(data)
            text = _event_text(event)
        except (
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
        ):  # `[DONE]`, or a form of its own
            self._has_ended = True
            return ""
        return text


def _event_text(event: JSON) -> str:
    """The text that an event adds to the first choice.

    Raises:
        ValueError, TypeError, AttributeError, LookupError: it adds something else to it.
    """
    if event.get("type") == TEXT_DELTA:
        return str(event.get("delta") or "")
    if str(event.get("type")).startswith("response."):
        return ""
    choices = event.get("choices") or []
    if event.get("error") or len(choices) > 1:
        raise ValueError
    text = ""
    for choice in choices:
        if choice.get("index"):
            raise ValueError
        parts = [choice[name] for name in ("delta", "message") if choice.get(name)]
        contents = [part.get("content") for part in parts] or [choice.get("text")]
        text += "".join(content for content in contents if content)  # a list of parts: TypeError
    return text
