"""Prompts in MLflow's registry: each content is registered once.

prompts/sentiment/few_shot.jinja  <->  registered prompt `sentiment.few_shot`, version 3
    tags: workbench.digest, workbench.settings, workbench.file, workbench.git
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlflow import MlflowClient
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException

from workbench.canonical import canonical_json
from workbench.conversation import Message
from workbench.errors import NotFoundError, WorkbenchError, unknown_name
from workbench.project import Project
from workbench.prompt import (
    Prompt,
    PromptSettings,
    Reference,
    Renderer,
    Template,
    settings_from_json,
)
from workbench.prompt.prompt import check_template, template_source
from workbench.tracking.client_settings import no_retries
from workbench.tracking.tracking_store import TrackingStore, connect, read_pages, user_errors

DIGEST, SETTINGS, FILE, GIT = (
    f"workbench.{name}" for name in ("digest", "settings", "file", "git")
)
EXPERIMENTS = "_mlflow_experiment_ids"  # MLflow's own tag: `,1,2,`
ATTEMPTS = 3  # to create a version that can't be found, because a reply got lost
# Parameters with a field in MLflow's model configuration; the others go to its extra_params.
MODEL_CONFIG = ("temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty")


def register(store: TrackingStore, prompt: Prompt, *, commit: str) -> tuple[int, bool]:
    """The version that holds this content, and True if it was created now.

    The same content is never registered twice: the lowest version with its digest counts, also if
    another process created it first or MLflow's reply got lost.

    Args:
        store: the tracking store.
        prompt: the content.
        commit: the git commit of the working copy; empty without a repository.
    """
    with store.exclusive():
        versions = _versions_of_content(store, prompt)
        if versions:
            return versions[0], False
        created: int | None = None
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                with no_retries():
                    created = _create_version(store, prompt, commit)
            except MlflowException:
                if not attempts_left and not _versions_of_content(store, prompt):
                    raise
            versions = _versions_of_content(store, prompt)
            if versions:
                break
        if created is not None and created > versions[0]:
            store.client.delete_prompt_version(prompt.registered_name, str(created))
        _delete_copied_tags(
            store, prompt.registered_name, _prompt_tags(store, prompt.registered_name)
        )
        return versions[0], True


def _versions_of_content(store: TrackingStore, prompt: Prompt) -> list[int]:
    """The versions that hold this content, lowest first."""
    versions = search_versions(store, prompt.registered_name)
    return sorted(int(v.version) for v in versions if _digest(v) == prompt.digest)


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
    tags = _prompt_tags(store, name)
    listed = tags.get(EXPERIMENTS) or ","
    if f",{experiment_id}," not in listed:
        store.client.set_prompt_tag(name, EXPERIMENTS, f"{listed}{experiment_id},")
    _delete_copied_tags(store, name, tags)


def _prompt_tags(store: TrackingStore, name: str) -> dict[str, str]:
    """Tags of the prompt itself, by a call that fails if a server doesn't answer."""
    prompts = store.client.search_prompts(f"name = '{name}'")
    return dict(prompts[0].tags) if prompts else {}


def _delete_copied_tags(store: TrackingStore, name: str, tags: Mapping[str, str]) -> None:
    """Delete tags of a version that MLflow also sets on the prompt, where they mean nothing."""
    for tag in {FILE, GIT, SETTINGS, DIGEST} & set(tags):
        store.client.delete_prompt_tag(name, tag)


def search_versions(store: TrackingStore, name: str) -> list[PromptVersion]:
    """Every version of the prompt `name`, newest first; empty if it isn't registered."""
    try:
        versions = list(
            read_pages(
                lambda token: store.client.search_prompt_versions(
                    name, max_results=100, page_token=token
                )
            )
        )
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return []
        raise
    return sorted(versions, key=lambda version: -int(version.version))


def find_version(
    project: Project, tracking_uri: str, task: str, reference: Reference, renderer: Renderer
) -> Prompt:
    """The registered version that a reference names.

    Raises:
        WorkbenchError: there is none; the message names the store.
    """
    with user_errors():
        try:
            store = connect(project, tracking_uri)
            version = _resolve(store, f"{task}.{reference.name}", reference)
        except MlflowException as error:
            raise WorkbenchError(f"{reference} can't be looked up: {error.message}") from error
    return from_version(version, task, reference, renderer)


def from_version(
    version: PromptVersion, task: str, reference: Reference, renderer: Renderer
) -> Prompt:
    """The prompt of a registered version; one that others registered becomes plain messages."""
    stored = version.template
    template: Template = (
        tuple(Message(turn["role"], str(turn["content"])) for turn in stored)
        if isinstance(stored, list)
        else str(stored)
    )
    settings = settings_from_json(json.loads(version.tags.get(SETTINGS, "{}")))
    if version.response_format and settings.response_schema is None:
        settings = replace(settings, response_schema=version.response_format)
    prompt = Prompt(
        task=task,
        name=reference.name,
        ref=str(reference),
        template=template,
        source=template_source(template),
        settings=settings,
        description=version.commit_message or "",
        version=int(version.version),
    )
    return check_template(prompt, renderer)


def read_aliases(client: MlflowClient, name: str, numbers: Sequence[int]) -> dict[str, int]:
    """The aliases of a prompt, each with its version."""
    aliases: dict[str, int] = {}
    for number in numbers:
        version = client.get_prompt_version(name, str(number))
        aliases |= dict.fromkeys(version.aliases if version else [], number)
    return aliases


def _resolve(store: TrackingStore, name: str, reference: Reference) -> PromptVersion:
    versions = search_versions(store, name)
    if not versions:
        raise NotFoundError(
            f"no prompt {name!r} is registered in {store.masked_uri}",
            fix="`workbench run` and `workbench prompts push` register it",
        )
    if reference.kind == "digest":
        return _by_digest(store, name, versions, reference.value)
    if reference.kind == "version":
        for version in versions:
            if int(version.version) == int(reference.value):
                return version
        newest = versions[0].version
        raise NotFoundError(
            f"{name!r} has no version {reference.value} in {store.masked_uri}",
            fix=f"it has 1 to {newest}; `workbench prompts show {reference.name}` lists them",
        )
    try:
        return store.client.get_prompt_version_by_alias(name, reference.value)
    except MlflowException:
        numbers = [int(version.version) for version in versions]
        aliases = read_aliases(store.client, name, numbers)
        kind = f"alias of {name!r} in {store.masked_uri}:"
        error = unknown_name(kind, reference.value, aliases)
        raise NotFoundError(error.message, fix=error.fix) from None


def _by_digest(
    store: TrackingStore, name: str, versions: Sequence[PromptVersion], prefix: str
) -> PromptVersion:
    matches = [v for v in versions if _digest(v).startswith(prefix)]
    if len({_digest(version) for version in matches}) == 1:
        return matches[-1]
    listed = ", ".join(f"{v.version}: {_digest(v)[:12]}" for v in versions[:8])
    raise WorkbenchError(
        f"{len(matches)} versions of {name!r} in {store.masked_uri} begin with {prefix!r}",
        fix=f"there are {listed}",
    )


def _digest(version: PromptVersion) -> str:
    return str(version.tags.get(DIGEST, ""))


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
