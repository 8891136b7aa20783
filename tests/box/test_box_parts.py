"""The parts of a box: values as bytes, the filter of system calls, the files of Python."""

import os
import random
import string
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.box.call_filter import MACHINES, filter_program
from workbench.box.interpreter import PACKAGE, interpreter
from workbench.box.message_pipe import MOST_BYTES, MessagePipe
from workbench.box.plain_values import NotPlainError, decode, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(PLAIN)
def test_a_value_survives_its_bytes(value: object) -> None:
    assert repr(decode(encode(value))) == repr(value)


@given(st.binary())
def test_any_bytes_are_a_value_or_refused(content: bytes) -> None:
    try:
        value = decode(content)
    except NotPlainError:
        return
    assert isinstance(encode(value), bytes)


def test_a_thousand_drawn_values_survive() -> None:
    draw = random.Random(7)
    alphabet = string.printable + "é\ud800🎉א\0"

    def value(depth: int) -> object:
        kind = draw.randrange(9 if depth < 4 else 5)
        text = "".join(draw.choices(alphabet, k=draw.randrange(9)))
        scalars = (None, draw.random() < 0.5, draw.randrange(-(10**30), 10**30), draw.gauss(), text)
        if kind < 5:
            return scalars[kind]
        values = [value(depth + 1) for _ in range(draw.randrange(4))]
        if kind == 5:
            return values
        if kind == 6:
            return tuple(values)
        if kind == 7:
            return {draw.random() for _ in values}
        return dict(enumerate(values))

    values = [value(0) for _ in range(1000)]
    assert [decode(encode(each)) for each in values] == values


@pytest.mark.parametrize("value", [object(), len, lambda: 0, type, iter([]), Path("x")])
def test_a_value_without_a_plain_form_is_refused(value: object) -> None:
    with pytest.raises(NotPlainError, match=r"a value of type .* can't be sent"):
        encode([value])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"N",
        b"x0:",
        b"i3:zzz",
        b"l5:",
        b"lffffffff:",
        b"R1:0",
        b"s1:\xff",
        b"d1:N0:",
        b"N0:N0:",
    ],
)
def test_bytes_that_are_no_value_are_refused(content: bytes) -> None:
    with pytest.raises(NotPlainError):
        decode(content)


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: list = []
    for _ in range(1000):
        value = [value]
    with pytest.raises(NotPlainError, match="nested more than 200 times"):
        encode(value)


def test_a_subclass_becomes_its_plain_type() -> None:
    class Equal(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    assert type(decode(encode(Equal(3)))) is int


def test_messages_come_complete_or_not_at_all() -> None:
    (first_in, first_out), (second_in, second_out) = os.pipe(), os.pipe()
    near, far = MessagePipe(first_in, second_out), MessagePipe(second_in, first_out)
    near.send(b"")
    near.send(b"hello")
    assert (far.receive(), far.receive()) == (b"", b"hello")
    os.write(first_out, (MOST_BYTES + 1).to_bytes(8, "little"))
    assert near.receive() is None
    os.close(second_out)
    assert far.receive() is None
    for descriptor in (first_in, first_out, second_in):
        os.close(descriptor)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_ends_with_a_decision_and_jumps_forward(machine: str) -> None:
    program = filter_program(machine)
    assert len(program) % 8 == 0
    instructions = [program[start : start + 8] for start in range(0, len(program), 8)]
    targets = [
        number + 1 + max(instruction[2], instruction[3])
        for number, instruction in enumerate(instructions)
    ]
    assert max(targets) <= len(instructions)
    assert instructions[-1][:2] == b"\x06\x00"


def test_another_machine_has_no_filter() -> None:
    with pytest.raises(KeyError):
        filter_program("riscv64")


@pytest.mark.skipif(sys.platform != "linux", reason="boxes are made on Linux only")
def test_a_box_shows_python_and_nothing_else() -> None:
    python = interpreter()
    paths = [path for _, path in python.binds]
    assert python.executable in paths
    assert (str(PACKAGE / "box"), "/box/box") in python.binds
    allowed = ("/lib", "/usr/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/box/box")
    prefixes = (*allowed, python.executable, str(Path(python.executable).parents[1]))
    assert [path for path in paths if not path.startswith(prefixes)] == []
    assert [path for path in paths if path in ("/", "/usr", "/etc", "/home", "/root")] == []
