"""From an experiment to a plan: every template rendered, every request named, nothing sent."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from itertools import count

from workbench.canonical import JSON, canonical_json, digest, ordered_json
from workbench.conversation import Conversation
from workbench.dataset import Dataset, Example
from workbench.errors import WorkbenchError, unknown_name
from workbench.experiment import Experiment
from workbench.model import PreparedCall, PromptCall, Request
from workbench.plan.baseline import find_baselines
from workbench.plan.redact_rows import conceal
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
        usable = set() if options.fresh else here
        if without and usable:
            usable = store.kept(here, without=without)
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
    baselines = find_baselines(experiment, variants, whole=not scope.only)
    if scope.limit is not None and scope.limit >= experiment.dataset.rows:
        scope = replace(scope, limit=None)  # all of it is meant
    scope = _with_metric(scope, experiment, variants)
    _check_models(experiment, variants)
    _check_expectations(experiment)
    examples = experiment.dataset.examples[: scope.limit]
    crosses = [_Cross(variant, experiment.repeats) for variant in variants]
    bodies = _fill(crosses, experiment.dataset, examples, renderer)
    kept = stored(bodies.keys())
    seen = set(kept)
    requests = [tuple(_first_uses(cross.cells, bodies, seen)) for cross in crosses]
    answered = sum(cell.key in kept for cross in crosses for cell in cross.cells)
    planned = sum(len(cross.cells) for cross in crosses)
    return Plan(
        experiment=experiment,
        examples=examples,
        variants=tuple(cross.variant for cross in crosses),
        cells=tuple(tuple(cross.cells) for cross in crosses),
        requests=tuple(requests),
        bodies=bodies,
        stored=answered,
        shared=planned - answered - sum(map(len, requests)),
        notes=(*notes, *experiment.dataset.warnings),
        scope=scope.as_json(),
        baselines=baselines,
    )


def _fill(
    crosses: Sequence["_Cross"], dataset: Dataset, examples: Sequence[Example], renderer: Renderer
) -> dict[str, Request]:
    """Has every cross take every example, each prompt rendered once; gives all requests by key."""
    bodies: dict[str, Request] = {}
    for prompt in {cross.variant.prompt.digest: cross.variant.prompt for cross in crosses}.values():
        own = [cross for cross in crosses if cross.variant.prompt.digest == prompt.digest]
        rows, ids = [example.inputs for example in examples], map(dataset.row_label, count())
        for example, said in zip(examples, prompt.render(renderer, rows, ids), strict=True):
            for cross in own:
                cross.take(example, said, bodies)
    return bodies


class _Cross:
    """One variant with every example and repeat.

    Which way choices are answered is known when the first call is prepared: `variant` then has it.

    Attributes:
        cells: those taken so far.
    """

    def __init__(self, variant: Variant, repeats: int) -> None:
        self.variant = variant
        self.repeats = repeats
        self.cells: list[Cell] = []
        self._occurrences: Counter[str] = Counter()
        self._said: dict[tuple[str, int | None], tuple[str, dict[str, JSON]]] = {}

    def take(
        self, example: Example, conversation: Conversation, bodies: dict[str, Request]
    ) -> None:
        """The next example, as it was rendered."""
        for repeat in range(self.repeats):
            prepared = self._prepared(conversation, repeat)
            request = self._request(prepared, repeat, conversation.prefill)
            key = bodies.setdefault(request.key, request).key
            self.cells.append(Cell(example, repeat, key))

    def _prepared(self, conversation: Conversation, repeat: int) -> PreparedCall:
        parameters = dict(self.variant.parameters)
        if "seed" in parameters:
            parameters["seed"] += repeat
        settings = self.variant.prompt.settings
        call = PromptCall(conversation, parameters, settings.choices, settings.response_schema)
        try:
            prepared = self.variant.model.provider.prepare(call)
        except WorkbenchError as error:
            error.message = f"{self.variant.name}: {error.message}"
            error.where = error.where or self.variant.prompt.where()
            raise
        if prepared.choice_method != self.variant.choice_method:
            self.variant = replace(self.variant, choice_method=prepared.choice_method)
        return prepared

    def _request(self, prepared: PreparedCall, repeat: int, prefill: str) -> Request:
        """The request, its key the digest of all that decides the answer.

        Sampled answers to equal rows are told apart by how often the row came before; repeats
        are, unless the answer can't differ.
        """
        text = ordered_json(prepared.body)
        end, asked = self._beside(prepared, repeat)
        # As `digest` of all of it would have it: `body` is the first of its names.
        key = sha256(f'{{"body":{canonical_json(text)},{end}'.encode("ascii")).hexdigest()
        if prepared.sampling == "sampled":
            occurrence = self._occurrences[key]
            self._occurrences[key] += 1
            if occurrence:
                key = digest([key, occurrence])
                asked = {**asked, "occurrence": occurrence}
        return Request(key, text, prefill, self._max_output_tokens, asked)

    def _beside(self, prepared: PreparedCall, repeat: int) -> tuple[str, dict[str, JSON]]:
        """What stands in the key beside the body: the end of its JSON, and as data."""
        which = (prepared.choice_method, None if prepared.sampling == "fixed" else repeat)
        if which not in self._said:
            model = self.variant.model
            said: dict[str, JSON] = {
                "provider": model.model.provider,
                "identity": model.provider.identity,
                "choice_method": prepared.choice_method,
            }
            if prepared.sampling != "fixed":
                said["repeat"] = repeat
            self._said[which] = canonical_json(said)[1:], {**said, "model": model.model.ref}
        return self._said[which]

    @cached_property
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


def _with_metric(scope: Scope, experiment: Experiment, variants: Sequence[Variant]) -> Scope:
    """The scope with a race's metric, which needs to know how much one more row can change."""
    if scope.race is None:
        return scope
    evaluators = {one.name: one for one in experiment.evaluators}
    name = scope.race or next(iter(evaluators))
    if name not in evaluators:
        raise unknown_name("metric", name, evaluators, where="--race-on")
    traits = evaluators[name].traits
    if not traits.range and (traits.kind not in (None, "pass") or traits.unit):
        raise WorkbenchError(
            f"no variant can drop out by {name}: it is a number without a range",
            where=experiment.path,
            fix="--race-on with a metric of pass or fail, or @evaluator(range=(0, 10)) where the "
            "evaluator is written",
        )
    if len(variants) < 2:
        raise WorkbenchError(
            "a race needs two variants", where=experiment.path, fix="leave --race out"
        )
    return replace(scope, race=name)


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
    said = experiment.content.get("dataset")
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
