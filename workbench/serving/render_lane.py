"""The rows of one prompt, rendered by a thread with a child process of its own.

A row that fails, fails alone: the rows behind it are sent again. A child that ends is replaced, and
the row that it ended with is tried once more, by itself: somebody may have killed the child.
"""

import logging
import re
import threading
from asyncio import AbstractEventLoop, Future
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Self

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import PromptCall
from workbench.prompt import Prompt, check_templates
from workbench.prompt.prompt import CallReader
from workbench.prompt.renderer import TOO_LARGE, TOO_LONG, Rendered, Renderer
from workbench.prompt.source import Markers, new_nonce
from workbench.serving.errors import BusyError, InputsError, MissingInputsError

LOG = logging.getLogger("workbench.serving")
BATCH_ROWS = 64  # rows rendered together, at most
RETRY_AFTER_S = 2.0  # for a row that is refused
NONCE_ROWS = 10_000  # rows whose markers share a nonce, if the template can't print it
# Blocks whose text the template can't change on its way out.
PRINTING_ENDS = {"endif", "endfor", "endraw", "endwith"}
BLOCK_END = re.compile(r"\{%[-+]?\s*(end\w+)")
UNDEFINED = re.compile(r"'(\w+)' is undefined")
CLOSED = "this version is no longer served"


@dataclass(slots=True)
class WaitingRow:
    """A row that waits, and the future of its call."""

    inputs: Mapping[str, JSON]
    future: "Future[PromptCall]"
    retried: bool = False


class RenderLane:
    """A queue of rows, and the thread that renders what waits, in batches.

    Args:
        prompt: of the rows.
        renderer: of this lane alone.
        slower: gets the rows that take too long here; its process starts with the first of them.
            None: they fail, and the process of this lane starts with its first row.
    """

    def __init__(self, prompt: Prompt, renderer: Renderer, slower: Self | None = None) -> None:
        self._prompt = prompt
        self._renderer = renderer
        self._slower = slower
        self._queue: SimpleQueue[WaitingRow | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._shares_nonce = not captures_text(prompt.source)
        self._nonce_rows = 0  # rows that may still share the markers

    def start(self, loop: AbstractEventLoop) -> "Future[None]":
        """Start the thread; the result is there once it takes rows.

        It is an error of `check_templates` if the process can't compile the template.
        """
        self._loop = loop
        ready: Future[None] = loop.create_future()
        name, target = "workbench-renderer", self._work
        self._thread = threading.Thread(target=target, args=(ready,), name=name, daemon=True)
        self._thread.start()
        return ready

    def put(self, row: WaitingRow) -> None:
        """Let a row wait."""
        self._queue.put(row)

    def close(self) -> None:
        """Return once thread and process have ended; rows that still wait are refused."""
        self._queue.put(None)
        if self._thread:
            self._thread.join()

    def _work(self, ready: "Future[None]") -> None:
        """Render what waits until the queue is closed."""
        with self._renderer as renderer:
            try:
                if self._slower:
                    renderer.start()
                    list(check_templates([self._prompt], renderer))
            except Exception as error:
                self._settle([(ready, error)])
                return
            self._settle([(ready, None)])
            rows: list[WaitingRow] | None
            while rows := self._take():
                results = self._results([row for row in rows if not row.future.done()])
                self._settle([(row.future, result) for row, result in results])
            self._settle([(row.future, WorkbenchError(CLOSED)) for row in self._rest()])

    def _take(self) -> list[WaitingRow] | None:
        """The rows that wait, at least one; None at the end."""
        rows: list[WaitingRow] = []
        row = self._queue.get()
        while row is not None:
            rows.append(row)
            try:
                row = self._queue.get_nowait() if len(rows) < BATCH_ROWS else None
            except Empty:
                return rows
            if row is None and len(rows) < BATCH_ROWS:
                self._queue.put(None)  # the end comes next
        return rows or None

    def _rest(self) -> list[WaitingRow]:
        rows = []
        with suppress(Empty):
            while True:
                if row := self._queue.get_nowait():
                    rows.append(row)
        return rows

    def _settle(self, results: Sequence[tuple["Future[Any]", object]]) -> None:
        """Give each future its result, or the error in its place."""

        def settle() -> None:
            for future, result in results:
                if future.done():  # cancelled: its client is gone
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(settle)

    def _results(self, rows: list[WaitingRow]) -> list[tuple[WaitingRow, PromptCall | Exception]]:
        """The call of each row, or its error; without the rows that go on in the slower lane."""
        results: list[tuple[WaitingRow, PromptCall | Exception]] = []
        most = len(rows)
        while rows:
            try:
                reader, answers = self._render(rows[:most])
            except Exception as error:  # no process can be started
                LOG.error("rows can't be rendered: %s", error)
                return results + [(row, BusyError(RETRY_AFTER_S)) for row in rows]
            last = rows[len(answers) - 1]
            if answers[-1].error == TOO_LARGE and not self._renderer.is_running:
                LOG.warning("the process that renders templates ended; another one is started")
                most = 1
                if not last.retried:
                    last.retried = True
                    answers.pop()
            for row, rendered in zip(rows, answers, strict=False):
                if self._slower and rendered.error == TOO_LONG:
                    self._slower.put(row)
                else:
                    results.append((row, self._result(reader, rendered)))
            rows = rows[len(answers) :]
        return results

    def _render(self, rows: Sequence[WaitingRow]) -> tuple[CallReader, list[Rendered]]:
        """The reader of the rendered rows, and these, up to and including the first that fails."""
        prompt, settings = self._prompt, self._prompt.settings
        if self._nonce_rows <= 0:
            markers = Markers(new_nonce())
            self._marked = markers.mark(prompt.source) if settings.chat else prompt.source
            self._reader = CallReader(prompt, markers)
            self._nonce_rows = NONCE_ROWS if self._shares_nonce else 0
        self._nonce_rows -= len(rows)
        texts = self._renderer.render(
            self._marked, [row.inputs for row in rows], settings.choice_templates
        )
        return self._reader, list(texts)

    def _result(self, reader: CallReader, rendered: Rendered) -> PromptCall | InputsError:
        """The call of a row, or its error in words that repeat nothing of the inputs."""
        prompt = self._prompt
        if not rendered.error:
            try:
                return reader.call(rendered, "")
            except (WorkbenchError, RecursionError, ValueError, TypeError):
                message = "the inputs give no conversation that a model takes"
                return InputsError(message, where=prompt.where())
        missing = UNDEFINED.match(rendered.error)
        if missing and missing[1] in prompt.all_variables:
            return MissingInputsError([missing[1]])
        is_limit = rendered.error in (TOO_LONG, TOO_LARGE)
        message = rendered.error if is_limit else "the template can't be rendered"
        return InputsError(f"{message} with these inputs", where=prompt.where(rendered.line))


def captures_text(source: str) -> bool:
    """True if a template may print what it has rendered before in another form.

    Then a row could learn the nonce of its markers, and the next row could forge them.
    """
    return "recursive" in source or not PRINTING_ENDS.issuperset(BLOCK_END.findall(source))
