"""A served package that follows its source: what an alias names is loaded and served.

    source = parse_source("models:/triage~variant@production")
    async with open_deployments(source, WatchSettings(uri), open_answerer) as deployments:
        deployments.current, deployments.last_error, deployments.source_state.as_json()

MLflow is asked by a process of its own, so it never holds a request up. While MLflow is down, or a
version can't be loaded, the version before goes on serving, and `source_state` says so.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from workbench.canonical import JSON
from workbench.catalog.cache import cache_dir
from workbench.errors import WorkbenchError
from workbench.secrets import mask_url
from workbench.serving.deployment import AnswererOpener, Deployments
from workbench.serving.package_cache import PackageCache
from workbench.serving.package_source import PackageSource
from workbench.serving.served_names import ServedNames
from workbench.serving.source_state import Condition, SourceState
from workbench.serving.watcher_process import WatcherProcess

LOG = logging.getLogger("workbench.serving")
LONGEST_RETRY_S = 3600.0
PRUNE_S = 600.0  # between two looks for packages that nobody uses
PROBLEMS: dict[str, Condition] = {
    "missing": "gone",
    "unreachable": "unreachable",
    "download": "not downloaded",
}


def _default_cache() -> Path:
    return cache_dir() / "serving"


@dataclass(frozen=True)
class WatchSettings:
    """Settings by which a source is followed.

    Attributes:
        tracking_uri: of the MLflow store with the registry.
        poll_s: seconds between two looks at an alias.
        cache: the folder of downloaded packages.
        retry_s: seconds until a version that can't be loaded is downloaded again; then twice as
            many, up to an hour.
    """

    tracking_uri: str = ""
    poll_s: float = 5.0
    cache: Path = field(default_factory=_default_cache)
    retry_s: float = 300.0


class SourceFollower:
    """Keeps `deployments` at what a registered source names; `watcher` looks at the registry."""

    def __init__(
        self,
        deployments: Deployments,
        source: PackageSource,
        settings: WatchSettings,
        watcher: type[WatcherProcess] = WatcherProcess,
    ) -> None:
        self._deployments, self._source, self._settings = deployments, source, settings
        self._cache = PackageCache(settings.cache)
        self.state = SourceState(source.reference)
        self._remembered_as = [mask_url(settings.tracking_uri), source.uri]
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._target: tuple[Path, ServedNames] | None = None
        self._retry_s, self._retry_at, self._pruned_at = settings.retry_s, math.inf, -math.inf
        loop, put = asyncio.get_running_loop(), self._messages.put_nowait
        watched: dict[str, JSON] = {
            "reference": source.uri,
            "tracking_uri": settings.tracking_uri,
            "cache": str(settings.cache),
            "poll_s": settings.poll_s,
        }
        self._watcher = watcher(watched, _in_loop(loop, put))

    async def start(self) -> None:
        """Return once a version serves: the one that the source names, or else the last one.

        Raises:
            WorkbenchError: the source names none, it can't be loaded, or nobody can tell which it
                is and none was loaded before.
        """
        self._watcher.start()
        while self._deployments.current is None:
            message = await self._messages.get()
            if "package" in message:
                self._target = _target(message)
                await self._load(*self._target)
            elif "problem" in message or "ended" in message:
                await self._load_last(_error(message), _condition(message))

    async def _load_last(self, error: WorkbenchError, condition: Condition) -> None:
        """Serve the last version although the registry can't tell which is the current one."""
        if condition != "gone":
            last = await asyncio.to_thread(self._cache.last, self._remembered_as)
            if last:
                await self._load(*last)
                self.state.change(condition, error.message)
                return
        raise error

    async def follow(self) -> None:
        """Follow the source until it is cancelled."""
        if not self._source.is_followed and self.state.condition == "current":
            await asyncio.to_thread(self._watcher.close)
            return
        while True:
            retry_s = self._retry_at - time.monotonic()
            try:
                async with asyncio.timeout(None if math.isinf(retry_s) else max(retry_s, 0.0)):
                    first = await self._messages.get()
            except TimeoutError:  # the version that can't be loaded is downloaded again
                self._target, self._retry_at = None, math.inf
                self._watcher.restart()
                continue
            for message in self._newest(first):
                await self._handle(message)

    def _newest(self, first: dict[str, Any]) -> list[dict[str, Any]]:
        """The messages that have come; of several versions the last."""
        messages = [first]
        while not self._messages.empty():
            messages.append(self._messages.get_nowait())
        packages = [message for message in messages if "package" in message]
        return [m for m in messages if "package" not in m or m is packages[-1]]

    async def _handle(self, message: Mapping[str, Any]) -> None:
        if "ended" in message:
            self.state.watcher_restarts += 1
            LOG.warning("the process that follows the alias ended: %s", message["ended"])
            return
        if "problem" in message:
            self.state.change(_condition(message), _error(message).message)
            return
        self.state.checked = time.time()
        if "package" in message and _target(message) != self._target:
            self._retry_s = (
                self._settings.retry_s if self._target else min(2 * self._retry_s, LONGEST_RETRY_S)
            )
            self._target = _target(message)
            self._retry_at = math.inf
            await self._replace(*self._target)
        elif error := self._deployments.last_error:
            self.state.change("not loaded", error)
        else:
            self.state.change("current")
        await self._prune()

    async def _replace(self, folder: Path, names: ServedNames) -> None:
        """Serve another version, if it can be loaded and isn't served already."""
        current = self._deployments.current
        if current and current.folder == folder:
            self._deployments.last_error = ""
            self.state.change("current")
            return
        try:
            await self._load(folder, names)
        except WorkbenchError as error:
            self.state.change("not loaded", str(error))
            self._retry_at = time.monotonic() + self._retry_s
            await asyncio.to_thread(self._cache.discard, folder)

    async def _load(self, folder: Path, names: ServedNames) -> None:
        await self._deployments.replace(folder, names, partial(self._cache.in_use, folder))
        remembering = asyncio.to_thread(self._cache.remember, self._remembered_as, folder, names)
        await asyncio.shield(remembering)  # also if the server ends now
        version = names.model_version or names.model_id
        LOG.info("%s: serving %s %s", self._source.reference, names.model_name, version)
        self.state.change("current")

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned_at > PRUNE_S:
            self._pruned_at = time.monotonic()
            await asyncio.to_thread(self._cache.prune)

    async def close(self) -> None:
        """End the watcher."""
        await asyncio.to_thread(self._watcher.close)


def _in_loop(loop: asyncio.AbstractEventLoop, put: Any) -> Any:
    def received(message: dict[str, Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(put, message)

    return received


def _target(message: Mapping[str, Any]) -> tuple[Path, ServedNames]:
    return Path(message["package"]), ServedNames(**message["names"])


def _condition(message: Mapping[str, Any]) -> Condition:
    return PROBLEMS[message["problem"]] if "problem" in message else "unreachable"


def _error(message: Mapping[str, Any]) -> WorkbenchError:
    if "problem" in message:
        return WorkbenchError(**message["error"])
    reason = f"the process that asks MLflow ended: {message['ended']}"
    return WorkbenchError(reason, fix="see that mlflow or mlflow-skinny can be imported")


@asynccontextmanager
async def open_deployments(
    source: PackageSource,
    settings: WatchSettings,
    open_answerer: AnswererOpener,
    watcher: type[WatcherProcess] = WatcherProcess,
) -> AsyncIterator[Deployments]:
    """Serve what `source` names from the beginning of an `async with` to its end.

    Raises:
        WorkbenchError: it can't be loaded.
    """
    deployments = Deployments(open_answerer)
    follower: SourceFollower | None = None
    following: asyncio.Task[None] | None = None
    try:
        if source.folder:
            await deployments.replace(source.folder, ServedNames())
        else:
            follower = SourceFollower(deployments, source, settings, watcher)
            deployments.source_state = follower.state
            await follower.start()
            following = asyncio.create_task(follower.follow())
        yield deployments
    finally:
        if following:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        if follower:
            await follower.close()
        await deployments.close()
