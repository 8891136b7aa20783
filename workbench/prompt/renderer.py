"""The parent's side of the worker: starts it, asks it, ends it when it takes too long.

with Renderer() as renderer:
    renderer.parse(["Hi {{ name }}"])                   # [Parsed({"name": 1})]
    renderer.render("Hi {{ name }}", [{"name": "Ada"}]) # Rendered("Hi Ada"), …
"""

import json
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workbench.canonical import JSON
from workbench.workers.child import Child, EndedError

WORKER = Path(__file__).with_name("worker.py")  # run as a file: it imports Jinja and no more
MEMORY = 512 * 1024 * 1024  # bytes
SECONDS = 1.5  # for one row, as the worker counts it
PATIENCE = 2.0  # seconds without an answer until the worker is killed
BATCH = 200  # rows sent at once, or fewer
BATCH_SIZE = 4_000_000  # characters of JSON after which a batch is full
AHEAD = 5  # batches handed over before the answers to the first are awaited


@dataclass(frozen=True, slots=True)
class Parsed:
    """What stands in a template: free variables and banned tags with their first lines."""

    variables: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Rendered:
    """One row's text, or why there is none; `line` is of the template, 0 where not known."""

    text: str = ""
    error: str = ""
    line: int = 0


class Renderer:
    """A worker process that is started when first needed and again after it had to be killed."""

    def __init__(self) -> None:
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def parse(self, sources: Sequence[str]) -> list[Parsed]:
        """What stands in each source, in their order."""
        parsed: list[Parsed] = []
        for start in range(0, len(sources), BATCH):
            batch = sources[start : start + BATCH]
            self._started().ask(json.dumps({"parse": list(batch)}))
            (answer,) = self._answers(1)
            failed = [{"error": answer["error"]}] * len(batch) if "error" in answer else []
            parsed += [Parsed(**found) for found in failed or answer["parsed"]]
        return parsed

    def render(
        self, source: str, rows: Iterable[Mapping[str, JSON]]
    ) -> Generator[Rendered, None, None]:
        """The text for each row, in their order, up to and with the first that fails.

        Some rows are taken and rendered ahead of the one that is asked for.
        """
        sizes: deque[int] = deque()
        try:
            for batch in chain(_batched(rows), [None] * AHEAD):
                if batch is not None:
                    own = ", ".join(batch)
                    self._started().ask(f'{{"render": {json.dumps(source)}, "rows": [{own}]}}')
                    sizes.append(len(batch))
                if sizes and (batch is None or len(sizes) == AHEAD):
                    for answer in self._answers(sizes[0]):
                        yield Rendered(**answer)
                        if "error" in answer:
                            return
                    sizes.popleft()
        finally:
            if sizes:
                self._end()  # it is at work on rows that nobody asks for any more

    def _answers(self, expected: int) -> list[dict[str, Any]]:
        """`expected` answers, or fewer where the last of them is an error."""
        answers: list[dict[str, Any]] = []
        try:
            while len(answers) < expected and not (answers and "error" in answers[-1]):
                answer = self._started().receive(PATIENCE)
                if answer is None:
                    return [*answers, self._ended("takes longer than a template may")]
                answers.append(answer)
        except EndedError:
            return [*answers, self._ended("needs more memory than a template may use")]
        return answers

    def _started(self) -> Child:
        if self._child is None:
            command = [sys.executable, "-P", str(WORKER), str(MEMORY), str(SECONDS)]
            self._child = Child(command, env={"PYTHONDONTWRITEBYTECODE": "1"})
            while not self._child.ready(PATIENCE):  # starting may take long, rendering may not
                pass
        return self._child

    def _ended(self, why: str) -> dict[str, Any]:
        self._end()
        return {"error": why, "line": 0}

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def _batched(rows: Iterable[Mapping[str, JSON]]) -> Iterator[list[str]]:
    """The rows as JSON, neither too many nor too much at once for the worker's memory."""
    batch: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps(row)
        if batch and (len(batch) == BATCH or size + len(text) > BATCH_SIZE):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
