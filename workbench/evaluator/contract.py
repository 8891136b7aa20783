"""Evaluator functions and their scores.

    def contains(outputs: str, expectations: dict, *, ignore_case: bool = True) -> bool: ...

    bind(contains, {"ignore_case": False}, name="contains")     an Evaluator

Data arguments are any of `inputs, outputs, expectations, completion, prompt`; keyword-only ones are
settings. The result is a bool, a number, a str (a category), a Score, or None (does not apply).
An exception is an error of that cell: counted and shown, never scored as zero. With `over="run"`
the data arguments are lists of all rows, and the result is one number, or a Score.
"""

import contextlib
import copy
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_type_hints

from workbench.canonical import JSON, digest
from workbench.errors import WorkbenchError, check_names
from workbench.evaluator.combination import CombinedScore
from workbench.evaluator.coverage import Columns, Coverage
from workbench.evaluator.errors import MOST_SCORE, exception_message, number_error
from workbench.evaluator.score import Score
from workbench.evaluator.spec import RESERVED, Spec
from workbench.evaluator.traits import ROW, TRAITS, Traits
from workbench.evaluator.transform import NoPartError, Transform
from workbench.model import Completion

DATA_ARGUMENTS = ("inputs", "outputs", "expectations", "completion", "prompt")
ROWS = "rows"  # the argument of a metric of a run that has a row function
# Annotations that settings are checked against; the words are for messages.
PLAIN_TYPES: dict[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a string"),
}


@dataclass(frozen=True)
class Evaluator:
    """An evaluator function with its settings.

    Attributes:
        name: the column in tables; `name:` in the settings, else the function's name.
        function: None if only the evaluator's own process has it.
        arguments: the data arguments it takes, in the function's order.
        digest: of its source and settings; a stored score is reused only under the same digest.
        source: its file or module, for messages.
        needs_expectations: True if it takes `expectations` without a default.
        spec: how another process finds it; None: it was made from a function, and runs in the
            main process.
        transform: cuts `outputs` down before the function gets it; None: it gets all of it.
        combination: makes its score of others; None: its function, a judge or all rows do.
        coverage: the rows that it is about; None: all.
    """

    name: str
    function: Callable[..., Any] | None = None
    settings: Mapping[str, JSON] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    traits: Traits = Traits()
    digest: str = ""
    source: str = ""
    needs_expectations: bool = False
    spec: Spec | None = field(default=None, compare=False)
    transform: Transform | None = field(default=None, compare=False)
    combination: CombinedScore | None = None
    coverage: Coverage | None = None

    @property
    def has_function(self) -> bool:
        """True if its function scores a row; no judge does, and no other evaluators' scores."""
        return not (self.traits.by_column or self.traits.judged or self.combination)

    @property
    def metric_digest(self) -> str:
        """Digest of all that decides its metric: its own, and the rows that it is about."""
        part = self.coverage
        if part is None:
            return self.digest
        return digest([self.digest, sorted(part.rows.items()), part.expected_column])

    @property
    def slice_of(self) -> str:
        """The evaluator of all rows that it is a slice of; empty: it is none."""
        return self.coverage.slice_of if self.coverage else ""

    def covers(self, columns: Columns) -> bool:
        """True if it is about the row with these columns."""
        return self.coverage is None or self.coverage.includes(columns)

    def score(
        self,
        *,
        inputs: Mapping[str, JSON],
        expectations: Mapping[str, JSON],
        completion: Completion,
        prompt: Sequence[Mapping[str, JSON]] = (),
    ) -> Score:
        """The score of one finished row; a failure is a Score with an error."""
        row = {
            "inputs": inputs,
            "outputs": completion.text,
            "expectations": expectations,
            "completion": completion,
            "prompt": list(prompt),
        }
        arguments = {name: copy.deepcopy(row[name]) for name in self.arguments}
        with contextlib.redirect_stdout(sys.stderr):  # stdout holds the command's results
            return self.call(arguments)

    def call(self, arguments: Mapping[str, Any]) -> Score:
        """The score of these data arguments, which the function may modify."""
        assert self.function
        try:
            arguments, missing = self.transformed(arguments)
            result = self.function(**arguments, **self._fresh_settings())
        except (Exception, SystemExit) as error:  # a user's code may raise anything
            return Score(error=exception_message(error, self.spec.root if self.spec else None))
        score = checked_score(result, self.traits)
        if not missing or score.error:
            return score
        value = False if score.value is True else score.value
        return replace(score, value=value, reason=missing, label="unparsed", parsed="")

    def _fresh_settings(self) -> dict[str, JSON]:
        """The settings, which the function may modify."""
        return {
            name: copy.deepcopy(value) if isinstance(value, list | dict) else value
            for name, value in self.settings.items()
        }

    def transformed(self, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        """The arguments with the part of `outputs` that counts, and why there is none.

        Where the transform finds nothing, the function gets an empty output.
        """
        if not self.transform:
            return arguments, ""
        try:
            return {**arguments, "outputs": self.transform.apply(arguments["outputs"])}, ""
        except NoPartError as error:
            return {**arguments, "outputs": ""}, f"transform: {error}"


def bind(
    function: Callable[..., Any],
    settings: Mapping[str, JSON],
    *,
    name: str,
    digest: str = "",
    source: str = "",
) -> Evaluator:
    """An evaluator from a function and a user's settings.

    Raises:
        WorkbenchError: the signature doesn't fit, or a setting is unknown, missing or invalid.
    """
    try:
        parameters = _parameters(function)
    except ValueError as error:
        raise WorkbenchError(f"evaluator {name!r} has no signature", where=source) from error
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        fix = "write a plain `def` that returns a value"
        raise WorkbenchError(f"evaluator {name!r} is async or a generator", where=source, fix=fix)
    arguments, keywords = _split_parameters(parameters, name, source)
    check_names(f"setting of evaluator {name!r}:", settings, keywords, where=lambda _: source)
    _check_types(function, settings, name)
    for setting, parameter in keywords.items():
        if parameter.default is parameter.empty and setting not in settings:
            message = f"evaluator {name!r} needs the setting {setting!r}"
            raise WorkbenchError(message, fix=f"`{name}: {{{setting}: …}}`")
    traits = getattr(function, TRAITS, Traits())
    if traits.range and any(number_error(end) for end in traits.range):
        message = f"evaluator {name!r} has the range {list(traits.range)}, whose ends are no scores"
        fix = f"name the least and the greatest score, up to {MOST_SCORE:g}, or leave `range` out"
        raise WorkbenchError(message, where=source, fix=fix)
    needs = any(p.name == "expectations" and p.default is p.empty for p in parameters)
    return Evaluator(name, function, dict(settings), arguments, traits, digest, source, needs)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The data arguments and settings; those of a metric of `rows` are its row function's."""
    parameters = inspect.signature(function).parameters
    if not (row := getattr(function, ROW, None)):
        return list(parameters.values())
    if next(iter(parameters), "") != ROWS:
        raise WorkbenchError(
            f"the function of {function.__name__!r} takes no {ROWS}",
            fix=f"make {ROWS} its first argument: it gets what its row function returns",
        )
    others = {name: each for name, each in parameters.items() if name != ROWS}
    return list({**inspect.signature(row).parameters, **others}.values())


def _split_parameters(
    parameters: Sequence[inspect.Parameter], name: str, source: str
) -> tuple[tuple[str, ...], dict[str, inspect.Parameter]]:
    """The data arguments in their order, and the settings."""
    arguments = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
    keywords = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}
    misplaced = [p.name for p in parameters if (p.name in DATA_ARGUMENTS) == (p.name in keywords)]
    misplaced += [f"{p.name} before a `/`" for p in parameters if p.kind is p.POSITIONAL_ONLY]
    if misplaced or not arguments:
        message = f"evaluator {name!r} takes {', '.join(misplaced) or 'no data'}"
        fix = f"use arguments among {', '.join(DATA_ARGUMENTS)}; make settings keyword-only"
        raise WorkbenchError(message, where=source, fix=fix)
    for setting in RESERVED:
        if setting in keywords:
            message = f"evaluator {name!r} has a setting {setting!r}, which workbench reserves"
            fix = f"rename it; reserved are {', '.join(RESERVED)}"
            raise WorkbenchError(message, where=source, fix=fix)
    return arguments, keywords


def _check_types(function: Callable[..., Any], settings: Mapping[str, JSON], name: str) -> None:
    """Check settings against plain annotations: `no` is a string in YAML."""
    functions = [function, *filter(None, [getattr(function, ROW, None)])]
    try:
        hints = {name: hint for each in functions for name, hint in get_type_hints(each).items()}
    except Exception:  # a name that only a type checker resolves: nothing is checked
        return
    for setting, value in settings.items():
        types, words = PLAIN_TYPES.get(hints.get(setting), ((object,), ""))
        wrong_bool = isinstance(value, bool) and bool not in types and object not in types
        if wrong_bool or not isinstance(value, types):
            raise WorkbenchError(f"evaluator {name!r}: {setting} is {value!r}, not {words}")


def checked_score(result: object, traits: Traits) -> Score:
    """The Score that a function returned; an error, if it is no score of such traits."""
    score = result if isinstance(result, Score) else Score(value=result)  # type: ignore[arg-type]
    texts = (score.reason, score.label, score.error, score.parsed)
    if not all(isinstance(text, str) for text in texts):
        return Score(error="returned a Score whose reason, label, error or parsed is not a string")
    value = score.value
    if type(value).__module__ in ("numpy", "torch") and getattr(value, "ndim", None) == 0:
        value = value.item()  # type: ignore[union-attr]
        score = replace(score, value=value)
    if score.error or value is None or isinstance(value, bool):
        return score
    if isinstance(value, str):
        if traits.kind in ("category", None):
            return score
        return Score(error=f"returned the string {value[:80]!r}, not a number")
    if not isinstance(value, int | float):
        return Score(error=f"returned {type(value).__name__}, not a bool, number, str or Score")
    number = float(value)
    if traits.range and not traits.range[0] <= number <= traits.range[1]:
        return Score(error=f"returned {value}, outside its range {list(traits.range)}")
    return score if type(value) is float else replace(score, value=number)
