"""Prompts in MLflow's registry: each content is registered once.

prompts/sentiment/few_shot.jinja  <->  registered prompt `sentiment.few_shot`, version 3
    tags: workbench.digest, workbench.settings, workbench.file, workbench.git
"""

import threading
from collections.abc import Iterator, Sequence

from mlflow import MlflowClient
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException

from workbench.canonical import canonical_json
from workbench.project import Project
from workbench.prompt import Prompt, PromptSettings
from workbench.tracking.protocol import PromptStatus
from workbench.tracking.provenance import git_commit
from workbench.tracking.tracking_store import TrackingStore, connect, create_and_find, read_pages

DIGEST, SETTINGS, FILE, GIT = (
    f"workbench.{name}" for name in ("digest", "settings", "file", "git")
)
EXPERIMENTS = "_mlflow_experiment_ids"  # MLflow's own tag: `,1,2,`
# Parameters with a field in MLflow's model configuration; the others go to its extra_params.
MODEL_CONFIG = ("temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty")


def register(store: TrackingStore, prompt: Prompt, *, commit: str) -> tuple[int, bool]:
    """The version that holds this content, and True if it was created now.

    The same content is never registered twice: the lowest version with its digest counts, also if
    another process created it first or MLflow's reply got lost. `commit` is that of the working
    copy; empty without a repository.
    """
    with store.exclusive():
        versions = _versions_of_content(store, prompt)
        if versions:
            return versions[0], False
        name, created = prompt.registered_name, list[int]()
        first, *_ = create_and_find(
            lambda: created.append(_create_version(store, prompt, commit)),
            lambda: _versions_of_content(store, prompt),
        )
        if created and created[-1] > first:
            store.client.delete_prompt_version(name, str(created[-1]))
        # MLflow also sets tags of a version on the prompt, where they mean nothing.
        for tag in {FILE, GIT, SETTINGS, DIGEST} & set(_prompt_tags(store, name)):
            store.client.delete_prompt_tag(name, tag)
        return first, True


def _versions_of_content(store: TrackingStore, prompt: Prompt) -> list[int]:
    """The versions that hold this content, lowest first."""
    versions = search_versions(store, prompt.registered_name)
    return sorted(int(v.version) for v in versions if version_digest(v) == prompt.digest)


def _create_version(store: TrackingStore, prompt: Prompt, commit: str) -> int:
    settings = prompt.settings.as_json()
    schema = prompt.settings.response_schema
    settings.pop("response_schema", None)  # MLflow keeps it as the response format
    tags = {  # in the order in which MLflow shows them
        FILE: f"prompts/{prompt.task}/{prompt.name}.jinja",
        **({GIT: commit} if commit else {}),
        **({SETTINGS: canonical_json(settings)} if settings else {}),
        DIGEST: prompt.digest,
    }
    template = prompt.template
    version = store.client.register_prompt(
        name=prompt.registered_name,
        template=template if isinstance(template, str) else [m.as_json() for m in template],
        commit_message=prompt.description or None,
        tags=tags,
        response_format=None if schema is None else dict(schema),
        model_config=_model_config(prompt.settings),
    )
    for thread in threading.enumerate():  # MLflow writes the tag EXPERIMENTS, as this module will
        if thread.name.startswith("link_prompt_to_experiment"):
            thread.join(30)
    return int(version.version)


def list_in_experiment(store: TrackingStore, name: str, experiment_id: str) -> None:
    """List the prompt `name` on an experiment's page of prompts."""
    listed = _prompt_tags(store, name).get(EXPERIMENTS) or ","
    if f",{experiment_id}," not in listed:
        store.client.set_prompt_tag(name, EXPERIMENTS, f"{listed}{experiment_id},")


def _prompt_tags(store: TrackingStore, name: str) -> dict[str, str]:
    """Tags of the prompt itself, by a call that fails if a server doesn't answer."""
    prompts = store.client.search_prompts(f"name = '{name}'")
    return dict(prompts[0].tags) if prompts else {}


def search_versions(store: TrackingStore, name: str) -> list[PromptVersion]:
    """Every version of the prompt `name`, newest first; empty if it isn't registered."""
    try:
        pages = read_pages(
            lambda token: store.client.search_prompt_versions(
                name, max_results=100, page_token=token
            )
        )
        return sorted(pages, key=lambda version: -int(version.version))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return []
        raise


def version_digest(version: PromptVersion) -> str:
    """Digest of a version's content; empty if others registered it."""
    return str(version.tags.get(DIGEST, ""))


def read_aliases(client: MlflowClient, name: str, numbers: Sequence[int]) -> dict[str, int]:
    """The aliases of a prompt, each with its version."""
    aliases: dict[str, int] = {}
    for number in numbers:
        version = client.get_prompt_version(name, str(number))
        aliases |= dict.fromkeys(version.aliases if version else [], number)
    return aliases


def prompt_statuses(
    project: Project, tracking_uri: str, prompts: Sequence[Prompt]
) -> list[PromptStatus]:
    """The status of each template, in order."""
    store = connect(project, tracking_uri)
    statuses: list[PromptStatus] = []
    for prompt in prompts:
        versions = search_versions(store, prompt.registered_name)
        numbers = [int(version.version) for version in versions]
        equal = [int(v.version) for v in versions if version_digest(v) == prompt.digest]
        aliases = read_aliases(store.client, prompt.registered_name, numbers)
        version, newest = min(equal, default=None), max(numbers, default=None)
        statuses.append(PromptStatus(prompt, version, newest, aliases))
    return statuses


def push_prompts(project: Project, tracking_uri: str, prompts: Sequence[Prompt]) -> Iterator[str]:
    """Register the prompts that are new; a line of text per prompt."""
    store = connect(project, tracking_uri)
    commit = git_commit(project.root)
    for prompt in prompts:
        number, is_new = register(store, prompt, commit=commit)
        verb = "registered as" if is_new else "is already"
        yield f"{prompt.task}/{prompt.name} {verb} version {number}"


def _model_config(settings: PromptSettings) -> dict[str, object] | None:
    config: dict[str, object] = {
        name: value
        for name, value in settings.parameters.items()
        if name in MODEL_CONFIG and value is not None
    }
    if settings.stop is not None:
        config["stop_sequences"] = list(settings.stop)
    extra = {n: v for n, v in settings.parameters.items() if n not in MODEL_CONFIG}
    if extra:
        config["extra_params"] = extra
    return config or None
