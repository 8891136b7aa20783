"""The files that changed between two runs of a loop, by what happened to them.

FileChanges(saved=("prompts/qa/short.jinja",), new=(), deleted=("prompts/qa/_style.jinja",))
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileChanges:
    """Names of files, relative to the project; none: the loop ran for another reason."""

    saved: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.saved or self.new or self.deleted)


NO_CHANGES = FileChanges()


def sort_changes(
    paths: Iterable[Path],
    *,
    before: Collection[Path],
    after: Collection[Path],
    display_name: Callable[[Path], str],
) -> FileChanges:
    """Sort changed paths by whether they are among the files before and after; folders drop out.

    The target of a link is in neither and counts as saved.
    """
    saved, new, deleted = [], [], []
    for path in sorted(paths):
        if path in before and path not in after:
            deleted.append(display_name(path))
        elif path in after and path not in before:
            new.append(display_name(path))
        elif not path.is_dir():
            saved.append(display_name(path))
    return FileChanges(tuple(saved), tuple(new), tuple(deleted))
