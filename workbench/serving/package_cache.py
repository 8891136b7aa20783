"""Downloaded packages in the cache folder, each complete or not there.

serving/triage~variant-3-1f0c92ab7d5e/package/    the package
                                      manifest.json    {"MLmodel": [618, "9f86…"], …}
                                      in_use           locked by the servers that serve it
serving/sources/5d41402abc4b.json     {"source": "models:/triage~variant@production", …}
serving/lock                          locked while folders come and go

A package is downloaded beside its place and renamed. What a server has loaded last from a source
is remembered, so that it can start again while MLflow is down.
"""

import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path

from workbench.canonical import JSON, digest
from workbench.errors import ExitCode, WorkbenchError
from workbench.serving.served_names import ServedNames

PACKAGE, MANIFEST, IN_USE = "package", "manifest.json", "in_use"
DIGITS = 12  # of a digest in a name
NEW_S = 60.0  # seconds for which a folder is kept that no server has loaded yet
REMEMBERED_S = 30 * 24 * 3600.0  # seconds after which a source is forgotten


class PackageCache:
    """The packages in one folder; several processes may use it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def package(self, name: str, identity: JSON) -> Path:
        """Return the place of a package; `identity` tells it from others of that name."""
        readable = re.sub(r"[^\w.~-]", "_", name)[:80]
        return self.root / f"{readable}-{digest(identity)[:DIGITS]}" / PACKAGE

    def is_complete(self, package: Path) -> bool:
        """Return True if it has all the content that was downloaded."""
        try:
            manifest = json.loads((package.parent / MANIFEST).read_text(encoding="utf-8"))
            return bool(manifest == read_manifest(package))
        except (OSError, ValueError):
            return False

    def add(self, package: Path, download: Callable[[Path], None]) -> None:
        """Put what `download` writes into an empty folder at the place `package`.

        Raises:
            WorkbenchError: the disk is full, or the folder can't be written.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(prefix="part-", dir=self.root))
            try:
                with (part / IN_USE).open("ab") as file:
                    fcntl.flock(file, fcntl.LOCK_SH)
                    (part / PACKAGE).mkdir()
                    download(part / PACKAGE)
                    manifest = json.dumps(read_manifest(part / PACKAGE))
                    (part / MANIFEST).write_text(manifest, encoding="utf-8")
                    with self._exclusive():
                        remove(package.parent)
                        part.rename(package.parent)
            finally:
                remove(part)
        except OSError as error:
            raise WorkbenchError(
                f"the package can't be stored: {error.strerror or error}",
                where=str(self.root),
                fix="free space, or name another cache folder: WORKBENCH_CACHE",
                exit_code=ExitCode.STORAGE,
            ) from error

    @contextmanager
    def in_use(self, package: Path) -> Iterator[None]:
        """Keep a package from being removed."""
        try:
            with self._exclusive():
                file = (package.parent / IN_USE).open("rb")
                fcntl.flock(file, fcntl.LOCK_SH)
        except OSError as error:
            message = f"the downloaded package can't be opened: {error.strerror}"
            raise WorkbenchError(message, where=str(package), fix="start again") from error
        with file:
            yield

    def remember(self, source: JSON, package: Path, names: ServedNames) -> None:
        """Note that a server has loaded `package` from `source`."""
        file = self._source_file(source)
        entry = {"source": source, "package": package.parent.name, "names": asdict(names)}
        with suppress(OSError):  # then a restart needs MLflow
            file.parent.mkdir(exist_ok=True)
            part = file.with_name(f"{file.stem}.{os.getpid()}.part")
            part.write_text(json.dumps(entry), encoding="utf-8")
            part.replace(file)

    def last(self, source: JSON) -> tuple[Path, ServedNames] | None:
        """Return the package that was loaded last from `source`; None if it isn't complete."""
        try:
            entry = json.loads(self._source_file(source).read_text(encoding="utf-8"))
            package = self.root / Path(entry["package"]).name / PACKAGE
            names = ServedNames(**entry["names"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (package, names) if self.is_complete(package) else None

    def discard(self, package: Path) -> None:
        """Remove a package unless a server uses it."""
        with suppress(OSError), self._exclusive():
            _remove_unused(package.parent)

    def prune(self) -> None:
        """Remove the packages that no server uses and no source needs to start again."""
        now = time.time()
        with suppress(OSError), self._exclusive():
            needed = {entry["package"] for entry in self._sources(now)}
            for folder in self.root.iterdir():
                is_new = now - folder.stat().st_mtime < NEW_S
                if folder.is_dir() and folder.name not in (*needed, "sources") and not is_new:
                    _remove_unused(folder)

    def _sources(self, now: float) -> Iterator[dict[str, str]]:
        """The remembered sources; old ones are forgotten."""
        for file in (self.root / "sources").glob("*.json"):
            if now - file.stat().st_mtime > REMEMBERED_S:
                file.unlink()
                continue
            with suppress(OSError, ValueError):
                yield json.loads(file.read_text(encoding="utf-8"))

    def _source_file(self, source: JSON) -> Path:
        return self.root / "sources" / f"{digest(source)[:DIGITS]}.json"

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with (self.root / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _remove_unused(folder: Path) -> None:
    """Remove a folder that no server uses; without its file it was never complete."""
    try:
        with (folder / IN_USE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)
    except FileNotFoundError:
        remove(folder)
    except BlockingIOError:
        return


def remove(folder: Path) -> None:
    """Remove a folder if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def read_manifest(package: Path) -> dict[str, list[JSON]]:
    """Size and SHA-256 of each file below `package`, by its path."""
    manifest: dict[str, list[JSON]] = {}
    for path in sorted(path for path in package.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
        manifest[path.relative_to(package).as_posix()] = [path.stat().st_size, sha256]
    return manifest
