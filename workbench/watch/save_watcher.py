"""Paths that were saved, as the system reports them; where it can't, they are looked at.

watcher = SaveWatcher(received=queue.put)
watcher.follow(files)       Path("…/prompts/qa/short.jinja"), soon after it was written

A network drive reports nothing, and a system has a limit of watched folders. So `look` compares the
states of all files from time to time, too, and finds whatever wasn't reported.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import watch

from workbench.watch.file_changes import FileChanges, sort_changes
from workbench.watch.watched_files import Signature, WatchedFiles, signature

STEP_MS = 20  # between two looks for reports
GROUP_MS = 60  # within which reports come together
LOOK_S = 2.0  # between two looks at the files
POLL_S = 0.3  # the same where the system reports nothing


class SaveWatcher:
    """Watches the files of one experiment until `close`; `received` is called in other threads.

    Attributes:
        problem: why the system reports no changes; empty: it does.
    """

    def __init__(self, received: Callable[[Path], None]) -> None:
        self.problem = ""
        self.files = WatchedFiles(frozenset(), frozenset())
        self._received = received
        self._states: dict[Path, Signature] = {}
        self._looked_at = self._taken_at = 0.0  # by the monotonic clock, and by that of files
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def follow(self, files: WatchedFiles) -> None:
        """Watch these files from here on."""
        is_same = (files.trees, files.folders) == (self.files.trees, self.files.folders)
        for path in files.files - self.files.files:
            state = signature(path)
            if state and state[1] < self._taken_at * 1e9:  # else it may have been read before
                self._states.setdefault(path, state)
        self.files = files
        if not is_same or not self._threads:
            self._restart()

    def take_states(self) -> set[Path]:
        """Note the states of all files as known; return those that differ from the last time."""
        self._taken_at = time.time()
        states = self.files.signatures()
        paths = states.keys() | self._states.keys()
        changed = {path for path in paths if states.get(path) != self._states.get(path)}
        self._states, self._looked_at = states, time.monotonic()
        return changed

    def take_changes(
        self, reported: set[Path], display_name: Callable[[Path], str]
    ) -> tuple[set[Path], FileChanges]:
        """Take the states; return reported and changed paths, and what happened to the files."""
        before = self._states
        paths = reported | self.take_states()
        return paths, sort_changes(
            paths, before=before, after=self._states, display_name=display_name
        )

    def exists(self, path: Path) -> bool:
        """True if the file existed when the states were taken."""
        return path in self._states

    def look(self) -> set[Path]:
        """Return files whose state has changed without a report; looks now and then only."""
        interval_s = POLL_S if self.problem else LOOK_S
        if time.monotonic() - self._looked_at < interval_s:
            return set()
        before = self._states
        changed = self.take_states()
        self._states = before  # until they are taken as known
        if changed and not self.problem:
            self._restart()  # a folder that was replaced reports nothing any more
        return changed

    def close(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _restart(self) -> None:
        self.close()
        self._stop = threading.Event()
        trees = [tree for tree in self.files.trees if tree.is_dir()]
        # A folder within a tree is watched with it.
        folders = [f for f in self.files.folders if not any(map(f.is_relative_to, trees))]
        for paths, recursive in ((trees, True), (folders, False)):
            if paths:
                thread = threading.Thread(
                    target=self._run, args=(sorted(paths), recursive, self._stop), daemon=True
                )
                thread.start()
                self._threads.append(thread)

    def _run(self, paths: Sequence[Path], recursive: bool, stop: threading.Event) -> None:
        try:
            reports = watch(
                *paths,
                watch_filter=None,
                debounce=GROUP_MS,
                step=STEP_MS,
                stop_event=stop,
                recursive=recursive,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            for report in reports:
                for _, name in report:
                    if self.files.includes(path := Path(name)):
                        self._received(path)
        except Exception as error:  # of the system, in types of the library's own
            if not stop.is_set():
                self.problem = str(error) or type(error).__name__
