"""New files in a user's folder: each is there in full or not at all, and nothing is overwritten.

write_new_files(Path("demo"), {"prompts/support/triage.jinja": b"…"})

Files are written into a folder beside them and moved to their place once all are on the disk. A
killed process leaves that folder, which the next one deletes.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from workbench.errors import WorkbenchError, list_first
from workbench.project.disk_sync import sync

MOST_NAMES = 5  # in an error
STAGING = ".workbench-new-"  # begins the name of a folder with unfinished files
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def write_new_files(root: Path, contents: Mapping[str, bytes]) -> list[str]:
    """Write files below `root`, after a check that none replaces another one.

    Args:
        root: a folder; created with its parents if it is missing.
        contents: the bytes of each file by its path below `root`, with `/`.

    Returns:
        The paths that were written; files that exist with the same bytes are left out.

    Raises:
        WorkbenchError: before anything is written, a file exists with other bytes, a folder of a
            path is a file, or a path leads out of `root`; later, the folder can't be written.
    """
    _check_folder(root)
    conflicts = [path for path, content in contents.items() if _conflicts(root, path, content)]
    if conflicts:
        names = list_first(conflicts, MOST_NAMES)
        raise WorkbenchError(
            f"files exist with another content: {names}",
            where=str(root),
            fix="name an empty folder, or move these files; nothing was written",
        )
    paths = [path for path in contents if not (root / path).is_file()]
    if paths:
        with new_files(root, paths) as staging:
            for path in paths:
                file = staging / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(contents[path])
    return paths


@contextmanager
def new_files(root: Path, paths: Sequence[str]) -> Iterator[Path]:
    """A folder into which the caller writes files and folders that are then moved into `root`.

    They come in the order of `paths`, a folder with all that is in it. Nothing is moved if the
    caller raises an error.

    Raises:
        WorkbenchError: a file can't be written, or is there already; the message says which are
            written and which are not.
    """
    moved: list[str] = []
    created = _make_folder(root)
    try:
        with _staging_folder(root) as staging:
            yield staging
            _sync_all(staging)
            for path in paths:
                _move(staging / path, root / path)
                moved.append(path)
    except OSError as error:
        raise _write_error(error, root, moved, paths) from error
    finally:
        for folder in () if moved else created:
            with suppress(OSError):
                folder.rmdir()


def _write_error(
    error: OSError, root: Path, moved: Sequence[str], paths: Sequence[str]
) -> WorkbenchError:
    rest = list_first(paths[len(moved) :], MOST_NAMES)
    state, again = "nothing was written", "repeat the command"
    if moved:
        state = f"written: {list_first(moved, MOST_NAMES)}; not written: {rest}"
        again = f"delete what was written, and {again}"
    name = str(error.filename2 or error.filename or root)
    if STAGING in name:  # a file that the user never sees
        name = str(root / paths[len(moved)]) if moved else str(root)
    fix = f"make room, or name a folder that you may write into; then {again}"
    return WorkbenchError(f"can't be written: {error.strerror}; {state}", where=name, fix=fix)


def _make_folder(folder: Path) -> list[Path]:
    """Create a folder and its missing parents; return them, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fix = "name a folder that you may write into"
        message = f"can't be written: {error.strerror}; nothing was written"
        raise WorkbenchError(message, where=str(folder), fix=fix) from error
    return missing


@contextmanager
def _staging_folder(parent: Path) -> Iterator[Path]:
    """A folder for unfinished files, deleted at the end; those of killed processes are, too."""
    for folder in parent.glob(f"{STAGING}*"):
        _delete_abandoned(folder)
    folder, descriptor = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """A new folder, and the open one with a lock on it.

    Another process may take it for an abandoned one, and delete it, until it is locked.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=parent))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks
                flock(descriptor, LOCK_EX)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)


def _delete_abandoned(folder: Path) -> None:
    """Delete a folder whose process has ended: its lock is free."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _sync_all(folder: Path) -> None:
    """Wait until all files below a folder are on the disk."""
    for parent, _, names in os.walk(folder):
        for name in (*names, "."):
            sync(Path(parent, name))


def _move(staged: Path, target: Path) -> None:
    """Move a file or folder to a place where there is none.

    Raises:
        OSError: it can't be written, or another program was faster.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if staged.is_dir():
            staged.rename(target)  # refused if files are in it
        else:
            _link(staged, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with _staging_folder(target.parent) as near:  # the place is on another disk
            copy = near / target.name
            if staged.is_dir():
                shutil.copytree(staged, copy)
            else:
                shutil.copyfile(staged, copy)
            _sync_all(near)
            _move(copy, target)
    sync(target.parent)


def _link(staged: Path, target: Path) -> None:
    """Give a file its name, unless there is another one of that name."""
    try:
        target.hardlink_to(staged)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with target.open("xb"):  # claims the name
            pass
        staged.replace(target)


def _check_folder(root: Path) -> None:
    for path in (root, *root.parents):
        if path.is_dir():
            return
        if path.exists():
            fix = "name a folder that is new or empty"
            raise WorkbenchError("is a file, not a folder", where=str(path), fix=fix)


def _conflicts(root: Path, path: str, content: bytes) -> bool:
    """True if the path leads out of the folder or to something else than this content."""
    file, top = root / path, root.resolve()
    if not file.resolve().is_relative_to(top):
        return True
    parents = (top / path).relative_to(top).parents
    if any((root / parent).exists() and not (root / parent).is_dir() for parent in parents):
        return True
    if not (file.exists() or file.is_symlink()):
        return False
    try:
        return not file.is_file() or file.read_bytes() != content
    except OSError:
        return True
