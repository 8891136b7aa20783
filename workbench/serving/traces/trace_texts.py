"""Texts of traces: without secrets, cut at a limit, or left out.

{"role": "user", "content": "my key is sk-proj-a1b2c3…"}   ->   {…, "content": "my key is ***"}
{"url": "data:image/png;base64,iVBORw0…"}                  ->   {"url": "[image/png, 34.1 kB]"}
"""

import re
from collections.abc import Callable, Mapping

from workbench.canonical import JSON
from workbench.errors import bytes_text
from workbench.secrets import Redactor, mask_text
from workbench.storable_text import storable_text

MARGIN = 2_000  # characters behind the limit that are searched for secrets, too
DATA_URL = re.compile(r"data:([\w.+/-]{0,100})[;,]")
SHORT_DATA = 200  # characters of a data URL that is no content
TOKEN_WORD = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,200}")  # perhaps a token of the server
MAX_DEPTH = 100
DEEP = "[deeper than 100 levels]"


class TraceTexts:
    """Makes the texts of traces safe to write.

    Args:
        redactor: of the known secrets.
        max_text: characters of one text.
        is_token: True for the token of a caller, of which the server knows the digest only.
    """

    def __init__(
        self,
        redactor: Redactor,
        max_text: int,
        is_token: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._redactor = redactor
        self._max_text = max_text
        self._is_token = is_token

    def clean(self, value: JSON, depth: int = 0) -> JSON:
        """The same data with each string and each key as `clean_text`."""
        if isinstance(value, str):
            return self.clean_text(value)
        if isinstance(value, Mapping | list | tuple) and depth >= MAX_DEPTH:
            return DEEP
        if isinstance(value, Mapping):
            return {
                self.clean_text(str(key)): self.clean(entry, depth + 1)
                for key, entry in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.clean(entry, depth + 1) for entry in value]
        return value

    def clean_text(self, text: str) -> str:
        """The text without secrets, with a remark in place of what is beyond the limit."""
        length, limit = len(text), self._max_text
        if length > SHORT_DATA and (content := DATA_URL.match(text)):
            return f"[{content[1] or 'data'}, {bytes_text(length * 3 // 4)}]"
        if length > limit:
            text = text[: limit + MARGIN]
        text = mask_text(self._redactor.redact(text))
        text = storable_text(TOKEN_WORD.sub(self._without_token, text))
        if length > limit:
            text = f"{text[:limit]}… [cut: {length:,} characters]"
        return text

    def _without_token(self, match: re.Match[str]) -> str:
        return "[token]" if self._is_token(match[0]) else match[0]

    def shorter(self, max_text: int) -> "TraceTexts":
        """The same with a lower limit."""
        return TraceTexts(self._redactor, min(max_text, self._max_text), self._is_token)
