"""Prompts in MLflow's registry: each content is registered once.

prompts/sentiment/few_shot.jinja  <->  registered prompt `sentiment.few_shot`, version 3
    tags: workbench.file, workbench.git, workbench.choices, workbench.digest
    and one that MLflow's page doesn't show: mlflow.workbench.settings
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mlflow import MlflowClient
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException

from workbench.canonical import canonical_json
from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Plan
from workbench.project import Project
from workbench.prompt import Prompt, PromptSettings
from workbench.prompt.prompt import template_json
from workbench.storable_text import (
    MAX_DESCRIPTION,
    shorten,
    storable_json,
)
from workbench.tracking.mlflow_client import first_line
from workbench.tracking.protocol import PromptStatus
from workbench.tracking.provenance import git_commit
from workbench.tracking.tracking_store import (
    TrackingStore,
    connect,
    connect_to_read,
    create_and_find,
    is_refusal,
    read_pages,
)

DIGEST, FILE, GIT, CHOICES = (f"workbench.{name}" for name in ("digest", "file", "git", "choices"))
DIGEST_LENGTH = 16  # characters of the tag; older versions have written all 64
SETTINGS = "mlflow.workbench.settings"  # MLflow's pages leave `mlflow.` out: it is long
SHOWN_SETTINGS = "workbench.settings"  # of older versions
MAX_CHOICES = 60  # characters
ROLES = "workbench.roles"
ROLES_IN_BLOCKS = "in blocks: load it with workbench.load_prompt(name)"
COMMIT_LENGTH = 12  # characters of a commit's hash
LINKED_PROMPTS = "mlflow.linkedPrompts"
EXPERIMENTS = "_mlflow_experiment_ids"  # MLflow's own tag: `,1,2,`
# Parameters with a field in MLflow's model configuration; the others go to its extra_params.
MODEL_CONFIG = ("temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty")


def register(
    store: TrackingStore, prompt: Prompt, *, commit: str, note: str = ""
) -> tuple[int, bool]:
    """The version that holds this content, and True if it was created now.

    The same content is never registered twice: the lowest version with its digest counts, also if
    another process created it first or MLflow's reply got lost. `commit` is that of the working
    copy; empty without a repository. `note`, or else the prompt's description, is the
    commit message of the version.

    Raises:
        RefusedPromptError: MLflow refuses it, and will refuse it again.
    """
    name, created = prompt.registered_name, list[int]()
    with store.exclusive(), refusals(store, name):
        versions = _versions_of_content(store, prompt)
        if versions:
            return versions[0], False
        first, *_ = create_and_find(
            lambda: created.append(_create_version(store, prompt, commit, note)),
            lambda: _versions_of_content(store, prompt),
        )
        if created and created[-1] > first:
            store.client.delete_prompt_version(name, str(created[-1]))
        return first, True


class RefusedPromptError(WorkbenchError):
    """The registry refuses a prompt; everything else of a run can be recorded."""


@contextmanager
def refusals(store: TrackingStore, name: str) -> Iterator[None]:
    """Turn refusals of the registry into errors with a fix."""
    try:
        yield
    except MlflowException as error:
        if not is_refusal(error) and error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        message = f"MLflow refuses the prompt {name!r}: {first_line(error)}"
        fix = "set `registry_prefix:` in workbench.yaml, which gives it a name of your own"
        if "registered as a model" in str(error):
            message = f"{name!r} is a registered model, and prompts share their names with models"
            fix += ", or rename the prompt or its task"
        elif "/registered-models/create" in str(error):
            message = f"the prompt {name!r} is new, and the server lets you create none"
            fix = "ask for the permission to create registered models, which prompts are"
        elif error.error_code == "PERMISSION_DENIED":
            message = f"the prompt {name!r} belongs to another user of the server"
            fix += f", or ask its owner for the permission EDIT on the registered model {name!r}"
        elif error.error_code == "RESOURCE_ALREADY_EXISTS":
            message = f"the prompt {name!r} exists, and the server doesn't show it to you"
            fix += f", or ask its owner for the permission EDIT on the registered model {name!r}"
        raise RefusedPromptError(
            message, where=store.masked_uri, fix=fix, exit_code=ExitCode.NOT_RECORDED
        ) from error


def _versions_of_content(store: TrackingStore, prompt: Prompt) -> list[int]:
    """The versions that hold this content, lowest first."""
    versions = search_versions(store, prompt.registered_name)
    return sorted(int(v.version) for v in versions if has_digest(v, prompt.digest))


def _create_version(store: TrackingStore, prompt: Prompt, commit: str, note: str) -> int:
    settings = prompt.settings.as_json()
    schema, choices = prompt.settings.response_schema, prompt.settings.choices
    for name in ("response_schema", "tools"):  # the response format and the model config have them
        settings.pop(name, None)
    tags = {  # in the order in which MLflow shows them
        FILE: f"prompts/{prompt.task}/{prompt.name}.jinja",
        **({GIT: commit[:COMMIT_LENGTH]} if commit else {}),
        **({CHOICES: shorten(", ".join(choices), MAX_CHOICES)} if choices else {}),
        **({ROLES: ROLES_IN_BLOCKS} if _has_roles_in_blocks(prompt) else {}),
        DIGEST: prompt.digest[:DIGEST_LENGTH],
        **({SETTINGS: canonical_json(settings)} if settings else {}),
    }
    name, template = prompt.registered_name, storable_json(template_json(prompt.template))
    about, reason = (
        shorten(store.client.storable_tag(text), MAX_DESCRIPTION) or None
        for text in (prompt.description, note or prompt.description)
    )
    if not store.client.search_prompts(f"name = '{name}'"):
        store.client.create_prompt(name, about)
    # MLflow's `register_prompt` would also set the tags on the prompt, whose tags must be shorter.
    version = store.client.create_prompt_version(
        name,
        template,
        reason,
        tags=tags,
        response_format=None if schema is None else dict(schema),
        model_config=_model_config(prompt.settings),
    )
    return int(version.version)


def _has_roles_in_blocks(prompt: Prompt) -> bool:
    """True if MLflow's own client can't tell the messages of a chat apart."""
    return prompt.settings.chat and isinstance(prompt.template, str)


def register_prompts(
    store: TrackingStore, plan: Plan, experiment_id: str, commit: str, prefix: str
) -> tuple[Plan, dict[str, RefusedPromptError]]:
    """The plan with the registry's version of every prompt, and the refusals by prompt digest.

    A prompt that MLflow refuses has no version; one with a version is not listed on the
    experiment's page. Of judges' prompts those of the package are not registered.
    """
    versions: dict[str, int | None] = {}
    refusals: dict[str, RefusedPromptError] = {}

    def with_version(prompt: Prompt) -> Prompt:
        prompt = replace(prompt, registry_prefix=prefix)
        if prompt.digest not in versions:
            versions[prompt.digest] = None
            try:
                version, _ = register(store, prompt, commit=commit, note=plan.note)
                versions[prompt.digest] = prompt.version or version
                list_in_experiment(store, prompt.registered_name, experiment_id)
            except RefusedPromptError as error:
                refusals[prompt.digest] = error
        return replace(prompt, version=versions[prompt.digest])

    variants = tuple(replace(v, prompt=with_version(v.prompt)) for v in plan.variants)
    judges = {
        name: judge if judge.is_bundled else replace(judge, prompt=with_version(judge.prompt))
        for name, judge in plan.experiment.judges.items()
    }
    experiment = replace(plan.experiment, scorers={**plan.experiment.scorers, **judges})
    return replace(plan, variants=variants, experiment=experiment), refusals


def list_in_experiment(store: TrackingStore, name: str, experiment_id: str) -> None:
    """List the prompt `name` on an experiment's page of prompts.

    Raises:
        RefusedPromptError: the prompt belongs to another user.
    """
    with refusals(store, name):
        prompts = store.client.search_prompts(f"name = '{name}'")
        listed = (prompts[0].tags.get(EXPERIMENTS) if prompts else None) or ","
        if f",{experiment_id}," not in listed:
            store.client.set_prompt_tag(name, EXPERIMENTS, f"{listed}{experiment_id},")


def search_versions(store: TrackingStore, name: str) -> list[PromptVersion]:
    """Every version of the prompt `name`, newest first; empty if it isn't registered."""
    try:
        pages = read_pages(
            lambda token: store.client.search_prompt_versions(
                name, max_results=1000, page_token=token
            )
        )
        return sorted(pages, key=lambda version: -int(version.version))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return []
        raise


def version_digest(version: PromptVersion) -> str:
    """Digest of a version's content, or its beginning; empty if others registered it."""
    return str(version.tags.get(DIGEST, ""))


def has_digest(version: PromptVersion, digest: str) -> bool:
    """True if the content of a version has this digest, of which at least a prefix is given."""
    tag = version_digest(version)
    return bool(tag) and (tag.startswith(digest) or digest.startswith(tag))


def version_settings(version: PromptVersion) -> str:
    """The settings of a version, as JSON."""
    return str(version.tags.get(SETTINGS) or version.tags.get(SHOWN_SETTINGS) or "{}")


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
    store = connect_to_read(project, tracking_uri)
    statuses: list[PromptStatus] = []
    for prompt in prompts:
        name = project.registered_name(prompt.task, prompt.name)
        versions = search_versions(store, name)
        numbers = [int(version.version) for version in versions]
        equal = [int(v.version) for v in versions if has_digest(v, prompt.digest)]
        aliases = read_aliases(store.client, name, numbers)
        version, newest = min(equal, default=None), max(numbers, default=None)
        statuses.append(PromptStatus(prompt, version, newest, aliases))
    return statuses


def push_prompts(project: Project, tracking_uri: str, prompts: Sequence[Prompt]) -> Iterator[str]:
    """Register the prompts that are new; a line of text per prompt.

    Raises:
        RefusedPromptError: MLflow refused one; the others are registered.
    """
    store = connect(project, tracking_uri)
    commit = git_commit(project.root)
    refusal: RefusedPromptError | None = None
    for prompt in prompts:
        prefixed = replace(prompt, registry_prefix=project.file.registry_prefix)
        try:
            number, is_new = register(store, prefixed, commit=commit)
        except RefusedPromptError as error:
            refusal = refusal or error
            continue
        verb = "registered as" if is_new else "is already"
        yield f"{prompt.task}/{prompt.name} {verb} version {number}"
    if refusal:
        raise refusal


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
    if settings.tools:
        config["tools"] = storable_json(list(settings.tools))
    return config or None


def linked_prompts(prompt: Prompt) -> dict[str, str]:
    """The tag LINKED_PROMPTS, by which MLflow's pages find runs and traces; empty: unregistered."""
    if prompt.version is None:
        return {}
    link = {"name": prompt.registered_name, "version": str(prompt.version)}
    return {LINKED_PROMPTS: json.dumps([link])}
