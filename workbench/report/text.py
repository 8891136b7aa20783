"""Text that is safe to show: what a model, a row or a server said can't drive the terminal."""

import re

# Control characters, and those that turn the direction of text, hide it or break lines.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


def plain(text: str) -> str:
    """`text` without characters that act on a terminal; tabs and line ends stay."""
    return UNSAFE.sub("", text)


def one_line(text: str, width: int = 80) -> str:
    """The beginning of `text` on one line of at most `width` characters."""
    flat = " ".join(plain(text).split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def seconds(duration: float) -> str:
    """`850 ms`, `12.4 s`, `3 min 05 s`."""
    if duration < 1:
        return f"{duration * 1000:.0f} ms"
    if duration < 100:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"
