"""Texts of traces: without secrets, cut at a limit, or left out.

{"role": "user", "content": "my key is sk-proj-a1b2c3…"}   ->   {…, "content": "my key is ***"}
{"url": "data:image/png;base64,iVBORw0…"}                  ->   {"url": "[image/png, 34.1 kB]"}
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from workbench.canonical import JSON
from workbench.errors import bytes_text
from workbench.secrets import Redactor, mask_text
from workbench.storable_text import storable_text

MARGIN = 2_000  # characters behind the limit that are searched for secrets, too
MAX_CHARACTERS = 100_000  # of all texts of a record
MAX_VALUES = 2_000  # texts and other values of a record
DATA_URL = re.compile(r"data:([\w.+/-]{0,100})[;,]")
WORD = 10  # letters and digits that are too few for a secret: names of fields, mostly
SHORT_DATA = 200  # characters of a data URL that is no content
TOKEN_WORD = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,200}")  # perhaps a token of the server
MAX_DEPTH = 100
DEEP, CUT = "[deeper than 100 levels]", "[cut]"


@dataclass(frozen=True)
class TraceTexts:
    """Rules for the texts of traces.

    Attributes:
        redactor: of the known secrets.
        max_text: characters of one text.
        is_token: True for the token of a caller, of which the server knows the digest only.
    """

    redactor: Redactor
    max_text: int
    is_token: Callable[[str], bool] = lambda _: False

    def cleaner(self) -> "TextCleaner":
        """A cleaner for one record."""
        return TextCleaner(self)


class TextCleaner:
    """Makes the texts of one record safe to write.

    All of them together have a limit, so that no request keeps the server busy for long.
    """

    def __init__(self, rules: TraceTexts) -> None:
        self._rules = rules
        self._characters_left, self._values_left = MAX_CHARACTERS, MAX_VALUES

    def clean(self, value: JSON, depth: int = 0) -> JSON:
        """The same data with each string and each key as `clean_text`."""
        self._values_left -= 1
        if isinstance(value, str):
            return self.clean_text(value)
        if not isinstance(value, Mapping | list | tuple):
            return value
        if depth >= MAX_DEPTH:
            return DEEP
        if isinstance(value, Mapping):
            return {
                self.clean_text(str(key)): self.clean(entry, depth + 1)
                for key, entry in takewhile(self._has_room, value.items())
            }
        return [self.clean(entry, depth + 1) for entry in takewhile(self._has_room, value)]

    def _has_room(self, _: object) -> bool:
        return self._values_left > 0

    def clean_text(self, text: str) -> str:
        """The text without secrets, with a remark in place of what is beyond the limit."""
        length, limit = len(text), min(self._rules.max_text, self._characters_left)
        if length <= WORD and text.replace("_", "a").isalnum():
            return text
        if length > SHORT_DATA and (content := DATA_URL.match(text)):
            return f"[{content[1] or 'data'}, {bytes_text(length * 3 // 4)}]"
        if limit <= 0:
            return CUT if text else ""
        text = mask_text(self._rules.redactor.redact(text[: limit + MARGIN]))
        text = storable_text(TOKEN_WORD.sub(self._without_token, text))
        if len(text) > limit or length > limit + MARGIN:
            text = f"{text[:limit]}… [cut: {length:,} characters]"
        self._characters_left -= len(text)
        return text

    def _without_token(self, match: re.Match[str]) -> str:
        return "[token]" if self._rules.is_token(match[0]) else match[0]
