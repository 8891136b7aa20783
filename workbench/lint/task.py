"""Templates of one task: read, checked, and rendered with every row.

TaskFindings("sentiment", prompts=(PromptFindings("few_shot", errors=(), warnings=(…)), …))
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.conversation import Conversation
from workbench.dataset import Dataset, load_dataset
from workbench.document import read_document
from workbench.errors import WorkbenchError
from workbench.experiment import ExperimentFile
from workbench.lint.warnings import column_warnings, file_warnings, row_warnings, text_warnings
from workbench.model import MODEL_KEYS, Model, PromptCall, Provider, open_provider
from workbench.project import Project
from workbench.prompt import Prompt, Renderer, folder_reader, list_prompts, load_prompt
from workbench.resolvers import project_resolvers


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
    """Findings in all templates of a task; `file_errors`: in its experiment file or dataset."""

    task: str
    prompts: tuple[PromptFindings, ...]
    file_errors: tuple[WorkbenchError, ...] = ()

    @property
    def errors(self) -> list[WorkbenchError]:
        """All errors, of files and templates."""
        return [*self.file_errors, *(error for prompt in self.prompts for error in prompt.errors)]


@dataclass(frozen=True)
class _Context:
    """Dataset and models of the experiment file; empty where they can't be loaded."""

    dataset: Dataset | None = None
    models: Mapping[str, Provider] = field(default_factory=dict)
    errors: tuple[WorkbenchError, ...] = ()


def lint_task(project: Project, task: str, examples: int) -> TaskFindings:
    """Read every template of a task and render the whole dataset with each.

    The result has the first `examples` renderings of each template.
    """
    context = _load_context(project, task)
    read = folder_reader(project.prompts)
    findings: list[PromptFindings] = []
    with Renderer() as renderer:
        for name in list_prompts(project.prompts / task):
            try:
                prompt = load_prompt(task, name, read, renderer)
                calls = _render_all(prompt, context.dataset, renderer)
            except WorkbenchError as error:
                findings.append(PromptFindings(name, (error,)))
                continue
            raw = read(f"{task}/{name}.jinja") or b""
            warnings = [*file_warnings(raw, prompt.where()), *text_warnings(prompt)]
            if context.dataset:
                warnings += column_warnings(prompt, context.dataset)
                warnings += row_warnings(prompt, context.dataset, calls)
            samples = _renderings(context, calls[:examples])
            findings.append(PromptFindings(name, (), tuple(warnings), tuple(samples)))
    return TaskFindings(task, tuple(findings), context.errors)


def _load_context(project: Project, task: str) -> _Context:
    path = project.prompts / task / "experiment.yaml"
    if not path.exists():
        return _Context()
    reader = project_resolvers(project).mlflow_dataset
    try:
        file = read_document(path, display_name=project.display_path(path)).check(ExperimentFile)
        dataset = load_dataset(file.dataset, path.parent, mlflow_reader=reader)
    except WorkbenchError as error:
        return _Context(errors=(error,))
    models: dict[str, Provider] = {}
    for ref, settings in (pair for entry in file.models for pair in entry.items()):
        provider, _, name = ref.partition(":")
        settings = {key: value for key, value in settings.items() if key not in MODEL_KEYS}
        try:
            models[ref] = open_provider(Model(provider, name, settings=settings))
        except WorkbenchError:  # the model counts no tokens; `run` shows the error
            continue
    return _Context(dataset, models)


def _render_all(prompt: Prompt, dataset: Dataset | None, renderer: Renderer) -> list[PromptCall]:
    if dataset is None:
        return []
    labels = [dataset.row_label(index) for index in range(len(dataset.examples))]
    return list(prompt.calls(renderer, [example.inputs for example in dataset.examples], labels))


def _renderings(context: _Context, calls: Sequence[PromptCall]) -> Iterator[Rendering]:
    examples = context.dataset.examples if context.dataset else ()
    for example, call in zip(examples, calls, strict=False):
        conversation = call.conversation
        text = conversation.text or "".join(m.content for m in conversation.messages)
        tokens = _tokens(call, context.models)
        yield Rendering(example.id, conversation, len(text), tokens, call.choices)


def _tokens(call: PromptCall, models: Mapping[str, Provider]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for ref, provider in models.items():
        try:
            count = provider.count_tokens(provider.prepare(call).body)
        except WorkbenchError:  # an impossible pair; the experiment may exclude it
            continue
        if count is not None:
            counts[ref] = count
    return counts
