"""Templates of one task: read, checked, and rendered with every row.

TaskFindings("sentiment", prompts=(PromptFindings("few_shot", errors=(), warnings=(…)), …))
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from workbench.checking import (
    Finding,
    RenderedRows,
    expected_findings,
    explain_hidden,
    judge_findings,
    template_findings,
)
from workbench.conversation import Conversation
from workbench.dataset import Dataset, load_dataset
from workbench.document import read_document
from workbench.errors import NotFoundError, WorkbenchError
from workbench.experiment import Exclusion, ExperimentFile, load_experiment, short_name
from workbench.images import ImageReader, refuse_images
from workbench.lint.warnings import (
    column_warnings,
    copy_warnings,
    file_warnings,
    named_texts,
    text_warnings,
)
from workbench.model import MODEL_KEYS, Model, PromptCall, Provider, open_provider
from workbench.plan import Scope, refuse_secret, refuse_secret_in_file
from workbench.plan.variants import find_variants
from workbench.project import Project
from workbench.prompt import Prompt, Renderer, folder_reader, list_prompts, load_prompt
from workbench.resolvers import project_resolvers
from workbench.secrets import Redactor


@dataclass(frozen=True)
class Rendering:
    """One example, rendered; `tokens` by model, of the models that count them locally."""

    row_id: str
    conversation: Conversation
    characters: int
    tokens: dict[str, int]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class PromptFindings:
    """Errors, warnings and sample renderings of one template."""

    name: str
    errors: tuple[WorkbenchError, ...] = ()
    warnings: tuple[str, ...] = ()
    rendered: tuple[Rendering, ...] = ()


@dataclass(frozen=True)
class TaskFindings:
    """Findings in all templates of a task; `file_…`: in its experiment file or dataset."""

    task: str
    prompts: tuple[PromptFindings, ...]
    file_errors: tuple[WorkbenchError, ...] = ()
    file_warnings: tuple[str, ...] = ()

    @property
    def errors(self) -> list[WorkbenchError]:
        """All errors, of files and templates."""
        return [*self.file_errors, *(error for prompt in self.prompts for error in prompt.errors)]


@dataclass(frozen=True)
class _Context:
    """Dataset and models of the experiment file; empty where they can't be loaded.

    `labels`: the short names of the models. `named`: texts that evaluators name, columns among
    them.
    """

    dataset: Dataset | None = None
    models: Mapping[str, Provider] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    exclude: Sequence[Exclusion] = ()
    errors: tuple[WorkbenchError, ...] = ()
    warnings: tuple[str, ...] = ()
    named: Set[str] = frozenset()


def lint_task(
    project: Project, task: str, examples: int, redactor: Redactor | None = None
) -> TaskFindings:
    """Read every template of a task and render the whole dataset with each.

    Args:
        project: its folder.
        task: its name.
        examples: renderings of each template in the result: of the first rows.
        redactor: knows the secrets that no template may contain; None: there are none.
    """
    redactor = redactor or Redactor()
    read = folder_reader(project.prompts)
    findings: list[PromptFindings] = []
    with Renderer() as renderer:
        context = _load_context(project, task, renderer, redactor)
        for name in list_prompts(project.prompts / task):
            try:
                prompt = load_prompt(task, name, read, renderer)
                refuse_secret(prompt, redactor)
                calls = _render_all(prompt, context.dataset, renderer, project)
            except WorkbenchError as error:
                findings.append(PromptFindings(name, (error,)))
                continue
            raw = read(f"{task}/{name}.jinja") or b""
            errors, warnings = _split(_check(prompt, context, calls))
            warnings = [*file_warnings(raw, prompt.where()), *text_warnings(prompt), *warnings]
            if context.dataset:
                warnings += column_warnings(prompt, context.dataset, context.named)
                warnings += copy_warnings(context.dataset, calls)
            samples = _renderings(context, calls[:examples])
            findings.append(PromptFindings(name, tuple(errors), tuple(warnings), tuple(samples)))
    return TaskFindings(task, tuple(findings), context.errors, context.warnings)


def _check(prompt: Prompt, context: _Context, calls: Sequence[PromptCall]) -> Iterator[Finding]:
    """The findings of `plan` and `run` in one prompt."""
    dataset = context.dataset
    if dataset is None:
        yield from template_findings(prompt, (), 0)
        return
    yield from template_findings(prompt, dataset.variables, dataset.rows, dataset.expected)
    rows = RenderedRows(prompt, dataset)
    for example, call in zip(dataset.examples, calls, strict=True):
        rows.add(example, call)
    methods = [_choice_method(calls[0], model) for model in context.models.values() if calls]
    yield from rows.findings(by_likelihood="loglikelihood" in methods)
    for ref, model in context.models.items():
        names = (ref, context.labels[ref])
        if not any(rule.matches(prompt.ref, names) for rule in context.exclude):
            yield from _pair_findings(f"{prompt.ref} on {names[1]}", model, calls)


def _pair_findings(pair: str, model: Provider, calls: Sequence[PromptCall]) -> Iterator[Finding]:
    """Warnings of a model about the calls of a prompt, and its refusal of one."""
    warnings: dict[str, None] = {}
    try:
        for call in calls:
            refuse_images(call.conversation, model, "the model")
            warnings |= dict.fromkeys(model.prepare(call).warnings)
    except NotFoundError:  # it is not on this machine yet
        return
    except WorkbenchError as error:
        yield Finding(f"{pair}: {error.message}", fix=error.fix)
    for warning in warnings:
        yield Finding(f"{pair}: {warning}")


def _choice_method(call: PromptCall, model: Provider) -> str:
    try:
        refuse_images(call.conversation, model, "")
        return model.prepare(call).choice_method
    except WorkbenchError:  # an impossible pair; the experiment may exclude it
        return ""


def _split(findings: Iterable[Finding]) -> tuple[list[WorkbenchError], list[str]]:
    """Errors of findings that are refused, and notes."""
    findings = list(findings)
    errors = [finding.error for finding in findings if finding.refused]
    return errors, [str(finding) for finding in findings if not finding.refused]


def _check_experiment(project: Project, path: Path, renderer: Renderer) -> list[Finding]:
    """The findings in expected values and judges; none if the experiment can't be loaded."""
    resolvers = project_resolvers(project, require_env=False)
    try:
        experiment = load_experiment(path, project, renderer, resolvers)
        variants, _ = find_variants(experiment, Scope())
    except WorkbenchError:  # a template's error is shown at it; `plan` shows the others
        return []
    examples, models = experiment.dataset.examples, [each.model for each in experiment.models]
    judges = judge_findings(experiment, models, examples, renderer)
    return [*expected_findings(experiment, examples, variants), *judges]


def _load_context(project: Project, task: str, renderer: Renderer, redactor: Redactor) -> _Context:
    path = project.prompts / task / "experiment.yaml"
    if not path.exists():
        return _Context()
    reader = project_resolvers(project).mlflow_dataset
    try:
        document = read_document(path, display_name=project.display_path(path))
        refuse_secret_in_file(document.content, document.path, redactor)
        file = document.check(ExperimentFile)
        dataset = load_dataset(file.dataset, path.parent, mlflow_reader=reader, renderer=renderer)
    except WorkbenchError as error:
        return _Context(errors=(error,))
    models: dict[str, Provider] = {}
    labels: dict[str, str] = {}
    for ref, settings in (pair for entry in file.models for pair in entry.items()):
        provider, _, name = ref.partition(":")
        labels[ref] = str(settings.get("as") or short_name(name))
        settings = {key: value for key, value in settings.items() if key not in MODEL_KEYS}
        try:
            models[ref] = open_provider(Model(provider, name, settings=settings))
        except WorkbenchError:  # the model counts no tokens; `run` shows the error
            continue
    errors, warnings = _split(_check_experiment(project, path, renderer))
    warnings += dataset.warnings
    texts = named_texts(file.evaluators)
    return _Context(dataset, models, labels, file.exclude, tuple(errors), tuple(warnings), texts)


def _render_all(
    prompt: Prompt, dataset: Dataset | None, renderer: Renderer, project: Project
) -> list[PromptCall]:
    if dataset is None:
        return []
    labels = [dataset.row_label(index) for index in range(len(dataset.examples))]
    with explain_hidden(dataset):
        rows = [example.variables for example in dataset.examples]
        images = ImageReader(dataset.folder or project.root, project.root)
        return list(prompt.calls(renderer, rows, labels, images))


def _renderings(context: _Context, calls: Sequence[PromptCall]) -> Iterator[Rendering]:
    examples = context.dataset.examples if context.dataset else ()
    for example, call in zip(examples, calls, strict=False):
        conversation = call.conversation
        text = conversation.content
        tokens = _tokens(call, context.models)
        yield Rendering(example.id, conversation, len(text), tokens, call.choices)


def _tokens(call: PromptCall, models: Mapping[str, Provider]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for ref, provider in models.items():
        try:
            refuse_images(call.conversation, provider, ref)
            count = provider.count_tokens(provider.prepare(call).body)
        except WorkbenchError:  # an impossible pair; the experiment may exclude it
            continue
        if count is not None:
            counts[ref] = count
    return counts
