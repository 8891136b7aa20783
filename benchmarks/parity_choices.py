"""Choices by log-likelihood, beside lm-evaluation-harness' own multiple_choice on the same weights.

python -m benchmarks.parity_choices         a Markdown table; exit code 1 if something differs

Two tasks of 30 rows in float32: BoolQ with the same two choices in every row, and how-to questions
in many languages with two solutions of their own (as PIQA). Log-likelihoods must be equal to 1e-4,
acc, acc_norm and acc_bytes exactly. Needs `workbench models add smollm2-135m-instruct`,
`workbench data add boolq` and benchmarks.peers.install lm-eval.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.install import install, python_of
from benchmarks.project import workbench
from workbench.providers.transformers.weights import find_weights, weights_folder

ROOT = Path(__file__).resolve().parents[1]
MODEL = "smollm2-135m-instruct"
ROWS = 30
TOLERANCE = 1e-4
METRICS = {"none": "acc", "characters": "acc_norm", "bytes": "acc_bytes"}  # by `normalize`
HARNESS_TASK = """\
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: {text}
doc_to_choice: {choices}
doc_to_target: label
metric_list: [{metrics}]
"""
Likelihoods = dict[tuple[str, str], float]  # by prompt, and choice with its leading space


@dataclass(frozen=True)
class Task:
    """A task as both tools write it.

    Attributes:
        rows: a file of JSON lines with `label`.
        text: the template of a prompt, which ends without a space.
        choices: a Jinja expression for lm-evaluation-harness, without leading spaces.
        spaced_choices: the same in a prompt's front matter, with leading spaces.
        expected: of the experiment file's dataset.
    """

    name: str
    rows: Path
    text: str
    choices: str
    spaced_choices: str
    expected: str


TASKS = (
    Task(
        name="boolq",
        rows=ROOT / "prompts" / "boolq" / "questions.fetched.jsonl",
        text="{{ passage }}\nQuestion: {{ question }}?\nAnswer:",
        choices='["no", "yes"]',
        spaced_choices='[" no", " yes"]',
        expected="label",
    ),
    Task(
        name="how_to",
        rows=ROOT / "benchmarks" / "how_to_rows.jsonl",
        text="Question: {{ goal }}\nAnswer:",
        choices='"{{ [sol1, sol2] }}"',
        spaced_choices="\"{{ [' ' ~ sol1, ' ' ~ sol2] }}\"",
        expected='"{{ [sol1, sol2][label] }}"',
    ),
)


def run_workbench(folder: Path, task: Task) -> dict[str, float]:
    """Run the task in the project `folder`; the accuracy by the harness' name of the metric."""
    files = folder / "prompts" / task.name
    files.mkdir(parents=True)
    lines = task.rows.read_text(encoding="utf-8").splitlines(keepends=True)[:ROWS]
    (files / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    for normalize in METRICS:
        front = f"chat: false\nchoices: {task.spaced_choices}\nnormalize: {normalize}\n"
        (files / f"{normalize}.jinja").write_text(f"---\n{front}---\n{task.text}\n")
    (files / "experiment.yaml").write_text(
        f"dataset: {{path: rows.jsonl, expected: {task.expected}}}\n"
        f"prompts: [{', '.join(METRICS)}]\n"
        f"models:\n  - transformers:{MODEL}: {{dtype: float32}}\n"
        "evaluators: [exact_match]\n"
    )
    (folder / "workbench.yaml").write_text("tracking_uri: none\n")
    command = workbench("run", task.name, "--json")
    output = subprocess.run(command, cwd=folder, check=True, stdout=-1).stdout
    return {
        METRICS[variant["prompt"]]: variant["metrics"]["exact_match"]["mean"]
        for variant in json.loads(output)["variants"]
    }


def stored_likelihoods(folder: Path) -> Likelihoods:
    """The log-likelihoods in the store of a project."""
    command = workbench("store", "export")
    output = subprocess.run(command, cwd=folder, check=True, stdout=-1, text=True).stdout
    completions = map(json.loads, output.splitlines())
    return {
        (completion["request"]["text"], choice): score
        for completion in completions
        for choice, score in completion["choice_scores"].items()
    }


def run_harness(folder: Path, weights: Path) -> tuple[dict[str, dict[str, float]], Likelihoods]:
    """Run both tasks; the metrics by task, and the log-likelihoods."""
    for task in TASKS:
        metrics = (
            f"{{metric: {name}, aggregation: mean, higher_is_better: true}}"
            for name in METRICS.values()
        )
        (folder / f"{task.name}.yaml").write_text(
            HARNESS_TASK.format(
                name=task.name,
                rows=folder / "prompts" / task.name / "rows.jsonl",
                text=json.dumps(task.text),
                choices=task.choices,
                metrics=", ".join(metrics),
            )
        )
    tool = python_of("lm-eval").with_name("lm_eval")
    model = f"pretrained={weights},dtype=float32"
    tasks = ",".join(task.name for task in TASKS)
    words = ["--model", "hf", "--model_args", model, "--tasks", tasks, "--device", "cpu"]
    words += ["--include_path", folder, "--output_path", folder / "out", "--log_samples"]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(folder / "cache"),
    }
    subprocess.run([tool, *words], env=environment, check=True, stdout=subprocess.DEVNULL)
    (file,) = (folder / "out").glob("*/results_*.json")
    results = json.loads(file.read_text())["results"]
    values = {
        task: {name: found[f"{name},none"] for name in METRICS.values()}
        for task, found in results.items()
    }
    return values, dict(_sampled(folder))


def _sampled(folder: Path) -> Iterator[tuple[tuple[str, str], float]]:
    for file in (folder / "out").glob("*/samples_*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            sample: dict[str, Any] = json.loads(line)
            pairs = sample["arguments"].values()
            for pair, response in zip(pairs, sample["filtered_resps"], strict=True):
                yield (pair["arg_0"], pair["arg_1"]), float(response[0])


def main() -> int:
    install("lm-eval")
    weights = weights_folder(find_weights(MODEL, ""))
    with tempfile.TemporaryDirectory(prefix="workbench-") as name:
        folder = Path(name)
        accuracies = {task.name: run_workbench(folder, task) for task in TASKS}
        scores = stored_likelihoods(folder)
        peer_accuracies, peer_scores = run_harness(folder, weights)
    differences = [abs(scores[pair] - peer_scores[pair]) for pair in peer_scores]
    print("| task | metric | Workbench | lm-evaluation-harness |\n|---|---|---|---|")
    for task, values in accuracies.items():
        for metric, value in values.items():
            print(f"| {task} | {metric} | {value:.4f} | {peer_accuracies[task][metric]:.4f} |")
    count, largest = len(differences), max(differences)
    print(f"\n{count} log-likelihoods, the largest difference {largest:.1e}")
    equal = all(
        abs(value - peer_accuracies[task][metric]) < TOLERANCE
        for task, values in accuracies.items()
        for metric, value in values.items()
    )
    return 0 if equal and largest <= TOLERANCE and count == 2 * ROWS * len(TASKS) else 1


if __name__ == "__main__":
    sys.exit(main())
