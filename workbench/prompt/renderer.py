"""The parent's side of the worker: starts it, asks it, ends it when it takes too long.

with Renderer() as renderer:
    renderer.parse(["Hi {{ name }}"])                   # [Parsed({"name": 1})]
    renderer.render("Hi {{ name }}", [{"name": "Ada"}]) # [Rendered("Hi Ada")]
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workbench.canonical import JSON
from workbench.child import Child, EndedError

WORKER = Path(__file__).with_name("worker.py")  # run as a file: it imports Jinja and no more
MEMORY = 512 * 1024 * 1024  # bytes
SECONDS = 1.5  # for one row, as the worker counts it
PATIENCE = 2.0  # seconds without an answer until the worker is killed
BATCH = 200  # rows sent at once, or fewer
BATCH_SIZE = 4_000_000  # characters of JSON after which a batch is full


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
            (answer,) = self._ask(json.dumps({"parse": list(batch)}), expected=1)
            failed = [{"error": answer["error"]}] * len(batch) if "error" in answer else []
            parsed += [Parsed(**found) for found in failed or answer["parsed"]]
        return parsed

    def render(self, source: str, rows: Iterable[Mapping[str, JSON]]) -> list[Rendered]:
        """The text for each row, in their order, up to and with the first that fails."""
        rendered: list[Rendered] = []
        for batch in _batched(rows):
            question = f'{{"render": {json.dumps(source)}, "rows": [{", ".join(batch)}]}}'
            answers = self._ask(question, expected=len(batch))
            rendered += [Rendered(**answer) for answer in answers]
            if rendered[-1].error:
                break
        return rendered

    def _ask(self, question: str, *, expected: int) -> list[dict[str, Any]]:
        """`expected` answers, or fewer where the last of them is an error."""
        answers: list[dict[str, Any]] = []
        try:
            child = self._started()
            child.ask(question)
            while len(answers) < expected and not (answers and "error" in answers[-1]):
                answer = child.receive(PATIENCE)
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


def _batched(rows: Iterable[Mapping[str, JSON]]) -> Iterable[list[str]]:
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
