"""Answers to many rows, for callers that wait: an event loop in a thread of its own.

    answers = RowAnswers(open_variant(folder))
    answers.answer([{"ticket": "…"}, …])     # a completion or an error per row, in their order

Rows are rendered, sent and read as the server does it. The model stays open between two calls.
"""

import asyncio
import atexit
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from workbench.canonical import JSON
from workbench.model import Completion
from workbench.serving.answering import AnswerLimits, open_answerer
from workbench.serving.errors import BusyError, InputsError
from workbench.serving.interfaces import Answerer
from workbench.serving.render_queue import RenderQueue
from workbench.serving.served_variant import ServedVariant

ROWS_AT_ONCE = 256  # rendered and waiting for an answer
LIMITS = AnswerLimits(timeout_s=600.0, most_waiting=ROWS_AT_ONCE)
CLOSE_S = 5.0

RowAnswer = Completion | InputsError | BusyError


class RowAnswers:
    """The answers of one packaged variant; any thread may ask, several at once."""

    def __init__(self, variant: ServedVariant) -> None:
        self._variant = variant
        self._opening = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answerer: Answerer | None = None

    def answer(self, rows: Sequence[Mapping[str, JSON]]) -> list[RowAnswer]:
        """Return a completion per row, in order; an error in its place if there is no request.

        Raises:
            WorkbenchError: the model can't be called at all.
        """
        loop = self._running_loop()
        return asyncio.run_coroutine_threadsafe(self._answer_all(rows), loop).result()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop, with everything open; what failed is opened again by the next call."""
        with self._opening:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                name, target = "workbench-rows", self._loop.run_forever
                threading.Thread(target=target, name=name, daemon=True).start()
                atexit.register(self.close)
            if self._answerer is None:
                asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
            return self._loop

    async def _open(self) -> None:
        await asyncio.to_thread(self._variant.check_ready)
        rows = RenderQueue(self._variant.prompt)
        await rows.start()
        try:
            self._answerer = await open_answerer(self._variant, LIMITS)
        except BaseException:
            await rows.close()
            raise
        self._rows = rows
        self._turns = asyncio.Semaphore(ROWS_AT_ONCE)

    async def _answer_all(self, rows: Sequence[Mapping[str, JSON]]) -> list[RowAnswer]:
        return await asyncio.gather(*map(self._answer_row, rows))

    async def _answer_row(self, row: Mapping[str, JSON]) -> RowAnswer:
        assert self._answerer
        async with self._turns:
            try:
                self._variant.check_inputs(row)
                request = self._variant.prepare(await self._rows.render(row))
                return await self._answerer.answer(request)
            except (InputsError, BusyError) as error:
                return error

    def close(self) -> None:
        """End connections and processes."""
        loop, self._loop = self._loop, None
        if loop and self._answerer:
            with suppress(TimeoutError, RuntimeError):  # Python ends: its threads take no work
                asyncio.run_coroutine_threadsafe(self._end(), loop).result(CLOSE_S)
        if loop:
            loop.call_soon_threadsafe(loop.stop)

    async def _end(self) -> None:
        answerer, self._answerer = self._answerer, None
        if answerer:
            await answerer.close()
            await self._rows.close()
