"""The files of the starters' projects lint clean, and their rows fit their experiments."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from house import STARTERS

from workbench.document import read_document

TASKS = {
    "support": "support",
    "sentiment": "sentiment",
    "extraction": "orders",
    "rag": "handbook",
    "judge": "replies",
}
TEAMS = {"billing", "access", "other"}
# The judge of this starter is one of the two models that come with recorded answers.
JUDGES_ITSELF = "also gives answers that it scores; judges tend to favour their own family"
MOST_EXPERIMENT_LINES = 30
ROLE_LINES = ("system:", "user:", "assistant:")
INPUT_COLUMNS = ("ticket", "text", "mail", "question", "message")  # of a starter's rows
Row = dict[str, Any]


def folder(starter: str) -> Path:
    return STARTERS / starter / "prompts" / TASKS[starter]


def experiment(starter: str) -> Row:
    document = read_document(folder(starter) / "experiment.yaml", display_name=starter)
    assert isinstance(document.content, dict)
    return document.content


def rows(starter: str) -> list[Row]:
    path = folder(starter) / experiment(starter)["dataset"]["path"]
    return table(path) if path.suffix == ".csv" else lines(path)


def table(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def settings(starter: str, evaluator: str) -> list[Any]:
    """The settings of an experiment's entries for an evaluator."""
    return [entry[evaluator] for entry in experiment(starter)["evaluators"] if evaluator in entry]


@pytest.mark.parametrize("starter", TASKS)
def test_every_starter_lints_clean(starter: str, tmp_path: Path) -> None:
    shutil.copytree(STARTERS / starter, tmp_path, dirs_exist_ok=True)
    result = invoke(tmp_path, "prompts", "lint", "--json")
    assert result.returncode == 0, result.stderr
    (task,) = json.loads(result.stdout)["tasks"]
    findings = [task, *task["prompts"]]
    warnings = [warning for each in findings for warning in each["warnings"]]
    assert [error for each in findings for error in each["errors"]] == []
    assert [warning for warning in warnings if not warning.endswith(JUDGES_ITSELF)] == []
    assert {prompt["name"] for prompt in task["prompts"]} == set(experiment(starter)["prompts"])


@pytest.mark.parametrize("starter", TASKS)
def test_no_prompt_begins_the_answer(starter: str) -> None:
    """Most servers refuse a begun answer, and a starter's models are replaced by any others."""
    for path in folder(starter).glob("*.jinja"):
        roles = [line for line in path.read_text("utf-8").splitlines() if line in ROLE_LINES]
        assert roles[-1] == "user:", path.name


@pytest.mark.parametrize("starter", TASKS)
def test_the_lines_to_change_first_are_marked(starter: str) -> None:
    text = (folder(starter) / "experiment.yaml").read_text("utf-8")
    assert text.count("\n") <= MOST_EXPERIMENT_LINES
    marked = [line for line in text.splitlines() if line.startswith("# change: ")]
    assert len(marked) == len(set(marked)) == 3


@pytest.mark.parametrize("starter", TASKS)
def test_the_rows_are_unique(starter: str) -> None:
    ids = [row["id"] for row in rows(starter)]
    texts = [row[column] for row in rows(starter) for column in INPUT_COLUMNS if column in row]
    assert len(ids) == len(set(ids)) == len(texts) == len(set(texts))
    assert 24 <= len(ids) <= 40


@pytest.mark.parametrize(("starter", "column"), [("support", "team"), ("sentiment", "label")])
def test_every_label_is_expected_about_as_often(starter: str, column: str) -> None:
    (match,) = settings(starter, "label_match")
    expected = [row[column] for row in rows(starter)]
    assert set(expected) == set(match["labels"])
    fair_share = len(expected) / len(match["labels"])
    assert all(abs(expected.count(label) - fair_share) <= 1 for label in match["labels"])


def test_every_order_has_the_fields_that_are_scored() -> None:
    (fields,) = settings("extraction", "json_fields")
    (schema,) = settings("extraction", "json_schema")
    assert schema["schema"]["required"] == fields
    assert [list(row["order"]) for row in rows("extraction")] == [fields] * len(rows("extraction"))


def test_what_the_mail_does_not_say_is_null() -> None:
    """Texts that are expected stand in the mail, as `nothing_invented` wants."""
    (invented,) = settings("extraction", "nothing_invented")
    absent = [
        (row["id"], row["order"][field])
        for row in rows("extraction")
        for field in invented["fields"]
        if row["order"][field] is not None and row["order"][field] not in row["mail"]
    ]
    assert absent == []


def test_a_question_has_its_section_among_the_passages_or_no_answer() -> None:
    (gap,) = [each["texts"] for each in settings("rag", "contains") if "texts" in each]
    for row in rows("rag"):
        sections = {f"[{passage['section']}]" for passage in row["passages"]}
        assert len(sections) == len(row["passages"]) == 3
        if row["in_handbook"] == "yes":
            assert row["cites"] in sections
            assert row["answer"] != gap[0]
        else:
            assert (row["cites"], [row["answer"]]) == ("", gap)


def test_each_reply_is_rated_twice() -> None:
    ratings = table(folder("judge") / "labels.csv")
    ids = {row["id"] for row in rows("judge")}
    variants = {rating["variant"] for rating in ratings}
    persons = {rating["person"] for rating in ratings}
    places = [(rating["id"], rating["variant"], rating["person"]) for rating in ratings]
    assert {rating["label"] for rating in ratings} == {"yes", "partly", "no"}
    assert len(persons) == 2
    assert sorted(places) == sorted((i, v, p) for i in ids for v in variants for p in persons)
    assert variants <= variant_names("judge")


def variant_names(starter: str) -> set[str]:
    models = [
        settings["as"] for model in experiment(starter)["models"] for settings in model.values()
    ]
    return {f"{prompt} · {model}" for prompt in experiment(starter)["prompts"] for model in models}
