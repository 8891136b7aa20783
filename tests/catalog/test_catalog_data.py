"""The data sets of the catalogue."""

import hashlib
import json
import runpy
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from command import invoke
from wheels import write_wheel

from workbench.calibration.labels import read_label_file
from workbench.catalog.data import (
    CatalogData,
    add_data,
    data_of_file,
    fetch_data,
    list_data,
)
from workbench.catalog.rater_labels import RaterFile, read_movie_ratings
from workbench.dataset.text_files import check_file
from workbench.errors import WorkbenchError

ROOT = Path(__file__).parents[2]
TARGETS = {
    "arithmetic": "prompts/arithmetic/problems.jsonl",
    "boolq": "prompts/boolq/questions.fetched.jsonl",
    "hostile-inputs": "prompts/hostile/inputs.fetched.jsonl",
    "movie-snippets": "prompts/sentiment/reviews.fetched.jsonl",
    "python-functions": "prompts/python_functions/problems.jsonl",
}


ROWS = b"1\t0.5\tA joy.\n2\t-2.5\tA bore.\n"
RATINGS = b"1\t0.5\t2.6\t[3, 0, -2]\n2\t-2.5\t1.5\t[-1, -4]\n"
LABELS = """\
id,person,label,rating
1,rater-01,positive,3
1,rater-02,,0
1,rater-03,negative,-2
2,rater-01,negative,-1
2,rater-02,negative,-4
"""


@pytest.mark.parametrize(("name", "target"), TARGETS.items())
def test_a_file_that_was_not_fetched_names_the_command(
    tmp_path: Path, name: str, target: str
) -> None:
    with pytest.raises(WorkbenchError, match="unknown dataset file") as refused:
        check_file(tmp_path / target, target)
    assert refused.value.fix == f"workbench data add {name}"
    assert data_of_file(tmp_path / f"{target}.gz") == ""


def rows_of(path: Path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_catalogue_says_what_goes_where():
    assert {entry.name: entry.target for entry in list_data()} == TARGETS


def test_an_unknown_data_set_names_its_neighbour(tmp_path):
    with pytest.raises(WorkbenchError) as caught:
        add_data("movie-snipets", tmp_path, print)
    assert str(caught.value) == (
        "unknown data set 'movie-snipets'\n"
        "  fix: did you mean 'movie-snippets'? known: movie-snippets, hostile-inputs, "
        "arithmetic, boolq, python-functions"
    )


def test_rows_that_were_edited_are_not_overwritten(tmp_path):
    target = tmp_path / TARGETS["boolq"]
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    with pytest.raises(WorkbenchError, match="fix: rename or delete it, then add boolq again"):
        add_data("boolq", tmp_path, print)
    assert target.read_text() == "mine"


def sha256(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


@pytest.fixture
def raters() -> RaterFile:
    return RaterFile(
        about="Labels.",
        member="tiny/ratings.txt",
        member_sha256=sha256(RATINGS),
        sha256=sha256(LABELS),
        choices=("negative", "positive"),
        read=read_movie_ratings,
    )


def test_a_rating_is_the_label_of_its_side_and_in_the_middle_none(tmp_path, raters):
    file = tmp_path / "ratings.txt"
    file.write_bytes(RATINGS)
    assert raters.labels(file, ["1", "2"]) == LABELS


def test_labels_are_read_for_the_calibration_of_a_judge(tmp_path):
    file = tmp_path / "rows.labels.csv"
    file.write_text(LABELS)
    labels = read_label_file(file, ["positive", "negative"])
    assert [(each.row, each.variant, each.person, each.choice) for each in labels] == [
        ("1", "", "rater-01", "positive"),
        ("1", "", "rater-03", "negative"),
        ("2", "", "rater-01", "negative"),
        ("2", "", "rater-02", "negative"),
    ]


@pytest.mark.slow
def test_labels_are_written_beside_rows_that_are_there_already(tmp_path, raters):
    rows = "".join(
        f'{{"id": "{row}", "text": "{text}", "label": "{label}", "split": "test"}}\n'
        for row, text, label in (("1", "A joy.", "positive"), ("2", "A bore.", "negative"))
    )
    entry = CatalogData(
        name="tiny",
        about="Rows.",
        target="prompts/tiny/rows.jsonl",
        requirement=str(
            write_wheel(tmp_path, "tiny", {"tiny/rows.txt": ROWS, "tiny/ratings.txt": RATINGS})
        ),
        member="tiny/rows.txt",
        member_sha256=sha256(ROWS),
        sha256=sha256(rows),
        licence="MIT",
        rows=lambda file: [
            {"id": row, "text": text, "label": "positive" if float(mean) > 0 else "negative"}
            for row, mean, text in (line.split("\t") for line in file.read_text().splitlines())
        ],
        per_label=1,
        raters=raters,
    )
    assert fetch_data(entry, tmp_path, print).read_text() == rows
    steps = []
    target = fetch_data(entry, tmp_path, steps.append, raters=True)
    labels = target.with_suffix(".labels.csv")
    assert (target.read_text(), labels.read_text()) == (rows, LABELS)
    assert steps[0] == f"{target} exists"
    assert steps[2] == f"{labels}: 5 rows"
    assert "licence: MIT" in target.with_suffix(".labels.txt").read_text()
    changed = replace(entry, raters=replace(raters, member_sha256="0" * 64))
    labels.unlink()
    with pytest.raises(WorkbenchError, match="the package has changed; don't use it"):
        fetch_data(changed, tmp_path, print, raters=True)
    assert not labels.exists()


def test_labels_that_were_edited_are_not_overwritten(tmp_path):
    labels = (tmp_path / TARGETS["movie-snippets"]).with_suffix(".labels.csv")
    labels.parent.mkdir(parents=True)
    labels.write_text("mine")
    with pytest.raises(WorkbenchError, match="fix: rename or delete it, then add movie-snippets"):
        add_data("movie-snippets", tmp_path, print, raters=True)
    assert labels.read_text() == "mine"


def test_a_data_set_without_raters_says_which_have_some(tmp_path):
    (tmp_path / "prompts").mkdir()
    done = invoke(tmp_path, "data", "add", "boolq", "--raters")
    assert (done.returncode, done.stderr) == (
        2,
        "error: boolq has no ratings by several people\n"
        "  fix: leave out --raters; data sets that have some: movie-snippets\n",
    )
    assert list((tmp_path / "prompts").iterdir()) == []


@pytest.mark.slow
def test_most_raters_of_a_snippet_agree_with_its_label(tmp_path):
    target = add_data("movie-snippets", tmp_path, print, raters=True)
    counts: dict[str, Counter] = {}
    for label in read_label_file(target.with_suffix(".labels.csv"), ["positive", "negative"]):
        counts.setdefault(label.row, Counter())[label.choice] += 1
    assert {row: count.most_common(1)[0][0] for row, count in counts.items()} == {
        row["id"]: row["label"] for row in rows_of(target)
    }
    assert {len(count) for count in counts.values()} == {1, 2}


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
