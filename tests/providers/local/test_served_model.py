"""A local model that stays loaded and answers in batches what waits."""

import asyncio
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from processes import gone
from test_model_process import TEXT, provider, workers

from workbench.conversation import Conversation
from workbench.model import Completion, PromptCall, Request
from workbench.serving.batch_model import BatchModel

FOREVER = float("inf")


def requests(folder: Path, rows: int = 10, **parameters) -> list[Request]:
    model = provider(folder)
    words = TEXT.split()
    calls = []
    for row in range(rows):
        conversation = Conversation(text=" ".join(words[row % 7 :] + words[: row % 7]))
        choices = ("good", "bad plot") if row % 5 == 4 else ()
        body = model.prepare(
            PromptCall(conversation, {"max_tokens": 6, **parameters}, choices)
        ).body
        calls.append(Request.from_body(f"{parameters}{row}", body))
    return calls


def texts(completions: list[Completion]) -> dict[str, tuple[str, str]]:
    return {completion.key: (completion.state, completion.text) for completion in completions}


@dataclass(frozen=True)
class Served:
    """The answers of one model, and its processes in their order."""

    together: list[Completion]
    after_death: list[Completion]
    twice: list[Completion]
    late: Completion
    processes: list[int]


async def serve(folder: Path, rows: list[Request]) -> Served:
    model = BatchModel(provider(folder))
    await model.open()

    async def ask(asked: list[Request]) -> list[Completion]:
        return await asyncio.gather(*(model.answer(request, FOREVER) for request in asked))

    together = await ask(rows)
    first = workers()
    os.kill(first[0], signal.SIGKILL)
    after_death = await ask(rows)
    twice = await ask([rows[-1]] * 2)
    processes = first + workers()
    await model.close()
    late = await model.answer(rows[0], FOREVER)
    return Served(together, after_death, twice, late, processes)


@pytest.fixture(scope="module")
def rows(tiny_base) -> list[Request]:
    return requests(tiny_base) + requests(tiny_base, 3, temperature=0.8)


@pytest.fixture(scope="module")
def served(tiny_base, rows) -> Served:
    return asyncio.run(serve(tiny_base, rows))


def test_answers_are_those_of_an_evaluation(tiny_base, rows, served):
    """Sampled ones too, whose seed is their key; and after the model's process has died."""
    evaluated = texts(list(provider(tiny_base).complete(rows)))
    assert texts(served.together) == texts(served.after_death) == evaluated
    assert [replace(c, latency_s=None).text for c in served.twice] == [
        evaluated[rows[-1].key][1]
    ] * 2


def test_one_process_answers_until_it_dies_and_none_is_left(served):
    assert len(set(served.processes)) == len(served.processes) == 2
    assert all(map(gone, served.processes))
    assert (served.late.state, "closed" in served.late.error) == ("failed", True)
