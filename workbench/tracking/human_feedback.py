"""People's ratings as human feedback on the traces that show the rated answers.

    Feedback(name="rating", value=False, rationale="misses the refund",
             source=AssessmentSource("HUMAN", "ann"))

A trace is found by its tag `workbench.key`. The id of a rating is a hash of the trace and the
person, so writing it twice changes nothing. Which entries a tracking store has is noted beside the
project's store; what could not be written is written by the next recording, `workbench sync` or
`workbench view`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import mlflow
from mlflow.entities import AssessmentSource, AssessmentSourceType, Feedback, TraceInfo
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from workbench.canonical import hash_parts
from workbench.errors import WorkbenchError
from workbench.experiment.load import models_by_ref, read_experiment_name
from workbench.model import Completion
from workbench.project import Project
from workbench.secrets import Redactor, mask_url
from workbench.storable_text import storable_json, storable_text
from workbench.store import Store
from workbench.store.ratings import NAME, Rating
from workbench.store.selection import read_stored
from workbench.tracking.mlflow_client import first_line
from workbench.tracking.protocol import RowRecord, not_recorded_error
from workbench.tracking.row_records import PREVIEW_LENGTH
from workbench.tracking.tracking_store import TrackingStore, connect, read_pages

PAGE = 100  # traces
LATER = "the next run or `workbench sync` records them"


@dataclass(frozen=True)
class RatedAnswer:
    """One answer with what people said of it.

    Attributes:
        ratings: those that count, by person.
        people: everybody with an entry, also of an earlier answer.
        previews: beginnings of its text as traces show it.
    """

    ratings: Mapping[str, Rating]
    people: Set[str]
    previews: Set[str]


class HumanFeedback:
    """The ratings of a project's store on their way into a tracking store."""

    def __init__(self, project: Project, redactor: Redactor, tracking_uri: str = "") -> None:
        self._project = project
        self._redactor = redactor
        self._uri = project.tracking_uri(tracking_uri)
        self._recorded_keys: set[str] = set()
        with self._store() as store:
            self._rated_keys, _ = store.ratings.since(0)
            self._number = store.ratings.recorded_number(self._uri)

    def note_recorded(self, records: Iterable[RowRecord]) -> None:
        """Note rows that are recorded now: their traces need the ratings of their answers."""
        if not self._rated_keys:
            return
        keys = {record.row.cell.key for record in records} & self._rated_keys
        if keys and not self._recorded_keys:
            with self._store() as store:  # all entries are compared if this process is killed
                store.ratings.note_recorded(self._uri, 0)
        self._recorded_keys |= keys

    def finish(self, tracking: TrackingStore) -> tuple[str, ...]:
        """Write the ratings that the tracking store lacks; return a note if that failed."""
        try:
            self.write(tracking)
        except Exception as error:  # of MLflow; the record is complete without ratings
            return (f"ratings are not in MLflow yet: {first_line(error)}; {LATER}",)
        return ()

    def write(self, tracking: TrackingStore) -> int:
        """Write the ratings that the tracking store lacks; return the number of changes.

        Raises:
            MlflowException: not all could be written; the next call writes the rest.
        """
        with self._store() as store:
            keys, number = store.ratings.since(self._number)
            answers = self._rated_answers(store, keys | self._recorded_keys)
            experiments = self._experiments(tracking) if answers else []
            changes = sum(
                _write_answer(tracking, experiments, key, answer) for key, answer in answers.items()
            )
            if keys or self._recorded_keys:
                store.ratings.note_recorded(self._uri, number)
            self._number, self._recorded_keys = number, set()
            return changes

    def _store(self) -> Store:
        return Store(self._project.store, self._redactor)

    def _rated_answers(self, store: Store, keys: Collection[str]) -> dict[str, RatedAnswer]:
        if not keys:
            return {}
        current = store.ratings.current(keys)
        people: dict[str, set[str]] = {}
        for rating in store.ratings.entries(keys):
            people.setdefault(rating.key, set()).add(rating.person)
        # Settings of its model may change how an answer is read: its run may have had others.
        answers = [*store.completions(keys).values()]
        for models in ({}, models_by_ref(self._project)):
            answers += [stored.completion for stored in read_stored(store, keys, models=models)]
        previews: dict[str, set[str]] = {}
        for answer in answers:
            previews.setdefault(answer.key, set()).add(_preview(answer))
        return {
            key: RatedAnswer({r.person: r for r in current[key]}, people[key], previews[key])
            for key in previews
        }

    def _experiments(self, tracking: TrackingStore) -> list[str]:
        """The ids of the experiments to write to: on a server those of the project's files."""
        if not tracking.is_server:
            return [each.experiment_id for each in tracking.client.search_experiments()]
        names: set[str] = set()
        for path in self._project.prompts.glob("*/*.y*ml"):
            with suppress(WorkbenchError):
                names.add(read_experiment_name(path, self._project))
        experiments = map(tracking.client.get_experiment_by_name, sorted(names))
        return [each.experiment_id for each in experiments if each]


def sync_ratings(project: Project, redactor: Redactor, tracking_uri: str = "") -> int:
    """Write the ratings that a tracking store lacks; return the number of changes.

    Raises:
        WorkbenchError: not all could be written (exit code 6); the next call writes the rest.
    """
    try:
        tracking = connect(project, tracking_uri, redactor=redactor)
        return HumanFeedback(project, redactor, tracking_uri).write(tracking)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise not_recorded_error(
            f"ratings are not in MLflow yet: {first_line(error)}",
            where=mask_url(project.tracking_uri(tracking_uri)),
            fix=f"the ratings are safe; {LATER}",
        ) from error


def _preview(answer: Completion) -> str:
    text = str(storable_json(answer.text or answer.error))
    return text[:PREVIEW_LENGTH]


def _write_answer(
    tracking: TrackingStore, experiments: Sequence[str], key: str, answer: RatedAnswer
) -> int:
    """Write the ratings of an answer to each trace that shows it; return the number of changes."""
    return sum(
        _write_rating(info, person, answer.ratings.get(person))
        for info in _traces(tracking, experiments, key)
        if info.response_preview in answer.previews
        for person in sorted(answer.people)
    )


def _traces(tracking: TrackingStore, experiments: Sequence[str], key: str) -> Iterator[TraceInfo]:
    """The traces of a request, read completely: writing changes what a later page shows."""
    pages = read_pages(
        lambda token: tracking.client.search_traces(
            locations=list(experiments),
            filter_string=f"tags.`workbench.key` = '{key}'",
            include_spans=False,
            max_results=PAGE,
            page_token=token,
        )
    )
    return iter([trace.info for trace in pages] if experiments else [])


def _write_rating(info: TraceInfo, person: str, rating: Rating | None) -> bool:
    """Write one person's rating, or delete it; return True if the trace had another or none."""
    assessment_id = _assessment_id(info.trace_id, person)
    stored = {assessment.assessment_id: assessment for assessment in info.assessments}
    before = stored.get(assessment_id)
    if rating is None:
        if before:
            mlflow.delete_assessment(info.trace_id, assessment_id)
        return before is not None
    feedback = _feedback(info.trace_id, rating)
    if before is None:
        feedback.assessment_id = assessment_id
        mlflow.log_assessment(info.trace_id, feedback)
    elif (before.value, before.rationale or "") != (feedback.value, feedback.rationale or ""):
        mlflow.update_assessment(info.trace_id, assessment_id, feedback)
    else:
        return False
    return True


def _feedback(trace_id: str, rating: Rating) -> Feedback:
    rated_at_ms = round(datetime.fromisoformat(rating.rated_at).timestamp() * 1000)
    person = storable_text(rating.person)
    return Feedback(
        name=NAME,
        value=rating.good,
        rationale=storable_text(rating.comment),
        source=AssessmentSource(source_type=AssessmentSourceType.HUMAN, source_id=person),
        trace_id=trace_id,
        create_time_ms=rated_at_ms,
        last_update_time_ms=rated_at_ms,
    )


def _assessment_id(trace_id: str, person: str) -> str:
    return f"a-{hash_parts(32, trace_id, NAME, person)}"
