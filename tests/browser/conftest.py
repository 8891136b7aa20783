"""Chromium before `workbench ui`, on a store made here and on the demo's."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from record.mlflow_server import MLflowServer
from served import Site, served
from stores import demo, made

from workbench.prompt import Renderer
from workbench.tracking.ui_server import comparison_pages

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
# MLflow lays its Assistant and a hint over the page the first time a browser comes.
SETTLED = """
localStorage.setItem('mlflow.detectIssues.guidanceShown_v1', 'true');
localStorage.setItem('mlflow.detectIssues.guidanceDismissed_v1', 'true');
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """Debian's Chromium, not the one that playwright downloads."""
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        pytest.skip(f"no chromium: none of {', '.join(CHROMIUM)} is on the PATH")
    return browser


NIGHTLY = [pytest.param(name, marks=pytest.mark.nightly) for name in ("demo", "server")]


@pytest.fixture(scope="module", params=["made", *NIGHTLY])
def site(
    request: pytest.FixtureRequest,
    chromium: str,
    renderer: Renderer,
    empty_store: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Each store in turn, with one server at a time."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "server":  # recorded through a server, whose store is not this project's
        with MLflowServer(tmp_path_factory.mktemp("mlflow"), empty_store) as server:
            # Playwright's event loop may run in this thread.
            with ThreadPoolExecutor(1) as pool:
                stored = pool.submit(made, folder, renderer, server.url).result()
            children = list(stored.variants.values())
            yield Site(stored, comparison_pages(server.url, stored.parent, children))
        return
    stored = made(folder, renderer) if request.param == "made" else demo(folder, renderer)
    if stored is None:
        pytest.skip("`make demo` has not been run here")
    with served(stored) as site:
        yield site


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests of a module, each of which has a profile of its own.

    Playwright keeps an event loop running in this thread: a store that is made by asking a server
    comes first.
    """
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=FLAGS) as browser,
    ):
        yield browser


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """The profile of a returning visitor, which keeps MLflow's scripts from page to page."""
    expect.set_options(timeout=PATIENCE)
    with browser.new_context(viewport={"width": 1600, "height": 900}) as context:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(SETTLED)
        yield context


@pytest.fixture
def page(site: Site, visitor: BrowserContext) -> Iterator[Page]:
    """A window of a returning visitor; the next one begins without this one's settings."""
    page = visitor.new_page()
    yield page
    page.evaluate("localStorage.clear()")
    page.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    """A window for local files."""
    expect.set_options(timeout=PATIENCE)
    with browser.new_context(viewport={"width": 1400, "height": 900}) as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


@pytest.fixture
def shoot(page: Page, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Save a picture of the page in the folder WORKBENCH_SCREENSHOTS, if that is set."""
    folder = os.environ.get("WORKBENCH_SCREENSHOTS")

    def shot() -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{request.node.name}.png")

    return shot
