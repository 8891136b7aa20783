"""Settings of an entry that choose rows and expected values, and metrics made of other columns."""

import json
from pathlib import Path

import pytest
from bench import Bench, refusal
from command import invoke

from workbench.checking import slice_findings
from workbench.evaluator.coverage import Coverage

ROWS = [
    {"text": "a", "label": "a", "topic": "art", "words": ["a", "x"], "same": 1, "level": 1},
    {"text": "b", "label": "z", "topic": "art", "words": ["q"], "same": 1, "level": 2},
    {"text": "c", "label": "c", "topic": "law & order", "words": ["c"], "same": 1, "level": 3},
    {"text": "d", "label": "d", "topic": "法律", "words": ["D"], "same": 1, "level": 4},
    {"text": "e", "label": "z", "topic": "历史", "words": ["z"], "same": 1, "level": 5},
    {"text": "f", "label": "f", "topic": "art", "words": ["f"], "same": 1, "level": 6},
]
FILE = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain]
models: [echo:last]
repeats: 2
evaluators: [%s]
"""


def write_rows(folder: Path, rows: list[dict] = ROWS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def metrics_of(
    home: Path, evaluators: str, rows: list[dict] = ROWS, file: str = FILE
) -> dict[str, dict]:
    """The metrics of a run of one variant, by name."""
    task = home / "prompts" / "qa"
    write_rows(task, rows)
    (task / "plain.jinja").write_text("{{ text }}\n")
    (task / "experiment.yaml").write_text(file % evaluators)
    result = invoke(home, "run", "--json", MLFLOW_TRACKING_URI="none")
    (variant,) = json.loads(result.stdout)["variants"]
    return variant["metrics"]


REFUSED = {
    "exact_match: {rows: 3}": "rows is 3, not columns with values",
    "exact_match: {rows: {}}": "rows is {}, not columns with values",
    "exact_match: {rows: {topik: art}}": "did you mean 'topic'",
    "exact_match: {rows: {topic: arts}}": "no row has topic 'arts'\n  fix: its values are art",
    "exact_match: {rows: {topic: {a: 1}}}": "not values",
    "exact_match: {rows: {topic: []}}": "not values",
    "exact_match: {by: topc}": "did you mean 'topic'",
    "exact_match: {by: [topic]}": "by is ['topic'], not the name of a column",
    "exact_match: {by: same}": "can't be sliced by 'same': all rows have one value",
    "exact_match: {by: topic, rows: {topic: art}}": "all rows have one value",
    "exact_match: {expected_column: lable}": "did you mean 'label'",
    "exact_match: {by: topic}, exact_match: {name: 'exact_match: art'}": "two evaluators are",
    "ratio: {of: exact_match, per: exact_match}": "both terms are exact_match",
    "exact_match: {}, ratio: {of: cost, per: exact_match}": "echo:last has no price",
    "exact_match: {}, ratio: {of: exact_match, per: costs}": "did you mean 'cost'",
    "exact_match: {}, ratio: {of: exact_match}": "per",
    "exact_match: {}, pass_at: {of: exact_match, k: 3}": "k is 3, and each row is asked 2 times",
    "exact_match: {}, pass_at: {of: exact_match, k: 0}": "greater than or equal to 1",
    "length: {unit: words}, pass_at: {of: length, k: 2}": "length is a number, not pass or fail",
    "macro_f1: {labels: [a, z]}, pass_all: {of: macro_f1, k: 2}": "macro_f1 has no number of a row",
    "rubric: {rubric: Polite., model: 'echo:last', by: topic}": "by",
}


@pytest.mark.parametrize("entries", REFUSED)
def test_what_no_row_or_evaluator_has_is_refused(bench: Bench, entries: str) -> None:
    write_rows(bench.task)
    listed = ", ".join(f"{{{entry}}}" for entry in _entries(entries))
    message = refusal(bench.plan, FILE % listed)
    assert message.startswith("prompts/qa/experiment.yaml:5:")
    assert REFUSED[entries] in message


def _entries(text: str) -> list[str]:
    """`a: {}, b: {}` as its two entries."""
    depth, start, entries = 0, 0, []
    for position, letter in enumerate(text):
        depth += (letter in "{[") - (letter in "}]")
        if letter == "," and not depth:
            entries.append(text[start:position])
            start = position + 1
    return [*entries, text[start:]]


def test_a_column_with_too_many_values_makes_no_slices(bench: Bench) -> None:
    write_rows(bench.task, [{**ROWS[0], "text": str(n), "id": f"r{n}"} for n in range(21)])
    file = FILE % "{exact_match: {by: text}}"
    assert "21 values" in refusal(bench.plan, file)


def test_slices_have_the_scores_of_their_rows(tmp_path: Path) -> None:
    entries = (
        "{exact_match: {by: topic}}, {weighted: {of: {exact_match: 1, 'exact_match: art': 1}, "
    )
    metrics = metrics_of(tmp_path, entries + "missing: skip, name: both, by: topic}}")
    means = {name: (metric["mean"], metric["n"]) for name, metric in metrics.items()}
    assert means == {
        "exact_match": (4 / 6, 6),
        "exact_match: art": (2 / 3, 3),
        "exact_match: law order": (1.0, 1),
        "exact_match: value 3": (1.0, 1),
        "exact_match: value 4": (0.0, 1),
        "both": (4 / 6, 6),
        "both: art": (2 / 3, 3),
        "both: law order": (1.0, 1),
        "both: value 3": (1.0, 1),
        "both: value 4": (0.0, 1),
    }
    assert metrics["exact_match: art"]["slice_of"] == "exact_match"
    assert metrics["exact_match: art"]["answers"]["not_applicable"] == 6


def test_rows_and_the_column_of_expected_values_are_chosen(tmp_path: Path) -> None:
    entries = (
        "{contains: {expected_column: words, ignore_case: false}}, "
        "{contains: {name: some, expected_column: words, rows: {topic: [art, 法律], "
        "level: [1, 4]}}}, "
        "{exact_match: {rows: {label: z}}}"
    )
    metrics = metrics_of(tmp_path, entries)
    assert (metrics["contains"]["mean"], metrics["contains"]["n"]) == (3 / 6, 6)
    assert (metrics["some"]["mean"], metrics["some"]["n"]) == (1.0, 2)
    assert (metrics["exact_match"]["mean"], metrics["exact_match"]["n"]) == (0.0, 2)


def test_a_metric_of_a_run_is_that_of_a_run_with_the_slice_alone(tmp_path: Path) -> None:
    rows = [
        {"text": text, "label": label, "topic": topic, "id": f"{topic}{n}"}
        for topic in ("one", "two")
        for n, (text, label) in enumerate([("a", "a"), ("b", "a"), ("b", "b"), ("a", "a")] * 3)
        if (topic, n) not in {("one", 2), ("two", 5)}
    ]
    sliced = metrics_of(tmp_path / "both", "{macro_f1: {labels: [a, b], by: topic}}", rows)
    for topic in ("one", "two"):
        part = [row for row in rows if row["topic"] == topic]
        metrics = metrics_of(tmp_path / topic, "{macro_f1: {labels: [a, b]}}", part)
        names = ("mean", "low", "high", "n")
        expected = [metrics["macro_f1"][name] for name in names]
        assert [sliced[f"macro_f1: {topic}"][name] for name in names] == expected


def test_an_answer_that_failed_counts_in_its_own_slice_only(tmp_path: Path) -> None:
    (tmp_path / "evaluators").mkdir(parents=True)
    code = "def strict(outputs):\n    if outputs == 'c': raise ValueError\n    return True\n"
    (tmp_path / "evaluators" / "strict.py").write_text(code)
    metrics = metrics_of(tmp_path, "{strict: {by: topic}}")
    errors = {name: metric["answers"]["errors"] for name, metric in metrics.items()}
    assert errors == {
        "strict": 2,
        "strict: art": 0,
        "strict: law order": 2,
        "strict: value 3": 0,
        "strict: value 4": 0,
    }
    assert metrics["strict: art"]["worst_case"] is None


def test_ratios_are_of_sums_and_chances_of_rows(tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    prices = "prices: {'echo:last': {input: 1000000, output: 0}}\n"
    (tmp_path / "workbench.yaml").write_text(prices)
    (tmp_path / "evaluators").mkdir()
    code = "import hashlib\n\n\ndef coin(outputs, completion):\n    return outputs in 'abc'\n"
    (tmp_path / "evaluators" / "coin.py").write_text(code)
    entries = (
        "exact_match, input_tokens, coin, {ratio: {of: cost, per: exact_match}}, "
        "{ratio: {of: exact_match, per: input_tokens, name: right per token, by: same}}, "
    )
    entries += "{pass_at: {of: coin, k: 2}}, {pass_all: {of: coin, k: 1}}"
    with_two = [{**row, "same": n % 2} for n, row in enumerate(ROWS)]
    metrics = metrics_of(tmp_path, entries, with_two)
    tokens = metrics["input_tokens"]["mean"]
    cost = metrics["cost per exact_match"]
    assert cost["mean"] == pytest.approx(tokens * 6 / 4)
    assert cost["low"] < cost["mean"] < cost["high"]
    assert not cost["higher_is_better"]
    assert metrics["right per token"]["mean"] == pytest.approx(4 / 6 / tokens)
    assert metrics["right per token: 0"]["n"] == 3
    assert metrics["pass_at_2"]["mean"] == metrics["coin"]["pass_at"]["2"] == 0.5
    assert (metrics["pass_at_2"]["low"], metrics["pass_at_2"]["n"]) == (
        pytest.approx(metrics["coin"]["low"], abs=0.02),
        6,
    )
    assert metrics["pass_all_1"]["mean"] == metrics["coin"]["pass_all"]["1"]


def test_a_ratio_to_nothing_does_not_apply(tmp_path: Path) -> None:
    rows = [{**row, "label": "none"} for row in ROWS]
    metrics = metrics_of(
        tmp_path, "exact_match, input_tokens, {ratio: {of: input_tokens, per: exact_match}}", rows
    )
    ratio = metrics["input_tokens per exact_match"]
    assert (ratio["mean"], ratio["answers"]["not_applicable"]) == (None, 12)


def test_a_margin_of_a_metric_is_that_of_its_slices(bench: Bench) -> None:
    write_rows(bench.task)
    margins = "margin: {exact_match: 0.1, 'exact_match: art': 0.3}\n"
    experiment = bench.experiment(FILE % "{exact_match: {by: topic}}" + margins)
    names = ("exact_match", "exact_match: art", "exact_match: law order")
    assert [experiment.margin(name) for name in names] == [0.1, 0.3, 0.1]


def test_a_run_with_other_rows_is_another_run(bench: Bench) -> None:
    write_rows(bench.task)
    entries = (
        "exact_match",
        "{exact_match: {rows: {topic: art}}}",
        "{exact_match: {rows: {topic: [art, 法律]}}}",
        "{exact_match: {rows: {topic: art}, expected_column: words}}",
    )
    plans = [bench.plan(FILE % entry) for entry in entries]
    assert len({plan.digest for plan in plans}) == len(entries)
    assert len({plan.experiment.evaluators[0].digest for plan in plans}) == 1


def test_small_slices_are_named(bench: Bench) -> None:
    write_rows(bench.task)
    experiment = bench.experiment(FILE % "{exact_match: {by: topic}}")
    (finding,) = slice_findings(experiment.evaluators, experiment.dataset.examples)
    assert str(finding).startswith("exact_match: 4 of 4 slices have fewer than 20 rows: art 3, ")
    assert list(slice_findings(experiment.evaluators, experiment.dataset.examples * 20)) == []


def test_expected_values_are_checked_where_they_count(bench: Bench) -> None:
    """A row that an evaluator is not about may have an expected value that it can't read."""
    rows = [{"text": "1", "n": 1, "kind": "number"}, {"text": "a", "n": "a", "kind": "text"}]
    write_rows(bench.task, rows)
    unlabelled = FILE.replace(", expected: label", "")
    file = unlabelled % "{numeric_answer: {expected_column: n, rows: {kind: number}}}"
    assert not any("numeric_answer" in note for note in bench.plan(file).notes)
    with_text = unlabelled % "{numeric_answer: {expected_column: n}}"
    assert any("numeric_answer: 1 of 2 rows" in note for note in bench.plan(with_text).notes)
    assert "needs expectations" in refusal(bench.plan, unlabelled % "numeric_answer")


def test_the_first_part_of_a_row_with_the_name_counts() -> None:
    coverage = Coverage({"topic": ("1",)}, "expected")
    columns = ({"topic": 1}, {"topic": 2, "expected": "x"})
    assert coverage.includes(columns)
    assert coverage.expectations(columns, {}) == {"expected_response": "x"}
    assert not coverage.includes(({"other": 1},))
