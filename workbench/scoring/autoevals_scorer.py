"""Scorers of the package autoevals as evaluator functions.

autoevals:Levenshtein                                   Score(0.833)
autoevals:ClosedQA: {criteria: names the capital}       Score(1.0, "Y: Paris is named.")

A scorer gets the answer as `output` and the expected value as `expected`. Every other name that it
or its template reads (`context`, `criteria`) is a setting or a column of the row; `input` is the
column of this name, else the only column that is left, else all columns.
"""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from autoevals import Scorer
from autoevals.llm import LLMClassifier
from autoevals.oai import _client_var, get_openai_module
from chevron.tokenizer import tokenize

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, check_names
from workbench.evaluator import Score, Traits
from workbench.evaluator.readings import (
    SCORERS,
    UnreadError,
    read_expected,
    read_items,
    read_number,
)
from workbench.scoring.required_settings import check_required

DATA = frozenset({"output", "expected", "input"})
# Parameters that take an object of Python.
OBJECTS = frozenset({"client", "pairwise_scorer", "string_scorer", "number_scorer"})
KEYS = frozenset({"OPENAI_API_KEY", "BRAINTRUST_API_KEY"})
# Without one of these the package calls Braintrust's gateway, with OpenAI's key.
ADDRESSES = frozenset({"OPENAI_BASE_URL", "BRAINTRUST_API_KEY", "BRAINTRUST_AI_GATEWAY_URL"})
GRANT = "env: [OPENAI_API_KEY, OPENAI_BASE_URL]"


def adapt_scorer(
    target: object, settings: Mapping[str, JSON], granted: Collection[str]
) -> "AutoevalsScorer | None":
    """A scorer, its class, or a partial of the class as a function; None: it is none of these.

    `granted` are the names of the environment variables that its process gets.

    Raises:
        WorkbenchError: a setting is unknown or missing, or the scorer can't call its model.
    """
    factory = target.func if isinstance(target, partial) else target
    if isinstance(factory, type) and issubclass(factory, Scorer):
        names = _parameter_names(factory)
        arguments = {name: value for name, value in settings.items() if name in names}
        scorer = _create(factory, target if isinstance(target, partial) else factory, arguments)
    elif isinstance(target, Scorer):
        names, scorer = set[str](), target
    else:
        return None
    function = AutoevalsScorer(scorer, settings)
    valid = (names | function.names) - OBJECTS - {"name", "api_key"}
    check_names(f"setting of scorer {scorer._name()!r}:", settings, valid)
    _check_calls(scorer, granted)
    return function


class AutoevalsScorer:
    """A scorer with its settings, as an evaluator function.

    Attributes:
        names: of the settings or columns that it reads beside `output`, `expected` and `input`.
    """

    def __init__(self, scorer: Scorer, settings: Mapping[str, JSON]) -> None:
        if inspect.iscoroutinefunction(scorer.eval) or inspect.iscoroutinefunction(
            scorer._run_eval_sync
        ):
            message = f"the scorer {scorer._name()!r} is async"
            raise WorkbenchError(message, fix="write a plain `def _run_eval_sync`")
        self.__workbench_traits__ = Traits(range=(0.0, 1.0), kind="number")
        self._scorer, self._settings = scorer, settings
        parameters = inspect.signature(scorer._run_eval_sync).parameters.values()
        positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        # The package hands over the expected value by position: ValidJSON takes it for the schema.
        self._second = (*positional, "expected", "expected")[1]
        template = list(_template_names(scorer))
        rendered = getattr(scorer, "render_args", {}).keys()
        self._required = {name for name, required in template if required} - rendered
        read = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        self.names = (read | {name for name, _ in template}) - DATA - rendered
        readings = [SCORERS[name] for name in _package_bases(scorer) if name in SCORERS]
        self._reads = (*readings, "value" if "expected" in self._required else "")[0]
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters) and not readings
        self._takes_input = "input" in read or takes_all

    @property
    def __signature__(self) -> inspect.Signature:
        """The signature as an evaluator: data arguments alone."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = ["inputs", "outputs"] if self.names or self._takes_input else ["outputs"]
        default = inspect.Parameter.empty if self._reads else None
        expectations = inspect.Parameter("expectations", kind, default=default)
        return inspect.Signature([*(inspect.Parameter(n, kind) for n in names), expectations])

    def __call__(
        self,
        *,
        outputs: str,
        expectations: Mapping[str, JSON] | None = None,
        inputs: Mapping[str, JSON] | None = None,
    ) -> Score:
        """The score of one row."""
        columns = inputs or {}
        try:
            answer, expected = self._read(outputs, (expectations or {}).get("expected_response"))
        except UnreadError as error:
            return Score(error=error.message)
        values = {**columns, **self._settings}
        arguments = {name: values[name] for name in self.names if name in values}
        if missing := sorted(self._required - arguments.keys() - DATA):
            names = " and ".join(map(repr, missing))
            return Score(error=f"its template needs {names}, as a setting or a column of the rows")
        if self._takes_input:
            others = [value for name, value in columns.items() if name not in arguments]
            only = others[0] if len(others) == 1 else dict(columns)
            arguments["input"] = columns.get("input", only)
        second = expected if self._second == "expected" else arguments.pop(self._second, None)
        return _score(self._scorer.eval(answer, second, **arguments))

    def _read(self, output: str, expected: JSON) -> tuple[JSON, JSON]:
        """The answer and the expected value as the scorer reads them."""
        if expected == [] or (isinstance(expected, str) and not expected.strip()):
            expected = None
        answer: JSON = output
        if self._reads == "number":
            answer = read_number(output, "the answer")
        elif self._reads == "items":
            answer = read_items(output, "the answer")
        return answer, read_expected(expected, self._reads) if self._reads else expected


def _create(
    factory: type[Scorer], create: Callable[..., Any], arguments: Mapping[str, JSON]
) -> Scorer:
    """A scorer of the class `factory`; `create` is the class, or a partial of it."""
    name = factory.__name__
    if "api_key" in arguments:
        raise WorkbenchError(f"{name}: a key is no setting", fix=f"grant it by name: {GRANT}")
    for setting in sorted(OBJECTS.intersection(arguments)):
        message = f"{name}: the setting {setting!r} is an object of Python"
        fix = f"write `judge = {name}({setting}=…)` into evaluators/judge.py, and name `judge` here"
        raise WorkbenchError(message, fix=fix)
    bound = create.keywords if isinstance(create, partial) else {}
    if "name" in inspect.signature(factory).parameters and "name" not in bound:
        arguments = {**arguments, "name": name}  # the setting `name` is the column's
    check_required(factory, {*arguments, *bound})
    scorer: Scorer = create(**arguments)
    return scorer


def _parameter_names(factory: type[Scorer]) -> set[str]:
    """The parameters of a class, and of its base classes as long as they are handed on to them."""
    names: set[str] = set()
    for each in factory.__mro__[:-1]:  # not of `object`
        constructor = each.__dict__.get("__new__") or each.__dict__.get("__init__")
        if constructor is None:
            continue
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        hands_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
        if not hands_on or each is LLMClassifier:  # whose other arguments are for its template
            break
    return names


def _package_bases(scorer: Scorer) -> list[str]:
    """The names of its class and base classes, of those that are the package's."""
    bases = type(scorer).__mro__
    return [base.__name__ for base in bases if base.__module__.partition(".")[0] == "autoevals"]


def _template_names(scorer: Scorer) -> Iterator[tuple[str, bool]]:
    """The names in a judge's messages, and True for those that it can't do without."""
    depth = 0
    for message in getattr(scorer, "messages", []):
        for tag, key in tokenize(message["content"]):
            name = key.partition(".")[0]
            if tag in ("section", "inverted section"):
                depth += 1
                yield name, False
            elif tag == "end":
                depth -= 1
            elif tag in ("variable", "no escape") and name:
                yield name, not depth


def _check_calls(scorer: Scorer, granted: Collection[str]) -> None:
    """Check that a scorer that calls a model has a client, or a key and an address.

    Raises:
        WorkbenchError: it has none, or the client is async.
    """
    parts = [part for part in vars(scorer).values() if isinstance(part, Scorer)]
    if not hasattr(scorer, "client"):
        for part in parts:
            _check_calls(part, granted)
        return
    get_openai_module()  # imported now, and not in the time of the first row
    name = scorer._name()
    if client := scorer.client or _client_var.get(None):
        if type(getattr(client, "openai", client)).__name__.startswith("Async"):
            message = f"the scorer {name!r} has an async client"
            raise WorkbenchError(message, fix="give it an openai.OpenAI")
        return
    settings = getattr(scorer, "extra_args", {})
    if "api_key" not in settings and KEYS.isdisjoint(granted):
        message = f"the scorer {name!r} calls a model, and is granted no key"
        raise WorkbenchError(message, fix=f"grant it by name: {GRANT}")
    if "base_url" not in settings and ADDRESSES.isdisjoint(granted):
        message = f"the scorer {name!r} would send its key to Braintrust's gateway"
        fix = f"set OPENAI_BASE_URL, as in https://api.openai.com/v1, and grant it: {GRANT}; "
        fix += "or grant BRAINTRUST_API_KEY if you mean the gateway"
        raise WorkbenchError(message, fix=fix)


def _score(result: Any) -> Score:
    if inspect.iscoroutine(result):
        result.close()
        return Score(error="the scorer is async: its `eval` returned a coroutine")
    if not hasattr(result, "score"):  # a scorer of the project may return a number
        return Score(result)
    if getattr(result, "error", None):
        return Score(error=str(result.error))
    metadata = result.metadata or {}
    texts = [str(metadata[name]) for name in ("choice", "rationale") if metadata.get(name)]
    value = result.score
    return Score(None if value is None else float(value), ": ".join(texts))
