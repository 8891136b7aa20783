"""From an experiment to a plan: every template rendered, every request named, nothing sent."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from workbench.canonical import JSON, digest, exact
from workbench.conversation import Conversation
from workbench.dataset import Dataset, Example
from workbench.errors import WorkbenchError
from workbench.experiment import Experiment
from workbench.model import Call, Prepared, Request
from workbench.plan.conceal import conceal
from workbench.plan.types import Cell, Options, Plan, Scope, Variant
from workbench.plan.variants import find_variants
from workbench.prompt import Renderer
from workbench.store import RETRIABLE, Store

WHOLE = Scope()


def plan_invocation(
    experiment: Experiment, renderer: Renderer, store: Store, options: Options
) -> Plan:
    """What `run` would do with these options; nothing is sent.

    Raises:
        WorkbenchError: a row that doesn't render, a pair that can't be.
    """
    without = RETRIABLE if options.retry_failed else frozenset()
    anew: set[str] = set()

    def stored(keys: Collection[str]) -> set[str]:
        # In this order: what another process keeps meanwhile is no answer to be asked for again.
        here = store.kept(keys)
        usable = set() if options.fresh else store.kept(keys, without=without)
        anew.update(here - usable)
        return usable

    plan = make_plan(conceal(experiment, store.redactor), renderer, stored, options.scope)
    return replace(plan, anew=frozenset(anew))


def make_plan(
    experiment: Experiment,
    renderer: Renderer,
    stored: Callable[[Collection[str]], set[str]],
    scope: Scope = WHOLE,
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
    variants, notes = find_variants(experiment, scope)
    if scope.limit is not None and scope.limit >= experiment.dataset.rows:
        scope = replace(scope, limit=None)  # all of it is meant
    _check_models(experiment, variants)
    _check_expectations(experiment)
    examples = experiment.dataset.examples[: scope.limit]
    rendered = _rendered(variants, experiment.dataset, examples, renderer)
    bodies: dict[str, Request] = {}
    crosses = [_Cross(variant, examples, experiment.repeats) for variant in variants]
    cells = [tuple(cross.cells(rendered[cross.variant.prompt.digest], bodies)) for cross in crosses]
    kept = stored(bodies.keys())
    seen = set(kept)
    requests = [tuple(_first_uses(own, bodies, seen)) for own in cells]
    answered = sum(cell.key in kept for own in cells for cell in own)
    return Plan(
        experiment=experiment,
        examples=examples,
        variants=tuple(cross.variant for cross in crosses),
        cells=tuple(cells),
        requests=tuple(requests),
        bodies=bodies,
        stored=answered,
        shared=sum(map(len, cells)) - answered - sum(map(len, requests)),
        notes=(*notes, *experiment.dataset.warnings),
        scope=scope.as_json(),
    )


class _Cross:
    """One variant with every example and repeat.

    Which way choices are answered is known when the first call is prepared: `variant` then has it.
    """

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
                request = self._request(prepared, repeat, conversation.prefill)
                bodies.setdefault(request.key, request)
                yield Cell(example, repeat, request.key)

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
            self.variant = replace(self.variant, choice_method=prepared.choice_method)
        return prepared

    def _request(self, prepared: Prepared, repeat: int, prefill: str) -> Request:
        """The request, its key the digest of all that decides the answer.

        Sampled answers to equal rows are told apart by how often the row came before; repeats
        are, unless the answer can't differ.
        """
        model = self.variant.model
        said: dict[str, JSON] = {
            "provider": model.model.provider,
            "identity": model.provider.identity,
            "body": exact(prepared.body),
            "choice_method": prepared.choice_method,
        }
        if prepared.sampling != "fixed":
            said["repeat"] = repeat
        key = digest(said)
        asked = {**said, "model": model.model.ref}
        if prepared.sampling == "sampled":
            occurrence = self._occurrences[key]
            self._occurrences[key] += 1
            if occurrence:
                key = digest([key, occurrence])
                asked["occurrence"] = occurrence
        del asked["body"]
        return Request(key, prepared.body, prefill, self._max_output_tokens, asked)

    @property
    def _max_output_tokens(self) -> int | None:
        parameters = self.variant.parameters
        said = [parameters.get(name) for name in ("max_tokens", "max_completion_tokens")]
        limits = [limit for limit in said if isinstance(limit, int)]
        return max(limits, default=None)


def _first_uses(
    cells: Sequence[Cell], bodies: Mapping[str, Request], seen: set[str]
) -> Iterator[Request]:
    for cell in cells:
        if cell.key not in seen:
            seen.add(cell.key)
            yield bodies[cell.key]


def _rendered(
    variants: Sequence[Variant],
    dataset: Dataset,
    examples: Sequence[Example],
    renderer: Renderer,
) -> dict[str, list[Conversation]]:
    """Each prompt's conversations, by its digest."""
    rows = [example.inputs for example in examples]
    ids = [dataset.called(index) for index in range(len(examples))]
    prompts = {variant.prompt.digest: variant.prompt for variant in variants}
    return {key: prompt.render(renderer, rows, ids) for key, prompt in prompts.items()}


def _check_models(experiment: Experiment, variants: Sequence[Variant]) -> None:
    """Only the models that are used need to be here."""
    for variant in variants:
        try:
            _ = variant.model.provider.identity
        except WorkbenchError as error:
            error.where = error.where or experiment.path
            raise


def _check_expectations(experiment: Experiment) -> None:
    if experiment.dataset.labelled:
        return
    said = experiment.data.get("dataset")
    column = said.get("expected") if isinstance(said, dict) else None
    lacks, fix = "the dataset has none", "add `expected: COLUMN` to `dataset:`"
    if column:
        lacks = f"the column {column!r} is null in every row"
        fix = f"fill {column!r} in {experiment.dataset.source}, or name another column"
    for evaluator in experiment.evaluators:
        if evaluator.needs_expectations:
            raise WorkbenchError(
                f"the evaluator {evaluator.name!r} needs expectations, and {lacks}",
                where=experiment.path,
                fix=fix,
            )
