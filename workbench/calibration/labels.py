"""Labels that people gave to answers, from a file, a column of the dataset, or ratings.

    id,variant,person,label
    r1,few_shot,ann,yes          Label("r1", "few_shot", "ann", "yes")

A label belongs to one variant's answer, or to the answers of all variants where it names none.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.canonical import JSON
from workbench.dataset.csv_cells import unescape_cell
from workbench.errors import WorkbenchError, list_first, unknown_name
from workbench.plan import Plan
from workbench.store import Store

COLUMNS = ("id", "variant", "person", "label")
NEEDED = ("id", "label")
SUBSETS = {"limit", "sample", "split"}  # settings by which a plan has a part of the rows
Place = tuple[int, int]  # variant, and number of the cell


@dataclass(frozen=True)
class Label:
    """A person's verdict on an answer.

    Attributes:
        variant: its name; empty: the answers of all variants.
        choice: one of the judge's, or the text of the file.
        where: the place in a file, for messages.
    """

    row: str
    variant: str
    person: str
    choice: str
    where: str = ""


def read_label_file(path: Path, values: Mapping[str, float]) -> list[Label]:
    """The labels of a CSV file, as choices of a judge.

    Raises:
        WorkbenchError: as `read_label_texts`, or a label is no choice.
    """
    return [
        replace(label, choice=match_choice(label.choice, values, where=label.where))
        for label in read_label_texts(path)
    ]


def read_label_texts(path: Path) -> list[Label]:
    """The labels of a CSV file with the columns id and label, and perhaps variant and person.

    Raises:
        WorkbenchError: it can't be read, is no CSV, or lacks a column.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a CSV file in UTF-8"
        raise WorkbenchError(f"can't be read: {error}", where=str(path), fix=fix) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return _read_labels(reader, path)
    except csv.Error as error:
        where = f"{path}:{reader.line_num + 1}"  # the row that can't be read isn't counted
        fix = "write a table of short cells; a quote in a cell is doubled"
        raise WorkbenchError(f"is no CSV: {error}", where=where, fix=fix) from error


def _read_labels(reader: "csv.DictReader[str]", path: Path) -> list[Label]:
    names = reader.fieldnames or []
    for name in NEEDED:
        if name not in names:
            fix = f"columns: {', '.join(COLUMNS)}; variant and person may be left out"
            raise WorkbenchError(f"has no column {name!r}", where=f"{path}:1", fix=fix)
    labels = []
    for fields in reader:
        where = f"{path}:{reader.line_num}"
        texts = {name: unescape_cell(fields.get(name) or "").strip() for name in COLUMNS}
        if texts["label"]:  # else nobody has judged the answer yet
            row, variant, person, label = texts.values()
            labels.append(Label(row, variant, person, label, where))
    return labels


def column_labels(plan: Plan, column: str, values: Mapping[str, float]) -> list[Label]:
    """The labels in a column of the dataset, one a row.

    Raises:
        WorkbenchError: there is no such column, or a value is no choice.
    """
    labels, names = [], dict[str, None]()
    for example in plan.examples:
        fields = {**example.metadata, **example.expectations, **example.inputs}
        names |= dict.fromkeys(fields)
        if (value := fields.get(column)) not in (None, ""):
            where = f"{plan.experiment.dataset.name}, row {example.id}"
            choice = match_choice(value, values, where=where)
            labels.append(Label(example.id, "", column, choice, where))
    if not labels:
        raise unknown_name("column", column, names, where=plan.experiment.dataset.name)
    return labels


def rating_labels(
    plan: Plan, store: Store, values: Mapping[str, float]
) -> dict[Place, dict[str, str]]:
    """The ratings of the live page by answer and person: good as the best choice, or the worst."""
    best, worst = (pick(values, key=values.__getitem__) for pick in (max, min))
    by_place: dict[Place, dict[str, str]] = {}
    for variant, cells in enumerate(plan.cells):
        current = store.ratings.current({cell.key for cell in cells})
        for number, cell in enumerate(cells):
            if ratings := current.get(cell.key):
                by_place[variant, number] = {
                    rating.person: best if rating.good else worst for rating in ratings
                }
    return by_place


def match_labels(labels: Iterable[Label], plan: Plan) -> dict[Place, dict[str, str]]:
    """The label of each person, by answer: the first repeat's.

    Raises:
        WorkbenchError: a label names an unknown row or variant, or a person judges one twice.
    """
    repeats = plan.experiment.repeats
    rows = {example.id: row * repeats for row, example in enumerate(plan.examples)}
    names = {variant.name: number for number, variant in enumerate(plan.variants)}
    by_place: dict[Place, dict[str, str]] = {}
    for label in labels:
        if label.row not in rows and _has_other_rows(plan):
            continue
        if label.row not in rows:
            raise unknown_name("row", label.row, rows, where=label.where)
        if label.variant and label.variant not in names:
            raise unknown_name("variant", label.variant, names, where=label.where)
        variants = [names[label.variant]] if label.variant else list(names.values())
        for variant in variants:
            by_person = by_place.setdefault((variant, rows[label.row]), {})
            if label.person in by_person:
                person = repr(label.person) if label.person else "a label without a person"
                raise WorkbenchError(
                    f"{person} stands twice on row {label.row}",
                    where=label.where,
                    fix="keep one of them, or name the persons in a column `person`",
                )
            by_person[label.person] = label.choice
    return by_place


def _has_other_rows(plan: Plan) -> bool:
    """True if the dataset has rows that are not in the plan, of which there may be labels."""
    dataset = plan.experiment.content.get("dataset")
    settings = {*plan.scope, *(dataset if isinstance(dataset, dict) else ())}
    return bool(settings & SUBSETS)


def match_choice(value: JSON, values: Mapping[str, float], *, where: str) -> str:
    """The choice that a label is: by its name but for case, by its worth, or as true or false.

    True is the choice that is worth most, false the one that is worth least.

    Raises:
        WorkbenchError: it is none, or it could be several.
    """
    text = str(value).strip().casefold()
    matching = [choice for choice in values if choice.casefold() == text]
    if not matching and text in ("true", "false"):
        end = (max if text == "true" else min)(values.values())
        matching = [choice for choice, worth in values.items() if worth == end]
    if not matching and (number := _number(text)) is not None:
        matching = [choice for choice, worth in values.items() if worth == number]
    if len(matching) != 1:
        shown = list_first(list(values), 8)
        raise WorkbenchError(
            f"{str(value)!r} is no choice of the judge", where=where, fix=f"use {shown}"
        )
    return matching[0]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
