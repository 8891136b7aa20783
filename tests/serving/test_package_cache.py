"""Downloaded packages: complete or not there, and removed when nobody needs them."""

import os
import time
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.serving.package_cache import PackageCache
from workbench.serving.served_names import ServedNames

NAMES = ServedNames(model_name="qa~variant", model_version="1")


@pytest.fixture
def cache(tmp_path: Path) -> PackageCache:
    return PackageCache(tmp_path / "cache")


def add(cache: PackageCache, number: str) -> Path:
    def download(folder: Path) -> None:
        (folder / "inside").mkdir()
        (folder / "inside/file").write_text(number)

    package = cache.package(f"qa/../variant-{number}", number)
    cache.add(package, download)
    return package


def make_old(cache: PackageCache) -> None:
    for folder in cache.root.iterdir():
        os.utime(folder, (time.time() - 3600,) * 2)


def test_a_package_is_complete_until_a_file_changes(cache: PackageCache) -> None:
    package = add(cache, "1")
    assert package.parent.parent == cache.root
    assert cache.is_complete(package)
    (package / "inside/file").write_text("2")
    assert not cache.is_complete(package)
    add(cache, "1")
    assert cache.is_complete(package)
    (package / "inside/file").unlink()
    assert not cache.is_complete(package)


def test_a_download_that_fails_leaves_nothing_behind(cache: PackageCache) -> None:
    def download(folder: Path) -> None:
        (folder / "file").write_text("half")
        raise OSError(28, "No space left on device")

    package = cache.package("qa", "1")
    with pytest.raises(WorkbenchError, match="No space left on device") as refused:
        cache.add(package, download)
    assert "WORKBENCH_CACHE" in refused.value.fix
    assert [path.name for path in cache.root.iterdir()] == []


def test_packages_that_nobody_needs_are_removed(cache: PackageCache) -> None:
    used, remembered, unused = add(cache, "1"), add(cache, "2"), add(cache, "3")
    cache.remember("source", remembered, NAMES)
    with cache.in_use(used):
        cache.prune()
        assert unused.exists()  # a server may be about to load it
        make_old(cache)
        cache.prune()
        cache.discard(used)
        assert [package.exists() for package in (used, remembered, unused)] == [True, True, False]
    cache.prune()
    assert [package.exists() for package in (used, remembered)] == [False, True]


def test_a_source_that_nobody_has_served_for_a_month_is_forgotten(cache: PackageCache) -> None:
    package = add(cache, "1")
    cache.remember("source", package, NAMES)
    (entry,) = (cache.root / "sources").iterdir()
    os.utime(entry, (time.time() - 31 * 24 * 3600,) * 2)
    make_old(cache)
    cache.prune()
    assert not package.exists()
    assert cache.last("source") is None


def test_what_a_source_had_last_is_remembered_while_it_is_complete(cache: PackageCache) -> None:
    assert cache.last("source") is None
    package = add(cache, "1")
    cache.remember("source", package, NAMES)
    assert cache.last("source") == (package, NAMES)
    assert cache.last("other") is None
    (package / "inside/file").write_text("cut")
    assert cache.last("source") is None
    (entry,) = (cache.root / "sources").iterdir()
    entry.write_text('{"package": "../../etc"')
    assert cache.last("source") is None


def test_a_package_that_was_removed_cannot_be_used(cache: PackageCache) -> None:
    package = add(cache, "1")
    cache.discard(package)
    with pytest.raises(WorkbenchError, match="can't be opened"), cache.in_use(package):
        pass
