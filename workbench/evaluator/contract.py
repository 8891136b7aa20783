"""A function that judges one output, and the score it gives.

    def contains(outputs: str, expectations: dict, *, ignore_case: bool = True) -> bool: ...

    Evaluator("contains", function, settings={"ignore_case": False})
        .judge(outputs="Yes, Paris.", expectations={"expected_response": "Paris"}, …)
        -> Score(value=True)

Data arguments are any of `inputs, outputs, expectations, completion`; keyword-only arguments are
settings. The result is a bool, a number, a str (a category), a Score, or None (does not apply).
Whatever it raises is an error of that cell: counted, shown, never taken for a zero.
"""

import contextlib
import copy
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator.spec import RESERVED, Spec
from workbench.model import Completion

LIBRARIES = frozenset({"site-packages", "dist-packages", ".venv"})
DATA_ARGUMENTS = ("inputs", "outputs", "expectations", "completion")
Kind = Literal["pass", "number", "category"]
Value = bool | float | str | None
# Annotations of settings that are held to; the words are for messages.
PLAIN: dict[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a text"),
}
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Score:
    """What an evaluator says of one output.

    Attributes:
        value: None where the evaluator does not apply, or could not decide (then `error` says why).
        reason: why, in a few words, for whoever reads the row.
        label: a named outcome beside the value, counted of its own (`unparsed` beside False).
        error: why it could not be decided; such a row is in no mean.
    """

    value: Value = None
    reason: str = ""
    label: str = ""
    error: str = ""

    @property
    def number(self) -> float | None:
        """The value as a number; None: there is none, or it is a category."""
        if self.error or self.value is None or isinstance(self.value, str):
            return None
        return float(self.value)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of an evaluator's values before there are any.

    Attributes:
        range: least and greatest value; another is an error. None: any number.
        unit: of the number, for tables (`s`, `tokens`).
        kind: None: told from the first values.
        cache: False where the same row may be judged otherwise next time.
    """

    higher_is_better: bool = True
    range: tuple[float, float] | None = None
    unit: str = ""
    kind: Kind | None = None
    cache: bool = True


def evaluator(
    *,
    higher_is_better: bool = True,
    range: tuple[float, float] | None = None,  # noqa: A002  the field's word for it
    unit: str = "",
    kind: Kind | None = None,
    cache: bool = True,
) -> Callable[[Function], Function]:
    """Says of an evaluator what its values can't: see `Traits` for each argument."""
    traits = Traits(higher_is_better, range, unit, kind, cache)

    def mark(function: Function) -> Function:
        function.__workbench_traits__ = traits  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True)
class Evaluator:
    """An evaluator function with its settings, ready to judge.

    Attributes:
        name: the column in every table; `name:` among the settings, else the function's.
        function: None where only its own process has it.
        arguments: the data arguments it takes, in the function's order.
        digest: of its source and settings; a stored score counts only under the same digest.
        source: where it was found, for messages.
        needs_expectations: whether it can't judge without knowing what a good answer is.
        spec: how it is found again; None where it was made of a function, and judges in our
            own process.
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

    def judge(
        self,
        *,
        inputs: Mapping[str, JSON],
        expectations: Mapping[str, JSON],
        completion: Completion,
    ) -> Score:
        """The score of one finished row; whatever goes wrong is a Score with an error."""
        data = {
            "inputs": inputs,
            "outputs": completion.text,
            "expectations": expectations,
            "completion": completion,
        }
        given = {name: copy.deepcopy(data[name]) for name in self.arguments}
        with contextlib.redirect_stdout(sys.stderr):  # stdout is the command's own
            return self.call(given)

    def call(self, given: Mapping[str, Any]) -> Score:
        """As `judge`, with the arguments it takes, which it may change as it likes."""
        assert self.function
        try:
            result = self.function(**given, **copy.deepcopy(dict(self.settings)))
        except (Exception, SystemExit) as error:  # the user's own code: anything may come
            return Score(error=exception_message(error, self.spec.root if self.spec else None))
        return _checked(result, self.traits)


def bind(
    function: Callable[..., Any],
    settings: Mapping[str, JSON],
    *,
    name: str,
    digest: str = "",
    source: str = "",
) -> Evaluator:
    """An evaluator from a function and the settings a user gave it.

    Raises:
        WorkbenchError: the signature is no evaluator's, or a setting is unknown or missing.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError as error:
        raise WorkbenchError(f"evaluator {name!r} has no signature", where=source) from error
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise WorkbenchError(
            f"evaluator {name!r} is async or a generator",
            where=source,
            fix="a plain `def` that returns a value",
        )
    arguments, keywords = _sorted_out(parameters, name, source)
    for setting in settings:
        if setting not in keywords:
            raise unknown_name(f"setting of evaluator {name!r}:", setting, keywords, where=source)
    _check_types(function, settings, name)
    missing = [k for k, p in keywords.items() if p.default is p.empty and k not in settings]
    if missing:
        raise WorkbenchError(
            f"evaluator {name!r} needs the setting {missing[0]!r}",
            fix=f"- {name}: {{{missing[0]}: …}}",
        )
    traits = getattr(function, "__workbench_traits__", Traits())
    needs = any(p.name == "expectations" and p.default is p.empty for p in parameters)
    return Evaluator(name, function, dict(settings), arguments, traits, digest, source, needs)


def _sorted_out(
    parameters: Sequence[inspect.Parameter], name: str, source: str
) -> tuple[tuple[str, ...], dict[str, inspect.Parameter]]:
    """The data arguments in their order, and the settings."""
    arguments = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
    keywords = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}
    strange = [argument for argument in arguments if argument not in DATA_ARGUMENTS]
    strange += [argument for argument in keywords if argument in DATA_ARGUMENTS]
    if strange or not arguments:
        raise WorkbenchError(
            f"evaluator {name!r} takes {', '.join(strange) or 'no data'}",
            where=source,
            fix=f"its arguments are among {', '.join(DATA_ARGUMENTS)}; settings are keyword-only",
        )
    for setting in RESERVED:
        if setting in keywords:
            raise WorkbenchError(
                f"evaluator {name!r} has a setting {setting!r}, which is workbench's own",
                where=source,
                fix=f"call it otherwise; reserved are {', '.join(RESERVED)}",
            )
    return arguments, keywords


def _check_types(function: Callable[..., Any], settings: Mapping[str, JSON], name: str) -> None:
    """Holds settings to their annotations, where these are plain: `no` is a text in YAML."""
    try:
        hints = get_type_hints(function)
    except Exception:  # a name that only a type checker knows; nothing is checked then
        return
    for setting, value in settings.items():
        types, words = PLAIN.get(hints.get(setting), ((object,), ""))
        wrong_bool = isinstance(value, bool) and bool not in types and object not in types
        if wrong_bool or not isinstance(value, types):
            raise WorkbenchError(f"evaluator {name!r}: {setting} is {value!r}, not {words}")


def _checked(result: object, traits: Traits) -> Score:
    score = result if isinstance(result, Score) else Score(value=result)  # type: ignore[arg-type]
    if not all(isinstance(text, str) for text in (score.reason, score.label, score.error)):
        return Score(error="returned a Score whose reason, label or error is no text")
    value = score.value
    if type(value).__module__ in ("numpy", "torch") and getattr(value, "ndim", None) == 0:
        value = value.item()  # type: ignore[union-attr]
        score = replace(score, value=value)
    if score.error or value is None or isinstance(value, bool):
        return score
    if isinstance(value, str):
        if traits.kind == "category" or traits.kind is None:
            return score
        return Score(error=f"returned the text {value[:80]!r} where a number belongs")
    if not isinstance(value, int | float):
        return Score(error=f"returned {type(value).__name__}, not a bool, number, str or Score")
    if not _finite(value):
        shown = value if isinstance(value, float) else "a number beyond all floats"
        return Score(error=f"returned {shown}, which no mean survives")
    if traits.range and not traits.range[0] <= value <= traits.range[1]:
        return Score(error=f"returned {value}, outside its range {list(traits.range)}")
    return Score(float(value), score.reason, score.label)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


def exception_message(error: BaseException, root: Path | None) -> str:
    """What was raised, and where: the last line of the user's own that it came through.

    Args:
        error: what a user's function raised.
        root: the project's folder; None: the place is the innermost, whosever it is.
    """
    try:
        said = f"{type(error).__name__}: {error}"
    except Exception:  # its own __str__ fails
        said = type(error).__name__
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [
        (str(Path(file).relative_to(root)), line)
        for file, line in frames
        if root and Path(file).is_relative_to(root) and not LIBRARIES & {*Path(file).parts}
    ]
    for file, line in (own or frames)[-1:]:
        return f"{said} ({file}:{line})"
    return said
