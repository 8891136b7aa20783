"""A wait until files that are being saved are written to their end.

An editor may empty a file, write it in parts, or remove it and rename another to its name.
"""

import queue
import time
from collections.abc import Iterable
from pathlib import Path

from workbench.watch.save_watcher import SaveWatcher
from workbench.watch.watched_files import signature

STABLE_S = 0.1  # seconds without a write after which a file is written
GONE_S = 0.5  # seconds until a file that got empty, or is gone, is taken to be so
LONGEST_S = 5.0  # a file that is written all the time, such as a log, is read as it is
STEP_S = 0.02


def settle(
    paths: Iterable[Path], reports: "queue.SimpleQueue[Path]", watcher: SaveWatcher
) -> set[Path]:
    """Return the saved files, also those reported meanwhile, once none is being written.

    Files that came and went are left out.
    """
    saved = set(paths)
    deadline = time.monotonic() + LONGEST_S
    states, unchanged_since = None, time.monotonic()
    while (now := time.monotonic()) < deadline:
        current = {path: signature(path) for path in saved}
        if current != states:
            states, unchanged_since = current, now
        quiet_s = now - unchanged_since
        gone = [path for path, state in states.items() if state is None or not state[2]]
        if any(watcher.exists(path) or path.exists() for path in gone):
            if quiet_s >= GONE_S:
                break
        elif quiet_s >= STABLE_S or _age_s(states.values()) >= STABLE_S:
            break
        try:
            saved.add(reports.get(timeout=STEP_S))
        except queue.Empty:
            continue
    return {path for path in saved if path.exists() or watcher.exists(path)}


def _age_s(states: Iterable[tuple[int, int, int, int] | None]) -> float:
    """Seconds since the last write, by the clock of the file system; below 0 if that is ahead."""
    written = [state[1] for state in states if state]
    return time.time() - max(written) / 1e9 if written else 0.0
