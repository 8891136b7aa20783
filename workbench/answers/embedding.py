"""The text in which an embedding is stored: its numbers in 32 bits, in base64.

>>> vector_text([1.0, -0.5])
'AACAPwAAAL8='
>>> read_vector("AACAPwAAAL8=")
(1.0, -0.5)
"""

import base64
import binascii
import math
import struct
from collections.abc import Sequence

BYTES = 4  # of a number


def vector_text(numbers: Sequence[float]) -> str:
    """The text of these numbers.

    Raises:
        ValueError: one is not finite, or too large for 32 bits.
    """
    try:
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"an embedding is not numbers of 32 bits: {error}") from error
    return _checked_text(packed)


def read_vector(text: str) -> tuple[float, ...]:
    """The numbers in a text; raises ValueError if it is no vector of finite numbers."""
    try:
        packed = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"an embedding is not base64: {error}") from error
    if not packed or len(packed) % BYTES:
        raise ValueError(f"an embedding has {len(packed)} bytes, not {BYTES} a number")
    numbers = struct.unpack(f"<{len(packed) // BYTES}f", packed)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("an embedding has a number that is not finite")
    return numbers


def _checked_text(packed: bytes) -> str:
    text = base64.b64encode(packed).decode("ascii")
    read_vector(text)
    return text
