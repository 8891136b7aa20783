"""Rows of MLflow's tables for traces: the columns that MLflow's client would write.

    tables = TraceTables(run, "file:///…/artifacts/reviews")
    tables.add(row_trace)
    tables.infos    [{"request_id": "tr-9f86…", "experiment_id": 1, "timestamp_ms": …, …}]

Transcribed from SqlAlchemyStore.start_trace, .log_spans and .link_prompts_to_trace.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from mlflow.entities import Assessment, Span, TraceInfo
from mlflow.store.tracking.utils.trace_analytics import (
    COST_COLUMN_BY_KEY,
    PROMOTED_TRACE_METADATA_KEYS,
    TOKEN_COLUMN_BY_KEY,
    analytics_columns_from_metadata,
    assessment_aggregate,
)
from mlflow.tracing.constant import SpanAttributeKey, TraceMetadataKey, TraceTagKey
from mlflow.tracing.otel.translation import translate_span_when_storing
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.uri import append_to_uri_path

from workbench.tracking.row_trace import RowTrace, TraceRun

IN_DATABASE = "TRACKING_STORE"  # the location of a trace's spans until MLflow archives them
NO_ANALYTICS = dict.fromkeys(
    ["session_id", *TOKEN_COLUMN_BY_KEY.values(), *COST_COLUMN_BY_KEY.values()]
)

Columns = dict[str, Any]


class TraceTables:
    """The rows to insert into each table; all rows of one table have the same columns."""

    def __init__(self, run: TraceRun, artifact_location: str) -> None:
        self._experiment_id = int(run.experiment_id)
        self._artifact_location = artifact_location
        self._now_ms = get_current_time_millis()
        prompt = run.variant.prompt
        self._prompt = f"{prompt.registered_name}/{prompt.version}"
        self.infos: list[Columns] = []
        self.tags: list[Columns] = []
        self.metadata: list[Columns] = []
        self.assessments: list[Columns] = []
        self.spans: list[Columns] = []
        self.links: list[Columns] = []

    def add(self, row_trace: RowTrace) -> None:
        """Add a trace with its spans, assessments and links."""
        info = row_trace.trace_info()
        self.infos.append(self._info(info))
        self.tags += _key_values(info.trace_id, self._tags(info))
        self.metadata += _key_values(info.trace_id, _metadata(info))
        self.assessments += [self._assessment(a, info) for a in info.assessments]
        self.spans += [self._span(span, info.trace_id) for span in row_trace.spans()]
        prompt = ("prompt_version", self._prompt)
        self.links.append(association(info.trace_id, prompt, self._now_ms))

    def _info(self, info: TraceInfo) -> Columns:
        return {
            "request_id": info.trace_id,
            "experiment_id": self._experiment_id,
            "timestamp_ms": info.request_time,
            "execution_time_ms": info.execution_duration,
            "status": info.state.value,
            "client_request_id": info.client_request_id,
            "request_preview": info.request_preview,
            "response_preview": info.response_preview,
            "trace_name": info.tags[TraceTagKey.TRACE_NAME],
            "db_payload_generation": 1,  # counts the writes of spans
            **NO_ANALYTICS,
            **analytics_columns_from_metadata(info.trace_metadata),
        }

    def _tags(self, info: TraceInfo) -> dict[str, str]:
        location = append_to_uri_path(self._artifact_location, "traces", info.trace_id, "artifacts")
        tags = {key: value for key, value in info.tags.items() if key != TraceTagKey.TRACE_NAME}
        return {**tags, MLFLOW_ARTIFACT_LOCATION: location, TraceTagKey.SPANS_LOCATION: IN_DATABASE}

    def _assessment(self, assessment: Assessment, info: TraceInfo) -> Columns:
        value = (assessment.feedback or assessment.expectation).value
        error = assessment.feedback.error if assessment.feedback else None
        number, is_number = assessment_aggregate(value)
        return {
            "assessment_id": assessment.assessment_id,
            "trace_id": info.trace_id,
            "name": assessment.name,
            "assessment_type": "feedback" if assessment.feedback else "expectation",
            "value": json.dumps(value),
            "error": json.dumps(error.to_dictionary()) if error else None,
            "created_timestamp": assessment.create_time_ms,
            "last_updated_timestamp": assessment.last_update_time_ms,
            "experiment_id": self._experiment_id,
            "trace_timestamp_ms": info.request_time,
            "aggregate_value": number,
            "is_numeric_value": is_number,
            "source_type": assessment.source.source_type,
            "source_id": assessment.source.source_id,
            "run_id": assessment.run_id,
            "span_id": assessment.span_id,
            "rationale": assessment.rationale,
            "overrides": assessment.overrides,
            "valid": True,
            "assessment_metadata": json.dumps(assessment.metadata) if assessment.metadata else None,
        }

    def _span(self, span: Span, trace_id: str) -> Columns:
        stored = translate_span_when_storing(span)
        attributes = stored["attributes"]
        cost = _parsed(attributes, SpanAttributeKey.LLM_COST) or {}
        return {
            "trace_id": trace_id,
            "experiment_id": self._experiment_id,
            "span_id": span.span_id,
            "parent_span_id": span.parent_id,
            "name": span.name,
            "type": span.span_type,
            "status": span.status.status_code.value,
            "start_time_unix_nano": span.start_time_ns,
            "end_time_unix_nano": span.end_time_ns,
            "content": json.dumps(stored, ensure_ascii=False),
            **{column: cost.get(key) for key, column in COST_COLUMN_BY_KEY.items()},
            "model_name": _parsed(attributes, SpanAttributeKey.MODEL),
            "model_provider": _parsed(attributes, SpanAttributeKey.MODEL_PROVIDER),
        }


def association(trace_id: str, target: tuple[str, str], now_ms: int) -> Columns:
    """The link of a trace to ("run", id) or ("prompt_version", "qa.plain/3")."""
    return {
        "association_id": sha256(" ".join((trace_id, *target)).encode()).hexdigest()[:32],
        "source_type": "trace",
        "source_id": trace_id,
        "destination_type": target[0],
        "destination_id": target[1],
        "created_time": now_ms,
    }


def _metadata(info: TraceInfo) -> dict[str, str]:
    metadata = {
        key: value
        for key, value in info.trace_metadata.items()
        if key not in PROMOTED_TRACE_METADATA_KEYS
    }
    return {**metadata, TraceMetadataKey.TRACE_INFO_FINALIZED: "true"}


def _key_values(trace_id: str, values: Mapping[str, str]) -> list[Columns]:
    return [{"request_id": trace_id, "key": key, "value": value} for key, value in values.items()]


def _parsed(attributes: Mapping[str, str], key: str) -> Any:
    return json.loads(attributes[key]) if key in attributes else None
