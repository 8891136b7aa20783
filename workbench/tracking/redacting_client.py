"""MLflow's client, which writes no secret: what is logged through it is cleaned first.

RedactingClient(redactor).log_dict(run_id, {"headers": {"X-Key": "sk-…"}}, "experiment.yaml")
"""

from collections.abc import Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from workbench.canonical import JSON
from workbench.secrets import Redactor


class RedactingClient(MlflowClient):  # type: ignore[misc]
    """The client for everything but traces, whose rows are clean already."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def create_run(
        self, experiment_id: str, start_time: int, tags: dict[str, str], run_name: str
    ) -> Run:
        """As MLflow's."""
        clean = self._redactor.redact
        return super().create_run(
            experiment_id, start_time, self._redactor.redact_json(tags), run_name=clean(run_name)
        )

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Any] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """As MLflow's."""
        clean = self._redactor.redact
        super().log_batch(
            run_id,
            metrics,
            [Param(one.key, clean(str(one.value))) for one in params],
            [RunTag(one.key, clean(str(one.value))) for one in tags],
        )

    def log_dict(self, run_id: str, dictionary: dict[str, JSON], artifact_file: str) -> None:
        """As MLflow's."""
        super().log_dict(run_id, self._redactor.redact_json(dictionary), artifact_file)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """As MLflow's."""
        super().log_text(run_id, self._redactor.redact(text), artifact_file)
