"""The process of an answer: it runs the answer's code, and computes values for the tests.

    received  ["call", 0, [[3, 1, 2]], {}]         function 0 of the answer, with a list
    sent      ["value", [1, 2, 3], []]             its result, and arguments that it has changed
              ["raised", ["ValueError", …], "empty", 7]   the error's types, its text and line

The tests are in another box. So nothing that the answer does to this process decides them: it can
send other values than its functions return, and that is all.
"""

from __future__ import annotations

import operator
import os
import sys

from workbench.box.message_pipe import MessagePipe
from workbench.box.plain_values import NotPlainError, decode, encode
from workbench.box.text_module import compile_source, line_in, run_source

TYPE_CHECKING = False  # `typing` takes longer to import than a small program runs
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

ENTRY = NAME = "answer"
PATH = "answer.py"
MOST_TEXT = 300  # characters of an error's text
_FUNCTIONS = {
    **{function.__name__: function for function in (len, hash, iter, next, bool, str, repr)},
    **{function.__name__: function for function in (int, float, isinstance, setattr, delattr)},
    "getattr": getattr,
}


class AnswerServer:
    """The objects of the answer that have no plain form, each with its number."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}  # by identity

    def reply(self, request: bytes) -> bytes:
        """Return the answer to a request."""
        try:
            operation, target, arguments, named = decode(request, self._objects.__getitem__)
            if operation == "names":
                return encode(["value", self._globals(arguments), []], self._refer)
            before = [self._content(argument) for argument in arguments]
            if operation == "call":
                value = target(*arguments, **named)
            elif operation in _FUNCTIONS:
                value = _FUNCTIONS[operation](*arguments)
            else:
                value = getattr(operator, operation)(*arguments)
            changed = [
                [index, argument]
                for index, argument in enumerate(arguments)
                if before[index] is not None and self._content(argument) != before[index]
            ]
            return encode(["value", value, changed], self._refer)
        except BaseException as error:  # of the answer's code: also SystemExit
            return encode(described(error))

    def _globals(self, names: list[str]) -> dict[str, Any]:
        """The answer's functions, classes and constants of these names; no modules."""
        values = vars(self._module)
        shared = [name for name in names if not isinstance(values.get(name), type(sys))]
        return {name: values[name] for name in shared if name in values}

    def _refer(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return number

    def _content(self, argument: Any) -> bytes | None:
        """The bytes of an argument that a function can change; None: it can't."""
        if not isinstance(argument, list | dict | set | bytearray):
            return None
        try:
            return encode(argument, self._refer)
        except NotPlainError:  # it holds itself
            return None


def described(error: BaseException) -> list[Any]:
    """An error as plain values."""
    types = [kind.__name__ for kind in type(error).__mro__]
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)[:MOST_TEXT]
    except BaseException:  # of the answer's own class
        text = ""
    return ["raised", types, text, line_in(error, PATH)]


def serve_answer(job: dict[str, Any]) -> None:
    """Run the answer, then compute values until the tests have ended."""
    pipe = MessagePipe(job["requests"], job["replies"])
    module = type(sys)(NAME)
    sys.modules[NAME] = module
    try:
        run_source(module, _first_valid(job["sources"]), PATH)
        pipe.send(encode(["value", None, []]))
    except BaseException as error:  # also SystemExit
        pipe.send(encode(described(error)))
        return
    server = AnswerServer(module)
    while (request := pipe.receive()) is not None:
        pipe.send(server.reply(request))
    os._exit(0)  # without waiting for threads of the answer


def _first_valid(sources: list[bytes]) -> bytes:
    """The first source that is Python; the first of all if none is."""
    return next(filter(_is_valid, sources), sources[0])


def _is_valid(source: bytes) -> bool:
    try:
        compile_source(source, PATH)
    except Exception:  # SyntaxError, ValueError; MemoryError: nested too deeply
        return False
    return True
