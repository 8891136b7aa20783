"""Rows of `workbench run`, listed with `--show` and written with `-o`; the winner in a sentence."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from command import add_mlflow_store, invoke

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, better]
models: [echo:last]
evaluators: [exact_match, {edit_similarity: {name: similarity}}]
"""
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """Sixty rows: `plain` is right in 20 of them, `better` in 45; one answer is a formula."""
    home = tmp_path_factory.mktemp("rows")
    folder = home / "prompts" / "qa"
    folder.mkdir(parents=True)
    with (folder / "rows.jsonl").open("w") as file:
        for n in range(60):
            answers = {"a": "yes" if n < 20 else "no", "b": "no" if n < 15 else "yes"}
            answers |= {"b": FORMULA} if n == 14 else {}
            row = {"id": f"r{n}", "n": f"Row {n}.", **answers, "label": "yes"}
            file.write(json.dumps(row) + "\n")
    (folder / "plain.jinja").write_text("system:\n{{ n }}\nuser:\n{{ a }}\n")
    (folder / "better.jinja").write_text("system:\n{{ n }}\nuser:\n{{ b }}\n")
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    add_mlflow_store(home, empty_store)
    assert run(home).returncode == 0
    return home


def run(home: Path, *words: str):
    return invoke(home, "run", *words, MLFLOW_TRACKING_URI="none")


def test_the_first_line_names_the_winner_with_its_evidence(task: Path) -> None:
    sentence, blank, header, first, *_ = run(task).stdout.splitlines()
    assert sentence.startswith("better is the best by exact_match: 0.750 [")
    assert "Against the baseline plain it is better: +0.417 [" in sentence
    assert (blank, header.split()[0], first.split()[0]) == ("", "variant", "better")


def test_a_single_variant_has_no_winner(task: Path) -> None:
    assert run(task, "--only", "plain").stdout.startswith("variant ")


def test_wrong_rows_of_the_best_variant_are_listed_with_their_numbers(task: Path) -> None:
    lines = run(task, "--show", "wrong").stdout.splitlines()
    start = lines.index("better: 15 of 60 rows are wrong by exact_match")
    assert lines[start + 1 : start + 5] == [
        "  row 1, r0: n: 'Row 0.', a: 'yes', b: 'no' (expected 'yes')",
        "    → no",
        "    exact_match false",
        "    similarity 0 (3 edits, 3 characters)",
    ]
    assert sum(line.startswith("  row ") for line in lines) == 10
    assert "  and 5 more: -o rows.csv writes all, workbench show ROW shows one" in lines


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["--show", "failed"], "better: 0 of 60 rows failed"),
        (["--show", "all"], "better: 60 rows"),
        (["--show", "wrong", "--only", "plain"], "plain: 40 of 60 rows are wrong by exact_match"),
    ],
)
def test_other_rows_are_listed(task: Path, words: list[str], title: str) -> None:
    assert title in run(task, *words).stdout.splitlines()


def test_where_no_answer_is_plainly_wrong_the_worst_come_first(task: Path) -> None:
    other = task / "prompts" / "qa" / "similar.yaml"
    other.write_text(EXPERIMENT.replace("exact_match, ", ""))
    done = run(task, str(other), "--show", "wrong", "--only", "plain")
    title = "plain: 40 of 60 rows are below the best score by similarity, the worst first"
    assert title in done.stdout.splitlines(), done.stderr


def test_rows_are_written_as_csv_without_formulas(task: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    assert run(task, "-o", str(file)).returncode == 0
    with file.open(newline="") as opened:
        lines = list(csv.DictReader(opened))
    written = {(line["variant"], line["row"]): line for line in lines}
    assert (len(lines), written["better", "15"]["output"]) == (120, f"'{FORMULA}")
    wanted = ("id", "expected", "output", "exact_match", "similarity.reason")
    assert [written["plain", "1"][name] for name in wanted] == ["r0", "yes", "yes", "1.0", "equal"]


@pytest.mark.parametrize(("ending", "read"), [("json", pd.read_json), ("parquet", pd.read_parquet)])
def test_rows_are_written_for_programs(task: Path, tmp_path: Path, ending: str, read) -> None:
    file = tmp_path / f"rows.{ending}"
    done = run(task, "-o", str(file), "--json")
    frame = read(file)
    assert (done.returncode, frame["row"].min(), frame["row"].max()) == (0, 1, 60)
    assert frame[frame.row == 15]["output"].tolist() == ["yes", FORMULA]
    assert frame.groupby("variant")["exact_match"].sum().to_dict() == {"better": 45, "plain": 20}


def test_a_file_of_the_command_is_replaced_and_another_is_not(task: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "rows.csv", tmp_path / "notes.csv"
    other.write_text("note\n")
    assert [run(task, "-o", str(file)).returncode for _ in range(2)] == [0, 0]
    assert run(task, "-o", str(other)).returncode == 2
    assert run(task, "-o", str(other), "--force").returncode == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["-o", "rows.xls"], "rows.xls: unknown ending of a file '.xls'"),
        (["-o", "rows"], "rows: unknown ending of a file ''"),
        (["-o", "prompts/qa/rows.jsonl.csv"], "prompts/qa/rows.jsonl.csv: belongs to the project"),
        (["--show", "wrng"], "--show: unknown list of rows 'wrng'"),
        (["--show", "wrong", "--json"], "--json lists no rows"),
    ],
)
def test_mistakes_are_refused_before_anything_is_sent(
    task: Path, words: list[str], error: str
) -> None:
    if "jsonl.csv" in words[-1]:
        (task / words[-1]).write_text("id\n")
    done = run(task, "--fresh", *words)
    printed = done.stdout + done.stderr
    assert (done.returncode, error in printed, "completing" in printed) == (2, True, False), printed


def test_wrong_rows_need_a_metric(task: Path) -> None:
    other = task / "prompts" / "qa" / "read.yaml"
    other.write_text(EXPERIMENT.rpartition("evaluators")[0])
    assert "--show wrong needs a metric" in run(task, str(other), "--show", "wrong").stderr
    assert "better: 0 of 60 rows failed" not in run(task, str(other), "--show", "failed").stdout
