"""People's labels of a judge's answers, from where the user says.

--labels labels.csv      a file with the columns id and label, and perhaps variant and person
--labels polite          a column of the dataset
--labels mlflow          assessments of people that have the judge's name
--labels store           ratings of the live comparison page
"""

from collections.abc import Sequence
from pathlib import Path

from workbench.calibration.labels import (
    Place,
    column_labels,
    match_choice,
    match_labels,
    rating_labels,
    read_label_file,
)
from workbench.errors import WorkbenchError, list_first
from workbench.judges.judge import Judge
from workbench.plan import Plan
from workbench.project import Project
from workbench.store import Store
from workbench.tracking.human_labels import HumanLabel, read_human_labels
from workbench.tracking.tracking_store import connect_to_read

MLFLOW, STORE = "mlflow", "store"
Labels = dict[Place, dict[str, str]]
Tracking = tuple[Project, str]


def read_labels(source: str, judge: Judge, plan: Plan, store: Store, tracking: Tracking) -> Labels:
    """The labels by answer and person.

    Args:
        source: as on the command line.
        judge: whose choices they are.
        plan: with the answers that they belong to.
        store: with the ratings of the live page.
        tracking: the project, and the address of the MLflow store from the command line.

    Raises:
        WorkbenchError: there are none, or one belongs nowhere or is no choice.
    """
    if source == MLFLOW:
        project, uri = tracking
        project.require_tracking(uri, "--labels mlflow")
        listed = read_human_labels(connect_to_read(project, uri), [plan.experiment.name])
        labels = _assessed(listed, judge, plan)
    elif source == STORE:
        labels = rating_labels(plan, store, judge.labels)
    elif source.endswith(".csv") or Path(source).is_file():
        labels = match_labels(read_label_file(Path(source), judge.labels), plan)
    else:
        labels = match_labels(column_labels(plan, source, judge.labels), plan)
    if not labels:
        raise WorkbenchError(
            f"--labels {source}: there are no labels of {judge.name!r}",
            fix=f"assess answers in MLflow under the name {judge.name!r}, rate them in workbench "
            "view, or name a CSV file with the columns id and label",
        )
    return labels


def _assessed(listed: Sequence[HumanLabel], judge: Judge, plan: Plan) -> Labels:
    """The assessments that have the judge's name, by answer and person.

    Raises:
        WorkbenchError: none has, or a value is no choice of the judge.
    """
    places: dict[str, list[Place]] = {}
    for variant, cells in enumerate(plan.cells):
        for number, cell in enumerate(cells):
            places.setdefault(cell.key, []).append((variant, number))
    named = [label for label in listed if label.name == judge.name]
    if listed and not named:
        names = list_first(sorted({label.name for label in listed}), 8)
        raise WorkbenchError(
            f"no assessment of a person in MLflow has the judge's name {judge.name!r}",
            where=plan.experiment.name,
            fix=f"name the judge as people named theirs ({names}): `name:` in its entry",
        )
    labels: Labels = {}
    for label in named:
        where = f"trace {label.trace}, {label.person}"
        choice = match_choice(label.value, judge.labels, where=where)
        for place in places.get(label.key, ()):
            labels.setdefault(place, {})[label.person] = choice
    return labels
