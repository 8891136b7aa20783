"""The pages of an invocation's runs: names, description, metrics, order, dataset and prompts."""

import json
import math
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.entities import Run
from openai_server import OpenAIServer, say
from recording import Recording

from workbench.cli.results import TerminalResults
from workbench.comparing.comparison import compare_stored
from workbench.comparing.decision import Limits, decide
from workbench.experiment import load_experiment
from workbench.figures.cost_figures import cost_figures
from workbench.plan import Options, plan_invocation
from workbench.project import Price, ProjectFile
from workbench.report.leaderboard import rank_numbers
from workbench.report.run import summary
from workbench.resolvers import project_resolvers
from workbench.run import stored_results
from workbench.run.summary import Invocation
from workbench.store import Store
from workbench.tracking.record_state import NOTE
from workbench.tracking.recorded_runs import find_runs
from workbench.tracking.run_data import DESCRIPTION, round_metric
from workbench.tracking.run_names import NAME, variant_names
from workbench.tracking.runs import BEST
from workbench.tracking.ui_server import comparison_pages

LABELS = {f"ticket {n}": ("bug", "bill")[n % 2] for n in range(8)}
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [zero_shot, few_shot]
models:
  - openai:gpt-6-luna: {{base_url: "{url}"}}
  - openai:gpt-6-nova: {{base_url: "{url}"}}
evaluators: [exact_match, output_tokens]
"""


@pytest.fixture
def tickets(recording: Recording, server: OpenAIServer) -> tuple[Recording, str]:
    """Two prompts on two models: few_shot on nova is right, on luna half of the time."""
    bench = recording.bench
    rows = [{"id": str(n), "text": text, "label": LABELS[text]} for n, text in enumerate(LABELS)]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    bench.write("zero_shot.jinja", "user:\n{{ text }}\n")
    bench.write("few_shot.jinja", "user:\nTwo shots.\n{{ text }}\n")

    def reply(body: Any) -> str:
        text = body["messages"][-1]["content"]
        is_right = "shots" in text and body["model"].endswith("nova")
        return LABELS[text.splitlines()[-1]] if is_right else "bug"

    server.script = lambda path, body, nth: say(reply(body))
    prices = {f"openai:gpt-6-{name}": Price(input=1, output=2) for name in ("luna", "nova")}
    project = replace(recording.project, file=ProjectFile(prices=prices))
    ours = replace(recording, project=project, callbacks=TerminalResults(project, quiet=True))
    return ours, EXPERIMENT.format(url=server.url)


def runs(recording: Recording) -> tuple[Run, list[Run]]:
    """The newest invocation's run, and those of its variants as MLflow lists them."""
    parent, *_ = [run for run in recording.runs() if "workbench.plan" in run.data.tags]
    below = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    return parent, list(recording.client.search_runs([parent.info.experiment_id], below))


def test_the_parent_run_tells_the_winner_and_what_changed(tickets: tuple[Recording, str]) -> None:
    recording, text = tickets
    recording.run(text)
    recording.bench.write("few_shot.jinja", "user:\nThree shots.\n{{ text }}\n")
    done = recording.run(text, Options(note="three shots are more than two"))
    parent, children = runs(recording)
    assert parent.info.run_name == "2 prompts · 2 models · 1.00"
    assert next(run.info.run_name for run in children) == "few·nova"
    assert [run.data.metrics["exact_match/mean"] for run in children] == [1.0, 0.5, 0.5, 0.5]
    assert not {name for name in parent.data.metrics if name.endswith("/mean")}
    assert next(v.data.tags[NAME] for v in children) == "few_shot · gpt-6-nova"
    assert {d.dataset.name for d in parent.inputs.dataset_inputs} == {"rows"}
    linked = json.loads(parent.data.tags["mlflow.linkedPrompts"])
    assert [(link["name"], link["version"]) for link in linked] == [
        ("qa.zero_shot", "1"),
        ("qa.few_shot", "2"),
    ]

    best, base = (done.variants[number].run_id for number in (3, 1))
    address = f"#/experiments/{parent.info.experiment_id}/runs"
    shown = parent.data.tags[DESCRIPTION].replace("\\", "").replace("\N{NO-BREAK SPACE}", "")
    note, _, shown = shown.partition("\n\n")
    version = recording.client.get_prompt_version("qa.few_shot", "2")
    assert version is not None
    assert note == version.commit_message == "three shots are more than two"
    taken = "Take few_shot · gpt-6-nova: exact_match 1.000 [0.676, 1.000], n=8."
    assert shown.startswith(f"**{taken} 3 others may be as good.**")
    assert f"({address}/{best}/traces?compareToRunUuid={base})" in shown
    assert f"({address}/{parent.info.run_id}/artifacts/comparison.html)" in shown
    lines = [line for line in shown.splitlines() if line.startswith("| [")]
    names = ["few_shot v2 · gpt-6-nova", "zero_shot v1 · gpt-6-luna"]
    assert [line[3 : 3 + len(name)] for line, name in zip(lines, names, strict=False)] == names
    assert "| 1.000 [0.676, 1.000] | +0.500 " in lines[0]
    assert "few_shot · gpt-6-nova: prompt version 1 → 2: exact_match +0.000" in shown

    records = find_runs(recording.project, recording.uri, "qa", 1).variants
    assert {record.note for record in records} == {note}
    assert [record.name for record in records] == [v.variant.name for v in done.variants]

    experiment = load_experiment(
        recording.bench.task / "experiment.yaml",
        recording.project,
        recording.bench.renderer,
        project_resolvers(recording.project, recording.uri),
    )
    with Store(recording.project.store) as store:
        plan = plan_invocation(experiment, recording.bench.renderer, store, Options())
        chosen = decide(compare_stored(plan, store), Limits("exact_match")).after_choosing
    assert chosen is not None
    assert parent.data.metrics["best/exact_match"] == round_metric(chosen.mean)
    assert parent.data.metrics["baseline/exact_match"] == 0.5

    client = recording.client
    assert [file.path for file in client.list_artifacts(parent.info.run_id, "figures")] == [
        "figures/exact_match.png",
        "figures/exact_match_confusion.png",
        "figures/exact_match_cost.png",
        "figures/exact_match_latency.png",
        "figures/output_tokens.png",
    ]
    comparison = json.loads(recording.artifact(parent.info.run_id, "comparison.json"))
    assert [(each["run_id"], each["version"]) for each in comparison["variants"]] == [
        (result.run_id, number) for result, number in zip(done.variants, (1, 1, 2, 2), strict=True)
    ]
    figures = cost_figures("exact_match", done.variants, "USD")
    assert list(figures) == ["cost", "latency"]
    for figure in figures.values():
        (axes,) = figure.axes
        shown = axes.viewLim
        points = [tuple(line.get_xydata()[0]) for line in axes.lines if len(line.get_xydata()) == 1]
        assert len(points) == 4
        assert all(shown.contains(*point) for point in points)
        assert shown.height < 2  # the means are 0.5 to 1
    (legend,) = figures["cost"].legends
    assert legend.get_title().get_text() == "differences from the baseline that shares all else"
    assert [text.get_text().partition(",")[0] for text in legend.get_texts()] == [
        "1  few_shot · gpt-6-nova",
        "2  zero_shot · gpt-6-luna",
        "3  zero_shot · gpt-6-nova",
        "4  few_shot · gpt-6-luna",
    ]
    client.set_tag(parent.info.run_id, DESCRIPTION, "mine")
    client.update_run(parent.info.run_id, name="my run")
    recording.run(text.replace("exact_match,", "exact_match: {}, ") + "baseline: few_shot\n")
    parent, children = runs(recording)
    assert parent.info.run_id == done.parent_run_id
    assert (parent.info.run_name, parent.data.tags[DESCRIPTION]) == ("my run", "mine")
    assert parent.data.tags[NOTE] == note


DURATION = """\
from workbench.evaluator import evaluator


@evaluator(higher_is_better=False, unit="s")
def duration(outputs: str) -> float:
    return 1.0 if outputs == "no" else 2.0
"""
TIMED = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [quick, right]
models: [echo:last]
evaluators: [duration, exact_match]
"""


def test_the_command_links_the_variants_that_the_page_compares(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its first metric, a time, the other variant leads."""
    recording = replace(recording, callbacks=TerminalResults(recording.project, quiet=True))
    bench = recording.bench
    rows = [{"id": str(n), "a": "no", "b": "yes", "label": "yes"} for n in range(3)]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    bench.write("quick.jinja", "user:\n{{ a }}\n")
    bench.write("right.jinja", "user:\n{{ b }}\n")
    bench.write("../../evaluators/duration.py", DURATION)
    done = recording.run(TIMED)
    quick, right = (result.run_id for result in done.variants)
    parent, children = runs(recording)
    pages = comparison_pages("https://mlflow:8443/ml", parent, children)
    assert rank_numbers(done.variants) == [0, 1]
    assert (done.best_run_id, done.baseline_run_id) == (right, quick)
    assert f"{right}/traces?compareToRunUuid={quick}" in parent.data.tags[DESCRIPTION]
    assert links(done) == [
        f"leaderboard: {pages['leaderboard']}",
        f"best and baseline: {pages['row by row']}",
        f"comparison: {pages['comparison']}",
    ]
    again = recording.run(TIMED)
    assert (again.recorded_before, links(again)) == (True, links(done))
    recording.client.delete_tag(parent.info.run_id, BEST)  # as of an older version
    assert links(recording.run(TIMED)) == links(done)[:1]

    monkeypatch.setattr(stored_results, "MAX_COMPARED_ROWS", 5)
    large = recording.run(f"{TIMED}parameters: {{max_tokens: 9}}\n")
    assert links(large)[2:] == [f"comparison: workbench view {large.plan.experiment.path}"]
    parent, children = runs(recording)
    assert parent.info.run_id == large.parent_run_id
    assert "comparison" not in comparison_pages("https://mlflow:8443/ml", parent, children)
    assert "comparison.html" not in parent.data.tags[DESCRIPTION]

    single = recording.run(TIMED.replace("quick, ", ""))
    assert (single.best_run_id, single.baseline_run_id) == (single.variants[0].run_id, "")
    assert [line.partition(":")[0] for line in links(single)] == ["leaderboard"]


def test_the_project_names_the_figures_that_are_metrics(tickets: tuple[Recording, str]) -> None:
    recording, text = tickets
    text = text.replace("[zero_shot, few_shot]", "[few_shot]").replace(", output_tokens]", "]")
    shown, run_ids = [], set()
    for names in (None, ["tokens", "latency_s"], []):
        file = ProjectFile(prices=recording.project.prices, mlflow_metrics=names)
        project = replace(recording.project, file=file)
        done = replace(recording, project=project).run(text)
        metrics = recording.client.get_run(done.variants[0].run_id).data.metrics
        shown.append([name for name in sorted(metrics) if not math.isnan(metrics[name])])
        run_ids.add(done.variants[0].run_id)
    assert shown == [
        ["cost", "exact_match/mean"],
        ["exact_match/mean", "latency_s", "tokens"],
        ["exact_match/mean"],
    ]
    assert len(run_ids) == 1


def links(done: Invocation) -> list[str]:
    """Lines of `workbench run` about pages, had it recorded on a server with a password."""
    on_server = replace(done, tracking_uri="https://me:pw@mlflow:8443/ml/")
    labels = ("leaderboard: ", "best and baseline: ", "comparison: ")
    return [line for line in summary(on_server, currency="USD") if line.startswith(labels)]


def variant(prompt: str, model: str, version: int = 1, **point: object) -> Any:
    name = " · ".join([prompt, model, *(f"{key}={value}" for key, value in point.items())])
    shown = SimpleNamespace(name=prompt, ref=prompt, version=version, digest=f"{prompt}{version}")
    label = SimpleNamespace(model=SimpleNamespace(label=model))
    return SimpleNamespace(name=name, prompt=shown, model=label, point=point)


PROMPTS, LONG = ["zero_shot", "few_shot", "step_by_step"], ["gpt-6-luna", "gpt-6-nova"]


@pytest.mark.parametrize(
    ("variants", "names"),
    [
        ([("plain", "large"), ("terse", "large")], ["plain · large", "terse · large"]),
        ([("plain", "large"), ("plain", "small")], ["large", "small"]),
        ([("zero_shot", model) for model in LONG], ["luna", "nova"]),
        ([(prompt, "gpt-6-luna") for prompt in PROMPTS], PROMPTS),
        (
            list(product(PROMPTS[:2], LONG)),
            ["zero·luna", "zero·nova", "few·luna", "few·nova"],
        ),
        (
            list(product(["question", "labels"], ["large", "small"])),
            ["lar·question", "sma·question", "lar·labels", "sma·labels"],
        ),
        (
            list(product(["few_shot", "few_shot_chat"], ["smollm2", "gemma3"])),
            ["fs·smollm2", "fs·gemma3", "fsc·smollm2", "fsc·gemma3"],
        ),
        (
            [*list(product(PROMPTS, LONG[:2]))[4:], ("zero_shot", "gpt-6-luna")],
            ["luna·step_by_step", "nova·step_by_step", "luna·zero_shot"],
        ),
        ([("few_shot", "gpt-6-luna", n) for n in (3, 4)], ["v3", "v4"]),
    ],
)
def test_a_name_begins_with_what_tells_a_variant_from_the_others(
    variants: list[tuple[Any, ...]], names: list[str]
) -> None:
    assert variant_names([variant(*each) for each in variants]) == names


def test_a_parameter_of_the_grid_is_its_initials() -> None:
    grid = [variant("plain", "gpt-6-luna", max_tokens=n) for n in (8, 16)]
    assert variant_names(grid) == ["mt=8", "mt=16"]
