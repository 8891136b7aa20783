"""The registered model of a task: its versions, and its aliases with those of the task's prompts.

The model `sentiment~variant` has the alias `production` on version 3, whose tags say variant,
verdict and gate; the prompt `sentiment.few_shot` has it on the version of that variant.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from workbench.errors import ExitCode, WorkbenchError
from workbench.releasing.ledger import Move, MoveRefusedError
from workbench.releasing.registered_models import ReleaseNames
from workbench.tracking.mlflow_client import access_fix, first_line
from workbench.tracking.tracking_store import (
    TrackingStore,
    create_and_find,
    is_refusal,
    read_pages,
)

MOVE = "workbench.move"  # tag of a version: the ledger's run that registered it
VARIANT, RELEASE = "variant", "workbench.release"  # tags: a name, and what it is made of
MISSING = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")  # of an alias, of its prompt


@dataclass(frozen=True)
class Release:
    """A version of a task's registered model.

    Attributes:
        version: in digits.
        variant: of a version that Workbench promoted; empty of others.
        parts: what that variant is made of: `prompt` (`sentiment.few_shot/3`), its `digest`, the
            `model` and the `parameters`.
        run_id: of its evaluation; empty: it has none.
    """

    version: str
    variant: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""

    @classmethod
    def of(cls, version: ModelVersion) -> "Release":
        """The release of a model version."""
        try:
            parts = json.loads(version.tags[RELEASE])
        except (KeyError, ValueError):
            return cls(str(version.version), run_id=str(version.run_id or ""))
        name = version.tags.get(VARIANT, "")
        return cls(str(version.version), name, parts, str(version.run_id or ""))

    @property
    def prompt(self) -> str:
        """The prompt version, as `sentiment.few_shot/3`; empty: unknown."""
        return str(self.parts.get("prompt", ""))

    @property
    def title(self) -> str:
        """`version 3 (label_list)`."""
        return f"version {self.version}" + (f" ({self.variant})" if self.variant else "")


@dataclass(frozen=True)
class NewVersion:
    """A packaged variant that is to be a version.

    Attributes:
        model_uri: of the package in MLflow: `models:/m-7c0f…`.
        description: of the version and of the move, in Markdown.
        tags: of the version.
        evidence: content of `evidence.json`.
    """

    model_uri: str
    description: str
    tags: Mapping[str, str]
    evidence: Mapping[str, object]


class TaskModel:
    """The registered model of a task, and the aliases of its prompts."""

    def __init__(self, store: TrackingStore, names: ReleaseNames) -> None:
        self._store = store
        self._client = store.client
        self.names = names

    def aliases(self) -> dict[str, str]:
        """Every alias with the version that it names."""
        try:
            model = self._client.get_registered_model(self.names.model)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise
        return {alias: str(version) for alias, version in model.aliases.items()}

    def version_of(self, alias: str) -> str:
        """The version that an alias names; empty: none."""
        return self.aliases().get(alias, "")

    def release(self, version: str) -> Release | None:
        """A version of the model; None: there is none, or it was deleted."""
        try:
            return Release.of(self._client.get_model_version(self.names.model, version))
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def in_place(self, alias: str) -> Release | None:
        """The release that an alias names; None: none."""
        version = self.version_of(alias)
        return self.release(version) if version else None

    def has_prompt(self, prompt: str) -> bool:
        """True if a prompt version (`sentiment.few_shot/3`) is registered."""
        name, _, version = prompt.rpartition("/")
        try:
            return self._client.get_prompt_version(name, version) is not None
        except MlflowException:
            return False

    def register(self, new_version: NewVersion, claim: Move) -> str:
        """The number of a new version, created for this claim."""
        name, tags = self.names.model, {**new_version.tags, MOVE: claim.run_id}
        try:
            about = f"Variants of {self.names.task}, promoted by Workbench."
            self._client.create_registered_model(name, description=about)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        return create_and_find(
            lambda: self._client.create_model_version(
                name,
                new_version.model_uri,
                claim.evaluation,
                tags=tags,
                description=new_version.description,
                await_creation_for=0,
                model_id=_model_id(new_version.model_uri),
            ),
            lambda: self.registered_by(claim),
        )

    @contextmanager
    def discarded(self, new_version: NewVersion) -> Iterator[None]:
        """Delete the package of a version if its move is refused, which is before it exists."""
        try:
            yield
        except MoveRefusedError:
            if model_id := _model_id(new_version.model_uri):
                with suppress(MlflowException):
                    self._client.delete_logged_model(model_id)
            raise

    def registered_by(self, claim: Move) -> str:
        """The version that a claim has registered; empty: none yet."""
        query = f"name = '{self.names.model}' AND tags.`{MOVE}` = '{claim.run_id}'"
        versions = self._client.search_model_versions(query)
        return max((str(version.version) for version in versions), key=int, default="")

    def delete(self, version: str) -> None:
        """Delete a version that nobody has used."""
        self._client.delete_model_version(self.names.model, version)

    def move_alias(self, alias: str, version: str) -> None:
        """Let an alias name a version."""
        self._client.set_registered_model_alias(self.names.model, alias, version)

    def move_prompt_alias(self, alias: str, prompt: str) -> str:
        """Give an alias to a prompt version (`sentiment.few_shot/3`), and to no other prompt.

        Empty: no prompt of the task has it then. Returns the reason why MLflow refuses it; empty:
        it doesn't.
        """
        name, _, version = prompt.rpartition("/")
        try:
            for other in self._prompts():
                if other != name and self._prompt_version(other, alias):
                    self._client.delete_prompt_alias(other, alias)
            if name and self._prompt_version(name, alias) != version:
                self._client.set_prompt_alias(name, alias, int(version))
        except MlflowException as error:
            if not is_refusal(error) and error.error_code not in MISSING:
                raise
            return f"the alias {alias!r} of the prompt {name!r} is not moved: {first_line(error)}"
        return ""

    @contextmanager
    def errors(self, permission: str) -> Iterator[None]:
        """Turn errors of MLflow into those with a fix; `permission`: what the calls need.

        Raises:
            WorkbenchError: MLflow refused a call, or it failed.
        """
        try:
            yield
        except MlflowException as error:
            is_of_run = re.search(r"/(runs|experiments)/", str(error))
            entity = f"the registered model {self.names.model!r}"
            entity = f"the experiment {self.names.ledger!r}" if is_of_run else entity
            fix = access_fix(error, entity, permission=permission)
            raise WorkbenchError(
                f"MLflow refuses it: {first_line(error)}" if fix else first_line(error),
                where=self._store.masked_uri,
                fix=fix
                or f"workbench promotions {self.names.task} shows how far it came; the next move "
                "of the alias completes it or cleans up",
                exit_code=ExitCode.NOT_RECORDED,
            ) from error

    def _prompts(self) -> list[str]:
        """The task's prompts: in MLflow's search `_` stands for any letter."""
        start = self.names.prompts
        query = f"name LIKE '{start}%'"
        pages = read_pages(lambda token: self._client.search_prompts(query, page_token=token))
        names = [str(prompt.name) for prompt in pages]
        return [name for name in names if name.startswith(start) and "." not in name[len(start) :]]

    def _prompt_version(self, name: str, alias: str) -> str:
        """The version of a prompt that an alias names; empty: none."""
        try:
            return str(self._client.get_prompt_version_by_alias(name, alias).version)
        except MlflowException as error:
            if error.error_code in MISSING:
                return ""
            raise


def _model_id(model_uri: str) -> str | None:
    """The id of a logged model, which leads from a version to its page."""
    scheme, _, model_id = model_uri.partition("models:/")
    return model_id if not scheme and model_id.startswith("m-") else None
