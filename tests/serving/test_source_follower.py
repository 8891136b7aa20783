"""An alias that is followed: what it names is served, whatever becomes of MLflow.

Here a script stands for the process that asks MLflow; test_alias_watcher.py has the process itself.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from serving.packages import answer, open_answerer, write_package

from workbench.errors import WorkbenchError
from workbench.prompt import Renderer
from workbench.serving.deployment import Deployments
from workbench.serving.package_cache import PackageCache
from workbench.serving.package_source import parse_source
from workbench.serving.served_names import ServedNames
from workbench.serving.source_follower import WatchSettings, open_deployments
from workbench.serving.source_state import SourceState
from workbench.serving.watcher_process import WatcherProcess

URI = "http://ada:s3cretword@127.0.0.1:1"
ALIAS = "models:/qa~variant@production"
UNREACHABLE = {
    "problem": "unreachable",
    "error": {"message": "it doesn't answer", "where": "http://127.0.0.1:1", "fix": "start it"},
}
MISSING = {"problem": "missing", "error": {"message": "unknown alias 'production'"}}
CHECKED = {"checked": True}
ENDED = {"ended": "SIGKILL"}


class Packages:
    """Packages in a cache, and the messages of a watcher about them."""

    def __init__(self, root: Path, renderer: Renderer) -> None:
        self.cache = PackageCache(root / "cache")
        self._root, self._renderer = root, renderer

    def message(self, number: str) -> dict[str, Any]:
        """The message that version `number` is downloaded, and the download."""
        package = self.cache.package(f"qa~variant-{number}", number)
        if not package.exists():
            template = f"user:\nv{number} {{{{ name }}}}"
            self.cache.add(package, lambda to: write_package(to, template, self._renderer) and None)
        names = ServedNames(model_name="qa~variant", model_version=number, alias="production")
        return {"package": str(package), "names": asdict(names)}

    def broken(self, number: str) -> dict[str, Any]:
        """The same, of a version with another template than the one that was packaged."""
        message = self.message(number)
        (Path(message["package"]) / "artifacts/variant/prompt.jinja").write_text("other")
        return message

    def follow(
        self,
        first: dict[str, Any],
        use: Callable[["Followed"], Awaitable[None]],
        retry_s: float = 300.0,
    ) -> None:
        async def main() -> None:
            async with self._following(first, retry_s) as followed:
                await use(followed)

        asyncio.run(asyncio.wait_for(main(), 60))

    @asynccontextmanager
    async def _following(self, first: dict[str, Any], retry_s: float) -> AsyncIterator["Followed"]:
        watchers: list[WatcherProcess] = []

        class Script(WatcherProcess):
            restarts = 0

            def start(self) -> None:
                watchers.append(self)
                self._received(first)

            def restart(self) -> None:
                self.restarts += 1

        source = parse_source(ALIAS)
        settings = WatchSettings(URI, 5.0, self.cache.root, retry_s)
        async with open_deployments(source, settings, open_answerer, Script) as deployments:
            yield Followed(deployments, watchers[0])


class Followed:
    """What is served, and a watcher that says what a test has it say."""

    def __init__(self, deployments: Deployments, watcher: Any) -> None:
        self.deployments, self.watcher = deployments, watcher

    async def receive(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self.watcher._received(message)

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await asyncio.sleep(0.002)

    async def until_state(self, condition: str) -> None:
        await self.until(lambda: self.state.condition == condition)

    async def until_version(self, number: str) -> None:
        await self.until(
            lambda: (
                self.deployments.current
                and self.deployments.current.names.model_version == number
                and self.state.condition == "current"
            )
        )

    @property
    def state(self) -> SourceState:
        assert self.deployments.source_state
        return self.deployments.source_state

    async def answer(self) -> str:
        return await answer(self.deployments, name="Ada")


@pytest.fixture
def packages(tmp_path: Path, renderer: Renderer) -> Packages:
    return Packages(tmp_path, renderer)


def test_an_alias_is_followed_forth_and_back(packages: Packages) -> None:
    async def use(followed: Followed) -> None:
        assert await followed.answer() == "v1 Ada"
        for number in "2123":
            await followed.receive(CHECKED, packages.message(number), CHECKED)
            await followed.until_version(number)
            assert await followed.answer() == f"v{number} Ada"
        assert followed.state.checked > followed.state.since - 60

    packages.follow(packages.message("1"), use)


def test_an_alias_that_flaps_ends_at_its_last_version(packages: Packages) -> None:
    async def use(followed: Followed) -> None:
        await followed.receive(*(packages.message(n) for n in "2121212"), packages.message("3"))
        await followed.until_version("3")
        assert await followed.answer() == "v3 Ada"

    packages.follow(packages.message("1"), use)


def test_a_version_that_cannot_be_loaded_is_named_once_and_the_old_one_serves(
    packages: Packages, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(followed: Followed) -> None:
        broken = packages.broken("2")
        await followed.receive(broken, CHECKED, CHECKED, CHECKED)
        await followed.until_state("not loaded")
        assert "not the one that was packaged" in followed.deployments.last_error
        # It is downloaded again for the next try.
        await followed.until(lambda: not Path(broken["package"]).exists())
        await followed.receive(UNREACHABLE)
        await followed.until_state("unreachable")
        await followed.receive(CHECKED)
        await followed.until_state("not loaded")
        assert await followed.answer() == "v1 Ada"
        await followed.receive(packages.message("1"))
        await followed.until_version("1")
        assert followed.deployments.last_error == ""

    assert logged(caplog, lambda: packages.follow(packages.message("1"), use)) == [
        *(f"{ALIAS}: not loaded", f"{ALIAS}: unreachable", f"{ALIAS}: not loaded"),
        f"{ALIAS}: followed again",
    ]


def logged(caplog: pytest.LogCaptureFixture, run: Callable[[], None]) -> list[str]:
    with caplog.at_level(logging.WARNING, "workbench.serving"):
        run()
    return [record.getMessage().split(";")[0] for record in caplog.records]


def test_a_version_that_cannot_be_loaded_is_tried_again(packages: Packages) -> None:
    async def use(followed: Followed) -> None:
        await followed.receive(packages.broken("2"))
        await followed.until(lambda: followed.watcher.restarts)
        await followed.receive(packages.message("2"))  # as the new process downloads it
        await followed.until_version("2")
        assert await followed.answer() == "v2 Ada"

    packages.follow(packages.message("1"), use, retry_s=0.01)


@pytest.mark.parametrize(
    ("message", "condition"),
    [
        (UNREACHABLE, "unreachable"),
        (MISSING, "gone"),
        ({**UNREACHABLE, "problem": "download"}, "not downloaded"),
    ],
)
def test_a_problem_leaves_the_version_serving_and_is_named_once(
    packages: Packages, caplog: pytest.LogCaptureFixture, message: dict[str, Any], condition: str
) -> None:
    async def use(followed: Followed) -> None:
        await followed.receive(message, message, ENDED, message)
        await followed.until_state(condition)
        await followed.until(lambda: followed.state.watcher_restarts)
        assert followed.state.reason == message["error"]["message"]
        assert await followed.answer() == "v1 Ada"
        await followed.receive(CHECKED)
        await followed.until_state("current")

    assert logged(caplog, lambda: packages.follow(packages.message("1"), use)) == [
        f"{ALIAS}: {condition}",
        "the process that follows the alias ended: SIGKILL",
        f"{ALIAS}: followed again",
    ]


@pytest.mark.parametrize("first", [UNREACHABLE, ENDED])
def test_a_restart_without_mlflow_serves_the_version_that_was_loaded_last(
    packages: Packages, first: dict[str, Any]
) -> None:
    async def use(followed: Followed) -> None:
        await followed.receive(packages.message("2"))
        await followed.until_version("2")

    async def use_again(followed: Followed) -> None:
        assert followed.state.condition == "unreachable"
        assert await followed.answer() == "v2 Ada"
        await followed.receive(packages.message("3"))
        await followed.until_version("3")

    packages.follow(packages.message("1"), use)
    packages.follow(first, use_again)
    entries = (packages.cache.root / "sources").iterdir()
    assert not any("s3cretword" in entry.read_text() for entry in entries)


async def nothing(followed: Followed) -> None:
    raise AssertionError("it is served")


@pytest.mark.parametrize(
    ("first", "message"),
    [(UNREACHABLE, "it doesn't answer"), (ENDED, "SIGKILL"), (MISSING, "unknown alias")],
)
def test_a_start_without_a_version_is_refused(
    packages: Packages, first: dict[str, Any], message: str
) -> None:
    with pytest.raises(WorkbenchError, match=message):
        packages.follow(first, nothing)


def test_an_alias_that_is_gone_or_a_damaged_download_is_not_served_from_the_cache(
    packages: Packages,
) -> None:
    async def use(followed: Followed) -> None:
        assert await followed.answer() == "v1 Ada"

    packages.follow(packages.message("1"), use)
    with pytest.raises(WorkbenchError, match="unknown alias"):
        packages.follow(MISSING, nothing)
    packages.broken("1")
    with pytest.raises(WorkbenchError, match="it doesn't answer"):
        packages.follow(UNREACHABLE, nothing)
