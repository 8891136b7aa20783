"""From an experiment to a plan: every template rendered, every request keyed, nothing sent."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import replace
from itertools import count

from workbench.box.method import execution_note
from workbench.checking import (
    RenderedRows,
    accept,
    expected_findings,
    explain_hidden,
    judge_findings,
    slice_findings,
    template_findings,
)
from workbench.dataset import Dataset, Example
from workbench.errors import WorkbenchError, located
from workbench.experiment import Experiment
from workbench.images import ImageReader
from workbench.model import Model, PreparedCall, PromptCall, Request
from workbench.model.types import UnanswerableError
from workbench.plan.baseline import find_baselines
from workbench.plan.redact_rows import redact_rows
from workbench.plan.schema_length import schema_notes
from workbench.plan.types import Cell, Options, Plan, Scope, Variant
from workbench.plan.variants import complete_scope, find_variants
from workbench.prompt import Prompt, PromptRows, Renderer, choose, render_prompts
from workbench.prompt.later_turns import FOLLOWS, EarlierTurns, later_call, later_request
from workbench.prompt.requests import RequestBuilder, repeated_request
from workbench.store import RETRIABLE, Store
from workbench.store.outdated_turns import outdated_turns
from workbench.store.prefill_echo import PrefillEchoes
from workbench.store.selection import COMPLETIONS_PER_READ, read_stored


def plan_invocation(
    experiment: Experiment, renderer: Renderer, store: Store, options: Options
) -> Plan:
    """Return the plan that `run` would carry out with these options; nothing is sent.

    Raises:
        WorkbenchError: a row can't be rendered, or a prompt can't run on a model.
    """
    refetch: set[str] = set()

    def stored(variants: Mapping[str, Variant]) -> set[str]:
        if not options.looks_up:
            return set(variants)
        # In this order: an answer that another process stores meanwhile must not be refetched.
        available = store.stored_keys(variants)
        usable = set() if options.fresh else available
        if options.retry_failed:
            usable = _read_as_useful(store, {key: variants[key] for key in usable})
        if experiment.dataset.later_turns:
            usable = usable - outdated_turns(store, usable, usable)
        refetch.update(available - usable)
        return usable

    experiment = redact_rows(experiment, store.redactor)
    plan = make_plan(experiment, renderer, stored, options.scope, refuses=options.sends)
    if experiment.dataset.later_turns:
        plan = replace(plan, bodies=_as_sent(plan.bodies, store, refetch))
    return replace(plan, refetch=frozenset(refetch), note=execution_note(options.note))


def _as_sent(bodies: Mapping[str, Request], store: Store, refetch: Set[str]) -> dict[str, Request]:
    """The requests by key; those of later turns with the answers that they were sent with."""
    later = [key for key, request in bodies.items() if FOLLOWS in request.key_fields]
    stored = store.requests(set(later) - refetch).items()
    sent = {key: replace(bodies[key], text=r.text, key_fields=r.key_fields) for key, r in stored}
    return {**bodies, **sent}


def _read_as_useful(store: Store, variants: Mapping[str, Variant]) -> set[str]:
    """The keys whose stored answer can be scored as the settings of their variant read it."""
    models = {key: variant.model.model for key, variant in variants.items()}
    keys, useful, echoes = list(variants), set[str](), PrefillEchoes(store)
    for start in range(0, len(keys), COMPLETIONS_PER_READ):
        batch = keys[start : start + COMPLETIONS_PER_READ]
        for stored in read_stored(store, batch, echoes, models):
            settings = variants[stored.key].prompt.settings
            if choose(stored.completion, settings.normalize).state not in RETRIABLE:
                useful.add(stored.key)
    return useful


def make_plan(
    experiment: Experiment,
    renderer: Renderer,
    stored: Callable[[Mapping[str, Variant]], set[str]],
    scope: Scope,
    *,
    refuses: bool = True,
) -> Plan:
    """Render every template with every example and key every request; send nothing.

    `stored` returns the keys with a usable answer. Without `refuses` failed checks are notes.

    Raises:
        WorkbenchError: a row can't be rendered, or a prompt can't run on a model.
    """
    plan = outline_plan(experiment, scope)
    variants, notes = plan.variants, list(plan.notes)
    models = _find_models(experiment, variants)
    dataset, examples = experiment.dataset, plan.examples
    notes += accept(expected_findings(experiment, examples, variants), refuses=refuses)
    notes += accept(slice_findings(experiment.evaluators, examples))
    images = ImageReader(dataset.folder or experiment.root, experiment.root)
    crosses = [_Cross(variant, experiment, images, refuses=refuses) for variant in variants]
    bodies, prompt_notes = _fill(crosses, dataset, examples, renderer, refuses=refuses)
    judges = judge_findings(experiment, models, examples, renderer) if refuses else ()
    notes += [*accept(judges), *prompt_notes, *dataset.notes, *dataset.warnings]
    notes += schema_notes((c.variant, (bodies[cell.key] for cell in c.cells)) for c in crosses)
    notes += dict.fromkeys(warning for cross in crosses for warning in cross.pair_warnings)
    stored_keys = stored({cell.key: cross.variant for cross in crosses for cell in cross.cells})
    withdrawn = set().union(*(cross.unanswerable for cross in crosses)) - stored_keys
    requests = _unsent_requests(crosses, bodies, stored_keys | withdrawn)
    answered = sum(cell.key in stored_keys for cross in crosses for cell in cross.cells)
    sendable = sum(cell.key not in withdrawn for cross in crosses for cell in cross.cells)
    return replace(
        plan,
        variants=tuple(cross.variant for cross in crosses),
        cells=tuple(tuple(cross.cells) for cross in crosses),
        requests=requests,
        bodies=bodies,
        stored=answered,
        shared=sendable - answered - sum(map(len, requests)),
        notes=tuple(notes),
        images=images.files,
        withdrawn=frozenset(withdrawn),
    )


def outline_plan(experiment: Experiment, scope: Scope) -> Plan:
    """The plan's rows, variants and baselines, before any template is rendered: without cells.

    Raises:
        WorkbenchError: the scope or the baseline names no variant.
    """
    variants, notes = find_variants(experiment, scope)
    baselines = find_baselines(experiment, variants, complete=not any(scope.only))
    pairwise = [judge.name for judge in experiment.judges.values() if judge.pairwise]
    if pairwise and set(baselines) == {None} and not any(scope.only):
        raise WorkbenchError(
            f"the pairwise judge {pairwise[0]!r} needs two variants",
            where=experiment.path,
            fix="add a prompt or a model: it compares each variant with the baseline",
        )
    scope = complete_scope(scope, experiment, variants)
    nothing = tuple(() for _ in variants)
    return Plan(
        experiment=experiment,
        examples=experiment.dataset.first_examples(scope.limit),
        variants=tuple(variants),
        cells=nothing,
        requests=nothing,
        bodies={},
        stored=0,
        shared=0,
        notes=tuple(notes),
        scope=scope.as_json(),
        baselines=baselines,
    )


def _fill(
    crosses: Sequence["_Cross"],
    dataset: Dataset,
    examples: Sequence[Example],
    renderer: Renderer,
    *,
    refuses: bool,
) -> tuple[dict[str, Request], list[str]]:
    """Add every example to every cross, rendering each prompt once.

    Return the requests by key, and notes on the templates and their rows.
    """
    bodies: dict[str, Request] = {}
    notes: list[str] = []
    by_prompt: dict[str, list[_Cross]] = {}
    for cross in crosses:
        by_prompt.setdefault(cross.variant.prompt.digest, []).append(cross)

    def render_job(prompt: Prompt) -> PromptRows:
        reads_inputs = set(prompt.all_variables) <= set(dataset.columns) - set(dataset.reserved)
        rows = [example.inputs if reads_inputs else example.variables for example in examples]
        return PromptRows(prompt, rows, map(dataset.row_label, count()))

    jobs = (render_job(users[-1].variant.prompt) for users in by_prompt.values())
    with closing(render_prompts(jobs, renderer, crosses[0].images)) as calls:
        for users in by_prompt.values():
            prompt = users[-1].variant.prompt
            findings = template_findings(prompt, dataset.variables, len(examples), dataset.expected)
            notes += accept(findings, refuses=refuses)
            checked = RenderedRows(prompt, dataset)
            with explain_hidden(dataset):
                for example in examples:
                    call = next(calls)
                    checked.add(example, call)
                    for cross in users:
                        cross.add(example, call, bodies)
            by_likelihood = any(c.variant.choice_method == "loglikelihood" for c in users)
            row_findings = checked.findings(by_likelihood=by_likelihood)
            notes += accept(row_findings, refuses=refuses and len(examples) == dataset.rows)
    return bodies, notes


class _Cross:
    """One variant with the cells added so far; the first call sets its `choice_method`.

    Without `refuses`, a call that the model can't answer has a key like the others.
    """

    def __init__(
        self, variant: Variant, experiment: Experiment, images: ImageReader, *, refuses: bool
    ) -> None:
        self.variant, self.experiment, self.images = variant, experiment, images
        self.cells: list[Cell] = []
        self.unanswerable: set[str] = set()  # keys
        self._refuses = refuses
        self.warnings: dict[str, None] = {}
        self._occurrences: Counter[str] = Counter()
        self._earlier: dict[int, EarlierTurns] = {}  # by repeat
        model = variant.model
        self._builder = RequestBuilder(
            variant.prompt, model.model, model.provider, variant.parameters
        )

    def add(self, example: Example, call: PromptCall, bodies: dict[str, Request]) -> None:
        """Add the next example, rendered as `call`."""
        sources, prefill = self.images.files.sources, call.conversation.prefill
        prompt, model = self.variant.prompt, self.variant.model.model
        earlier, rendered = None, call
        for repeat in range(self.experiment.repeats):
            if example.turn > 1:
                earlier = self._earlier[repeat]
                call = later_call(rendered, earlier, prompt)
            prepared = self._prepared(call, repeat)
            request = self._builder.request(prepared, sources, prefill=prefill, repeat=repeat)
            if earlier:
                request = later_request(request, earlier, prompt, model)
            elif prepared.sampling == "sampled":  # equal rows get answers of their own
                occurrence = self._occurrences[request.key]
                self._occurrences[request.key] += 1
                request = repeated_request(request, occurrence)
            key = bodies.setdefault(request.key, request).key
            if not prepared.is_answerable:
                self.unanswerable.add(key)
            if example.turn:
                keys = (*earlier.keys, key) if earlier else (key,)
                self._earlier[repeat] = EarlierTurns(call.conversation, keys)
            self.cells.append(Cell(example, repeat, key))

    def _prepared(self, call: PromptCall, repeat: int) -> PreparedCall:
        try:
            prepared = self._builder.prepare(call, repeat)
        except WorkbenchError as error:
            if isinstance(error, UnanswerableError) and not self._refuses:
                return error.prepared
            error.message = f"{self.variant.name}: {error.message}"
            prompt, parameter = self.variant.prompt, getattr(error, "parameter", "")
            outside = parameter and not prompt.settings.sets(parameter)
            error.where = error.where or (self.experiment.path if outside else prompt.where())
            raise
        if prepared.warnings:
            self.warnings |= dict.fromkeys(prepared.warnings)
        if prepared.choice_method != self.variant.choice_method:
            self.variant = replace(self.variant, choice_method=prepared.choice_method)
        return prepared

    @property
    def pair_warnings(self) -> list[str]:
        """Warnings of the model about calls of the prompt, each with the pair's names."""
        pair = f"{self.variant.prompt.ref} on {self.variant.model.model.label}"
        return [f"{pair}: {warning}" for warning in self.warnings]


def _unsent_requests(
    crosses: Sequence[_Cross], bodies: Mapping[str, Request], stored: Set[str]
) -> tuple[tuple[Request, ...], ...]:
    """Each cross's requests without a stored answer, at their first use."""
    seen, requests = set(stored), []
    for cross in crosses:
        keys = dict.fromkeys(cell.key for cell in cross.cells if cell.key not in seen)
        seen.update(keys)
        requests.append(tuple(bodies[key] for key in keys))
    return tuple(requests)


def _find_models(experiment: Experiment, variants: Sequence[Variant]) -> list[Model]:
    """Return the model of each variant, which must be available; others need not be."""
    for variant in variants:
        with located(experiment.path):
            _ = variant.model.provider.identity
    return [variant.model.model for variant in variants]
