"""The process of the tests: it runs them, and gets values from the process of the answer.

    assert double(4) == 8      `double` sends 4 to the answer's process; 8 is compared here

The answer's functions and objects are stand-ins here. A value of the answer is of a plain type, or
a stand-in, which equals no plain value: an object with an `__eq__` of its own can't pass for a
number. The verdict is written to this process's stdout, which no process of the answer can reach.
"""

from __future__ import annotations

import builtins
import os
import sys

from workbench.box.message_pipe import MessagePipe
from workbench.box.plain_values import NotPlainError, decode, encode
from workbench.box.text_module import compile_source, line_in, run_source

TYPE_CHECKING = False  # `typing` takes longer to import than a small program runs
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType
    from typing import Any

ENTRY = NAME = "tests"
PATH = "tests.py"
MOST_TEXT, MOST_REASON = 200, 500  # characters of a line, and of all
# Operators of two objects of the answer; with a plain value they would let the answer decide.
BETWEEN_OBJECTS = ("lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "and_", "or_", "xor")
_CONTAINERS: dict[type, Callable[[Any, Any], object]] = {
    list: lambda old, new: old.__setitem__(slice(None), new),
    bytearray: lambda old, new: old.__setitem__(slice(None), new),
    dict: lambda old, new: (old.clear(), old.update(new)),
    set: lambda old, new: (old.clear(), old.update(new)),
}


class AnswerEndedError(BaseException):
    """The answer's process has ended; no test may catch that."""


class UnsupportedError(BaseException):
    """A test sends a value that has no plain form, such as a function."""


class AnswerConnection:
    """The answer's process."""

    def __init__(self, pipe: MessagePipe) -> None:
        self._pipe = pipe
        self._stand_ins: dict[int, StandIn] = {}

    def request(self, operation: str, target: object, *arguments: Any, **named: Any) -> Any:
        """Return the result of an operation of the answer, or raise its error."""
        try:
            message = encode([operation, target, list(arguments), named], _number)
        except NotPlainError as error:
            raise UnsupportedError(f"the tests give the answer {error}") from None
        try:
            self._pipe.send(message)
        except BrokenPipeError:
            raise AnswerEndedError from None
        return self.receive(arguments)

    def receive(self, arguments: tuple[Any, ...] = ()) -> Any:
        """Return the next value from the answer, and repeat its changes to `arguments`."""
        content = self._pipe.receive()
        try:
            kind, *fields = decode(content or b"", self._stand_in)
            if kind == "value":
                value, changes = fields
                for index, changed in changes:
                    if type(changed) is type(arguments[index]):
                        _CONTAINERS[type(changed)](arguments[index], changed)
                return value
            types, text, line = fields
            raised = _error(types, str(text), int(line))
        except (NotPlainError, ValueError, TypeError, LookupError) as error:
            raise AnswerEndedError from error
        raise raised

    def _stand_in(self, number: int) -> StandIn:
        if number not in self._stand_ins:
            self._stand_ins[number] = StandIn(self, number)
        return self._stand_ins[number]


class StandIn:
    """A function, class or object of the answer."""

    def __init__(self, answer: AnswerConnection, number: int) -> None:
        vars(self).update(_answer=answer, _number=number)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it in the answer's process."""
        return self._answer.request("call", self, *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__name__", "__doc__"):
            raise AttributeError(name)
        return self._operate("getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._operate("setattr", name, value)

    def __delattr__(self, name: str) -> None:
        self._operate("delattr", name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StandIn) and bool(self is other or self._operate("eq", other))

    def __hash__(self) -> int:
        return int(self._operate("hash"))

    def __bool__(self) -> bool:
        return self._operate("bool") is True

    def __len__(self) -> int:
        return int(self._operate("len"))

    def __str__(self) -> str:
        return str.__str__(self._operate("str"))

    def __repr__(self) -> str:
        return str.__str__(self._operate("repr"))

    def __int__(self) -> int:
        return int.__int__(self._operate("int"))

    def __float__(self) -> float:
        return float.__float__(self._operate("float"))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._operate("iter")
        while True:
            try:
                yield self._answer.request("next", None, iterator)
            except StopIteration:
                return

    def __next__(self) -> Any:
        return self._operate("next")

    def __getitem__(self, key: Any) -> Any:
        return self._operate("getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._operate("setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        self._operate("delitem", key)

    def __instancecheck__(self, value: object) -> bool:
        return (
            isinstance(value, StandIn)
            and self._answer.request("isinstance", None, value, self) is True
        )

    def _operate(self, operation: str, *arguments: Any) -> Any:
        return self._answer.request(operation, None, self, *arguments)


def _between_objects(name: str) -> Callable[[StandIn, object], Any]:
    def operate(self: StandIn, other: object) -> Any:
        return self._operate(name, other) if isinstance(other, StandIn) else NotImplemented

    return operate


for _name in BETWEEN_OBJECTS:
    setattr(StandIn, f"__{_name.rstrip('_')}__", _between_objects(_name))


def _number(value: Any) -> int:
    if isinstance(value, StandIn):
        return int(vars(value)["_number"])
    raise NotPlainError(f"a value of type {type(value).__name__}, which can't be sent")


def _error(types: list[str], text: str, line: int) -> Exception:
    """An error of the answer, of the nearest class that Python itself has."""
    classes = [getattr(builtins, str(name), None) for name in types]
    nearest = [kind for kind in classes if isinstance(kind, type) and issubclass(kind, Exception)]
    # A group can't be made without its errors.
    kind = next((kind for kind in nearest if not issubclass(kind, ExceptionGroup)), RuntimeError)
    error = kind.__new__(kind, text)
    error.of_answer = [str(types[0]), text, line]  # type: ignore[attr-defined]
    return error


def run_tests(job: dict[str, Any]) -> None:
    """Run the tests, write the outcome, and end this process."""
    output = os.dup(1)
    os.dup2(2, 1)  # for tests that print
    outcome = _outcome(job)
    sys.stdout.flush()
    os.write(output, encode([text[:MOST_REASON] for text in outcome]))
    os._exit(0)


def _outcome(job: dict[str, Any]) -> list[str]:
    """A label, and its reason."""
    answer = AnswerConnection(MessagePipe(job["replies"], job["requests"]))
    source, count = b"", len(job["tests"])
    number = 0
    try:
        answer.receive()
        module = type(sys)(NAME)
        sys.modules[NAME] = module
        namespace = vars(module)
        _define(namespace, job, answer)
        for test in job["tests"]:
            number, source = number + 1, test
            run_source(module, source, PATH)
            if job["checks"]:
                namespace["check"](_entry_point(namespace, job["entry_point"]))
    except AnswerEndedError:
        return ["ended", ""]
    except UnsupportedError as error:
        return ["unsupported", str(error)]
    except MemoryError:
        return ["memory", "MemoryError"]
    except BaseException as error:  # of the tests, or an error of the answer
        place = f"test {number} of {count}" if count > 1 else ""
        return _failure(error, source.decode("utf-8", "replace"), place)
    return ["passed", f"{count} tests" if count > 1 else ""]


def _failure(error: BaseException, source: str, place: str) -> list[str]:
    line = line_in(error, PATH)
    place = (place or f"line {line}") if source else "before the tests"
    if fields := getattr(error, "of_answer", None):
        name, text, line = fields
        shown = f"{name}: {text}" if text else name
        return ["memory" if name == "MemoryError" else "error", f"{shown} (line {line})"]
    if isinstance(error, SyntaxError):
        return ["unsupported", f"the tests are no Python: {error.msg}, line {line}"]
    lines = source.splitlines()
    shown = lines[line - 1].strip()[:MOST_TEXT] if 0 < line <= len(lines) else ""
    if isinstance(error, NameError):
        return ["error", f"NameError: {error}"]
    if not isinstance(error, AssertionError):
        shown = f"{shown}: {type(error).__name__}: {error}"
    return ["failed", f"{place}: {shown}"]


def _define(namespace: dict[str, Any], job: dict[str, Any], answer: AnswerConnection) -> None:
    """Define the names that the tests use: of the prefix, of modules, and of the answer."""
    module = sys.modules[NAME]
    for source in (job["prefix"], job["setup"]):
        try:
            compile_source(source, PATH)
        except SyntaxError:  # a prefix whose last function has no body yet
            continue
        if source is job["prefix"]:
            run_source(module, source, PATH)
    used: set[str] = set()
    for source in (*job["tests"], job["setup"]):
        used |= _names(compile_source(source, PATH))
    modules = used & sys.stdlib_module_names - namespace.keys() - set(job["calls"])
    namespace.update(_imported(modules))
    # An answer can't replace `math` or `len`, unless the tests use no name but such.
    of_python = vars(builtins).keys() | modules
    free = used - namespace.keys() - of_python or used & of_python - {"__build_class__"}
    wanted = free | {job["entry_point"]} - {""}
    values = answer.request("names", None, *sorted(wanted))
    namespace.update({name: value for name, value in values.items() if name in wanted})
    if job["entry_point"] not in values:
        namespace.pop(job["entry_point"], None)  # that of the prefix has no body
    run_source(module, job["setup"], PATH)


def _imported(names: set[str]) -> dict[str, Any]:
    modules = {}
    for name in names:
        try:
            modules[name] = __import__(name)
        except ImportError:  # of another system
            continue
    return modules


def _entry_point(namespace: dict[str, Any], name: str) -> Any:
    if name not in namespace:
        raise NameError(f"name {name!r} is not defined")
    return namespace[name]


def _names(code: CodeType) -> set[str]:
    """The names that a piece of code uses, those of attributes among them."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            names |= _names(constant)
    return names
