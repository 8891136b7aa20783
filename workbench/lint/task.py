"""The templates of one task, each read, checked and rendered with every row.

lint_task(project, "sentiment", examples=1).prompts[0].warnings
    -> ("the column 'source' is used nowhere in it",)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.conversation import Conversation
from workbench.dataset import Dataset, DatasetSpec, load_dataset
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
    """One example as a prompt renders it.

    Attributes:
        tokens: by model, of those that can count without asking a server.
    """

    row_id: str
    conversation: Conversation
    characters: int
    tokens: dict[str, int]


@dataclass(frozen=True)
class PromptFindings:
    """One template: what keeps it from running, what looks wrong, how it renders."""

    name: str
    errors: tuple[WorkbenchError, ...] = ()
    warnings: tuple[str, ...] = ()
    rendered: tuple[Rendering, ...] = ()


@dataclass(frozen=True)
class TaskFindings:
    """All templates of a task; `errors` are the experiment file's and the dataset's own."""

    task: str
    prompts: tuple[PromptFindings, ...]
    file_errors: tuple[WorkbenchError, ...] = ()

    @property
    def errors(self) -> list[WorkbenchError]:
        """Those of every template, too."""
        return [*self.file_errors, *(error for one in self.prompts for error in one.errors)]


def lint_task(project: Project, task: str, examples: int) -> TaskFindings:
    """Reads every template of a task and renders the whole dataset with each.

    Args:
        project: where the task is.
        task: its folder's name.
        examples: how many rendered examples to keep a template.
    """
    context, errors = _context(project, task)
    read = folder_reader(project.prompts)
    found: list[PromptFindings] = []
    with Renderer() as renderer:
        for name in list_prompts(project.prompts / task):
            try:
                prompt = load_prompt(task, name, read, renderer)
                conversations = _render_all(prompt, context.dataset, renderer)
            except WorkbenchError as error:
                found.append(PromptFindings(name, (error,)))
                continue
            raw = read(f"{task}/{name}.jinja") or b""
            warnings = [*file_warnings(raw, prompt.where()), *text_warnings(prompt)]
            if context.dataset:
                warnings += column_warnings(prompt, context.dataset.columns)
                warnings += row_warnings(prompt, context.dataset, conversations)
            shown = _rendered(prompt, context, conversations[:examples])
            found.append(PromptFindings(name, (), tuple(warnings), tuple(shown)))
    return TaskFindings(task, tuple(found), tuple(errors))


@dataclass(frozen=True)
class _Context:
    """The dataset and the models of the task's experiment file, as far as they can be had."""

    dataset: Dataset | None = None
    models: Mapping[str, Provider] = field(default_factory=dict)


def _context(project: Project, task: str) -> tuple[_Context, list[WorkbenchError]]:
    file = project.prompts / task / "experiment.yaml"
    if not file.exists():
        return _Context(), []
    try:
        said = read_document(file, display_name=project.display_path(file)).check(ExperimentFile)
        dataset = _dataset(said.dataset, project, task)
    except WorkbenchError as error:
        return _Context(), [error]
    models: dict[str, Provider] = {}
    for ref, settings in (item for pair in said.models for item in pair.items()):
        provider, _, name = ref.partition(":")
        own = settings if isinstance(settings, dict) else {}
        own = {key: value for key, value in own.items() if key not in MODEL_KEYS}
        try:
            models[ref] = open_provider(Model(provider, name, settings=own))
        except WorkbenchError:  # a model that isn't here counts no tokens; `run` says why
            continue
    return _Context(dataset, models), []


def _dataset(spec: DatasetSpec, project: Project, task: str) -> Dataset:
    reader = project_resolvers(project).mlflow_dataset
    return load_dataset(spec, project.prompts / task, mlflow_reader=reader)


def _render_all(prompt: Prompt, dataset: Dataset | None, renderer: Renderer) -> list[Conversation]:
    """Every row as it renders, for its errors; none without a dataset."""
    examples = dataset.examples if dataset else ()
    ids = [dataset.row_label(index) for index in range(len(examples))] if dataset else []
    return list(prompt.render(renderer, [example.inputs for example in examples], ids))


def _rendered(
    prompt: Prompt, context: _Context, conversations: Sequence[Conversation]
) -> Iterator[Rendering]:
    examples = context.dataset.examples if context.dataset else ()
    for example, conversation in zip(examples, conversations, strict=False):
        whole = conversation.text or "".join(m.content for m in conversation.messages)
        tokens = _tokens(prompt, conversation, context.models)
        yield Rendering(example.id, conversation, len(whole), tokens)


def _tokens(
    prompt: Prompt, conversation: Conversation, models: Mapping[str, Provider]
) -> dict[str, int]:
    counted: dict[str, int] = {}
    for ref, provider in models.items():
        try:
            body = provider.prepare(PromptCall(conversation, choices=prompt.settings.choices)).body
            count = provider.count_tokens(body)
        except WorkbenchError:  # a pair that can't be; the experiment may exclude it
            continue
        if count is not None:
            counted[ref] = count
    return counted
