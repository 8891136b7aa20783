"""What an experiment comes to: variants, cells, requests; and what is stored already.

variants   prompt × model × grid point          few_shot · gpt-4o-mini · temperature=0.7
cells      variant × example × repeat           one row of one variant
requests   equal cells share one                known by the digest of all that decides it
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from workbench.canonical import JSON, digest
from workbench.conversation import Conversation
from workbench.dataset import Example
from workbench.errors import WorkbenchError, unknown_name
from workbench.experiment import Experiment, OpenModel
from workbench.model import Call, Prepared, Request
from workbench.parameters import merge_parameters
from workbench.prompt import Prompt, Renderer
from workbench.store import RETRIABLE, Store


@dataclass(frozen=True)
class Variant:
    """One prompt version on one model with one setting of parameters: one MLflow run.

    Attributes:
        name: short, for tables: what it shares with all variants is left out.
        parameters: the effective ones.
        choice_method: how `choices` are answered; empty without choices.
    """

    name: str
    prompt: Prompt
    model: OpenModel
    parameters: Mapping[str, JSON]
    choice_method: str = ""

    @property
    def digest(self) -> str:
        """Of everything that decides this variant's answers to given rows."""
        return digest(
            {
                "name": self.name,
                "prompt": self.prompt.digest,
                "model": self.model.model.ref,
                "identity": self.model.provider.identity,
                "parameters": self.parameters,
                "choice_method": self.choice_method,
            }
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of one variant."""

    example: Example
    repeat: int
    key: str


@dataclass(frozen=True)
class Plan:
    """Everything that is to be done.

    Attributes:
        cells: of each variant, in the dataset's order, repeats of a row together.
        requests: of each variant, those to be sent: neither stored nor another cell's.
        bodies: every request of the plan, stored ones too, by key.
        stored: cells answered from the store.
        shared: cells answered by an equal request of this plan.
        notes: what a user should know: merged variants, warnings about the data.
    """

    experiment: Experiment
    examples: tuple[Example, ...]
    variants: tuple[Variant, ...]
    cells: tuple[tuple[Cell, ...], ...]
    requests: tuple[tuple[Request, ...], ...]
    bodies: Mapping[str, Request]
    stored: int
    shared: int
    notes: tuple[str, ...] = ()
    scope: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def planned(self) -> int:
        """Cells."""
        return sum(len(cells) for cells in self.cells)

    @property
    def to_send(self) -> int:
        """Requests that must be sent."""
        return sum(len(requests) for requests in self.requests)

    @property
    def digest(self) -> str:
        """By which an invocation is known again: prompts, data, models, evaluators, limits."""
        return digest(
            {
                "experiment": self.experiment.name,
                "variants": [variant.digest for variant in self.variants],
                "dataset": self.experiment.dataset.digest,
                "evaluators": [[e.name, e.digest] for e in self.experiment.evaluators],
                "repeats": self.experiment.repeats,
                "scope": self.scope,
            }
        )


@dataclass(frozen=True)
class Scope:
    """What of an experiment is meant: its first rows, and the variants whose names match."""

    limit: int | None = None
    only: str = ""

    def as_json(self) -> dict[str, JSON]:
        """Empty where all of it is meant."""
        said = {"limit": self.limit, "only": self.only or None}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Options:
    """What concerns this invocation only.

    Attributes:
        fresh: send everything, whatever the store holds.
        retry_failed: send again what was answered uselessly (empty, filtered, invalid).
        again: record new runs though the same invocation was recorded before.
    """

    scope: Scope = field(default_factory=Scope)
    fresh: bool = False
    retry_failed: bool = False
    again: bool = False


def plan_invocation(
    experiment: Experiment, renderer: Renderer, store: Store, options: Options
) -> Plan:
    """What `run` would do with these options; nothing is sent.

    Raises:
        WorkbenchError: a row that doesn't render, a pair that can't be.
    """
    without = RETRIABLE if options.retry_failed else frozenset()

    def stored(keys: Collection[str]) -> set[str]:
        return set() if options.fresh else store.kept(keys, without=without)

    return make_plan(experiment, renderer, stored, options.scope)


def make_plan(
    experiment: Experiment,
    renderer: Renderer,
    stored: Callable[[Collection[str]], set[str]],
    scope: Scope = Scope(),
) -> Plan:
    """Renders every template with every example and names every request; sends nothing.

    Args:
        experiment: what to run.
        renderer: the process that renders.
        stored: of some keys, those whose answer is kept and may be used.
        scope: what of the experiment is meant.

    Raises:
        WorkbenchError: a row that doesn't render, or a pair of prompt and model that can't be.
    """
    examples = experiment.dataset.examples[: scope.limit]
    variants, notes = _variants(experiment, scope)
    _check_expectations(experiment)
    rendered = _rendered(variants, examples, renderer)
    made: list[Variant] = []
    cells: list[tuple[Cell, ...]] = []
    bodies: dict[str, Request] = {}
    for variant in variants:
        cross = _Cross(variant, examples, experiment.repeats)
        own = tuple(cross.cells(rendered[variant.prompt.digest], bodies))
        made.append(cross.variant)
        cells.append(own)
    kept = stored(bodies.keys())
    seen = set(kept)
    requests = [tuple(_first_uses(own, bodies, seen)) for own in cells]
    answered = sum(cell.key in kept for own in cells for cell in own)
    planned = sum(len(own) for own in cells)
    return Plan(
        experiment=experiment,
        examples=examples,
        variants=tuple(made),
        cells=tuple(cells),
        requests=tuple(requests),
        bodies=bodies,
        stored=answered,
        shared=planned - answered - sum(len(own) for own in requests),
        notes=(*notes, *experiment.dataset.warnings),
        scope=scope.as_json(),
    )


class _Cross:
    """One variant with every example and repeat."""

    def __init__(self, variant: Variant, examples: Sequence[Example], repeats: int) -> None:
        self.variant = variant
        self.examples = examples
        self.repeats = repeats
        self._occurrences: Counter[str] = Counter()

    def cells(
        self, conversations: Sequence[Conversation], bodies: dict[str, Request]
    ) -> Iterator[Cell]:
        for example, conversation in zip(self.examples, conversations, strict=True):
            for repeat in range(self.repeats):
                prepared = self._prepared(conversation, repeat)
                key = self._key(prepared, repeat)
                if key not in bodies:
                    bodies[key] = Request(key, prepared.body, conversation.prefill)
                yield Cell(example, repeat, key)

    def _prepared(self, conversation: Conversation, repeat: int) -> Prepared:
        parameters = dict(self.variant.parameters)
        if "seed" in parameters:
            parameters["seed"] += repeat
        settings = self.variant.prompt.settings
        call = Call(conversation, parameters, settings.choices, settings.response_schema)
        try:
            prepared = self.variant.model.provider.prepare(call)
        except WorkbenchError as error:
            error.message = f"{self.variant.name}: {error.message}"
            error.where = error.where or self.variant.prompt.where()
            raise
        if prepared.choice_method != self.variant.choice_method:
            self.variant = Variant(
                self.variant.name,
                self.variant.prompt,
                self.variant.model,
                self.variant.parameters,
                prepared.choice_method,
            )
        return prepared

    def _key(self, prepared: Prepared, repeat: int) -> str:
        """The digest of all that decides the answer.

        Sampled answers to equal rows are told apart by how often the row came before; repeats
        are, unless the answer can't differ.
        """
        model = self.variant.model
        said: dict[str, JSON] = {
            "provider": model.model.provider,
            "identity": model.provider.identity,
            "body": prepared.body,
            "choice_method": prepared.choice_method,
        }
        if prepared.sampling != "fixed":
            said["repeat"] = repeat
        key = digest(said)
        if prepared.sampling != "sampled":
            return key
        occurrence = self._occurrences[key]
        self._occurrences[key] += 1
        return digest([key, occurrence]) if occurrence else key


def _first_uses(
    cells: Sequence[Cell], bodies: Mapping[str, Request], seen: set[str]
) -> Iterator[Request]:
    for cell in cells:
        if cell.key not in seen:
            seen.add(cell.key)
            yield bodies[cell.key]


def _rendered(
    variants: Sequence[Variant], examples: Sequence[Example], renderer: Renderer
) -> dict[str, list[Conversation]]:
    """Each prompt's conversations, by its digest."""
    rows = [example.inputs for example in examples]
    ids = [example.id for example in examples]
    prompts = {variant.prompt.digest: variant.prompt for variant in variants}
    return {key: prompt.render(renderer, rows, ids) for key, prompt in prompts.items()}


def _check_expectations(experiment: Experiment) -> None:
    if any(example.expectations for example in experiment.dataset.examples):
        return
    for evaluator in experiment.evaluators:
        if "expectations" in evaluator.arguments:
            raise WorkbenchError(
                f"the evaluator {evaluator.name!r} needs expectations, and the dataset has none",
                where=experiment.path,
                fix="add `expected: COLUMN` to `dataset:`",
            )


def _variants(experiment: Experiment, scope: Scope) -> tuple[list[Variant], list[str]]:
    """The cross without what is excluded, merged or out of scope, and what was merged."""
    found: dict[str, Variant] = {}
    notes: list[str] = []
    for prompt in experiment.prompts:
        for model in experiment.models:
            if experiment.excludes(prompt, model.model):
                continue
            for point in experiment.grid:
                variant = _variant(experiment, prompt, model, point)
                same = digest([prompt.digest, model.model.label, variant.parameters])
                if same in found:
                    notes.append(f"{variant.name} is {found[same].name} again: run once")
                else:
                    found[same] = variant
    variants = [
        v for v in found.values() if scope.only in ("", v.name) or fnmatchcase(v.name, scope.only)
    ]
    if not found:
        raise WorkbenchError(
            "`exclude` leaves no variant", where=experiment.path, fix="take a rule out"
        )
    if not variants:
        raise unknown_name("variant", scope.only, [v.name for v in found.values()])
    return variants, notes


def _variant(
    experiment: Experiment, prompt: Prompt, model: OpenModel, point: Mapping[str, JSON]
) -> Variant:
    settings = prompt.settings
    own = {} if settings.stop is None else {"stop": list(settings.stop)}
    parameters = merge_parameters(
        experiment.parameters, model.model.parameters, {**settings.parameters, **own}, point
    )
    words = [prompt.ref]
    if len(experiment.models) > 1:
        words.append(model.model.label)
    words += [f"{name}={_short(value)}" for name, value in point.items()]
    return Variant(" · ".join(words), prompt, model, parameters)


def _short(value: JSON) -> str:
    text = value if isinstance(value, str) else f"{value}"
    return text if len(text) <= 20 else f"{text[:12]}…{digest(value)[:6]}"
