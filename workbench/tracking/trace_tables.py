"""Rows of MLflow's tables for some traces: what its own calls would write, column by column.

    columns = Columns(source, "file:///…/artifacts/reviews")
    columns.add(made)
    columns.infos    [{"request_id": "tr-9f86…", "experiment_id": 1, "timestamp_ms": …, …}]

Written down from SqlAlchemyStore.start_trace, .log_spans and .link_prompts_to_trace.
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

from workbench.tracking.row_trace import RowTrace, Source

HERE = "TRACKING_STORE"  # where a trace's spans are, unless MLflow has archived them
UNKNOWN = dict.fromkeys(["session_id", *TOKEN_COLUMN_BY_KEY.values(), *COST_COLUMN_BY_KEY.values()])

Columns = dict[str, Any]


class TraceTables:
    """What goes into each table; rows of one table all have the same columns."""

    def __init__(self, source: Source, artifacts: str) -> None:
        self._experiment = int(source.experiment_id)
        self._artifacts = artifacts
        self._now = get_current_time_millis()
        prompt = source.variant.prompt
        self._prompt = f"{prompt.registered_name}/{prompt.version}"
        self.infos: list[Columns] = []
        self.tags: list[Columns] = []
        self.metadata: list[Columns] = []
        self.assessments: list[Columns] = []
        self.spans: list[Columns] = []
        self.links: list[Columns] = []

    def add(self, made: RowTrace) -> None:
        """One trace with all that belongs to it."""
        info = made.info()
        self.infos.append(self._info(info))
        self.tags += _pairs(made.id, self._tags(info))
        self.metadata += _pairs(made.id, _metadata(info))
        self.assessments += [self._assessment(one, info) for one in info.assessments]
        self.spans += [self._span(one, made.id) for one in made.spans()]
        self.links.append(association(made.id, ("prompt_version", self._prompt), self._now))

    def _info(self, info: TraceInfo) -> Columns:
        return {
            "request_id": info.trace_id,
            "experiment_id": self._experiment,
            "timestamp_ms": info.request_time,
            "execution_time_ms": info.execution_duration,
            "status": info.state.value,
            "client_request_id": info.client_request_id,
            "request_preview": info.request_preview,
            "response_preview": info.response_preview,
            "trace_name": info.tags[TraceTagKey.TRACE_NAME],
            "db_payload_generation": 1,  # as often as spans were written
            **UNKNOWN,
            **analytics_columns_from_metadata(info.trace_metadata),
        }

    def _tags(self, info: TraceInfo) -> dict[str, str]:
        place = append_to_uri_path(self._artifacts, "traces", info.trace_id, "artifacts")
        tags = {key: value for key, value in info.tags.items() if key != TraceTagKey.TRACE_NAME}
        return {**tags, MLFLOW_ARTIFACT_LOCATION: place, TraceTagKey.SPANS_LOCATION: HERE}

    def _assessment(self, one: Assessment, info: TraceInfo) -> Columns:
        said = one.feedback or one.expectation
        error = one.feedback.error if one.feedback else None
        number, is_number = assessment_aggregate(said.value)
        return {
            "assessment_id": one.assessment_id,
            "trace_id": info.trace_id,
            "name": one.name,
            "assessment_type": "feedback" if one.feedback else "expectation",
            "value": json.dumps(said.value),
            "error": json.dumps(error.to_dictionary()) if error else None,
            "created_timestamp": one.create_time_ms,
            "last_updated_timestamp": one.last_update_time_ms,
            "experiment_id": self._experiment,
            "trace_timestamp_ms": info.request_time,
            "aggregate_value": number,
            "is_numeric_value": is_number,
            "source_type": one.source.source_type,
            "source_id": one.source.source_id,
            "run_id": one.run_id,
            "span_id": one.span_id,
            "rationale": one.rationale,
            "overrides": one.overrides,
            "valid": True,
            "assessment_metadata": json.dumps(one.metadata) if one.metadata else None,
        }

    def _span(self, span: Span, trace_id: str) -> Columns:
        stored = translate_span_when_storing(span)
        attributes = stored["attributes"]
        cost = _read(attributes, SpanAttributeKey.LLM_COST) or {}
        return {
            "trace_id": trace_id,
            "experiment_id": self._experiment,
            "span_id": span.span_id,
            "parent_span_id": span.parent_id,
            "name": span.name,
            "type": span.span_type,
            "status": span.status.status_code.value,
            "start_time_unix_nano": span.start_time_ns,
            "end_time_unix_nano": span.end_time_ns,
            "content": json.dumps(stored, ensure_ascii=False),
            **{column: cost.get(key) for key, column in COST_COLUMN_BY_KEY.items()},
            "model_name": _read(attributes, SpanAttributeKey.MODEL),
            "model_provider": _read(attributes, SpanAttributeKey.MODEL_PROVIDER),
        }


def association(trace_id: str, to: tuple[str, str], now: int) -> Columns:
    """A trace linked to something of a kind: ("run", id), ("prompt_version", "qa.plain/3")."""
    return {
        "association_id": sha256(" ".join((trace_id, *to)).encode()).hexdigest()[:32],
        "source_type": "trace",
        "source_id": trace_id,
        "destination_type": to[0],
        "destination_id": to[1],
        "created_time": now,
    }


def _metadata(info: TraceInfo) -> dict[str, str]:
    own = {
        key: value
        for key, value in info.trace_metadata.items()
        if key not in PROMOTED_TRACE_METADATA_KEYS
    }
    return {**own, TraceMetadataKey.TRACE_INFO_FINALIZED: "true"}


def _pairs(trace_id: str, these: Mapping[str, str]) -> list[Columns]:
    return [{"request_id": trace_id, "key": key, "value": value} for key, value in these.items()]


def _read(attributes: Mapping[str, str], key: str) -> Any:
    return json.loads(attributes[key]) if key in attributes else None
