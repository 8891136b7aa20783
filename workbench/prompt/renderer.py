"""Templates parsed and rendered in a child process, which is ended when it takes too long.

>>> with Renderer() as renderer:
...     renderer.parse(["Hi {{ name }}"])
...     list(renderer.render("Hi {{ name }}", [{"name": "Ada"}]))
...     list(renderer.evaluate("{{ choices[answer] }}", [{"choices": [3, 7], "answer": 1}]))
[Parsed(variables={'name': 1}, tags={}, error='', line=0)]
[Rendered(text='Hi Ada', choices=None, error='', line=0, in_choices=False)]
[Evaluated(value=7, error='', line=0)]
"""

import json
import sys
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
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
BATCH_ROWS = 200  # rows sent at once, at most
BATCH_SIZE = 4_000_000  # characters of JSON after which a batch is full
BATCHES_AHEAD = 5  # batches sent before the answers to the first are read


@dataclass(frozen=True, slots=True)
class Parsed:
    """Free variables and banned tags of a template with their first lines, or its error."""

    variables: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
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


RowAnswer = TypeVar("RowAnswer", Rendered, Evaluated)


class Renderer(WorkerProcess):
    """The child process that parses and renders, started when first needed."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", str(WORKER), str(MEMORY_LIMIT), str(ROW_LIMIT_S)]
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

    def parse(self, sources: Sequence[str]) -> list[Parsed]:
        """Variables and tags of each source, in order."""
        parsed: list[Parsed] = []
        for batch in json_batches(sources, most_rows=BATCH_ROWS, size=BATCH_SIZE):
            self.send(f'{{"parse": [{", ".join(batch)}]}}')
            answer = self._receive()
            failed = [{"error": answer["error"]}] * len(batch) if "error" in answer else []
            parsed += [Parsed(**fields) for fields in failed or answer["parsed"]]
        return parsed

    def render(
        self, source: str, rows: Iterable[Mapping[str, JSON]], choices: Sequence[str] = ()
    ) -> Generator[Rendered, None, None]:
        """The text of each row, in order, up to and including the first that fails.

        Rows are read and rendered some batches ahead of the caller. `choices` are sources: a
        single one gives all choices of a row, several give one choice each.
        """
        request = {"render": source, "choices": list(choices)}
        return self._answer_rows(request, rows, Rendered)

    def evaluate(
        self, source: str, rows: Iterable[Mapping[str, JSON]]
    ) -> Generator[Evaluated, None, None]:
        """As `render`; a source that is one `{{ expression }}` keeps the type of its value."""
        return self._answer_rows({"evaluate": source.strip()}, rows, Evaluated)

    def reads(self, source: str) -> Reads:
        """The columns that a source for `evaluate` reads."""
        self.send(json.dumps({"reads": source.strip()}))
        answer = self._receive()
        return Reads(error=answer["error"]) if "error" in answer else Reads(**answer)

    def _answer_rows(
        self,
        request: Mapping[str, JSON],
        rows: Iterable[Mapping[str, JSON]],
        answer_type: type[RowAnswer],
    ) -> Generator[RowAnswer, None, None]:
        request_json = json.dumps(request)
        # They must fit into the child's memory.
        batches = json_batches(rows, most_rows=BATCH_ROWS, size=BATCH_SIZE)
        sizes: deque[int] = deque()  # of the batches whose answers are still to be read
        try:
            for batch in chain(batches, [None] * BATCHES_AHEAD):
                if batch is not None:
                    row_list = ", ".join(batch)
                    self.send(f'{request_json[:-1]}, "rows": [{row_list}]}}')
                    sizes.append(len(batch))
                if sizes and (batch is None or len(sizes) == BATCHES_AHEAD):
                    # All at once: a caller that stops at a row leaves no answer behind.
                    answers = [answer_type(**self._receive())]
                    while len(answers) < sizes[0] and not answers[-1].error:
                        answers.append(answer_type(**self._receive()))
                    yield from answers
                    if answers[-1].error:
                        return
                    sizes.popleft()
        finally:
            if sizes:
                self.end()  # it still renders rows that are no longer wanted

    def _receive(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self.receive(ANSWER_LIMIT_S)
            return answer
        except EndedError as error:
            is_late = isinstance(error, LateError) or str(error) == OUT_OF_TIME
            fault = "takes too long" if is_late else "needs too much memory"
            return {"error": f"the template {fault}", "line": 0}
