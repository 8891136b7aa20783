"""The likelihood of the expected answer, against the model run plainly over the whole text."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from tiny_model import plain_score

ROWS = [("the film is", "good"), ("a dull", "plot"), ("review:", ["bad", "negative"])]
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain]
models:
  - transformers:{model}: {{dtype: float32, as: tiny, parameters: {{max_tokens: 2}}}}
{others}evaluators:
  - expected_likelihood{settings}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [{"id": f"r{n}", "text": text, "label": label} for n, (text, label) in enumerate(ROWS)]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "plain.jinja").write_text("---\nchat: false\n---\n{{ text }}")
    (tmp_path / "workbench.yaml").write_text("tracking_uri: none\n")
    return tmp_path


def run(home: Path, model: Path, *words: str, settings: str = "", others: str = "") -> Any:
    text = EXPERIMENT.format(model=model, settings=settings, others=others)
    (home / "prompts" / "qa" / "experiment.yaml").write_text(text)
    done = invoke(home, "run", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tokens(folder: Path, prompt: str, text: str) -> int:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return len(tokenizer(prompt + text)["input_ids"]) - len(tokenizer(prompt)["input_ids"])


def expected_value(folder: Path, prompt: str, text: str, measure: str) -> float:
    text = f" {text}"
    score = plain_score(folder, prompt, text)
    count = tokens(folder, prompt, text)
    return {
        "log_likelihood": score,
        "per_token": score / count,
        "perplexity": math.exp(-score / count),
        "bits_per_byte": -score / len(text.encode()) / math.log(2),
    }[measure]


@pytest.mark.parametrize("measure", ["per_token", "log_likelihood", "perplexity", "bits_per_byte"])
def test_it_is_that_of_the_whole_text(measure: str, home: Path, tiny_base: Path) -> None:
    best = min if measure in ("perplexity", "bits_per_byte") else max
    expected = []
    for text, label in ROWS:
        labels = label if isinstance(label, list) else [label]
        expected.append(best(expected_value(tiny_base, text, each, measure) for each in labels))
    document = run(home, tiny_base, settings=f": {{measure: {measure}}}")
    metric = document["variants"][0]["metrics"]["expected_likelihood"]
    assert metric["mean"] == pytest.approx(sum(expected) / len(ROWS), rel=1e-4)
    assert metric["n"] == len(ROWS)


def test_a_second_run_asks_nothing(home: Path, tiny_base: Path) -> None:
    first = run(home, tiny_base)
    again = run(home, tiny_base, "--limit", "2")
    name = "expected_likelihood"
    assert first["variants"][0]["metrics"][name]["n"] == 3
    assert again["variants"][0]["metrics"][name]["n"] == 2
    plan = json.loads(invoke(home, "plan", "--json").stdout)
    (forecast,) = plan["judges"]
    assert (forecast["kind"], forecast["requests"], forecast["stored"]) == ("likelihoods", 0, 3)


def test_a_variant_without_likelihoods_has_no_value(home: Path, tiny_base: Path) -> None:
    document = run(home, tiny_base, others="  - echo:last\n")
    metrics = [each["metrics"].get("expected_likelihood", {}) for each in document["variants"]]
    assert [(each.get("n"), each.get("errors")) for each in metrics] == [(3, 0), (0, 0)]


def test_another_delimiter_is_another_text(home: Path, tiny_base: Path) -> None:
    settings = ': {measure: log_likelihood, delimiter: ""}'
    metric = run(home, tiny_base, settings=settings)["variants"][0]["metrics"]
    values = [
        max(plain_score(tiny_base, text, each) for each in labels)
        for text, labels in ((t, e if isinstance(e, list) else [e]) for t, e in ROWS)
    ]
    mean = metric["expected_likelihood"]["mean"]
    assert mean == pytest.approx(sum(values) / len(values), rel=1e-4)


REFUSED = {
    "no model gives them": ("echo:last", "", "no model of the experiment gives log-likelihoods"),
    "a misspelt measure": ("", ": {measure: perplexty}", "perplexity"),
    "a misspelt setting": ("", ": {mesure: perplexity}", "measure"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_an_entry_that_can_not_work_is_refused(title: str, home: Path, tiny_base: Path) -> None:
    model, settings, problem = REFUSED[title]
    text = EXPERIMENT.format(model=tiny_base, settings=settings, others="")
    if model:
        lines = [line for line in text.splitlines() if "transformers:" not in line]
        text = "\n".join(line.replace("models:", f"models: [{model}]") for line in lines)
    (home / "prompts" / "qa" / "experiment.yaml").write_text(text + "\n")
    done = invoke(home, "run")
    assert done.returncode == 2
    assert problem in done.stderr
    assert "prompts/qa/experiment.yaml:" in done.stderr
