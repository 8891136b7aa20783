"""Labels of several people from files, by answer and person.

    read_people_labels([Path("ann.csv"), Path("bob.csv")])
    {("r1", "few_shot"): {"ann": "yes", "bob": "no"}, …}

A file without the names of persons is that of the person whose name it has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from workbench.calibration.labels import Label, read_label_texts
from workbench.errors import WorkbenchError
from workbench.stats.rating_table import label_number

Answer = tuple[str, str]  # id of the row, name of the variant; empty: the answers of all variants
PeopleLabels = Mapping[Answer, Mapping[str, str]]  # label by answer and person


def read_people_labels(paths: Iterable[Path]) -> list[Label]:
    """The labels of all files, each with its person; one that stands twice counts once.

    Labels that differ by case alone are one label, and so are equal numbers.

    Raises:
        WorkbenchError: a file can't be read, a person labels an answer in two ways, or there are
            no labels.
    """
    by_place: dict[tuple[Answer, str], Label] = {}
    names, spellings = [], dict[str | float, str]()
    for path in paths:
        names.append(str(path))
        for label in read_label_texts(path):
            person = label.person or path.stem
            number = label_number(label.choice)
            key = label.choice.casefold() if number is None else number
            choice = spellings.setdefault(key, label.choice)
            place = (label.row, label.variant), person
            first = by_place.setdefault(place, replace(label, person=person, choice=choice))
            if first.choice != choice:
                of_variant = f" of {label.variant}" if label.variant else ""
                raise WorkbenchError(
                    f"{person} labels row {label.row}{of_variant} as {label.choice!r}, and as "
                    f"{first.choice!r} at {first.where}",
                    where=label.where,
                    fix="keep one of them",
                )
    if not by_place:
        fix = "columns: id, label; perhaps variant, person"
        raise WorkbenchError("there is no label", where=", ".join(names), fix=fix)
    return list(by_place.values())


def by_answer(labels: Iterable[Label]) -> dict[Answer, dict[str, str]]:
    """The label of each person, by answer, in the order of the files."""
    answers: dict[Answer, dict[str, str]] = {}
    for label in labels:
        answers.setdefault((label.row, label.variant), {})[label.person] = label.choice
    return answers
