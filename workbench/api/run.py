"""Runs and plans from Python: what `workbench run` and `workbench plan` do."""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

from workbench.api.arguments import check_keywords, check_options
from workbench.api.opening import PythonCall, open_call, stop_on_interrupt
from workbench.api.outcomes import Preview, build_preview
from workbench.api.progress_line import make_progress
from workbench.api.python_words import python_text
from workbench.api.results import Results, user_notes
from workbench.cli.results import TerminalResults
from workbench.cli.setup import make_recorder
from workbench.completing.context import RunContext
from workbench.plan import Options
from workbench.run.invocation import CostLimits, make_budget
from workbench.run.invocation import run as run_plan

Function = TypeVar("Function", bound=Callable[..., Any])
Entry = str | Mapping[Any, Any]
Evaluator = Entry | Callable[..., Any]


class ExperimentKeywords(TypedDict, total=False):
    """Keywords that describe an experiment without a file.

    Attributes:
        prompts: a template, or templates by name: texts, paths, `load_prompt(…)`.
        models: `"openai:gpt-6-luna"`, or `{"openai:m": {settings}}`; one or a list.
        data: a data frame, a list of dicts, a Dataset, a file's path, or the settings of
            `dataset:` as a dict.
        expected: the column of the right answer.
        evaluators: functions and names, `{name: settings}`, `{function: settings}`; without any
            the outputs are kept and shown, and nothing is measured.
        name: of the task, and of the experiment in MLflow; else `notebook`.
        parameters, grid, repeats, baseline, margin, exclude, max_failed: as in a file.
    """

    prompts: str | Path | Mapping[str, Any] | Sequence[str] | None
    models: Entry | Sequence[Entry] | None
    data: Any
    expected: str | None
    evaluators: Evaluator | Sequence[Evaluator] | None
    name: str
    parameters: Mapping[str, Any] | None
    grid: Mapping[str, Sequence[Any]] | None
    repeats: int | None
    baseline: str | None
    margin: float | Mapping[str, float] | None
    exclude: Sequence[Mapping[str, str]] | None
    max_failed: int | None


def with_keywords(function: Function) -> Function:
    """The function with each keyword of an experiment in its signature, for notebooks."""
    signature = inspect.signature(function)
    explicit = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    names = (
        name for name in ExperimentKeywords.__annotations__ if name not in signature.parameters
    )
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, kind, default=None) for name in names]
    parameters = [*explicit[:1], *added, *explicit[1:]]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function


@with_keywords
def run(
    task: str | Path = "",
    *,
    limit: int | None = None,
    sample: int | None = None,
    only: str | Sequence[str] = (),
    fresh: bool = False,
    retry_failed: bool = False,
    again: bool = False,
    max_cost: float | None = None,
    max_calls: int | None = None,
    max_judge_cost: float | None = None,
    note: str = "",
    tracking_uri: str = "",
    progress: bool = True,
    **experiment: Unpack[ExperimentKeywords],
) -> Results:
    """Run prompts on models, score the outputs and record them, as `workbench run` does.

    The experiment is a task of the project, or described by `ExperimentKeywords`. Stored answers
    cost nothing: the same call again sends nothing, and after an interrupt it continues. It warns
    if rows failed, the budget ended or MLflow lacks something.

    Args:
        task: a task or an experiment file; empty without other keywords: the only task.
        limit, sample, only, fresh, retry_failed, again, max_cost, max_calls, max_judge_cost, note,
            tracking_uri: as the options of the command.
        progress: show progress and notes.

    Raises:
        WorkbenchError: an argument or a file is refused, or the run was interrupted.

    >>> results = wb.run(
    ...     prompts={"short": "{{ text }}", "loud": "{{ text | upper }}"}, models="echo:last",
    ...     data={"id": ["a", "b"], "text": ["yes", "no"], "label": ["yes", "no"]},
    ...     expected="label", evaluators="exact_match", progress=False,
    ... )
    >>> results.variants
    ['short', 'loud']
    """
    check_keywords(run, experiment)
    checked = check_options(locals())
    scope, call = checked.scope, PythonCall(task, experiment, tracking_uri)
    options = Options(scope, fresh=fresh, retry_failed=retry_failed, again=again, note=note)
    return run_call(call, options, checked.limits, progress=progress)


@with_keywords
def plan(
    task: str | Path = "",
    *,
    limit: int | None = None,
    sample: int | None = None,
    only: str | Sequence[str] = (),
    tracking_uri: str = "",
    **experiment: Unpack[ExperimentKeywords],
) -> Preview:
    """Show what `run` would send and what it would cost; nothing is sent. Args as those of `run`.

    Raises:
        WorkbenchError: an argument or a file is refused.

    >>> preview = wb.plan(
    ...     prompts="{{ text }}", models="echo:last", data={"text": ["yes", "no", "perhaps"]},
    ...     evaluators="output_tokens",
    ... )
    >>> preview.rows, preview.to_send  # two answers are stored
    (3, 1)
    """
    check_keywords(plan, experiment)
    checked = check_options(locals())
    call, options = PythonCall(task, experiment, tracking_uri), Options(checked.scope)
    with open_call(call, options) as opened:
        return build_preview(opened.plan(), opened)


def run_call(call: PythonCall, options: Options, limits: CostLimits, *, progress: bool) -> Results:
    """Run a call as the command runs its experiment, and warn of what kept it from completion."""
    with open_call(call, options) as opened:
        plan, project = opened.plan(), opened.project
        budget = make_budget(plan, project.prices, limits)
        shown = make_progress(enabled=progress)
        for note in user_notes(plan):
            shown.note(f"note: {note}")
        with stop_on_interrupt(project) as stop:
            context = RunContext(
                project, opened.store, shown, stop, budget, renderer=opened.renderer
            )
            recorder = make_recorder(context, call.tracking_uri)
            callbacks = TerminalResults(project, quiet=True)
            invocation = run_plan(plan, context, recorder, options, callbacks)
        results = Results(project, invocation)
    for problem in filter(None, (*results.problems, results.failures)):
        warnings.warn(python_text(str(problem)), stacklevel=3)  # at the caller's line
    return results
