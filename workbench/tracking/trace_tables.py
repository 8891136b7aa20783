"""Rows of MLflow's tables for traces: the columns that MLflow's client would write.

    trace_info      request_id="tr-9f86…"  experiment_id=1  timestamp_ms=1790000000000  …
    trace_tags      request_id="tr-9f86…"  key="workbench.example"  value="r3"

Transcribed from SqlAlchemyStore.start_trace, .log_spans and .link_prompts_to_trace.
"""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from mlflow.entities import Assessment, TraceInfo
from mlflow.entities.span import LazySpan
from mlflow.store.tracking.dbmodels import models
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
from sqlalchemy import Table

from workbench.canonical import plain_json, unescaped_json
from workbench.tracking.row_trace import RowTrace

TRACE_ID = f"tr-{0:032}"  # stands for a trace in the template of their locations
IN_DATABASE = "TRACKING_STORE"  # the location of a trace's spans until MLflow archives them
NO_ANALYTICS = dict.fromkeys(
    ["session_id", *TOKEN_COLUMN_BY_KEY.values(), *COST_COLUMN_BY_KEY.values()]
)

INFOS = models.SqlTraceInfo.__table__
TAGS = models.SqlTraceTag.__table__
METADATA = models.SqlTraceMetadata.__table__
ASSESSMENTS = models.SqlAssessments.__table__
SPANS = models.SqlSpan.__table__
LINKS = models.SqlEntityAssociation.__table__
TABLES = (INFOS, TAGS, METADATA, ASSESSMENTS, SPANS, LINKS)  # in the order of inserting

Columns = dict[str, Any]


def table_rows(
    row_traces: Sequence[RowTrace], artifact_location: str
) -> dict[Table, list[Columns]]:
    """The rows of each table for traces of one run; all rows of a table have the same columns."""
    rows: dict[Table, list[Columns]] = {table: [] for table in TABLES}
    now_ms = get_current_time_millis()
    location = append_to_uri_path(artifact_location, "traces", TRACE_ID, "artifacts")
    template = row_traces[0].spans()[0].to_dict() if row_traces else {}
    for trace in row_traces:
        info, prompt = trace.trace_info(), trace.run.variant.prompt
        experiment_id = int(trace.run.experiment_id)
        rows[INFOS].append(_info(info, experiment_id))
        rows[TAGS] += _key_values(info.trace_id, _tags(info, location))
        rows[METADATA] += _key_values(info.trace_id, _metadata(info))
        rows[ASSESSMENTS] += [_assessment(a, info, experiment_id) for a in info.assessments]
        rows[SPANS] += [
            _span(fields, template, info, experiment_id) for fields in trace.span_fields()
        ]
        if prompt.version is not None:
            version = ("prompt_version", f"{prompt.registered_name}/{prompt.version}")
            rows[LINKS].append(association(info.trace_id, version, now_ms))
    return rows


def _info(info: TraceInfo, experiment_id: int) -> Columns:
    return {
        "request_id": info.trace_id,
        "experiment_id": experiment_id,
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


def _tags(info: TraceInfo, location: str) -> dict[str, str]:
    location = location.replace(TRACE_ID, info.trace_id)
    tags = {key: value for key, value in info.tags.items() if key != TraceTagKey.TRACE_NAME}
    return {**tags, MLFLOW_ARTIFACT_LOCATION: location, TraceTagKey.SPANS_LOCATION: IN_DATABASE}


def _assessment(assessment: Assessment, info: TraceInfo, experiment_id: int) -> Columns:
    value = (assessment.feedback or assessment.expectation).value
    error = assessment.feedback.error if assessment.feedback else None
    number, is_number = assessment_aggregate(value)
    return {
        "assessment_id": assessment.assessment_id,
        "trace_id": info.trace_id,
        "name": assessment.name,
        "assessment_type": "feedback" if assessment.feedback else "expectation",
        "value": plain_json(value),
        "error": plain_json(error.to_dictionary()) if error else None,
        "created_timestamp": assessment.create_time_ms,
        "last_updated_timestamp": assessment.last_update_time_ms,
        "experiment_id": experiment_id,
        "trace_timestamp_ms": info.request_time,
        "aggregate_value": number,
        "is_numeric_value": is_number,
        "source_type": assessment.source.source_type,
        "source_id": assessment.source.source_id,
        "rationale": assessment.rationale,
        "assessment_metadata": json.dumps(metadata) if (metadata := assessment.metadata) else None,
        "valid": True,
    }


def _span(
    fields: Mapping[str, Any], template: Mapping[str, Any], info: TraceInfo, experiment_id: int
) -> Columns:
    """The row of a span; `template`: any span as MLflow's dictionary, which has all fields."""
    span = LazySpan({key: fields.get(key, default) for key, default in template.items()})
    stored = translate_span_when_storing(span)
    attributes = stored["attributes"]
    cost = _parsed(attributes, SpanAttributeKey.LLM_COST) or {}
    span_id, parent_id = fields["span_id"], fields["parent_span_id"]
    return {
        "trace_id": info.trace_id,
        "experiment_id": experiment_id,
        "span_id": b64decode(span_id).hex(),
        "parent_span_id": b64decode(parent_id).hex() if parent_id else None,
        "name": fields["name"],
        "type": _parsed(fields["attributes"], SpanAttributeKey.SPAN_TYPE),
        "status": fields["status"]["code"].removeprefix("STATUS_CODE_"),
        "start_time_unix_nano": fields["start_time_unix_nano"],
        "end_time_unix_nano": fields["end_time_unix_nano"],
        "content": unescaped_json(stored),
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
    metadata = {**info.trace_metadata, TraceMetadataKey.TRACE_INFO_FINALIZED: "true"}
    return {k: v for k, v in metadata.items() if k not in PROMOTED_TRACE_METADATA_KEYS}


def _key_values(trace_id: str, values: Mapping[str, str]) -> list[Columns]:
    return [{"request_id": trace_id, "key": key, "value": value} for key, value in values.items()]


def _parsed(attributes: Mapping[str, str], key: str) -> Any:
    return json.loads(attributes[key]) if key in attributes else None
