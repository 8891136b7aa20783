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
from playwright.sync_api import Browser, Page, expect, sync_playwright

from workbench.prompt import Renderer

from stores import Stored, demo, made

PATIENCE = 60_000  # milliseconds a page has
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --disable-quic"
).split()
# MLflow opens its Assistant over a third of the page the first time a browser comes.
SETTLED = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


@dataclass(frozen=True)
class Site:
    """A store that is served, and what `workbench ui` says of it: addresses by their labels."""

    stored: Stored
    addresses: dict[str, str]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's, not one that playwright would download."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"no chromium: none of {', '.join(CHROMIUM)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def made_site(
    chromium: Browser, renderer: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with _served(made(tmp_path_factory.mktemp("made"), renderer)) as site:
        yield site


@pytest.fixture(scope="session")
def demo_site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    stored = demo(tmp_path_factory.mktemp("demo"))
    if stored is None:
        pytest.skip("`make demo` has not been run here")
    with _served(stored) as site:
        yield site


@pytest.fixture(params=["made", "demo"])
def site(request: pytest.FixtureRequest) -> Site:
    """Each store in turn."""
    return request.getfixturevalue(f"{request.param}_site")


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A window on this machine only, as it looks to somebody who was here before."""
    expect.set_options(timeout=PATIENCE)
    with chromium.new_context(viewport={"width": 1600, "height": 900}) as context:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(SETTLED)
        yield context.new_page()


@pytest.fixture
def shoot(page: Page, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Keeps a picture of the page in the folder WORKBENCH_SCREENSHOTS, if that is set."""
    folder = os.environ.get("WORKBENCH_SCREENSHOTS")

    def shot() -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{request.node.name}.png")

    return shot


@contextmanager
def _served(stored: Stored) -> Iterator[Site]:
    """`workbench ui` in a process group of its own, ended with all that it has started."""
    command = [str(Path(sys.executable).with_name("workbench")), "ui"]
    command += ["--port", str(_free_port()), "--tracking-uri", stored.uri]
    process = subprocess.Popen(
        command,
        cwd=stored.root,
        # Seven processes for jobs that no page here asks for.
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        lines = list(iter(process.stdout.readline, "Ctrl-C ends the server.\n"))
        yield Site(stored, _addresses(lines, stored.experiment))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


def _addresses(lines: list[str], experiment: str) -> dict[str, str]:
    """Those below the experiment's name."""
    own = "".join(lines).partition(f"\n\n{experiment}\n")[2].partition("\n\n")[0]
    pairs = (line.strip().rsplit(maxsplit=1) for line in own.splitlines())
    return {label.strip(): address for label, address in pairs}


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
