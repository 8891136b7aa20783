"""`workbench view`: the comparison's page, live over the store, with ratings.

$ workbench view sentiment
http://127.0.0.1:5100/Vq3k0pX…/
Ctrl-C stops the server.
"""

import getpass
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.compare import By, Names, open_comparison, with_answers
from workbench.cli.output import REDACTOR
from workbench.cli.run import Limit, Sample, TrackingUri
from workbench.cli.setup import open_project
from workbench.cli.signals import note_on_stderr
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.cli.compare import OpenComparison
    from workbench.comparing.comparison import ExperimentComparison
    from workbench.plan import Plan
    from workbench.view.page_contents import PageContents

GIT_TIMEOUT_S = 5.0
SLOW_ROWS = 20_000  # answers above which comparing takes seconds


def _check_person(name: str) -> str:
    from workbench.store.ratings import MAX_PERSON

    if len(name) > MAX_PERSON:
        message = f"--as: the name has {len(name):,} characters, at most {MAX_PERSON} are possible"
        raise WorkbenchError(message, fix="shorten the name")
    return name


Port = Annotated[
    int, typer.Option(min=0, max=65535, help="The port to listen on; 0: any free one.")
]
Person = Annotated[
    str,
    typer.Option(
        "--as",
        callback=_check_person,
        help="Your name in ratings.  [default: git's user.name, else the user]",
    ),
]


def view(
    names: Names = None,
    by: By = "",
    limit: Limit = None,
    sample: Sample = None,
    port: Port = 5100,
    person: Person = "",
    tracking_uri: TrackingUri = "",
) -> None:
    """Serve the comparison page on 127.0.0.1, to rate answers.

    It prints the address. New answers appear after a reload. It sends no requests to models.
    """
    from workbench.plan import Scope
    from workbench.tracking.rating_process import RatingProcess
    from workbench.view.live_comparison import LiveComparison
    from workbench.view.page_server import HOST, ViewApp, bind_port, serve

    project, scope = open_project(tracking_uri), Scope(limit, sample=sample)
    with (
        bind_port(port) as listener,
        open_comparison(names or [], project, tracking_uri, scope, by_slice=True) as opened,
        RatingProcess(project, REDACTOR, tracking_uri) as ratings,
    ):
        store, comparer = opened.store, _Comparer(opened, by, tracking_uri)
        contents, person = comparer.first(), person or _default_person(project.root)
        live = LiveComparison(contents, comparer.read, store, person=person)
        port = listener.getsockname()[1]
        app = ViewApp(live, port, REDACTOR, rated=ratings.wake, rating_error=ratings.error)
        if store.ratings.unrecorded(project.tracking_uri(tracking_uri)):
            ratings.wake()
        lines = [f"http://{HOST}:{port}/{app.token}/", "Ctrl-C stops the server."]
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):  # the usual end
            serve(app, listener, ready=lambda: typer.echo("\n".join(lines)))


class _Comparer:
    """Compares the answers in an open store for a page; large comparisons are cached."""

    def __init__(self, opened: "OpenComparison", by: str, tracking_uri: str) -> None:
        from workbench.tracking.trace_index import TraceIndex
        from workbench.view.page_cache import PageCache

        project = opened.opened.project
        self._opened, self._by, self._project = opened, by, project
        self._plan: Plan | None = None
        self._traces = TraceIndex(project, tracking_uri)
        self._cache = PageCache(project, opened.store, opened.selectors, by)

    def first(self) -> "PageContents":
        """The cached contents, if nothing has changed, or new ones."""
        cached = self._cache.load(self._opened.outline)
        if cached is None:
            return self.read()
        return replace(cached, compared=replace(cached.compared, traces=self._traces))

    def read(self) -> "PageContents":
        """The contents by what is stored now."""
        from workbench.view.page_contents import read_contents

        self._plan = self._plan or self._opened.plan()
        if self._plan.planned > SLOW_ROWS:
            note_on_stderr(f"comparing {self._plan.planned:,} answers")
        currency = self._project.file.currency
        contents = read_contents(self._compare, self._opened.store, currency)
        self._cache.save(contents)
        return contents

    def _compare(self) -> "ExperimentComparison":
        from workbench.comparing.comparison import compare_stored, require_answers

        assert self._plan
        store, by = self._opened.store, [self._by] if self._by else ()
        plan = with_answers(self._plan, store)
        compared = compare_stored(plan, store, by=by, prices=self._project.prices)
        require_answers(compared, compared.compared_variants)
        return replace(compared, traces=self._traces)


def _default_person(folder: Path) -> str:
    """The name of git's user, else of the operating system's."""
    from workbench.store.ratings import MAX_PERSON

    command = ["git", "config", "user.name"]
    with suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=GIT_TIMEOUT_S, check=False
        )
        if name := answer.stdout.decode("utf-8", "replace").strip():
            return name[:MAX_PERSON]
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return f"user {os.getuid()}"
