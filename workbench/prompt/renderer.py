"""Templates parsed and rendered in a child process, which is ended when it takes too long.

>>> with Renderer() as renderer:
...     list(renderer.parse([["Hi {{ name }}"]]))
...     list(renderer.render("Hi {{ name }}", [{"name": "Ada"}]))
...     list(renderer.evaluate("{{ choices[answer] }}", [{"choices": [3, 7], "answer": 1}]))
[Parsed(variables={'name': 1}, tags={}, splits=True, error='', line=0)]
[Rendered(text='Hi Ada', choices=None, error='', line=0, in_choices=False)]
[Evaluated(value=7, error='', line=0)]
"""

import json
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from workbench.canonical import JSON
from workbench.errors import ExitCode, WorkbenchError
from workbench.workers.worker_process import (
    EndedError,
    LateError,
    WorkerProcess,
    import_path,
    json_batches,
)

WORKER = Path(__file__).with_name("worker.py")  # run as a file: it imports Jinja and the sandbox
MEMORY_LIMIT = 512 * 1024 * 1024  # bytes
START_LIMIT_S = 30.0  # seconds until the child is ready
ROW_LIMIT_S = 1.5  # seconds of the processor for one row, measured by the child itself
OUT_OF_TIME = "SIGVTALRM"  # ends a child that doesn't notice the limit
ANSWER_LIMIT_S = 60.0  # seconds without an answer until a child is ended that doesn't even run
TOO_LONG, TOO_LARGE = "the template takes too long", "the template needs too much memory"
BATCH_ROWS = 200  # rows sent at once, at most
BATCH_SIZE = 4_000_000  # characters of JSON after which a batch is full
ROWS_AHEAD = 5 * BATCH_ROWS  # rows sent before the answers to the first batch are read
SIZE_AHEAD = 5 * BATCH_SIZE


@dataclass(frozen=True, slots=True)
class Parsed:
    """Free variables and banned tags of a template with their first lines, or its error.

    `splits`: each of its parts is a template, too.
    """

    variables: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
    splits: bool = False
    error: str = ""
    line: int = 0


class Rendered(NamedTuple):
    """Text of one row, or its error.

    Attributes:
        choices: JSON of any kind; None if no choices were requested.
        line: of the template; 0 if unknown.
        in_choices: the error is in the choices.
    """

    text: str = ""
    choices: JSON = None
    error: str = ""
    line: int = 0
    in_choices: bool = False


class Evaluated(NamedTuple):
    """JSON value of one row, or its error."""

    value: JSON = None
    error: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Reads:
    """Columns that a template reads, or its error.

    Attributes:
        paths: each column with the keys to the part that is read: `a.b["c"]` is [a, b, c].
        selected_from: columns that offer values to choose from by another column's value, as
            `choices` in `choices[answer]`.
        indexes: columns whose values choose, as `answer`.
    """

    paths: Sequence[Sequence[str]] = ()
    selected_from: Sequence[str] = ()
    indexes: Sequence[str] = ()
    error: str = ""


RowAnswer = TypeVar("RowAnswer", Parsed, Rendered, Evaluated)
RowBatch = tuple[str, Sequence[str]]  # the beginning of a request, and its rows as JSON
# A source, its rows, and the sources of its choices.
RenderJob = tuple[str, Iterable[Mapping[str, JSON]], Sequence[str]]


class Renderer(WorkerProcess):
    """The child process that parses and renders, started when first needed.

    `row_limit_s`: seconds of the processor for one row.
    """

    def __init__(self, *, row_limit_s: float = ROW_LIMIT_S) -> None:
        command = [sys.executable, "-P", str(WORKER), str(MEMORY_LIMIT), str(row_limit_s)]
        # Without a fixed seed the order of sets would differ in every process.
        fixed = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        super().__init__(command, env={**import_path(), **fixed}, start_s=START_LIMIT_S)

    def start(self) -> None:
        """Return once the child is ready.

        Raises:
            WorkbenchError: it ended instead, or was late.
        """
        try:
            super().start()
        except EndedError as error:
            raise WorkbenchError(
                f"the process that renders templates did not start: {error}",
                fix="run the same command again; the system may lack memory, or end processes",
                exit_code=ExitCode.STORAGE,
            ) from None

    def parse(self, templates: Iterable[Sequence[str]]) -> Generator[Parsed, None, None]:
        """Variables and tags of each template, in order, up to and including the first error.

        A template is its source, then the parts to try; templates are read and parsed some
        batches ahead of the caller.
        """
        return self._answers(_batches('{"parse": ', templates), Parsed)

    def render(
        self, source: str, rows: Iterable[Mapping[str, JSON]], choices: Sequence[str] = ()
    ) -> Generator[Rendered, None, None]:
        """The text of each row, in order, up to and including the first that fails.

        Rows are read and rendered some batches ahead of the caller. `choices` are sources: a
        single one gives all choices of a row, several give one choice each.
        """
        return self.render_jobs([(source, rows, choices)])

    def render_jobs(self, jobs: Iterable[RenderJob]) -> Generator[Rendered, None, None]:
        """As `render`, one job after another; jobs, too, are read and rendered ahead."""
        batches = (
            batch
            for source, rows, choices in jobs
            for batch in _batches(_head({"render": source, "choices": list(choices)}), rows)
        )
        return self._answers(batches, Rendered)

    def evaluate(
        self, source: str, rows: Iterable[Mapping[str, JSON]]
    ) -> Generator[Evaluated, None, None]:
        """As `render`; a source that is one `{{ expression }}` keeps the type of its value."""
        batches = _batches(_head({"evaluate": source.strip()}), rows)
        return self._answers(batches, Evaluated)

    def reads(self, source: str) -> Reads:
        """The columns that a source for `evaluate` reads."""
        self.send(json.dumps({"reads": source.strip()}))
        answer = self._receive()
        return Reads(error=answer["error"]) if "error" in answer else Reads(**answer)

    def _answers(
        self, batches: Iterable[RowBatch], answer_type: type[RowAnswer]
    ) -> Generator[RowAnswer, None, None]:
        # They must fit into the child's memory.
        sent: deque[tuple[int, int]] = deque()  # rows and characters of each unanswered batch
        rows_ahead = size_ahead = 0
        try:
            for batch in chain(batches, [None]):
                if batch is not None:
                    head, rows = batch
                    request = f"{head}[{', '.join(rows)}]}}"
                    self.send(request)
                    sent.append((len(rows), len(request)))
                    rows_ahead, size_ahead = rows_ahead + len(rows), size_ahead + len(request)
                while sent and (
                    batch is None or rows_ahead >= ROWS_AHEAD or size_ahead >= SIZE_AHEAD
                ):
                    # All at once: a caller that stops at a row leaves no answer behind.
                    count, size = sent[0]
                    answers = [answer_type(**self._receive())]
                    while len(answers) < count and not answers[-1].error:
                        answers.append(answer_type(**self._receive()))
                    sent.popleft()  # also with an error, the last answer to a request
                    rows_ahead, size_ahead = rows_ahead - count, size_ahead - size
                    yield from answers
                    if answers[-1].error:
                        return
        finally:
            if sent:
                self.end()  # it still renders rows that are no longer wanted

    def _receive(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self.receive(ANSWER_LIMIT_S)
            return answer
        except EndedError as error:
            is_late = isinstance(error, LateError) or str(error) == OUT_OF_TIME
            return {"error": TOO_LONG if is_late else TOO_LARGE, "line": 0}


def _head(request: Mapping[str, JSON]) -> str:
    """The request as JSON up to its rows."""
    return f'{json.dumps(request)[:-1]}, "rows": '


def _batches(head: str, rows: Iterable[JSON]) -> Iterator[RowBatch]:
    return ((head, batch) for batch in json_batches(rows, most_rows=BATCH_ROWS, size=BATCH_SIZE))
