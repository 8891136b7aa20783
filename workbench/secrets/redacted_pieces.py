"""Secrets removed from a text that comes in pieces.

>>> from workbench.secrets.named import Secret
>>> from workbench.secrets.redactor import Redactor
>>> pieces = RedactedPieces(Redactor([Secret("OPENAI_API_KEY", "sk-proj-a1b2c3d4e5f6")]))
>>> [pieces.feed(piece) for piece in ("A", " key: ", "sk-proj-a1b", "2c3d4e5f6, I think.")]
['A', ' key: ', '', '']

What still waits when the text ends is shown from the whole text, redacted.
"""

from workbench.secrets.redactor import Redactor


class RedactedPieces:
    """Takes the pieces of one text, and gives back what has no part of a secret."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._waiting = ""  # it may end with the beginning of a secret

    def feed(self, piece: str) -> str:
        """Return what can be shown now; text that may be part of a secret waits."""
        self._waiting += piece
        if self._redactor.may_begin(self._waiting):
            return ""
        shown, self._waiting = self._redactor.redact(self._waiting), ""
        return shown
