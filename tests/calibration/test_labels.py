"""Labels of people: read, matched with answers, and refused with their place."""

import json
from pathlib import Path

import pytest
from bench import Bench, refusal

from workbench.calibration.labels import Label, column_labels, match_labels, read_label_file
from workbench.report.labels import label_csv
from workbench.tracking.human_labels import HumanLabel

CHOICES = {"yes": 1.0, "no": 0.0}
EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, loud]
models: [echo:last]
evaluators: [exact_match]
repeats: 2
"""


@pytest.fixture
def labelled(bench: Bench) -> Bench:
    rows = [
        {"id": f"r{n}", "text": f"row {n}", "label": "x", "polite": n % 2 == 0} for n in range(3)
    ]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    bench.write("loud.jinja", "user:\n{{ text | upper }}\n")
    return bench


def read(tmp_path: Path, text: str) -> list[Label]:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    return read_label_file(file, CHOICES)


def test_a_file_has_a_label_a_line(tmp_path: Path) -> None:
    labels = read(tmp_path, "id,person,label\nr0,ann,Yes\nr0,bob,no\nr1,ann,\n")
    assert [(label.row, label.person, label.choice) for label in labels] == [
        ("r0", "ann", "yes"),
        ("r0", "bob", "no"),
    ]


def test_a_pulled_file_holds_no_formula_and_is_read_back(tmp_path: Path) -> None:
    hostile = "=cmd()", "+1-2", "@ann", "r\n1", "'=x", '"', "-5"
    pulled = [
        HumanLabel(row, 0, "plain", "", row, "polite", "yes", f"={row}", 0, "", from_page=False)
        for row in hostile
    ]
    text = label_csv(pulled)
    assert not any(cell.lstrip('"').startswith(("=", "+", "@")) for cell in text.split(","))
    labels = read(tmp_path, text)
    assert [(label.row, label.person) for label in labels] == [(row, row) for row in hostile]


BAD_FILES = {
    f'id,label\nr0,"{"x" * 200_000}"\n': "labels.csv:2: is no CSV: field larger than field limit",
    "row,label\nr0,yes\n": "has no column 'id'",
    "id,verdict\nr0,yes\n": "has no column 'label'",
    "id,label\nr0,maybe\n": "labels.csv:2: 'maybe' is no choice of the judge",
    'id,label\nr0,yes\n"r\n1",perhaps\n': "labels.csv:4",
}


@pytest.mark.parametrize("text", BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_file_that_can_not_be_used_is_refused(tmp_path: Path, text: str) -> None:
    message = refusal(read, tmp_path, text)
    assert BAD_FILES[text] in message
    assert "fix:" in message


def test_labels_belong_to_answers(labelled: Bench) -> None:
    plan = labelled.plan(EXPERIMENT)
    labels = [
        Label("r0", "", "ann", "yes"),
        Label("r1", "loud", "ann", "no"),
        Label("r1", "loud", "bob", "yes"),
    ]
    assert match_labels(labels, plan) == {
        (0, 0): {"ann": "yes"},
        (1, 0): {"ann": "yes"},
        (1, 2): {"ann": "no", "bob": "yes"},
    }


BAD_LABELS = {
    "an unknown row": ([Label("r9", "", "ann", "yes", "l.csv:2")], "r9"),
    "an unknown variant": ([Label("r0", "lout", "ann", "yes", "l.csv:2")], "loud"),
    "a person twice": ([Label("r0", "", "ann", "yes", "l.csv:2")] * 2, "'ann' stands twice"),
    "nobody twice": ([Label("r0", "", "", "yes", "l.csv:2")] * 2, "a label without a person"),
    "for all and one": (
        [Label("r0", "", "ann", "yes"), Label("r0", "loud", "ann", "no", "l.csv:2")],
        "'ann' stands twice",
    ),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_a_label_that_belongs_nowhere_is_refused(labelled: Bench, case: str) -> None:
    labels, expected = BAD_LABELS[case]
    message = refusal(match_labels, labels, labelled.plan(EXPERIMENT))
    assert expected in message
    assert message.startswith("l.csv:2: ")


def test_a_column_has_a_label_a_row(labelled: Bench) -> None:
    labels = column_labels(labelled.plan(EXPERIMENT), "polite", CHOICES)
    assert [(label.row, label.choice) for label in labels] == [
        ("r0", "yes"),
        ("r1", "no"),
        ("r2", "yes"),
    ]
    assert "polite" in refusal(column_labels, labelled.plan(EXPERIMENT), "polit", CHOICES)
    assert "no choice" in refusal(column_labels, labelled.plan(EXPERIMENT), "text", CHOICES)


@pytest.mark.parametrize("more", ["", "sample: 2"])
def test_a_row_outside_of_the_plan_may_have_a_label(labelled: Bench, more: str) -> None:
    """Where the plan has all rows, the label's row is unknown."""
    experiment = EXPERIMENT.replace("expected: label", f"expected: label, {more}".rstrip(", "))
    plan, labels = labelled.plan(experiment), [Label("r9", "", "ann", "yes", "l.csv:2")]
    if more:
        assert match_labels(labels, plan) == {}
    else:
        assert "r9" in refusal(match_labels, labels, plan)
