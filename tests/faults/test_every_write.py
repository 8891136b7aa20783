"""A run that is killed before any of its writes to the store continues without loss."""

import os
from collections import Counter
from pathlib import Path

import pytest
from job import write_project
from jobs import DONE, KILLED, Ended, Forge, left_behind, read_books
from tracing import counted, kill_at, log, needs_strace, the_store

pytestmark = [pytest.mark.slow, needs_strace]
ROWS = [f"row {n}" for n in range(20)]
EVERY = 1 if "WORKBENCH_KILLS" in os.environ else 6  # `make kills` tries them all
CREATION = 30  # changes that the making of a store takes, about


class Project:
    """Twenty rows that a `Cashier` bills."""

    def __init__(self, root: Path, forge: Forge) -> None:
        self.root, self.forge, self.bill = root, forge, root / "bill"
        write_project(root, '"echo:last"', len(ROWS))
        self.bill.touch()

    def run(self, **order: object) -> Ended:
        return self.forge.run(self.root, bill=str(self.bill), few_at_once=True, **order)

    def check(self) -> None:
        """Every row has a completion, and each request paid twice is recorded as unknown."""
        books = read_books(self.root / ".workbench")
        assert sorted(books.texts.values()) == sorted(ROWS)
        billed = Counter(self.bill.read_text().split())
        assert billed.keys() == books.texts.keys()
        unnamed = {k: n for k, n in billed.items() if n - 1 > books.unknown[k]}
        assert (unnamed, books.intents, books.owners) == ({}, frozenset(), 0)
        assert left_behind(self.root / ".workbench") == []


def test_killed_before_any_write_or_sync(forge: Forge, tmp_path: Path) -> None:
    whole = Project(tmp_path / "whole", forge)
    traced = log(tmp_path / "log", the_store(whole.root))
    assert whole.run(strace=traced) == DONE
    calls = counted(tmp_path / "log")
    assert calls.keys() >= {"pwrite64", "fdatasync"}
    points = [(call, n) for call, most in sorted(calls.items()) for n in range(1, most + 1)]
    killed = 0
    for call, number in points[::EVERY]:
        project = Project(tmp_path / f"{call}-{number}", forge)
        ended = project.run(strace=kill_at(call, number, the_store(project.root)))
        print(call, number, ended)  # shown when it fails
        killed += ended == KILLED
        assert ended in (KILLED, DONE)
        assert project.run() == DONE
        project.check()
    # The busier the machine, the more answers share a write: then there are fewer of them.
    assert killed >= 0.5 * len(points[::EVERY])


@pytest.mark.parametrize("number", range(1, CREATION + 1, EVERY))
def test_killed_while_the_store_is_made(number: int, forge: Forge, tmp_path: Path) -> None:
    project = Project(tmp_path, forge)
    traced = "pwrite64,fdatasync,fsync,ftruncate,unlink,mkdir,chmod,fchmod"
    ended = project.run(strace=kill_at(traced, number), from_nothing=True)
    assert ended == KILLED
    assert project.run() == DONE
    project.check()
