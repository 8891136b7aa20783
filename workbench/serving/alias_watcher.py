"""The child process of a server that knows MLflow: it follows an alias and downloads versions.

    sent      {"watch": {"reference": "models:/triage~variant@production", "poll_s": 5, …}}
    received  {"checked": true}                                  after each look at the registry
              {"package": "/cache/…/package", "names": {…}}      once it is downloaded
              {"problem": "unreachable", "error": {"message": …, "where": …, "fix": …}}

It goes on after every problem, less and less often, and ends with the server.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.serving.model_registry import ModelRegistry, RegisteredPackage, RegistryError
from workbench.serving.package_cache import PackageCache
from workbench.serving.package_source import PackageSource, parse_source
from workbench.workers.parent_pipe import ParentPipe, die_with

LONGEST_S = 60.0  # between two looks while there is a problem, unless `poll_s` is longer


class AliasWatcher:
    """Looks at the registry again and again.

    Args:
        pipe: to the server.
        settings: `reference`, `tracking_uri`, `cache`, `poll_s`.
    """

    def __init__(self, pipe: ParentPipe, settings: Mapping[str, JSON]) -> None:
        self._pipe = pipe
        self._source: PackageSource = parse_source(settings["reference"])
        self._tracking_uri = str(settings["tracking_uri"])
        self._poll_s = float(settings["poll_s"])
        self._cache = PackageCache(Path(settings["cache"]))
        self._registry: ModelRegistry | None = None
        self._current: RegisteredPackage | None = None

    def watch(self) -> None:
        """Report versions and problems; return once a source that can't change is downloaded."""
        delay_s = self._poll_s
        while True:
            try:
                self._look()
                delay_s = self._poll_s
                if not self._source.is_followed:
                    return
            except (RegistryError, WorkbenchError) as error:
                self._report(error)
                delay_s = min(delay_s * 2, max(self._poll_s, LONGEST_S))
            time.sleep(delay_s)

    def _look(self) -> None:
        self._registry = self._registry or ModelRegistry(self._tracking_uri)
        package = self._registry.resolve(self._source)
        if self._current and package.identity == self._current.identity:
            self._pipe.send({"checked": True})
            return
        folder = self._download(self._registry, package)
        self._current = package
        self._pipe.send({"package": str(folder), "names": asdict(package.names)})

    def _download(self, registry: ModelRegistry, package: RegisteredPackage) -> Path:
        folder = self._cache.package(package.name, package.identity)
        if not self._cache.is_complete(folder):
            self._pipe.send({"downloading": package.uri})
            self._cache.add(folder, lambda empty: registry.download(package, empty))
        return folder

    def _report(self, error: RegistryError | WorkbenchError) -> None:
        problem, shown = "download", error
        if isinstance(error, RegistryError):
            problem, shown = error.problem, error.error
        assert isinstance(shown, WorkbenchError)
        self._pipe.send({"problem": problem, "error": shown.as_json()})


def main() -> None:
    """Watch what the first request names; end when the server ends."""
    die_with(int(sys.argv[1]))
    pipe = ParentPipe()
    pipe.send_ready()
    requests = pipe.requests()
    watcher = AliasWatcher(pipe, next(requests)["watch"])

    def end_with_server() -> None:
        for _ in requests:
            continue
        os._exit(0)

    threading.Thread(target=end_with_server, daemon=True).start()
    watcher.watch()


if __name__ == "__main__":
    main()
