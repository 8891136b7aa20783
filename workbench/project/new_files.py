"""New files in a user's folder, where nothing that exists is overwritten.

write_new_files(Path("demo"), {"prompts/support/triage.jinja": b"…"})
"""

from collections.abc import Mapping
from pathlib import Path

from workbench.errors import WorkbenchError, list_first

MOST_NAMES = 5  # in an error


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
    conflicts = [path for path, content in contents.items() if _conflicts(root, path, content)]
    if conflicts:
        names = list_first(conflicts, MOST_NAMES)
        raise WorkbenchError(
            f"files exist with another content: {names}",
            where=str(root),
            fix="name an empty folder, or move these files; nothing was written",
        )
    written = []
    for path, content in contents.items():
        file = root / path
        if file.is_file():
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as stream:
                stream.write(content)
        except OSError as error:
            fix = "name a folder that you may write into"
            raise WorkbenchError(
                f"can't be written: {error.strerror}", where=str(file), fix=fix
            ) from error
        written.append(path)
    return written


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
