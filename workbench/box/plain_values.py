r"""Plain values as bytes: they carry no code, no class and no reference into another process.

    decode(encode({"a": [1, 2.5, None]}))      {"a": [1, 2.5, None]}

A value is a letter, a size in hexadecimal, a colon and that many bytes or values: `s2:ok`. Values
of other types need a `refer` function; it returns a number, which `resolve` turns back.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes longer to import than a small program runs
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

MOST_DEPTH = 200
# Types whose values another process rebuilds by a call with plain arguments.
REBUILT: dict[str, Callable[[Any], list[Any]]] = {
    "decimal.Decimal": lambda value: [str(value)],
    "fractions.Fraction": lambda value: [value.numerator, value.denominator],
    "datetime.date": lambda value: [value.year, value.month, value.day],
    "datetime.timedelta": lambda value: [value.days, value.seconds, value.microseconds],
    "collections.deque": lambda value: [list(value)],
    "builtins.range": lambda value: [value.start, value.stop, value.step],
    "builtins.bytearray": lambda value: [bytes(value)],
}
_CONTAINERS = {list: b"l", tuple: b"t", set: b"S", frozenset: b"Z"}
_BUILDERS: dict[bytes, Callable[[list[Any]], Any]] = {
    **{letter: kind for kind, letter in _CONTAINERS.items()},
    b"d": lambda flat: dict(zip(flat[::2], flat[1::2], strict=True)),
    b"c": lambda parts: complex(*parts),
}
_SCALARS: dict[bytes, Callable[[bytes], Any]] = {
    b"N": lambda _: None,
    b"B": lambda text: text == b"1",
    b"i": lambda text: int(text, 16),
    b"f": lambda text: float.fromhex(text.decode()),
    b"s": lambda text: text.decode("utf-8", "surrogatepass"),
    b"b": bytes,
}


class NotPlainError(TypeError):
    """A value that has no plain form, or bytes that are none."""


def _refuse(value: Any) -> Any:
    raise NotPlainError(f"a value of type {type(value).__name__} can't be sent")


def encode(value: Any, refer: Callable[[Any], int] = _refuse) -> bytes:
    """Return the bytes of a value.

    Raises:
        NotPlainError: `refer` refused a part of it, or it is nested too deeply.
    """
    parts: list[bytes] = []
    _append(parts, value, refer, 0)
    return b"".join(parts)


def decode(content: bytes, resolve: Callable[[int], Any] = _refuse) -> Any:
    """Return the value of these bytes; only plain types are built.

    Raises:
        NotPlainError: the bytes are no value.
    """
    try:
        value, end = _read(content, 0, resolve, 0)
    except (ValueError, LookupError, ArithmeticError, TypeError) as error:
        raise NotPlainError("the bytes are no value") from error
    if end != len(content):
        raise NotPlainError("the bytes are no value")
    return value


def _append(parts: list[bytes], value: Any, refer: Callable[[Any], int], depth: int) -> None:
    if depth > MOST_DEPTH:
        raise NotPlainError(f"a value is nested more than {MOST_DEPTH} times")
    if (scalar := _scalar(value)) is not None:
        letter, text = scalar
        parts += [letter, b"%x:" % len(text), text]
        return
    elements: Iterable[Any]
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            letter, elements = _CONTAINERS[kind], list(value)
            break
    else:
        if isinstance(value, dict):
            letter, elements = b"d", [part for pair in list(value.items()) for part in pair]
        elif type(value) is complex:
            letter, elements = b"c", [value.real, value.imag]
        elif arguments := REBUILT.get(f"{type(value).__module__}.{type(value).__qualname__}"):
            name = f"{type(value).__module__}.{type(value).__qualname__}"
            letter, elements = b"r", [name, *arguments(value)]
        else:
            text = b"%x" % refer(value)
            parts += [b"R", b"%x:" % len(text), text]
            return
    elements = list(elements)
    parts += [letter, b"%x:" % len(elements)]
    for element in elements:
        _append(parts, element, refer, depth + 1)


def _scalar(value: Any) -> tuple[bytes, bytes] | None:
    """Letter and bytes of a value without parts; None: it has parts, or no plain form."""
    if value is None:
        return b"N", b""
    if isinstance(value, bool):
        return b"B", b"1" if value else b"0"
    if isinstance(value, int):
        return b"i", b"%x" % int(value)
    if isinstance(value, float):
        return b"f", float.hex(value).encode()
    if isinstance(value, str):
        return b"s", str.encode(value, "utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return b"b", bytes(value)
    return None


def _read(content: bytes, start: int, resolve: Callable[[int], Any], depth: int) -> tuple[Any, int]:
    """The value that begins at `start`, and its end."""
    letter, colon = content[start : start + 1], content.index(b":", start, start + 20)
    size, position = int(content[start + 1 : colon], 16), colon + 1
    if depth > MOST_DEPTH or size < 0 or size > len(content) - position:
        raise ValueError(letter)
    if letter == b"R" or letter in _SCALARS:
        text, end = content[position : position + size], position + size
        return (resolve(int(text, 16)) if letter == b"R" else _SCALARS[letter](text)), end
    elements: list[Any] = []
    for _ in range(size):
        element, position = _read(content, position, resolve, depth + 1)
        elements.append(element)
    if letter == b"r":
        return _rebuild(elements), position
    if letter not in _BUILDERS:
        raise ValueError(letter)
    return _BUILDERS[letter](elements), position


def _rebuild(elements: list[Any]) -> Any:
    name, *arguments = elements
    if name not in REBUILT:
        raise ValueError(name)
    module, _, attribute = name.rpartition(".")
    return getattr(__import__(module), attribute)(*arguments)
