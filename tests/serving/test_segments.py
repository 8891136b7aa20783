"""Records in append-only files: through restarts, kills at any byte, damage, and growth."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.serving.traces.segments import (
    Position,
    SegmentWriter,
    read_records,
    segment_path,
    segments,
    total_size,
)

PAYLOADS = st.lists(st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")), max_size=12)


def write(folder: Path, payloads: list[bytes], segment_size: int = 100) -> None:
    """Write as a server that is then killed: nothing is closed in order."""
    writer = SegmentWriter(folder, segment_size, Position())
    for payload in payloads:
        writer.append(payload)
    writer.close()


START = Position()


def read(folder: Path, start: Position = START) -> list[bytes]:
    return [record.payload for record in read_records(folder, start)]


@given(PAYLOADS, PAYLOADS)
def test_what_was_written_is_read_in_order_across_restarts(
    first: list[bytes], second: list[bytes]
) -> None:
    with TemporaryDirectory() as name:
        write(Path(name), first)
        write(Path(name), second)
        numbers = [record.end.number for record in read_records(Path(name), Position())]
        assert read(Path(name)) == first + second
        assert numbers == list(range(1, len(numbers) + 1))


@given(PAYLOADS.filter(bool), st.data())
def test_a_kill_at_any_byte_costs_the_record_that_was_being_written(
    payloads: list[bytes], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, payloads)
        last = segment_path(folder, segments(folder)[-1])
        lines = last.read_bytes().splitlines(keepends=True)
        lost = data.draw(st.integers(1, len(lines[-1])))  # bytes of the last record
        os.truncate(last, last.stat().st_size - lost)
        write(folder, [b"after the restart"])
        assert read(folder) == [*payloads[:-1], b"after the restart"]


@given(PAYLOADS.filter(bool), st.data())
def test_a_changed_byte_costs_one_record_or_joins_two(
    payloads: list[bytes], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, payloads, segment_size=10**6)
        file = segment_path(folder, 1)
        damaged = bytearray(file.read_bytes())
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
        file.write_bytes(damaged)
        survivors = read(folder)
        assert len(survivors) >= len(payloads) - 2
        remaining = iter(payloads)
        assert all(payload in remaining for payload in survivors)  # some of them, in order


@given(PAYLOADS, st.integers(0, 12))
def test_reading_goes_on_behind_any_record(payloads: list[bytes], count: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, payloads)
        ends = [Position(), *(record.end for record in read_records(folder, Position()))]
        count = min(count, len(payloads))
        assert read(folder, ends[count]) == payloads[count:]


def test_a_reader_follows_a_segment_that_grows_and_those_behind_it(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, 40, Position())
    position, seen = Position(), []
    for number in range(8):
        writer.append(b"%d" % number)
        for record in read_records(tmp_path, position):
            seen.append(record.payload)
            position = record.end
    assert seen == [b"%d" % number for number in range(8)]
    assert len(segments(tmp_path)) > 2


def test_numbers_go_on_when_everything_was_sent_and_deleted(tmp_path: Path) -> None:
    write(tmp_path, [b"a", b"b"])
    sent = [record.end for record in read_records(tmp_path, Position())][-1]
    for segment in segments(tmp_path):
        segment_path(tmp_path, segment).unlink()
    writer = SegmentWriter(tmp_path, 100, sent)
    writer.append(b"c")
    assert [record.end.number for record in read_records(tmp_path, sent)] == [3]


def test_files_are_for_this_user_alone(tmp_path: Path) -> None:
    write(tmp_path, [b"a"])
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
    assert total_size(tmp_path) == len(b"1 00000000 a\n")


def test_a_link_in_place_of_a_segment_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("mine")
    segment_path(tmp_path, 1).symlink_to(tmp_path / "other.txt")
    with pytest.raises(OSError):
        SegmentWriter(tmp_path, 100, Position()).append(b"a")
    assert (tmp_path / "other.txt").read_text() == "mine"
