"""Prompts in MLflow's registry: each content once, and back again.

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
from workbench.errors import ExitCode, NotFoundError, WorkbenchError, unknown_name
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
from workbench.tracking.client_settings import asking_once
from workbench.tracking.tracking_store import TrackingStore, connect

DIGEST, SETTINGS, FILE, GIT = (
    f"workbench.{name}" for name in ("digest", "settings", "file", "git")
)
EXPERIMENTS = "_mlflow_experiment_ids"  # MLflow's own: `,1,2,`
TRIES = 3  # of making a version whose reply got lost and which isn't there
# A parameter's name in MLflow's own model configuration; the others go to its extra_params.
MODEL_CONFIG = ("temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty")


def register(place: TrackingStore, prompt: Prompt, *, commit: str) -> tuple[int, bool]:
    """The number of the version that holds this content, and whether it was made now.

    The same content is never registered twice: the lowest version with its digest is taken, also
    where a second process was quicker or MLflow's reply got lost.

    Args:
        place: the store.
        prompt: the content.
        commit: the git commit of the working copy; empty where there is none.
    """
    with place.alone():
        known = _with_digest(place, prompt)
        if known:
            return known[0], False
        own: int | None = None
        for tries_left in reversed(range(TRIES)):
            try:
                with asking_once():
                    own = _make(place, prompt, commit)
            except MlflowException:
                if not tries_left and not _with_digest(place, prompt):
                    raise
            known = _with_digest(place, prompt)
            if known:
                break
        if own is not None and own > known[0]:
            place.client.delete_prompt_version(prompt.registered_name, str(own))
        _tidy(place, prompt.registered_name, _tags(place, prompt.registered_name))
        return known[0], True


def _with_digest(place: TrackingStore, prompt: Prompt) -> list[int]:
    """The numbers of the versions that hold this content, the lowest first."""
    known = versions(place, prompt.registered_name)
    return sorted(int(v.version) for v in known if _digest(v) == prompt.digest)


def _make(place: TrackingStore, prompt: Prompt, commit: str) -> int:
    settings = _settings(prompt)
    tags = {  # MLflow shows them in this order
        FILE: f"prompts/{prompt.task}/{prompt.name}.jinja",
        **({GIT: commit} if commit else {}),
        **({SETTINGS: canonical_json(settings)} if settings else {}),
        DIGEST: prompt.digest,
    }
    made = place.client.register_prompt(
        name=prompt.registered_name,
        template=_stored(prompt.template),
        commit_message=prompt.description or None,
        tags=tags,
        response_format=_response_format(prompt),
        model_config=_model_config(prompt.settings),
    )
    _wait_for_mlflow()
    return int(made.version)


def _wait_for_mlflow() -> None:
    """It files a new prompt under the active experiment in a thread; our next write is there."""
    for thread in threading.enumerate():
        if thread.name.startswith("link_prompt_to_experiment"):
            thread.join(30)


def file_under(place: TrackingStore, name: str, experiment_id: str) -> None:
    """Lists the prompt `name` on the page of an experiment's prompts."""
    tags = _tags(place, name)
    listed = tags.get(EXPERIMENTS) or ","
    if f",{experiment_id}," not in listed:
        place.client.set_prompt_tag(name, EXPERIMENTS, f"{listed}{experiment_id},")
    _tidy(place, name, tags)


def _tags(place: TrackingStore, name: str) -> dict[str, str]:
    """Of the prompt itself. `get_prompt` says None of a server that doesn't answer, too."""
    found = place.client.search_prompts(f"name = '{name}'")
    return dict(found[0].tags) if found else {}


def _tidy(place: TrackingStore, name: str, tags: Mapping[str, str]) -> None:
    """MLflow writes a version's tags on the prompt, too, where they say nothing."""
    for tag in {FILE, GIT, SETTINGS, DIGEST} & set(tags):
        place.client.delete_prompt_tag(name, tag)


def versions(place: TrackingStore, name: str) -> list[PromptVersion]:
    """Every version of the prompt `name`, the newest first; none where it isn't registered."""
    found: list[PromptVersion] = []
    token = None
    while True:
        try:
            page = place.client.search_prompt_versions(name, max_results=100, page_token=token)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise
        found += page
        token = getattr(page, "token", None)
        if not token:
            return sorted(found, key=lambda version: -int(version.version))


def find_version(
    project: Project, tracking_uri: str, task: str, reference: Reference, renderer: Renderer
) -> Prompt:
    """The stored version that a reference names.

    Raises:
        WorkbenchError: there is none; it names the store it looked in.
    """
    name = f"{task}.{reference.name}"
    try:
        place = connect(project, tracking_uri)
        version = _find(place, name, reference)
    except WorkbenchError as error:  # here nothing is paid for yet
        error.exit_code = ExitCode.USER
        raise
    except MlflowException as error:
        raise WorkbenchError(f"{reference} can't be looked up: {error.message}") from error
    return from_version(version, task, reference, renderer)


def from_version(
    version: PromptVersion, task: str, reference: Reference, renderer: Renderer
) -> Prompt:
    """The prompt that a registry's version holds; somebody else's is taken as plain messages."""
    stored = version.template
    template: Template = (
        tuple(Message(turn["role"], str(turn["content"])) for turn in stored)
        if isinstance(stored, list)
        else str(stored)
    )
    said = json.loads(version.tags.get(SETTINGS, "{}"))
    settings = settings_from_json(said)
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


def alias_names(client: MlflowClient, name: str, numbers: Sequence[int]) -> dict[str, int]:
    """The aliases of a prompt and the version each points to."""
    found: dict[str, int] = {}
    for number in numbers:
        version = client.get_prompt_version(name, str(number))
        found |= dict.fromkeys(version.aliases if version else [], number)
    return found


def _find(place: TrackingStore, name: str, reference: Reference) -> PromptVersion:
    known = versions(place, name)
    if not known:
        raise NotFoundError(
            f"no prompt {name!r} is registered in {place.shown}",
            fix="`workbench run` and `workbench prompts push` register it",
        )
    if reference.kind == "digest":
        fitting = [v for v in known if _digest(v).startswith(reference.value)]
        if len({_digest(version) for version in fitting}) == 1:
            return fitting[-1]
        listed = ", ".join(f"{v.version}: {_digest(v)[:12]}" for v in known[:8])
        raise WorkbenchError(
            f"{len(fitting)} versions of {name!r} in {place.shown} begin with {reference.value!r}",
            fix=f"there are {listed}",
        )
    if reference.kind == "version":
        for version in known:
            if int(version.version) == int(reference.value):
                return version
        newest = known[0].version
        raise NotFoundError(
            f"{name!r} has no version {reference.value} in {place.shown}",
            fix=f"it has 1 to {newest}; `workbench prompts show {reference.name}` lists them",
        )
    try:
        found: PromptVersion = place.client.get_prompt_version_by_alias(name, reference.value)
        return found
    except MlflowException:
        numbers = [int(version.version) for version in known]
        aliases = alias_names(place.client, name, numbers)
        error = unknown_name(f"alias of {name!r} in {place.shown}:", reference.value, aliases)
        raise NotFoundError(error.message, fix=error.fix) from None


def _digest(version: PromptVersion) -> str:
    return str(version.tags.get(DIGEST, ""))


def _stored(template: Template) -> str | list[dict[str, str]]:
    if isinstance(template, str):
        return template
    return [message.as_json() for message in template]


def _settings(prompt: Prompt) -> dict[str, object]:
    """Without the schema, which MLflow keeps as the response format."""
    said = prompt.settings.as_json()
    said.pop("response_schema", None)
    return said


def _response_format(prompt: Prompt) -> dict[str, object] | None:
    schema = prompt.settings.response_schema
    return None if schema is None else dict(schema)


def _model_config(settings: PromptSettings) -> dict[str, object] | None:
    said: dict[str, object] = {
        name: value
        for name, value in settings.parameters.items()
        if name in MODEL_CONFIG and value is not None
    }
    if settings.stop is not None:
        said["stop_sequences"] = list(settings.stop)
    extra = {n: v for n, v in settings.parameters.items() if n not in MODEL_CONFIG}
    if extra:
        said["extra_params"] = extra
    return said or None
