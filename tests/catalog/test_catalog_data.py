"""The data sets of the catalogue."""

import json
import runpy
from collections import Counter
from pathlib import Path

import pytest

from workbench.catalog.data import add_data, list_data
from workbench.errors import WorkbenchError

ROOT = Path(__file__).parents[2]
TARGETS = {
    "boolq": "prompts/boolq/questions.fetched.jsonl",
    "movie-snippets": "prompts/sentiment/reviews.fetched.jsonl",
}


def rows_of(path: Path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_catalogue_says_what_goes_where():
    assert {entry.name: entry.target for entry in list_data()} == TARGETS


def test_an_unknown_data_set_names_its_neighbour(tmp_path):
    with pytest.raises(WorkbenchError) as caught:
        add_data("movie-snipets", tmp_path, print)
    assert str(caught.value) == (
        "unknown data set 'movie-snipets'\n"
        "  fix: did you mean 'movie-snippets'? known: movie-snippets, boolq"
    )


def test_rows_that_were_edited_are_not_overwritten(tmp_path):
    target = tmp_path / TARGETS["boolq"]
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    with pytest.raises(WorkbenchError, match="fix: rename or delete it, then add boolq again"):
        add_data("boolq", tmp_path, print)
    assert target.read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "columns", "counts", "licence"),
    [
        (
            "movie-snippets",
            ["id", "text", "label", "split"],
            {(label, split): 75 for label in ("positive", "negative") for split in ("dev", "test")},
            "licence: MIT",
        ),
        (
            "boolq",
            ["id", "passage", "question", "label", "split"],
            {(label, split): 50 for label in ("yes", "no") for split in ("dev", "test")},
            "licence: CC BY-SA 3.0",
        ),
    ],
)
def test_a_data_set_is_fetched_once_with_where_it_is_from(name, columns, counts, licence, tmp_path):
    first, second = [], []
    target = add_data(name, tmp_path, first.append)
    rows = rows_of(target)
    assert {tuple(row) for row in rows} == {tuple(columns)}
    assert Counter((row["label"], row["split"]) for row in rows) == counts
    assert len({row["id"] for row in rows}) == len(rows)
    provenance = target.with_suffix(".txt").read_text()
    assert licence in provenance
    assert first[-len(provenance.splitlines()) :] == provenance.splitlines()
    assert sorted(target.parent.iterdir()) == [target, target.with_suffix(".txt")]
    assert add_data(name, tmp_path, second.append) == target
    assert second == [f"{target} exists"]


def test_the_arithmetic_problems_are_what_their_script_writes():
    folder = ROOT / "prompts" / "arithmetic"
    text = runpy.run_path(str(folder / "generate.py"))["text"]()
    assert (folder / "problems.jsonl").read_bytes() == text.encode("utf-8")


def test_the_arithmetic_problems_are_a_hundred_different_ones():
    rows = rows_of(ROOT / "prompts" / "arithmetic" / "problems.jsonl")
    assert Counter(row["split"] for row in rows) == {"dev": 50, "test": 50}
    assert len({row["question"] for row in rows}) == 100
    assert {str(int(row["answer"])) for row in rows} == {row["answer"] for row in rows}
