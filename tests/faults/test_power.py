"""After a loss of power the store opens and has every acknowledged completion."""

import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from job import write_project
from jobs import DONE, Forge, read_books
from power import Disk, read_log
from tracing import CHANGES, needs_strace

from workbench.store import Store

pytestmark = [pytest.mark.slow, needs_strace]
ROWS = 60
SEED = 20_261
EVERY = 1 if "WORKBENCH_KILLS" in os.environ else 6
NOT_ON_DISK = "store.db-shm"  # memory that SQLite's processes share; nothing after a new start


def lay(files: Mapping[str, bytearray], folder: Path) -> Path:
    """A store's folder with these files in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        if name != NOT_ON_DISK:
            (folder / name).write_bytes(content)
    return folder


def texts(folder: Path, keys: set[str]) -> dict[str, str]:
    with Store(folder) as store:
        store.check()
        return {key: one.text for key, one in store.completions(keys).items()}


def test_what_was_kept_outlives_a_loss_of_power(forge: Forge, tmp_path: Path) -> None:
    root, folder = tmp_path / "project", tmp_path / "disk"
    write_project(root, '"echo:last"', ROWS)
    traced = ["-y", "-xx", "-s", "9000", "-e", f"trace={','.join(CHANGES)}"]
    order = {"bill": str(tmp_path / "bill"), "from_nothing": True, "few_at_once": True}
    assert forge.run(root, strace=[*traced, "-o", str(tmp_path / "log")], **order) == DONE
    whole = read_books(root / ".workbench").texts
    events = read_log(tmp_path / "log", root / ".workbench")
    assert len(whole) == ROWS
    assert len(events) > 400
    disk, chance, acknowledged = Disk(), random.Random(SEED), {}
    states = 0
    for number, event in enumerate(events):
        disk.feel(event)
        if (event.call, event.file) == ("fdatasync", "store.db-wal"):
            acknowledged = texts(lay(disk.certain, folder), whole.keys())
        if number % EVERY:
            continue
        for state in disk.states(chance):
            print(f"change {number} of {len(events)}: {event.call} {event.file} at {event.at}")
            found = texts(lay(state, folder), whole.keys())
            assert acknowledged.items() <= found.items() <= whole.items()
            states += 1
    assert acknowledged == whole
    assert states > len(events) / EVERY * 4
