"""Values that a template may call or loop over, and that have no text.

Python's text of a method or a generator is its address in memory. In a prompt it would differ in
every process, so every run would pay for every row again. All text, also of the elements of a
list, is made by `__repr__`, so that is what fails.

>>> list(opaque(iter("ab"), "map"))
['a', 'b']
>>> f"Tags: {[opaque((tag for tag in 'ab'), 'map')]}"
Traceback (most recent call last):
workbench.sandbox.opaque.NoTextError: 'map' gives a generator, which is not text
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NoReturn

from jinja2 import Undefined, nodes
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.utils import Cycler, Joiner, Namespace

VIEWS: tuple[type, ...] = (type({}.items()), type({}.keys()), type({}.values()))
# Their text is the same in every process if that of their elements is.
_EXACT = frozenset(
    (str, int, float, bool, type(None), list, tuple, dict, range, bytes, complex, type(...), *VIEWS)
)
# Python classes of Jinja: their text is refused by the class itself.
JINJA_TYPES: tuple[type, ...] = (
    *(BlockReference, Context, LoopContext, Macro, TemplateReference),
    *(Cycler, Joiner, Namespace),
)


class NoTextError(TypeError, nodes.Impossible):
    """A value without a text is to become text; Jinja then leaves constants to the rendering."""


class Opaque:
    """A value that fails when it is to become text."""

    __slots__ = ("_name", "_value")

    def __init__(self, value: Any, name: object) -> None:
        self._value = value
        self._name = name

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        """Call the value."""
        return self._value(*arguments, **named)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value)

    def __repr__(self) -> str:
        if callable(self._value):
            raise NoTextError(f"{self._name!r} is a method or function, which is not text")
        raise NoTextError(f"{self._name!r} gives a {type_name(self)}, which is not text")


Opaque.__name__ = "generator or method"  # in Python's errors: it has no len()


def opaque(value: Any, name: object) -> Any:
    """The value, wrapped unless its text is the same in every process.

    Args:
        value: of an attribute, a call or a filter.
        name: of that attribute, function or filter.
    """
    if type(value) in _EXACT or isinstance(value, _TEXTUAL):
        return value
    return Opaque(value, name)


_TEXTUAL: tuple[type, ...] = (str, tuple, Undefined, Opaque, *JINJA_TYPES)


def unwrapped(value: Any) -> Any:
    """The value in an `Opaque`; any other value unchanged."""
    return value._value if isinstance(value, Opaque) else value


def type_name(value: object) -> str:
    """Python's name of the value's type."""
    return type(unwrapped(value)).__name__


def is_iterator(value: object) -> bool:
    """True for a wrapped value that gives its elements once, such as a generator."""
    return isinstance(value, Opaque) and isinstance(unwrapped(value), Iterator)


def wrapped_filter(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The filter with its values wrapped."""

    @wraps(function)  # Jinja's notes on its parameters
    def filtered(*arguments: Any, **named: Any) -> Any:
        return opaque(function(*arguments, **named), name)

    return filtered


def _refuse_text(value: object) -> NoReturn:
    name = getattr(value, "name", None)  # of a macro or a block
    shown = f"{name!r} is a {type_name(value)}, which" if name else f"a {type_name(value)}"
    raise NoTextError(f"{shown} is not text")


def refuse_text_of_jinja() -> None:
    """Refuse text of Jinja's own objects in this process; some show an address, some don't."""
    for jinja_type in JINJA_TYPES:
        jinja_type.__repr__ = _refuse_text  # type: ignore[assignment,method-assign]
        jinja_type.__str__ = _refuse_text  # type: ignore[assignment,method-assign]
