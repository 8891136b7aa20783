"""What is wrong with a judge is refused before a call, with its place and its mending, or noted."""

from pathlib import Path

import pytest
from bench import Bench, refusal
from command import invoke
from judged_task import POLITE, write_judged_task
from openai_server import OpenAIServer

ROW = '{"id": "a", "text": "one", "label": "one"}\n'
KIND = "---\nscores: {yes: 1, no: 0}\n---\nuser:\n{{ outputs }}\nIs it kind?\n"
FRONT = "---\nscores: {yes: 1, no: 0}\n---\nuser:\n"

# Entries, and their place, fault and mending.
ENTRIES = {
    "a panel of one": (
        "judge: {prompt: judges/kind, models: [echo:last]}",
        ("experiment.yaml:6", "`models` is a panel", "write `model:`"),
    ),
    "a condition on an unknown evaluator": (
        "judge: {prompt: judges/kind, model: echo:last, only_if: labl_match is unparsed}",
        ("experiment.yaml:6", "labl_match", "exact_match"),
    ),
    "a pair of one variant": (
        "pairwise: {model: echo:last}",
        ("experiment.yaml", "needs two variants", "add a prompt or a model"),
    ),
    "a column that no row has": (
        "judge: {prompt: workbench/faithfulness, model: echo:last}",
        ("faithfulness.jinja:9:11", "no 'context'", "give the rows what it reads"),
    ),
}
# Judges' files, and the place, fault and mending of their entry.
FILES = {
    "an input that no row has": (
        f"{FRONT}{{{{ inputs.titel }}}} {{{{ outputs }}}}",
        ("kind.jinja:5:11: judge kind", "titel", "give the rows what it reads"),
    ),
    "an expectation that no row has": (
        f"{FRONT}{{{{ expectations.team }}}} {{{{ outputs }}}}",
        ("kind.jinja:5", "team", "give the rows what it reads"),
    ),
    "a variable that judges don't have": (
        f"{FRONT}{{{{ answer }}}}",
        ("kind.jinja:5", "answer", "outputs"),
    ),
    "no choices": ("user:\n{{ outputs }}", ("kind.jinja", "no `scores`", "scores: {yes: 1")),
    "an empty choice of scores": (
        "---\nscores: {}\n---\nuser:\n{{ outputs }}",
        ("kind.jinja", "no `scores`", "scores: {yes: 1"),
    ),
    "one choice": (
        "---\nscores: {yes: 1}\n---\nuser:\n{{ outputs }}",
        ("kind.jinja", "`scores` has one choice", "no: 0"),
    ),
}
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain]
models: [{model}]
evaluators:
  - exact_match
  - {entry}
"""


@pytest.fixture
def judged(bench: Bench) -> Bench:
    bench.write("rows.jsonl", ROW)
    bench.write("../judges/kind.jinja", KIND)
    return bench


def plan(bench: Bench, entry: str, model: str = "echo:last") -> tuple[str, ...]:
    """The notes of a plan with this judge."""
    return bench.plan(EXPERIMENT.format(entry=entry, model=model)).notes


@pytest.mark.parametrize("case", ENTRIES)
def test_an_entry_is_refused_with_place_and_mending(judged: Bench, case: str) -> None:
    entry, texts = ENTRIES[case]
    message = refusal(plan, judged, entry)
    assert [text for text in (*texts, "fix: ") if text not in message] == [], message


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_refused_with_place_and_mending(judged: Bench, case: str) -> None:
    content, texts = FILES[case]
    judged.write("../judges/kind.jinja", content)
    message = refusal(plan, judged, "judge: {prompt: judges/kind, model: echo:last}")
    assert [text for text in (*texts, "fix: ") if text not in message] == [], message


@pytest.mark.parametrize("name", ["judge", "rubric", "checklist", "pairwise"])
def test_a_reserved_name_of_an_evaluator_is_refused_with_a_new_one(
    judged: Bench, name: str
) -> None:
    file = judged.root / "evaluators" / f"{name}.py"
    file.parent.mkdir()
    file.write_text(f"def {name}(outputs): return 1\n")
    message = refusal(plan, judged, name)
    assert f"evaluators/{name}.py: the name {name!r} is reserved for judges" in message
    assert f"my_{name}" in message


def test_a_column_that_some_rows_have_is_no_fault(judged: Bench) -> None:
    judged.write("rows.jsonl", ROW + '{"id": "b", "text": "b", "label": "b", "context": "c"}\n')
    entry = "judge: {prompt: workbench/faithfulness, model: echo:last}"
    assert [note for note in plan(judged, entry) if "can't be asked" in note] == []


@pytest.mark.parametrize(
    "words", [("run",), ("plan",), ("run", "--dry-run"), ("prompts", "lint", "qa")]
)
def test_a_refusal_ends_the_command_before_a_call(
    tmp_path: Path, server: OpenAIServer, words: tuple[str, ...]
) -> None:
    candidate = f'{{"openai:m": {{base_url: "{server.url}"}}}}'
    entry = "  - judge: {prompt: workbench/faithfulness}"
    write_judged_task(tmp_path, server, judges=[POLITE, entry], model=candidate)
    done = invoke(tmp_path, *words)
    assert (done.returncode, server.bodies) == (2, [])
    assert "judge faithfulness can't be asked about any row" in done.stdout + done.stderr


def api(name: str) -> str:
    return f'{{"openai:{name}": {{base_url: "http://127.0.0.1:9/v1"}}}}'


FAMILIES = {
    ("gpt-6-luna", "gpt-6-luna"): "openai:gpt-6-luna also gives answers that it scores",
    ("gpt-6-luna", "gpt-6-nova"): "openai:gpt-6-nova is of the family of openai:gpt-6-luna",
    ("meta-llama/Llama-4-Scout", "llama-3.3-70b"): "is of the family of openai:meta-llama",
    ("Qwen/Qwen3-8B", "qwen2.5-72b"): "is of the family of openai:Qwen/Qwen3-8B",
    ("smollm2-135m", "SmolLM3-3B"): "is of the family of openai:smollm2-135m",
    ("gpt-6-luna", "claude-opus-6"): "",
    ("mymodel", "mymodel-2"): "",  # an unknown family
    ("gemma-3", "gemini-4"): "",
}


@pytest.mark.parametrize("pair", FAMILIES)
def test_a_judge_of_the_candidate_s_family_is_noted(judged: Bench, pair: tuple[str, str]) -> None:
    candidate, judge = pair
    entry = f"judge: {{prompt: judges/kind, model: {api(judge)}}}"
    notes = [note for note in plan(judged, entry, api(candidate)) if note.startswith("judge kind:")]
    expected = FAMILIES[pair]
    assert len(notes) == bool(expected)
    assert all(expected in note and "favour their own family" in note for note in notes)


def test_a_file_in_place_of_a_bundled_judge_is_noted(judged: Bench) -> None:
    entry = 'rubric: {rubric: "Kind.", model: echo:last}'
    assert [note for note in plan(judged, entry) if "in place of" in note] == []
    judged.write("../judges/rubric.jinja", KIND)
    (note,) = [note for note in plan(judged, entry) if "in place of" in note]
    assert note == "judge rubric: prompts/judges/rubric.jinja is used in place of workbench/rubric"
