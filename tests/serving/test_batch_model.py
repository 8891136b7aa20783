"""Requests that wait, answered together by a provider of batches."""

import asyncio
import threading
from collections.abc import Iterable, Iterator

import pytest

from workbench.errors import WorkbenchError
from workbench.model import Completion, Request
from workbench.serving.batch_model import BatchModel

FOREVER = float("inf")


class BatchProvider:
    """A provider that stays loaded and answers with the size of its batches.

    The body `hold` keeps a batch until it is killed or released; `break` is a fault of the code.
    """

    concurrent = billed = False

    def __init__(self, error: Exception | None = None) -> None:
        self.facts = {"batch_size": 4}
        self.batches: list[list[str]] = []
        self.begun, self.released = threading.Event(), threading.Event()
        self.ended_in = ""
        self._error = error

    def load(self) -> "BatchProvider":
        return self

    def __enter__(self) -> "BatchProvider":
        if self._error:
            raise self._error
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.ended_in = threading.current_thread().name

    def kill(self) -> None:
        self.released.set()

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        batch = list(requests)
        self.batches.append([request.key for request in batch])
        for request in batch:
            if "hold" in request.text:
                self.begun.set()
                assert self.released.wait(60)
            if request.permit.should_stop():
                return
            if "break" in request.text:
                raise ValueError("no such token")
            yield Completion(request.key, "ok", text=request.key)


def request(key: str, body: str = "text") -> Request:
    return Request.from_body(key, {"text": body})


async def held(model: BatchModel, provider: BatchProvider) -> "asyncio.Task[Completion]":
    """A request whose batch is being answered."""
    await model.open()
    task = asyncio.create_task(model.answer(request("first", "hold"), FOREVER))
    await asyncio.to_thread(provider.begun.wait, 60)
    return task


def test_what_waits_while_a_batch_is_answered_is_the_next_one_without_what_was_cancelled():
    provider = BatchProvider()

    async def ask() -> list[str]:
        model = BatchModel(provider)
        first = await held(model, provider)
        keys = ["a", "b", "b", "gone", "c", "d"]
        tasks = [asyncio.create_task(model.answer(request(key), FOREVER)) for key in keys]
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.sleep(0)
        provider.released.set()
        answers = await asyncio.gather(first, *tasks, return_exceptions=True)
        await model.close()
        return [getattr(answer, "text", "cancelled") for answer in answers]

    assert asyncio.run(ask()) == ["first", "a", "b", "b", "cancelled", "c", "d"]
    assert provider.batches == [["first"], ["a", "b", "c"], ["d"]]
    assert provider.ended_in == "local model"  # its process ends with the thread that started it


def test_a_fault_fails_the_requests_of_its_batch_only():
    async def ask() -> list[Completion]:
        model = BatchModel(BatchProvider())
        await model.open()
        broken = await model.answer(request("a", "break"), FOREVER)
        fine = await model.answer(request("b"), FOREVER)
        await model.close()
        return [broken, fine]

    broken, fine = asyncio.run(ask())
    assert (broken.state, broken.error) == ("failed", "ValueError: no such token")
    assert (fine.state, fine.text) == ("ok", "b")


def test_closing_ends_the_batch_and_fails_what_waits():
    provider = BatchProvider()

    async def ask() -> list[Completion]:
        model = BatchModel(provider)
        first = await held(model, provider)
        second = asyncio.create_task(model.answer(request("b"), FOREVER))
        await asyncio.sleep(0)
        await model.close()
        return [await first, await second, await model.answer(request("c"), FOREVER)]

    answers = asyncio.run(ask())
    assert [answer.state for answer in answers] == ["failed"] * 3
    assert provider.batches == [["first"]]


def test_a_model_that_cannot_be_loaded_is_an_error_before_the_first_request():
    model = BatchModel(BatchProvider(WorkbenchError("no memory")))
    with pytest.raises(WorkbenchError, match="no memory"):
        asyncio.run(model.open())
