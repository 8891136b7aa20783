"""The child processes that evaluators run in.

An evaluator gets its data as JSON and nothing of the main process: none of its memory, none of
its pipes, and only the environment variables that are harmless or granted by name. The project's
evaluators have a process each, so that one can't harm the rows of another.

>>> with shared_pool() as pool:
...     pool.find(Spec("exact_match", {}, Path.cwd())).name
'exact_match'
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from workbench.canonical import JSON, plain_json
from workbench.errors import ExitCode, StopCheck, Stopped, WorkbenchError
from workbench.evaluator import Evaluator, Score, Spec
from workbench.evaluator.as_json import evaluator_from_json
from workbench.evaluator.lookup import is_builtin, load_evaluator
from workbench.evaluator.spec import check_env
from workbench.evaluator.transform import function_names
from workbench.results.column_score import ColumnScore
from workbench.scoring.evaluator_process import EvaluatorProcess, end_reason
from workbench.scoring.score_batches import EvaluatorRows, ScoreBatches
from workbench.workers.worker_process import EndedError

INTERVAL_LIMIT_S = 10.0  # seconds for the interval of a column's score
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
        self._batches = ScoreBatches(self._process_with)
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

        Raises as `judge_columns` does.
        """
        column = EvaluatorRows(evaluator, [plain_json(row) for row in rows])
        for _, scores in self.judge_columns([column], stopped):
            yield from scores

    def judge_columns(
        self, columns: Sequence[EvaluatorRows], stopped: StopCheck
    ) -> Iterator[tuple[int, list[Score]]]:
        """Yield the number of a column with the scores of its next rows, as they come.

        Raises:
            Stopped: `stopped` returned True.
            WorkbenchError: an evaluator lacks a variable, or has changed since it was read.
        """
        for column in columns:
            assert column.evaluator.spec
            if column.rows:
                check_env(column.evaluator.spec)
        return self._batches.judge(columns, stopped)

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
        process = self._process_with(evaluator)
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
                self._process_with(evaluator)

    def end_project_code(self) -> None:
        """Kill the processes that have imported code of the project; it may have been edited."""
        for key, process in list(self._processes.items()):
            if key[2]:
                process.end()
                del self._processes[key]
        self._batches.forget_failures()

    def end(self) -> None:
        """Kill every process and what it started."""
        for process in self._processes.values():
            process.end()
        self._processes.clear()

    def _process_with(self, evaluator: Evaluator) -> EvaluatorProcess:
        """The process that has imported this evaluator, unchanged since it was found."""
        spec = evaluator.spec
        assert spec
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
