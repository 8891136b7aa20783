"""Rows rendered for a server: by the child process of an evaluation, in batches of what waits.

>>> async def greeting() -> str:
...     queue = RenderQueue(prompt)
...     await queue.start()
...     return (await queue.render({"name": "Ada"})).conversation.as_text()

A row that takes longer than most goes on in a process for such rows: the others don't wait for it.
"""

import asyncio
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import PromptCall
from workbench.prompt import Prompt
from workbench.prompt.renderer import Renderer
from workbench.serving.errors import BusyError, InputsError
from workbench.serving.render_lane import CLOSED, RETRY_AFTER_S, RenderLane, WaitingRow

QUICK_S = 0.1  # seconds of the processor, after which a row goes on among the slow ones
MOST_WAITING = 1_000  # rows, above which a row is refused
WAIT_S = 10.0  # seconds that a row may wait to be rendered
MOST_NESTED = 100  # lists and mappings in one another


class RenderQueue:
    """One prompt's rows, rendered by two threads with a child process each.

    Its calls belong to the event loop in which it was started.
    """

    def __init__(self, prompt: Prompt) -> None:
        self._slow = RenderLane(prompt, Renderer())
        self._quick = RenderLane(prompt, Renderer(row_limit_s=QUICK_S), self._slow)
        self._waiting = 0
        self._closed = False

    async def start(self) -> None:
        """Return once a child process is ready and has compiled the template.

        Raises:
            WorkbenchError: it can't.
        """
        self._loop = asyncio.get_running_loop()
        try:
            for lane in (self._slow, self._quick):
                await lane.start(self._loop)
        except BaseException:
            await self.close()
            raise

    async def render(self, inputs: Mapping[str, JSON]) -> PromptCall:
        """Return the call of a row.

        Raises:
            InputsError: the template can't be rendered with these inputs.
            BusyError: too many rows wait, or the row waited too long.
        """
        if self._closed:
            raise WorkbenchError(CLOSED)
        if self._waiting >= MOST_WAITING:
            raise BusyError(RETRY_AFTER_S)
        if is_nested(inputs, MOST_NESTED):
            raise InputsError(f"the inputs are nested more than {MOST_NESTED} deep")
        row = WaitingRow(inputs, self._loop.create_future())
        self._waiting += 1
        try:
            self._quick.put(row)
            async with asyncio.timeout(WAIT_S):
                return await row.future
        except TimeoutError:
            raise BusyError(RETRY_AFTER_S) from None
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End threads and processes; rows that still wait are refused."""
        if self._closed:
            return
        self._closed = True
        for lane in (self._quick, self._slow):  # the first one may pass on a row
            await asyncio.to_thread(lane.close)


def is_nested(value: JSON, most: int) -> bool:
    """True if lists and mappings stand in one another more than `most` deep."""
    values = value.values() if isinstance(value, dict) else value
    return most == 0 or any(
        isinstance(nested, (dict, list)) and is_nested(nested, most - 1) for nested in values
    )
