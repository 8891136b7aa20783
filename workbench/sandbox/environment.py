"""Jinja's sandbox, in which a row always renders to the same text.

>>> ENVIRONMENT.from_string("{{ tags|map('upper')|join(' ') }}").render(tags=["a", "b"])
'A B'
"""

import json
from difflib import get_close_matches
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Undefined
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workbench.sandbox.opaque import (
    JINJA_TYPES,
    VIEWS,
    Opaque,
    is_iterator,
    opaque,
    type_name,
    unwrapped,
    wrapped_filter,
)

PRINTABLE: tuple[type, ...] = (
    *(str, int, float, list, dict, tuple, range, type(None), Undefined),
    *VIEWS,
)
LISTS: tuple[type, ...] = (range, *VIEWS)


class MissingVariable(StrictUndefined):
    """A missing value; a missing key of a mapping lists the keys that exist, nearest first."""

    __slots__ = ()
    __repr__ = StrictUndefined._fail_with_undefined_error  # as an element of a list

    @property
    def _undefined_message(self) -> str:
        container, name = self._undefined_obj, str(self._undefined_name)
        if self._undefined_hint or not isinstance(container, dict):
            return super()._undefined_message
        near = get_close_matches(name, map(str, container), n=3, cutoff=0.5)
        names = near + sorted(str(key) for key in container if key not in near)
        return f"no {name!r} in this mapping, which has: {', '.join(names[:12]) or 'nothing'}"


def _check_printable(value: object) -> object:
    """Refuse a value that is no text, number, list or mapping."""
    if isinstance(value, PRINTABLE):
        return value
    if isinstance(value, (Opaque, *JINJA_TYPES)):
        str(value)
    raise TypeError(f"a {type_name(value)} is not text")


def check_choice(value: object) -> object:
    """Refuse all but text and numbers inside the text of a choice."""
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (str, int, float, Undefined)):
        return value
    raise TypeError("null" if value is None else f"a {type_name(value)} in a text")


def _refuse_json(value: object) -> NoReturn:
    if isinstance(value, Undefined):
        str(value)  # raises the error that names the missing variable
    raise TypeError(f"a {type_name(value)} is not JSON")


def as_list(value: Any) -> list[Any]:
    """The list of a value that JSON has no form for; others are refused."""
    return list(value) if isinstance(value, LISTS) or is_iterator(value) else _refuse_json(value)


def _subtract(first: Any, second: Any) -> Any:
    """Difference; of keys and entries a list in their order, because a set has none."""
    difference = first - second
    if isinstance(difference, set):
        return [element for element in first if element in difference]
    return difference


class Environment(ImmutableSandboxedEnvironment):
    """The sandbox of templates."""

    intercepted_binops = frozenset({"-"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.binop_table["-"] = _subtract

    def getitem(self, container: Any, argument: Any) -> Any:
        """Return an entry; a whole float is an index: tables with missing cells write `1.0`."""
        is_index = isinstance(argument, float) and argument.is_integer()
        if is_index and isinstance(container, list | str):
            argument = int(argument)
        return opaque(super().getitem(unwrapped(container), argument), argument)

    def getattr(self, container: Any, attribute: str) -> Any:
        """Return an attribute; a method is wrapped, because it has no text."""
        return opaque(super().getattr(unwrapped(container), attribute), attribute)

    def call(self, context: Context, function: Any, /, *arguments: Any, **named: Any) -> Any:
        """Call a function; a result that is neither text nor data is wrapped."""
        value = super().call(context, function, *arguments, **named)
        return opaque(value, getattr(function, "_name", ""))


ENVIRONMENT = Environment(
    undefined=MissingVariable, keep_trailing_newline=True, finalize=_check_printable
)
del ENVIRONMENT.globals["lipsum"], ENVIRONMENT.filters["random"]
# Plain JSON, as chat templates expect; Jinja's own `tojson` escapes it for HTML.
ENVIRONMENT.filters["tojson"] = lambda value, indent=None, compact=False: json.dumps(
    value,
    ensure_ascii=False,
    indent=indent,
    separators=(",", ":") if compact else None,
    default=_refuse_json,
)


def _parse_json(value: Any) -> Any:
    """The value of a JSON text; anything but text stays the same."""
    if not isinstance(value, str | Undefined):
        return value
    try:
        return json.loads(str(value))
    except ValueError:
        raise ValueError(f"fromjson: {str(value)[:60]!r} is not JSON") from None


ENVIRONMENT.filters["fromjson"] = _parse_json
ENVIRONMENT.filters["image"] = lambda _, *urls, **settings: {**settings, "urls": urls}
ENVIRONMENT.filters["arguments"] = lambda call, more=(), **named: {**call, **dict(more), **named}
for name, function in ENVIRONMENT.filters.items():
    ENVIRONMENT.filters[name] = wrapped_filter(function, name)
for name, function in ENVIRONMENT.globals.items():
    ENVIRONMENT.globals[name] = opaque(function, name)
