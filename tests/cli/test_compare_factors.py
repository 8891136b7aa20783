"""`workbench compare --factors`: main effects, equivalence and interactions of a grid."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import statsmodels.formula.api as smf
from command import invoke
from test_slices import LENGTH

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, better, wordy]
models: [echo:last, echo:first-word]
grid: {temperature: [0, 0.7]}
evaluators: [exact_match, length, mark]
"""
MARK = """\
from workbench.evaluator import evaluator
from evaluators.length import length


@evaluator(range=(0, 9))
def mark(outputs: str) -> float | None:
    return None if outputs == "none" else min(9.0, length(outputs))
"""
# Rows by the answers of the three prompts; `yes` is right, and the first word of `yes, sir`
# is `yes,`.
ROWS = {
    ("yes", "yes", "yes"): 60,
    ("no", "yes", "yes sir"): 40,
    ("no", "no", "no"): 40,
    ("no", "yes", "broken"): 5,
    ("none", "yes", "yes sir"): 5,
}
PROMPTS = ("plain", "better", "wordy")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`better` is better; `wordy` needs the model that answers with the first word."""
    home = tmp_path_factory.mktemp("factors")
    task = home / "prompts" / "qa"
    task.mkdir(parents=True)
    (home / "evaluators").mkdir()
    (home / "evaluators" / "length.py").write_text(LENGTH)
    (home / "evaluators" / "mark.py").write_text(MARK)
    answers = [texts for texts, count in ROWS.items() for _ in range(count)]
    rows = [
        {"id": str(n), "n": n, "label": "yes", "texts": list(texts)}
        for n, texts in enumerate(answers)
    ]
    (task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for number, name in enumerate(PROMPTS):
        text = f"system:\n{{{{ n }}}}\nuser:\n{{{{ texts[{number}] }}}}\n"
        (task / f"{name}.jinja").write_text(text)
    (task / "experiment.yaml").write_text(EXPERIMENT)
    (home / "workbench.yaml").write_text("tracking_uri: none\n")
    assert invoke(home, "run").returncode == 3  # rows with errors
    return home


@pytest.fixture(scope="module")
def effects(home: Path) -> dict[str, Any]:
    """The effects of each metric."""
    document = json.loads(invoke(home, "compare", "--factors", "--json").stdout)
    return {part["metric"]: part for part in document["factors"]["metrics"]}


EXACT_MATCH = """\
exact_match, 150 rows of 12 variants
  prompt matters (p < 0.001)
    plain   0.400 [MEAN]
    better  0.733 [MEAN]  +0.333 [DIFFERENCE]
    wordy   0.550 [MEAN]  +0.150 [DIFFERENCE]
  model matters (p < 0.001)
    last        0.511 [MEAN]
    first-word  0.611 [MEAN]  +0.100 [DIFFERENCE]
  temperature doesn't matter: 0 and 0.7 differ by +0.000 [DIFFERENCE],
  equivalent within 0.05
    0    0.561 [MEAN]
    0.7  0.561 [MEAN]  +0.000 [DIFFERENCE]
  prompt × model: the effect of prompt depends on model (p < 0.001); farthest
  from the sum of both effects:
    wordy · first-word   0.700  +0.100 [DIFFERENCE]
    plain · first-word   0.400  -0.050 [DIFFERENCE]
    better · first-word  0.733  -0.050 [DIFFERENCE]
  no evidence of an interaction: prompt × temperature (p = 1.000), model ×
  temperature (p = 1.000)
"""


def test_the_text_fits_a_terminal_and_says_what_matters(home: Path) -> None:
    text = invoke(home, "compare", "--factors").stdout
    assert max(map(len, text.splitlines())) <= 80
    block = text[: text.index("\n\n") + 1]
    block = re.sub(r"\[[+-][^]]*\]", "[DIFFERENCE]", block)
    assert re.sub(r"\[\d[^]]*\]", "[MEAN]", block) == EXACT_MATCH


def test_markdown_has_a_table_for_each_factor(home: Path) -> None:
    lines = invoke(home, "compare", "--factors", "--markdown").stdout.splitlines()
    assert lines[:2] == ["### exact\\_match, 150 rows of 12 variants", ""]
    assert [line.split(" | ")[0] for line in lines[4:9]] == [
        *("| level", "|---|---|---|", "| plain", "| better", "| wordy"),
    ]


def test_differences_agree_with_cluster_robust_least_squares(effects: Any) -> None:
    cells = [
        {"row": row, "prompt": prompt, "passes": float(answer == "yes")}
        for row, texts in enumerate(texts for texts, count in ROWS.items() for _ in range(count))
        for prompt, text in zip(PROMPTS, texts, strict=True)
        for answer in (text, text.split()[0])
    ]
    table = pd.DataFrame(cells)
    model = smf.ols("passes ~ C(prompt, Treatment('plain'))", table)
    groups = {"groups": table["row"], "use_correction": False}
    fit = model.fit(cov_type="cluster", cov_kwds=groups, use_t=True)
    for level, name in zip(
        effects["exact_match"]["main_effects"][0]["levels"], PROMPTS, strict=True
    ):
        if name == "plain":
            continue
        low, high = fit.conf_int().loc[f"C(prompt, Treatment('plain'))[T.{name}]"]
        difference = level["from_first"]
        assert difference["difference"] == pytest.approx((low + high) / 2)
        assert 0.99 < (difference["high"] - difference["low"]) / (high - low) < 1.15


def test_failed_answers_count_with_the_worst_score(effects: Any) -> None:
    mark = effects["mark"]
    counts = {name: mark[name] for name in ("rows", "left_out", "not_applicable", "failed")}
    assert counts == {"rows": 145, "left_out": 5, "not_applicable": 5, "failed": 5 * 4}
    wordy = mark["main_effects"][0]["levels"][2]
    assert wordy["mean"] == pytest.approx((60 * 3 + 40 * (7 + 3) / 2 + 40 * 2 + 5 * 0) / 145)


def test_without_a_range_rows_that_failed_are_left_out(home: Path, effects: Any) -> None:
    length = effects["length"]
    assert (length["rows"], length["left_out"], length["worst_case_unknown"]) == (145, 5, True)
    text = " ".join(invoke(home, "compare", "--factors").stdout.split())
    assert (
        "length, 145 rows of 12 variants; 5 rows left out; failed answers can't count as the "
        "worst score: the metric has no range" in text
    )


def test_names_select_the_levels(home: Path) -> None:
    document = json.loads(invoke(home, "compare", "--factors", "plain", "wordy", "--json").stdout)
    assert document["factors"]["factors"] == [
        {"name": "prompt", "levels": ["plain", "wordy"]},
        {"name": "model", "levels": ["last", "first-word"]},
        {"name": "temperature", "levels": ["0", "0.7"]},
    ]
    assert json.loads(invoke(home, "compare", "--json").stdout)["factors"] is None


def test_a_factor_is_tested_where_all_its_levels_are(home: Path) -> None:
    task = home / "prompts" / "qa"
    excluded = "exclude: [{prompt: wordy, model: 'echo:last'}]\n"
    (task / "part.yaml").write_text(EXPERIMENT + excluded)
    text = " ".join(invoke(home, "compare", str(task / "part.yaml"), "--factors").stdout.split())
    assert "prompt (over 2 of 4 combinations) matters (p < 0.001)" in text
    assert "model (over 4 of 6 combinations) doesn't matter" in text
    note = "prompt × model: not tested; not all of its combinations are among the variants"
    assert note in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--factors", "--by", "n"], "--factors and --by can't be combined"),
        (["--factors", "--anytime"], "--factors and --anytime can't be combined"),
        (
            ["--factors", "plain · last · temperature=0", "better · first-word · temperature=0"],
            "the variants don't cross",
        ),
    ],
    ids=["slices", "anytime", "no cross"],
)
def test_a_refusal_says_why(home: Path, words: list[str], message: str) -> None:
    refused = invoke(home, "compare", *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr
