"""People who promote variants of a task, in an MLflow store; variants are names, not packages."""

import json
from dataclasses import dataclass
from pathlib import Path

from workbench.releasing.ledger import PROMOTE, ROLLBACK, Ledger, Move
from workbench.releasing.promotion import Promoter
from workbench.releasing.registered_models import ReleaseNames
from workbench.releasing.task_model import RELEASE, NewVersion, TaskModel
from workbench.tracking.tracking_store import TrackingStore


@dataclass(frozen=True)
class Team:
    """People who promote variants of a task, each with a promoter of their own.

    Attributes:
        run_id: of the evaluation of every variant.
    """

    store: TrackingStore
    folder: Path
    run_id: str
    task: str = "qa"

    @property
    def names(self) -> ReleaseNames:
        return ReleaseNames(self.task)

    def promoter(self, store: TrackingStore | None = None) -> Promoter:
        store = store or self.store
        return Promoter(TaskModel(store, self.names), Ledger(store, self.names, self.folder))

    @property
    def model(self) -> TaskModel:
        return self.promoter().model

    def add_prompts(self, *prompts: str) -> None:
        for prompt in prompts:
            self.store.client.create_prompt(f"{self.task}.{prompt}")
            self.store.client.create_prompt_version(f"{self.task}.{prompt}", "{{ text }}")

    def candidate(self, variant: str) -> NewVersion:
        client = self.store.client
        experiment_id = client.get_run(self.run_id).info.experiment_id
        package = client.create_logged_model(experiment_id, "variant", self.run_id)
        client.finalize_logged_model(package.model_id, "READY")
        tags = {"variant": variant, RELEASE: json.dumps({"prompt": f"{self.task}.{variant}/1"})}
        return NewVersion(package.model_uri, f"**{variant}**", tags, {"variant": variant})

    def promote(self, variant: str, person: str = "ada", promoter: Promoter | None = None) -> Move:
        promoter = promoter or self.promoter()
        prompt = f"{self.task}.{variant}/1"
        move = Move(
            PROMOTE, "production", person, variant=variant, prompt=prompt, evaluation=self.run_id
        )
        replaced = self.model.in_place("production")
        return promoter.promote(self.candidate(variant), move, replaced=replaced)

    def rollback(self, person: str = "ada", promoter: Promoter | None = None) -> Move:
        move = Move(ROLLBACK, "production", person)
        return (promoter or self.promoter()).rollback(move, lambda _: ("**back**", {}))

    def state(self) -> tuple[str, list[str]]:
        """The variant in production, and the prompts that have the alias."""
        release = self.model.in_place("production")
        prompts = self.model._prompts()
        named = [p for p in prompts if self.model._prompt_version(p, "production")]
        return release.variant if release else "", named
