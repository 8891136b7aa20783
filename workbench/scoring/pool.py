"""The child processes that evaluators run in.

An evaluator gets its data as JSON and nothing of the main process: none of its memory, none of
its pipes, and only the environment variables that are harmless or granted by name. The project's
evaluators have a process each, so that one can't harm the rows of another.

>>> with shared_pool() as pool:
...     pool.find(Spec("exact_match", {}, Path.cwd())).name
'exact_match'
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import ExitCode, StopCheck, Stopped, WorkbenchError
from workbench.evaluator import Evaluator, Score, Spec
from workbench.evaluator.as_json import evaluator_from_json
from workbench.evaluator.lookup import is_builtin, load_evaluator
from workbench.evaluator.spec import check_env
from workbench.evaluator.transform import function_names
from workbench.results.column_score import ColumnScore
from workbench.scoring.evaluator_process import EvaluatorProcess, ForeignMessageError, end_reason
from workbench.workers.worker_process import EndedError, LateError, json_batches

FIRST_BATCH, MAX_BATCH = 16, 500  # rows sent at once
BATCH_SIZE = 1_000_000  # characters of JSON after which a batch is full
# Seconds for a batch, below and above which the next is larger or smaller.
FAST_S, SLOW_S = 0.1, 0.5
INTERVAL_LIMIT_S = 10.0  # seconds for the interval of a column's score
MAX_FAILURES = 20  # rows in a row that hung or ended the process; after them no more are tried
PACKAGES = ("mlflow.", "autoevals.", "autoevals:")  # their evaluators share a process
MAX_PRINTED = 1_000_000  # bytes that evaluators may print, all together


class EvaluatorPool:
    """Child processes: one for each evaluator of the project, one for all others.

    The others are the library's, MLflow's and those of autoevals. Evaluators that are granted other
    variables have other processes. A process is started when first needed, and again after it was
    killed. They end with the thread that started them.
    """

    def __init__(self) -> None:
        self._processes: dict[tuple[Path, tuple[str, ...], str], EvaluatorProcess] = {}
        self._failures: Counter[str] = Counter()  # in a row, by digest
        self._printable = MAX_PRINTED  # bytes that may still be printed
        self._is_cut = False

    def find(self, spec: Spec) -> Evaluator:
        """The evaluator; the main process imports only those of the library."""
        if is_builtin(spec.name, spec.root) and not function_names(spec.settings.get("transform")):
            return load_evaluator(spec)
        process = self._process(spec)
        evaluator = evaluator_from_json(process.find(spec), spec)
        process.digests.add(evaluator.digest)
        return evaluator

    def judge(
        self, evaluator: Evaluator, rows: Sequence[Mapping[str, JSON]], stopped: StopCheck
    ) -> Iterator[Score]:
        """One score per row, in order, as they come; a failure is an error of its row.

        Raises:
            Stopped: `stopped` returned True.
            WorkbenchError: the evaluator has changed since the experiment was read.
        """
        assert evaluator.spec
        if rows:
            check_env(evaluator.spec)
        done, size, fresh = 0, FIRST_BATCH, False
        while done < len(rows):
            if stopped():
                raise Stopped
            if self._failures[evaluator.digest] >= MAX_FAILURES:
                error = f"not judged: the {MAX_FAILURES} rows before it hung or ended their process"
                yield from [Score(error=error)] * (len(rows) - done)
                return
            started = time.monotonic()
            batch = next(json_batches(rows[done : done + size], most_rows=size, size=BATCH_SIZE))
            if fresh:
                self._process(evaluator.spec).end()
            before = done
            for score in self._judge_batch(evaluator, batch, stopped, is_last_try=fresh):
                yield score
                done += 1
            fresh = done == before
            duration_s = time.monotonic() - started
            if duration_s < FAST_S:
                size = min(size * 2, MAX_BATCH)
            elif duration_s > SLOW_S:
                size = max(size // 4, 1)

    def measure(
        self,
        evaluator: Evaluator,
        rows: Sequence[Mapping[str, JSON]],
        clusters: Sequence[int],
        stopped: StopCheck,
    ) -> ColumnScore:
        """The score of a column of answers; a failure is its error.

        Raises:
            Stopped: `stopped` returned True.
            WorkbenchError: the evaluator has changed since the experiment was read.
        """
        spec = evaluator.spec
        assert spec
        check_env(spec)
        process = self._process_with(evaluator, spec)
        column = {"rows": list(rows), "clusters": list(clusters)}
        limit_s = min(INTERVAL_LIMIT_S, spec.timeout_s / 4)
        process.request({"measure": evaluator.digest, **column, "limit_s": limit_s})
        try:
            answer = process.answer(0, spec.timeout_s, stopped)
        except EndedError as error:
            process.end()
            return ColumnScore(None, error=end_reason(error))
        except Stopped:
            process.end()
            raise
        return ColumnScore.from_json(answer["measured"])

    def start(self, evaluators: Sequence[Evaluator]) -> None:
        """Start the processes of evaluators, so that they end with the thread that calls this.

        Raises:
            WorkbenchError: an evaluator has changed since the experiment was read.
        """
        for evaluator in evaluators:
            is_called = evaluator.has_function or (
                evaluator.traits.by_column and not evaluator.traits.judged
            )
            if evaluator.spec and is_called and not evaluator.combination:
                self._process_with(evaluator, evaluator.spec)

    def end_project_code(self) -> None:
        """Kill the processes that have imported code of the project; it may have been edited."""
        for key, process in list(self._processes.items()):
            if key[2]:
                process.end()
                del self._processes[key]
        self._failures.clear()

    def end(self) -> None:
        """Kill every process and what it started."""
        for process in self._processes.values():
            process.end()
        self._processes.clear()

    def _judge_batch(
        self, evaluator: Evaluator, rows: list[str], stopped: StopCheck, *, is_last_try: bool
    ) -> Iterator[Score]:
        """The scores of these rows, up to and including the first that hangs or ends the process.

        Rows behind it are not answered: the caller sends them again. That row is no error yet if
        an earlier one may be the reason: it is not answered either, and tried in a new process.
        """
        spec = evaluator.spec
        assert spec
        process = self._process_with(evaluator, spec)
        was_used, process.has_judged = process.has_judged, True
        answered = 0
        try:
            process.request({"judge": evaluator.digest}, rows)
            while answered < len(rows) and process.is_running:
                fields = process.answer(answered, spec.timeout_s, stopped)
                self._failures[evaluator.digest] = 0
                answered += 1
                yield Score(*fields)
        except EndedError as error:
            at_start = was_used and not answered and not isinstance(error, LateError)
            if is_last_try or not (at_start or isinstance(error, ForeignMessageError)):
                self._failures[evaluator.digest] += 1
                yield Score(error=end_reason(error))
        finally:
            if answered < len(rows):  # it still owes answers that are no longer wanted
                process.end()

    def _process_with(self, evaluator: Evaluator, spec: Spec) -> EvaluatorProcess:
        """The process that has imported this evaluator, unchanged since it was found."""
        process = self._process(spec)
        if evaluator.digest in process.digests:
            return process
        try:
            description = process.find(spec)
        except WorkbenchError as error:
            error.exit_code = ExitCode.NOT_RECORDED
            raise
        if description["digest"] != evaluator.digest:
            raise WorkbenchError(
                f"{evaluator.source} was changed while evaluator {evaluator.name!r} was running",
                where=spec.where,
                fix="run the same command again: the answers are kept, and the new evaluator "
                "judges all of them",
                exit_code=ExitCode.NOT_RECORDED,
            )
        process.digests.add(evaluator.digest)
        return process

    def _process(self, spec: Spec) -> EvaluatorProcess:
        """A running process for evaluators with these grants."""
        functions = function_names(spec.settings.get("transform"))
        is_shared = is_builtin(spec.name, spec.root) or spec.name.startswith(PACKAGES)
        code = "" if is_shared and not functions else " ".join((spec.name, *functions))
        key = (spec.root, spec.env, code)
        process = self._processes.get(key)
        if process is None or not process.is_running:
            process = self._processes[key] = EvaluatorProcess(spec, self._printable, self._show)
            try:
                process.start()
            except EndedError as error:
                raise WorkbenchError(f"the evaluators' process did not start: {error}") from None
        return process

    def _show(self, text: str) -> None:
        """Print output of evaluators; the empty text stands for output that was dropped."""
        self._printable = max(0, self._printable - len(text.encode("utf-8", "replace")))
        sys.stderr.write(text)
        if not text and not self._is_cut:
            self._is_cut = True
            sys.stderr.write(
                f"\n(evaluators printed more than {MAX_PRINTED:,} bytes; the rest is dropped)\n"
            )


_shared_pool: ContextVar[EvaluatorPool | None] = ContextVar("evaluator pool", default=None)


@contextmanager
def shared_pool() -> Iterator[EvaluatorPool]:
    """The pool of the outermost `shared_pool()`, which ends its processes.

    Also a decorator: `@shared_pool()`.
    """
    outer = _shared_pool.get()
    if outer:
        yield outer
        return
    pool = EvaluatorPool()
    token = _shared_pool.set(pool)
    try:
        yield pool
    finally:
        _shared_pool.reset(token)
        pool.end()


def find_evaluators(specs: Sequence[Spec]) -> list[Evaluator]:
    """The evaluators, in order.

    Raises:
        WorkbenchError: the first that can't be found, imported or given its settings.
    """
    with shared_pool() as pool:
        return [pool.find(spec) for spec in specs]
