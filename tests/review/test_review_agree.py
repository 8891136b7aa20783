"""`workbench review agree`: agreement of people, and of people with stored verdicts."""

import csv
import json
from pathlib import Path

import pytest
from command import invoke
from nltk.metrics.agreement import AnnotationTask
from openai_server import OpenAIServer, Reply, answer

from workbench.catalog.rater_labels import RaterFile, read_movie_ratings

# Of the movie snippets (MIT licence, C. J. Hutto and E. Gilbert 2014): ratings of eight sentences.
MOVIE_RATINGS = """\
7583	0	0	[-2, -4, -2, -3, -3, -2, -1, -1, -1, -2, -2, -3, 2, -2, 1, -3, -1, 2]
5871	0	0	[-2, -2, -3, -3, -2, -2, -2, -2, -2, -2, 1, 0, -2, 1, -2]
2355	0	0	[4, 4, 3, 4, 2, 4, 3, 3, 3, 1, 2, 2, -1, 3, -1]
3969	0	0	[3, 3, 2, 2, 3, 1, 3, 3, 2, 2, 3, 1, 2, 2, 1, 1, 2, 1, -1, -1, -2, 3, 3]
1039	0	0	[3, 3, 3, 2, 3, 3, 2, 3, 2, 2, 2, 2, 1, 2, 2, 3, 2, 1, 1]
2650	0	0	[4, 3, 2, 4, 2, 3, 3, 3, 4, 3, 2, 3, 4, -1, 2]
2984	0	0	[3, 3, 2, 2, 4, 3, 3, 3, 1, 2, 3, 4, 4, 3, 4, 3, 4]
6150	0	0	[-1, -1, -1, -3, -4, -2, -3, -2, -2, -3, -2, -2, -3, -1, -2]
"""
ROWS = 40
EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain]
models: [echo:last]
evaluators:
  - exact_match
  - length
  - rubric: {rubric: "It is polite.", name: polite}
"""


def write_labels(home: Path, name: str, *lines: str, header: str = "id,person,label") -> None:
    (home / name).write_text("\n".join([header, *lines]) + "\n")


def agree(home: Path, *words: str) -> dict:
    done = invoke(home, "review", "agree", *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def refused(home: Path, *words: str) -> str:
    done = invoke(home, "review", "agree", *words)
    assert done.returncode == 2
    return done.stderr


@pytest.fixture
def movie_labels(tmp_path: Path) -> Path:
    """The labels file that `data add movie-snippets --raters` writes, of eight sentences."""
    ratings = tmp_path / "ratings.txt"
    ratings.write_text(MOVIE_RATINGS)
    raters = RaterFile("", "", "", "", ("negative", "positive"), read_movie_ratings)
    file = tmp_path / "reviews.labels.csv"
    file.write_text(raters.labels(ratings, read_movie_ratings(ratings)))
    return file


def test_raters_of_movie_snippets(tmp_path: Path, movie_labels: Path) -> None:
    document = agree(tmp_path, movie_labels.name)
    with movie_labels.open() as file:
        triples = [(r["person"], r["id"], r["label"]) for r in csv.DictReader(file) if r["label"]]
    alpha = AnnotationTask(triples).alpha()
    assert document["alpha"]["nominal"]["value"] == pytest.approx(alpha, abs=1e-9)
    assert (document["answers"], document["shared"], len(document["labels"])) == (8, 8, 23)
    disputed = [each["row"] for each in document["disputed"]]
    assert disputed == ["7583", "5871", "2355", "3969", "2650"]
    assert document["disputed"][0]["labels"]["positive"] == ["rater-13", "rater-15", "rater-18"]
    ends = [each["share"]["high"] for each in document["pairs"]]
    assert ends == sorted(ends)
    assert len(ends) == 23 * 22 / 2
    assert document["kappa"]["reason"].startswith("rows have 14 to 23 labels")


def test_two_people_have_cohens_kappa_and_the_rows_to_talk_about(tmp_path: Path) -> None:
    write_labels(tmp_path, "ann.csv", "r1,yes", "r2,no", "r3,yes", "r4,no", header="id,label")
    write_labels(tmp_path, "bob.csv", "r1,YES", "r2,no", "r3,no", "r5,no", header="id,label")
    shown = invoke(tmp_path, "review", "agree", "ann.csv", "bob.csv").stdout.splitlines()
    assert shown == [
        "2 people, 5 answers, 3 of them with several labels",
        "  figure                         value               n",
        "  raw agreement                  0.67 [0.00, 1.00]   3",
        "  Cohen's kappa                  0.40 [0.00, 1.00]   3",
        "  Krippendorff's alpha, nominal  0.44 [-0.67, 1.00]  3",
        "",
        "to talk about",
        "  row  variant  labels",
        "  r3            yes: ann; no: bob",
    ]


def test_what_is_not_defined_has_its_reason(tmp_path: Path) -> None:
    write_labels(tmp_path, "labels.csv", "r1,ann,yes", "r2,ann,no")
    shown = invoke(tmp_path, "review", "agree", "labels.csv").stdout
    assert shown.splitlines()[2] == "  raw agreement                  not defined"
    assert shown.endswith("  not defined: all labels are of one person\n")
    write_labels(tmp_path, "labels.csv", *(f"r{n},{who},no" for n in (1, 2) for who in ("a", "b")))
    shown = invoke(tmp_path, "review", "agree", "labels.csv").stdout
    assert shown.endswith(
        "  not defined (Cohen's kappa; Krippendorff's alpha, nominal): "
        "all labels are 'no', so chance explains all agreement\n"
    )


def test_pairs_that_agree_least_have_a_kappa(tmp_path: Path) -> None:
    people = [f"p{n:02}" for n in range(34)]  # 561 pairs
    lines = (f"r{row},{who},{(row + n) % 2}" for row in range(4) for n, who in enumerate(people))
    write_labels(tmp_path, "labels.csv", *lines)
    kappas = [pair["kappa"] for pair in agree(tmp_path, "labels.csv")["pairs"]]
    assert [kappa is None for kappa in kappas] == [False] * 500 + [True] * 61


def test_numbers_are_equal_however_they_are_written(tmp_path: Path) -> None:
    write_labels(tmp_path, "labels.csv", "r1,ann,1", "r1,bob,1.0", "r2,ann,5", "r2,bob,4")
    document = agree(tmp_path, "labels.csv")
    assert document["pairs"][0]["share"]["value"] == document["raw"]["value"] == 0.5
    assert [each["row"] for each in document["disputed"]] == ["r2"]
    assert list(document["alpha"]) == ["nominal", "ordinal", "interval"]


def test_an_order_of_labels_makes_an_ordinal_alpha(tmp_path: Path) -> None:
    labels = ("r1,bad,bad", "r2,fair,good", "r3,good,good", "r4,bad,fair")
    for column, name in enumerate(("ann.csv", "bob.csv"), 1):
        cells = (line.split(",") for line in labels)
        write_labels(tmp_path, name, *(f"{c[0]},{c[column]}" for c in cells), header="id,label")
    files = ("ann.csv", "bob.csv")
    assert list(agree(tmp_path, *files)["alpha"]) == ["nominal"]
    assert list(agree(tmp_path, *files, "--order", "Bad,fair,good")["alpha"]) == [
        "nominal",
        "ordinal",
    ]
    assert "--order 'bad,good' lacks 'fair'" in refused(tmp_path, *files, "--order", "bad,good")
    assert "names a label twice" in refused(tmp_path, *files, "--order", "bad,fair,good,Fair")


def test_files_that_say_nothing_or_two_things_are_refused(tmp_path: Path) -> None:
    write_labels(tmp_path, "a.csv", "r1,ann,yes")
    write_labels(tmp_path, "b.csv", "r1,ann,no")
    write_labels(tmp_path, "empty.csv", "r1,ann,")
    assert refused(tmp_path, "a.csv", "b.csv") == (
        "error: b.csv:2: ann labels row r1 as 'no', and as 'yes' at a.csv:2\n"
        "  fix: keep one of them\n"
    )
    assert "empty.csv: there is no label" in refused(tmp_path, "empty.csv")
    assert agree(tmp_path, "a.csv", "a.csv")["labels"] == {"ann": 1}


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A task with stored answers, of which a judge finds three of four polite."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [{"id": f"r{n}", "text": "x" * (n + 1), "label": "x" * (n + 1)} for n in range(ROWS)]
    rows[0]["label"] = "y"
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT)
    judge = {"model": {"openai:judge": {"base_url": server.url}}}
    settings = f"judge: {json.dumps(judge)}\ntracking_uri: none\n"
    (tmp_path / "workbench.yaml").write_text(settings)
    server.script = lambda path, body, nth: Reply(body=answer(verdict(body)))
    assert invoke(tmp_path, "run").returncode == 0
    return tmp_path


def verdict(body: dict) -> str:
    text = body["messages"][-1]["content"].split("The answer:\n")[1].split("\n")[1]
    return f"Verdict: {'no' if len(text) % 4 == 0 else 'yes'}"


def verdicts(home: Path, label: str) -> dict[str, dict]:
    """The verdicts beside labels made by a Python expression of the row's number."""
    lines = [f"r{n},{person},{eval(label)}" for n in range(ROWS) for person in ("ann", "bob")]
    write_labels(home, "labels.csv", *lines)
    document = agree(home, "labels.csv", "--task", "qa")
    return {each["metric"]: each for each in document["verdicts"]}


def test_people_beside_a_judge_and_evaluators(home: Path, server: OpenAIServer) -> None:
    sent = len(server.bodies)
    shown = verdicts(home, "'Yes' if n % 2 else 'No'")
    assert len(server.bodies) == sent
    assert (shown["polite"]["by_judge"], shown["polite"]["answers"]) == (True, ROWS)
    assert shown["polite"]["share"]["value"] == pytest.approx(0.25)
    assert shown["polite"]["kappa"]["value"] == pytest.approx(-0.5)
    assert shown["exact_match"]["share"]["value"] == pytest.approx(21 / ROWS)
    assert shown["length"]["problem"] == "'No' is no number, as its scores are"


def test_numbers_are_compared_by_rank_and_other_words_not_at_all(home: Path) -> None:
    shown = verdicts(home, "n")
    assert shown["length"]["correlation"] == pytest.approx(1.0)
    shown = verdicts(home, "'red' if n % 2 else 'blue'")
    assert shown["polite"]["problem"] == "'blue' is no choice of the judge"
    assert shown["exact_match"]["problem"] == "'blue' says neither pass nor fail"
    text = invoke(home, "review", "agree", "labels.csv", "--task", "qa").stdout
    assert "  exact_match: not compared, 'blue' says neither pass nor fail" in text


def test_a_label_of_an_unknown_row_is_named(home: Path) -> None:
    write_labels(home, "labels.csv", "r99,ann,yes")
    assert "labels.csv:2: unknown row 'r99'" in refused(home, "labels.csv", "--task", "qa")
