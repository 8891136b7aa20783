"""Chromium before `workbench ui`, on a store made here and on the demo's."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from stores import Stored, demo, made

from workbench.prompt import Renderer
from workbench.tracking.server import pages

PATIENCE = 60_000  # milliseconds a page has
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
# MLflow lays its Assistant over a third of the page the first time a browser comes.
SETTLED = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


@dataclass(frozen=True)
class Site:
    """A store that is served, and the addresses that `workbench ui` has printed, by label."""

    stored: Stored
    addresses: dict[str, str]

    def row_by_row(self) -> str:
        """The address that compares the store's pair."""
        ids = [self.stored.variants[name].info.run_id for name in self.stored.pair]
        return pages(self._base, self.stored.experiment_id, ids)["row by row"]

    def rows_of(self, variant: str) -> str:
        """The address of one variant's traces."""
        run_id = self.stored.variants[variant].info.run_id
        return f"{self._base}/#/experiments/{self.stored.experiment_id}/runs/{run_id}/traces"

    @property
    def _base(self) -> str:
        return self.addresses["variants"].partition("/#/")[0]


@pytest.fixture(scope="module")
def chromium() -> str:
    """Debian's, not one that playwright would download."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"no chromium: none of {', '.join(CHROMIUM)} is on the PATH")
    return found


@pytest.fixture(scope="module", params=["made", "demo"])
def site(
    request: pytest.FixtureRequest,
    chromium: str,
    renderer: Renderer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Each store in turn, one server at a time."""
    folder = tmp_path_factory.mktemp(request.param)
    stored = made(folder, renderer) if request.param == "made" else demo(folder)
    if stored is None:
        pytest.skip("`make demo` has not been run here")
    with _served(stored) as site:
        yield site


@pytest.fixture
def page(site: Site, chromium: str) -> Iterator[Page]:
    """A window as it looks to somebody who was here before.

    Playwright keeps an event loop running in this thread, so it starts when the store is made and
    ends with the test.
    """
    expect.set_options(timeout=PATIENCE)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=FLAGS) as browser,
    ):
        context = browser.new_context(viewport={"width": 1600, "height": 900})
        context.set_default_timeout(PATIENCE)
        context.add_init_script(SETTLED)
        yield context.new_page()


@pytest.fixture
def shoot(page: Page, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Keeps a picture of the page in the folder WORKBENCH_SCREENSHOTS, if that is set."""
    folder = os.environ.get("WORKBENCH_SCREENSHOTS")

    def shot() -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{request.node.name.partition('@')[0]}.png")

    return shot


@contextmanager
def _served(stored: Stored) -> Iterator[Site]:
    """`workbench ui` in a process group of its own, ended with all that it has started."""
    command = [str(Path(sys.executable).with_name("workbench")), "ui"]
    command += ["--port", str(_free_port()), "--tracking-uri", stored.uri]
    process = subprocess.Popen(
        command,
        cwd=stored.root,
        # Eight processes for jobs that no page here asks for.
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Site(stored, _addresses(_said(process), stored.experiment))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


def _said(process: "subprocess.Popen[str]") -> str:
    """What is printed until the server answers."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            return "".join(lines)
        lines.append(line)
    raise AssertionError(f"`workbench ui` ended with {process.wait()}")


def _addresses(said: str, experiment: str) -> dict[str, str]:
    """Those printed below the experiment's name."""
    own = said.partition(f"\n\n{experiment}\n")[2].partition("\n\n")[0]
    pairs = (line.strip().rsplit(maxsplit=1) for line in own.splitlines())
    return {label.strip(): address for label, address in pairs}


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
