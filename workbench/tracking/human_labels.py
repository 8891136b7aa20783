"""Assessments of people on the traces of answers, as MLflow has them; nothing is changed.

    read_human_labels(store, ["sentiment"])
    [HumanLabel(row="r3", variant="few_shot", person="ann", name="polite", value=True, …), …]

Ratings that the comparison page wrote are listed, too, and marked.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mlflow.entities import Assessment, AssessmentSourceType, TraceInfo
from mlflow.exceptions import MlflowException

from workbench.canonical import JSON, hash_parts
from workbench.errors import ExitCode, WorkbenchError
from workbench.store.ratings import NAME
from workbench.tracking.mlflow_client import access_fix, first_line
from workbench.tracking.tracking_store import TrackingStore, read_pages

PAGE = 500  # traces


@dataclass(frozen=True)
class HumanLabel:
    """An assessment by a person.

    Attributes:
        key: of the answer's request.
        name: of the assessment.
        comment: the person's reason.
        at_ms: when it was last changed, in milliseconds since 1970.
        trace: the id of its trace.
        from_page: it is a rating that the comparison page wrote.
    """

    row: str
    repeat: int
    variant: str
    key: str
    person: str
    name: str
    value: JSON
    comment: str
    at_ms: int
    trace: str
    from_page: bool


def read_human_labels(store: TrackingStore, experiments: Sequence[str]) -> list[HumanLabel]:
    """The assessments of people in these experiments by row, variant, person and time.

    Of several by a person on one answer under one name the last counts, on whichever trace it is.

    Raises:
        WorkbenchError: MLflow can't be read.
    """
    latest: dict[tuple[str, str, str], HumanLabel] = {}
    try:
        for label in _labels(_traces(store, experiments)):
            place = label.key, label.person, label.name
            if place not in latest or latest[place].at_ms <= label.at_ms:
                latest[place] = label
    except MlflowException as error:
        raise WorkbenchError(
            f"MLflow's assessments can't be read: {first_line(error)}",
            where=store.masked_uri,
            fix=access_fix(error) or "see that it works: mlflow experiments search",
            exit_code=ExitCode.USER,
        ) from error
    return sorted(latest.values(), key=lambda e: (e.row, e.repeat, e.variant, e.person, e.at_ms))


def _traces(store: TrackingStore, experiments: Sequence[str]) -> Iterator[TraceInfo]:
    by_name = map(store.client.get_experiment_by_name, experiments)
    ids = [each.experiment_id for each in by_name if each]
    pages = read_pages(
        lambda token: store.client.search_traces(
            locations=ids, include_spans=False, max_results=PAGE, page_token=token
        )
    )
    return (trace.info for trace in pages) if ids else iter(())


def _labels(infos: Iterable[TraceInfo]) -> Iterator[HumanLabel]:
    for info in infos:
        for assessment in info.assessments:
            if _is_by_person(info, assessment):
                verdict = assessment.feedback or assessment.expectation
                person = assessment.source.source_id or ""
                yield HumanLabel(
                    row=info.tags.get("workbench.example", ""),
                    repeat=int(info.tags.get("workbench.repeat", "0")),
                    variant=info.tags.get("mlflow.traceName", ""),
                    key=info.tags.get("workbench.key", ""),
                    person=person,
                    name=assessment.name,
                    value=verdict.value,
                    comment=assessment.rationale or "",
                    at_ms=assessment.last_update_time_ms or assessment.create_time_ms or 0,
                    trace=info.trace_id,
                    from_page=assessment.assessment_id == _id(info, NAME, person),
                )


def _is_by_person(info: TraceInfo, assessment: Assessment) -> bool:
    """True for what a person wrote, and nobody replaced; expected answers of rows are ours."""
    if assessment.source.source_type != AssessmentSourceType.HUMAN or assessment.valid is False:
        return False
    return bool(assessment.assessment_id != _id(info, "expectation", assessment.name))


def _id(info: TraceInfo, *parts: str) -> str:
    """The id of an assessment that the workbench writes."""
    return f"a-{hash_parts(32, info.trace_id, *parts)}"
