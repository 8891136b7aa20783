"""Records of the outbox, written to MLflow's tracking store or server.

    start_trace             a request per trace: its state, times, tags, metadata
    link_prompts_to_trace   a request per trace with a registered prompt: for the prompt's page
    log_spans               a request for all traces of a batch
    create_assessment       two requests for a person's feedback: MLflow refuses an id that it has

Each of them changes nothing when it is repeated. TracingClient and its store are not documented API
of MLflow; the tests read everything back through the public API.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import TraceInfo
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient

from workbench.canonical import JSON
from workbench.serving.traces.sending import RefusedRecordError, UnavailableError
from workbench.serving.traces.served_records import read_feedback
from workbench.serving.traces.served_trace import ServedTrace, assessment

THREADS = 4  # requests to a server at once: it has other work, too
KIND = {"mlflow.experimentKind": "genai_development"}  # decides which page MLflow opens first
REFUSALS = {
    *("BAD_REQUEST", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST"),
    *("RESOURCE_ALREADY_EXISTS", "RESOURCE_CONFLICT", "REQUEST_LIMIT_EXCEEDED"),
}
OLDEST = (3, 4)  # of MLflow's versions
ACCESS = {"PERMISSION_DENIED", "UNAUTHENTICATED"}


class MlflowTraces:
    """The traces of one experiment; made without a call to MLflow.

    Args:
        tracking_uri: of the store or the server.
        experiment: its name.
        report: gets a message when a prompt can't be linked, once.
    """

    def __init__(self, tracking_uri: str, experiment: str, report: Callable[[str], None]) -> None:
        self._uri = tracking_uri
        self._experiment = experiment
        self._report = report
        self._link_refused = False
        mlflow.set_tracking_uri(tracking_uri)

    def write_calls(self, records: Sequence[Mapping[str, JSON]]) -> None:
        """Write calls, all or an unknown part of them.

        Raises:
            RefusedRecordError: MLflow refuses one of them.
            UnavailableError: it refuses this user, or is too old.
            MlflowException: it can't be reached, or has a fault.
        """
        experiment_id = self._experiment_id
        try:
            traces = [ServedTrace(record, experiment_id) for record in records]
            infos = [trace.trace_info() for trace in traces]
            spans = [span for trace in traces for span in trace.spans()]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RefusedRecordError(f"it can't be read: {error!r}") from error
        self._check_version()
        with _refusals(REFUSALS):
            self._map(self._start_trace, zip(traces, infos, strict=True))
            self._store.log_spans(experiment_id, spans)

    def write_feedback(self, record: Mapping[str, JSON]) -> None:
        """Write feedback to its trace, or replace that of the same source and name.

        Raises:
            RefusedRecordError: the trace isn't there, or is no served request's.
            MlflowException: MLflow can't be reached, or has a fault.
        """
        try:
            feedback = assessment(read_feedback(record))
        except (TypeError, ValueError) as error:
            raise RefusedRecordError(f"it can't be read: {error!r}") from error
        # A server with authentication answers so for a trace that it doesn't have.
        with _refusals({*REFUSALS, "PERMISSION_DENIED"}):
            info = self._store.get_trace_info(feedback.trace_id)
            if info.client_request_id != record["request_id"]:
                raise RefusedRecordError("the trace is not one of a served request")
            stored = {each.assessment_id: each for each in info.assessments}
            if (before := stored.get(feedback.assessment_id)) is None:
                self._store.create_assessment(feedback)
            elif (before.value, before.rationale or "") != (feedback.value, feedback.rationale):
                self._store.update_assessment(
                    trace_id=feedback.trace_id,
                    assessment_id=feedback.assessment_id,
                    feedback=feedback.feedback,
                    rationale=feedback.rationale,  # None would leave the one before
                )

    def is_healthy(self) -> bool:
        """True if MLflow answers and has the experiment: then a refusal is a record's fault."""
        try:
            experiment = self._store.get_experiment(self._experiment_id)
            healthy = bool(experiment.lifecycle_stage == "active")
        except Exception:  # of MLflow, of requests, of SQLAlchemy
            healthy = False
        if not healthy:
            self.__dict__.pop("_experiment_id", None)  # it is looked up, or created, next time
        return healthy

    def _start_trace(self, trace_and_info: tuple[ServedTrace, TraceInfo]) -> None:
        trace, info = trace_and_info
        self._store.start_trace(info)
        if (prompt := trace.prompt_version) and not self._link_refused:
            version = PromptVersion(prompt[0], int(prompt[1]), "")
            try:
                self._store.link_prompts_to_trace(trace.id, [version])
            except MlflowException as error:
                if error.error_code not in REFUSALS | ACCESS:
                    raise
                self._link_refused = True
                name = "/".join(prompt)
                self._report(f"traces are not linked to the prompt {name}: {error}")

    def _map(self, function: Callable[[Any], None], arguments: Iterable[Any]) -> None:
        """Call in threads for a server; a database has one writer at a time."""
        if not self._uri.startswith(("http://", "https://")):
            for argument in arguments:
                function(argument)
            return
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(function, arguments))

    def _check_version(self) -> None:
        """Refuse an old server, which would refuse each trace.

        MLflow keeps the answer, also that there was none, so it is forgotten then.
        """
        if (ask := getattr(self._store, "_get_server_version", None)) is None:
            return
        if (version := ask(self._store.get_host_creds())) is None or version.release < OLDEST:
            ask.cache_clear()
            raise UnavailableError(f"the server runs MLflow {version}; traces need 3.4 or later")

    @cached_property
    def _store(self) -> Any:
        return TracingClient(self._uri).store

    @cached_property
    def _experiment_id(self) -> str:
        """The experiment's id; created if it is missing.

        Raises:
            MlflowException: MLflow can't be reached, or the experiment is deleted.
        """
        client = MlflowClient(self._uri)
        experiment = client.get_experiment_by_name(self._experiment)
        if experiment is None:
            try:
                return str(client.create_experiment(self._experiment, tags=KIND))
            except MlflowException:  # another server may have created it first
                experiment = client.get_experiment_by_name(self._experiment)
                if experiment is None:
                    raise
        if experiment.lifecycle_stage != "active":
            number = experiment.experiment_id
            raise MlflowException(
                f"the experiment {self._experiment!r} is deleted; restore it: "
                f"mlflow experiments restore --experiment-id {number}"
            )
        return str(experiment.experiment_id)


@contextmanager
def _refusals(codes: Set[str]) -> Iterator[None]:
    """Raise MLflow's errors with these codes as `RefusedRecordError`."""
    try:
        yield
    except MlflowException as error:
        if error.error_code in codes:
            raise RefusedRecordError(f"{error.error_code}: {error}") from error
        if error.error_code in ACCESS:
            raise UnavailableError(str(error)) from error
        raise
