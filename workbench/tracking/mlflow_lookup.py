"""Lookups in MLflow before a run: registered prompts, datasets, variants of earlier runs.

RecordedVariant(task="sentiment", prompt="few_shot@3", digest="9f86…", model="openai:m", …)
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow.genai.datasets
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException

from workbench.conversation import Message
from workbench.errors import NotFoundError, WorkbenchError, unknown_name
from workbench.project import Project
from workbench.prompt import (
    Prompt,
    Reference,
    Renderer,
    Template,
    check_templates,
    settings_from_json,
)
from workbench.prompt.source import template_source
from workbench.results.types import RecordedVariant
from workbench.tracking.mlflow_client import access_fix, first_line
from workbench.tracking.registry import (
    DIGEST_LENGTH,
    LINKED_PROMPTS,
    has_digest,
    read_aliases,
    search_versions,
    version_digest,
    version_settings,
)
from workbench.tracking.runs import PLAN, VARIANT, child_runs
from workbench.tracking.tracking_store import TrackingStore, connect_to_read

REPLACEMENT = "\ufffd"


class RegisteredVersions:
    """The registered versions of a store's prompts; those of a prompt are listed once."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store
        self._versions: dict[str, dict[int, PromptVersion]] = {}

    def read(self, name: str, reference: Reference) -> Prompt:
        """The version of the registered prompt `name`; the newest if the reference names none.

        It is for `check_templates`; one that others registered is plain messages.

        Raises:
            WorkbenchError: there is none, or MLflow could not keep its text; the message names
                the store.
        """
        try:
            version = self._resolve(name, reference)
        except MlflowException as error:
            message = f"{reference} can't be looked up: {error.message}"
            fix = access_fix(error, f"the registered model {name!r}")
            raise WorkbenchError(message, where=self._store.masked_uri, fix=fix) from error
        prompt = _read_version(version, name, str(reference))
        differs = version_digest(version) and not has_digest(version, prompt.digest)
        if REPLACEMENT in str(version.template) and differs:
            number = version.version
            raise WorkbenchError(
                f"version {number} of {name!r} lacks characters that MLflow can't keep (NUL)",
                where=self._store.masked_uri,
                fix="use the template file, or its git revision: @git:REVISION",
            )
        return prompt

    def _resolve(self, name: str, reference: Reference) -> PromptVersion:
        store = self._store
        if name not in self._versions:
            listed = search_versions(store, name)
            self._versions[name] = {int(version.version): version for version in listed}
        versions = self._versions[name]
        if not versions:
            raise NotFoundError(
                f"no prompt {name!r} is registered in {store.masked_uri}",
                fix="`workbench run` and `workbench prompts push` register it",
            )
        newest = next(iter(versions))
        if reference.kind == "working":
            return versions[newest]
        if reference.kind == "digest":
            return _by_digest(store, name, [*versions.values()], reference.value)
        if reference.kind == "version":
            if version := versions.get(int(reference.value)):
                return version
            span = f"1 to {newest}" if newest > 1 else "version 1"
            raise NotFoundError(
                f"{name!r} has no version {reference.value} in {store.masked_uri}",
                fix=f"it has {span}; `workbench prompts show {reference.name}` lists them",
            )
        try:
            return store.client.get_prompt_version_by_alias(name, reference.value)
        except MlflowException:
            aliases = read_aliases(store.client, name, [*versions])
            kind = f"alias of {name!r} in {store.masked_uri}:"
            error = unknown_name(kind, reference.value, aliases)
            raise NotFoundError(error.message, fix=error.fix) from None


def find_registered(
    store: TrackingStore, name: str, reference: Reference, renderer: Renderer
) -> Prompt:
    """The checked version of the registered prompt `name`.

    Raises:
        WorkbenchError: as `RegisteredVersions.read`, or it is not a template.
    """
    prompt = RegisteredVersions(store).read(name, reference)
    return next(check_templates([prompt], renderer))


def _read_version(version: PromptVersion, name: str, ref: str) -> Prompt:
    stored = version.template
    template: Template = (
        tuple(Message(turn["role"], str(turn["content"])) for turn in stored)
        if isinstance(stored, list)
        else str(stored)
    )
    settings = settings_from_json(json.loads(version_settings(version)))
    if version.response_format and settings.response_schema is None:
        settings = replace(settings, response_schema=version.response_format)
    if isinstance(tools := (version.model_config or {}).get("tools"), list):
        settings = replace(settings, tools=tuple(tools))
    return Prompt(
        task=name.rpartition(".")[0].rpartition(".")[2],
        name=name.rpartition(".")[2],
        ref=ref,
        template=template,
        source=template_source(template),
        settings=settings,
        description=version.commit_message or "",
        version=int(version.version),
    )


def _by_digest(
    store: TrackingStore, name: str, versions: Sequence[PromptVersion], prefix: str
) -> PromptVersion:
    matches = [v for v in versions if has_digest(v, prefix)]
    if len({version_digest(version)[:DIGEST_LENGTH] for version in matches}) == 1:
        return matches[-1]
    listed = ", ".join(f"{v.version}: {version_digest(v)[:12]}" for v in versions[:8])
    raise WorkbenchError(
        f"{len(matches)} versions of {name!r} in {store.masked_uri} begin with {prefix!r}",
        fix=f"there are {listed}",
    )


def read_dataset(project: Project, tracking_uri: str, name: str) -> list[dict[str, Any]]:
    """The records of the evaluation dataset `name`, in MLflow's order.

    Raises:
        WorkbenchError: the store has no dataset of that name.
    """
    store = connect_to_read(project, tracking_uri)
    try:
        dataset = mlflow.genai.datasets.get_dataset(name=name)
    except MlflowException as error:
        if fix := access_fix(error, f"the evaluation dataset {name!r}"):
            message = f"the MLflow dataset {name!r} can't be read: {first_line(error)}"
            raise WorkbenchError(message, where=store.masked_uri, fix=fix) from error
        names = [each.name for each in mlflow.genai.datasets.search_datasets()]
        raise WorkbenchError(
            f"no MLflow evaluation dataset {name!r} in {store.masked_uri}",
            fix=f"there are: {', '.join(names) or 'none'}",
        ) from error
    records: list[dict[str, Any]] = dataset.to_df().to_dict("records")
    return records


def recorded_variants(project: Project, tracking_uri: str, run_id: str) -> list[RecordedVariant]:
    """The variant of a run, or all variants of an invocation's parent run.

    Raises:
        WorkbenchError: there is no such run, workbench did not create it, or it is incomplete.
    """
    store = connect_to_read(project, tracking_uri)
    try:
        run = store.client.get_run(run_id)
        if VARIANT in run.data.tags:
            return [read_variant(store, run)]
        if PLAN not in run.data.tags:
            raise WorkbenchError(
                f"run {run_id} was not made by workbench run",
                where=store.masked_uri,
                fix="name the run of an invocation or of one of its variants",
            )
        return [read_variant(store, child) for child in child_runs(store, run)]
    except MlflowException as error:
        raise WorkbenchError(
            f"run {run_id} can't be looked up: {error.message}",
            fix=access_fix(error, "its experiment")
            or "workbench run names its run in its last lines; `workbench ui` shows them all",
        ) from error


def _results_error(error: Exception, run: Run, store: TrackingStore) -> WorkbenchError:
    """The error for a variant's run whose results can't be downloaded."""
    message = f"run {run.info.run_id} has no results: its recording was not completed"
    fix = "workbench sync records what is missing"
    if refused := access_fix(error, "its experiment"):
        message, fix = f"the results of run {run.info.run_id} can't be read: access denied", refused
    return WorkbenchError(message, where=store.masked_uri, fix=fix)


def read_variant(store: TrackingStore, run: Run) -> RecordedVariant:
    """The variant of its run.

    Raises:
        WorkbenchError: the run is incomplete, or its prompt was not registered.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            # By its address: by the run's id MLflow hides the reason of a failure.
            file = download_artifacts(
                f"{run.info.artifact_uri}/results.json",
                dst_path=folder,
                tracking_uri=store.client.tracking_uri,
            )
        except (MlflowException, OSError) as error:
            raise _results_error(error, run, store) from error
        results = json.loads(Path(file).read_text(encoding="utf-8"))
    if LINKED_PROMPTS not in run.data.tags:
        raise WorkbenchError(
            f"the prompt of run {run.info.run_id} was not registered, so its text is not in MLflow",
            where=store.masked_uri,
            fix="name the variant and not the run; workbench sync registers the prompt if it may",
        )
    (prompt_link,) = json.loads(run.data.tags[LINKED_PROMPTS])
    *_, task, prompt = prompt_link["name"].split(".")
    return RecordedVariant(
        task=task,
        prompt=f"{prompt}@{prompt_link['version']}",
        digest=results["digest"],
        model=results["model"],
        parameters=results["parameters"],
    )
