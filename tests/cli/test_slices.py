"""`workbench compare --by`: slices, also those without a pair, and the test between them."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from command import invoke

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, better]
models: [echo:last]
evaluators: [exact_match, length, mark]
"""
LENGTH = '''\
def length(outputs: str) -> float:
    """Characters of the output."""
    if outputs == "broken":
        raise ValueError("not a word")
    return float(len(outputs))
'''
MARK = """\
from workbench.evaluator import evaluator
from evaluators.length import length


@evaluator(range=(0, 5))
def mark(outputs: str) -> float:
    return min(5.0, length(outputs))
"""
# Rows of each language by the answers of both prompts; `yes` is right.
ROWS = {
    "en": {("yes", "yes"): 40, ("no", "yes"): 16, ("no", "no"): 24},
    "de": {("yes", "no"): 12, ("no", "no"): 28},
    "fr": {("no", "broken"): 10},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`better` is better in English, worse in German, and broken in French."""
    home = tmp_path_factory.mktemp("slices")
    task = home / "prompts" / "qa"
    task.mkdir(parents=True)
    (home / "evaluators").mkdir()
    (home / "evaluators" / "length.py").write_text(LENGTH)
    (home / "evaluators" / "mark.py").write_text(MARK)
    pairs = [
        {"language": language, "a": a, "b": b}
        for language, counts in ROWS.items()
        for (a, b), count in counts.items()
        for _ in range(count)
    ]
    rows = [{"id": str(n), "n": n, "label": "yes", **pair} for n, pair in enumerate(pairs)]
    (task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (task / "plain.jinja").write_text("system:\n{{ n }}\nuser:\n{{ a }}\n")
    (task / "better.jinja").write_text("system:\n{{ n }}\nuser:\n{{ b }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT)
    (home / "workbench.yaml").write_text("tracking_uri: none\n")
    assert invoke(home, "run").returncode == 3  # ten rows with errors
    return home


@pytest.fixture(scope="module")
def document(home: Path) -> dict[str, Any]:
    return json.loads(invoke(home, "compare", "--by", "language", "--json").stdout)


def test_a_slice_with_the_opposite_sign_is_named_with_a_test(home: Path, document: Any) -> None:
    line = (
        "exact_match: the difference depends on language (p < 0.001); "
        "de: -0.300, opposite to +0.031 overall"
    )
    text, markdown = (
        invoke(home, "compare", "--by", "language", *words).stdout
        for words in ((), ("--markdown",))
    )
    assert f"  {line}" in text.splitlines()
    assert line in markdown.replace("\\", "")
    assert document["interactions"][0] == {
        "variant": "better",
        "metric": "exact_match",
        "difference": pytest.approx(4 / 130),
        "p_adjusted": pytest.approx(0.0005, abs=1e-6),
        "opposite": {"de": pytest.approx(-0.3)},
    }


def test_a_difference_that_is_the_same_in_all_slices_is_not_accused(home: Path) -> None:
    text = invoke(home, "compare", "--by", "n").stdout
    assert "exact_match: no evidence that the difference depends on n (p = " in text


def test_a_metric_without_a_range_has_no_test(home: Path, document: Any) -> None:
    tests = {test["metric"]: test["p_adjusted"] for test in document["interactions"]}
    assert tests["length"] is None
    assert "length: the difference" not in invoke(home, "compare", "--by", "language").stdout


def test_a_single_variant_has_a_value_of_each_slice(home: Path, document: Any) -> None:
    lines = invoke(home, "compare", "plain", "--by", "language").stdout.splitlines()
    assert lines[-1]
    assert lines[:2] == ["plain", "  language=en, exact_match: 0.500 [0.393, 0.607], 80 rows"]
    assert "  language=de, exact_match: 0.300 [0.181, 0.454], 40 rows" in lines
    assert not any("never differ" in line for line in lines)
    markdown = invoke(home, "compare", "plain", "--by", "language", "--markdown").stdout
    assert markdown.startswith("### plain\n- language=en, exact\\_match: 0.500 ")
    values = {part["value"]: part["values"]["plain"] for part in document["slices"]}
    assert [values[each]["exact_match"]["mean"] for each in ("en", "de", "fr")] == [0.5, 0.3, 0]
    assert document["slices"][2]["values"]["better"]["length"] is None
    refused = invoke(home, "compare", "plain").stderr
    assert "every variant stands alone" in refused
    assert "--by COLUMN shows the slices of one" in refused


def test_the_page_has_the_slices_of_its_rows(home: Path, document: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    invoke(home, "compare", "--by", "language", "--html", str(file))
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', file.read_text()
    )
    data = json.loads(text)
    slices, index = data["slices"], data["index"]["slices"]
    assert (slices["column"], slices["omitted"]) == ("language", 0)
    assert slices["tests"]["exact_match"][0].startswith(
        "better: the difference depends on language"
    )
    for position, (shown, part) in enumerate(
        zip(slices["values"], document["slices"], strict=True)
    ):
        better, name = shown["variants"][1], shown["value"]
        assert (name, shown["rows"]) == (part["value"], index.count(str(position)))
        for metric, value in part["values"]["better"].items():
            assert better[metric]["mean"] == (value and value["mean"])
            compared = part["comparisons"].get("better", {}).get(metric)
            assert better[metric]["comparison"] == compared
            assert better[metric]["unpaired"] == (metric in part["unpaired"].get("better", {}))
    assert len(index) == 130
    invoke(home, "compare", "--html", str(file), "--force")
    assert '"slices":null' in file.read_text()


def test_a_single_variant_is_viewed_by_slices(home: Path) -> None:
    command = [str(Path(sys.executable).with_name("workbench")), "view", "plain", "--port", "0"]
    command += ["--by", "language"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(address) as page:
            text = page.read().decode()
        process.terminate()
    assert '"slices":{"column":"language"' in text
    refused = invoke(home, "view", "plain", "--by", "langauge", "--port", "0")
    assert (refused.returncode, "'langauge'" in refused.stderr) == (2, True)


def test_a_slice_that_one_variant_failed_on_is_shown_with_its_counts(
    home: Path, document: Any
) -> None:
    counts = "no row has a score of both (plain: 10 scored; better: 10 failed)"
    lines = invoke(home, "compare", "--by", "language").stdout.splitlines()
    assert f"  language=fr, length: {counts}" in lines
    (mark,) = [line for line in lines if line.startswith("  language=fr, mark: ")]
    assert f"{counts}; with the worst score for failed answers -2.000 [" in mark
    part = next(part for part in document["slices"] if part["value"] == "fr")
    assert (part["rows"], part["unpaired"]["better"]["length"]) == (
        10,
        {
            "baseline": {"scored": 10, "failed": 0, "not_applicable": 0, "not_run": 0},
            "variant": {"scored": 0, "failed": 10, "not_applicable": 0, "not_run": 0},
        },
    )
