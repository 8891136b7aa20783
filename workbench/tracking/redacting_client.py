"""MLflow's client with secrets removed from everything that is logged through it.

{"headers": {"X-Key": "sk-…"}}  is logged as  {"headers": {"X-Key": "[secret KEY]"}}
"""

from collections.abc import Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from workbench.canonical import JSON
from workbench.secrets import Redactor


class RedactingClient(MlflowClient):  # type: ignore[misc]
    """The client for everything but traces, whose rows are redacted before they get here."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def create_run(
        self, experiment_id: str, start_time: int, tags: dict[str, str], run_name: str
    ) -> Run:
        """See `MlflowClient`."""
        tags, run_name = self._redactor.redact_json(tags), self._redactor.redact(run_name)
        return super().create_run(experiment_id, start_time, tags, run_name=run_name)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Any] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """See `MlflowClient`."""
        redact = self._redactor.redact
        params = [Param(param.key, redact(str(param.value))) for param in params]
        tags = [RunTag(tag.key, redact(str(tag.value))) for tag in tags]
        super().log_batch(run_id, metrics, params, tags)

    def log_dict(self, run_id: str, dictionary: dict[str, JSON], artifact_file: str) -> None:
        """See `MlflowClient`."""
        super().log_dict(run_id, self._redactor.redact_json(dictionary), artifact_file)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """See `MlflowClient`."""
        super().log_text(run_id, self._redactor.redact(text), artifact_file)
