"""Plans and lint with models whose chat template refuses or loses turns, or writes the date."""

import json
from collections.abc import Callable

import pytest
from bench import Bench, refusal

from workbench.lint import lint_task

TURN = "<{{ m.role }}>{{ m.content }}</>"
PLAIN = "{% for m in messages %}" + TURN + "{% endfor %}"
DROPS_SYSTEM = "{% for m in messages if m.role != 'system' %}" + TURN + "{% endfor %}"
REFUSES_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
    + PLAIN
)
DATED = "{% if not messages[1:] %}Today is {{ strftime_now('%d %b %Y') }}.{% endif %}" + PLAIN
MERGE = "set `system: merge` for the model, or exclude this pair"


@pytest.fixture
def write_model(bench: Bench) -> Callable[..., str]:
    """Write a model's folder and a prompt with a system turn; return the experiment's text."""

    def write(source: str, *, settings: str = "{}", more: str = "") -> str:
        folder = bench.root / "model"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"")
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": source}))
        bench.write("brief.jinja", "system:\nBe brief.\nuser:\n{{ q }}\n")
        bench.write("plain.jinja", "{{ q }}")
        bench.write("rows.jsonl", '{"q": "2 + 2?"}\n{"q": "3 + 3?"}\n')
        return (
            "dataset: rows.jsonl\nprompts: [brief, plain]\nevaluators: [output_tokens]\n"
            f"models:\n  - echo:last\n  - transformers:{folder}: {settings}\n{more}"
        )

    return write


LOSS = f"brief on model: the chat template loses the text of turn 1 (system); {MERGE}"


def test_plan_and_lint_name_the_pair_that_loses_a_system_turn(bench: Bench, write_model):
    text = write_model(DROPS_SYSTEM)
    assert bench.plan(text).notes == (LOSS,)
    warnings = {p.name: p.warnings for p in lint_task(bench.project, "qa", 0).prompts}
    assert warnings == {"brief": (LOSS,), "plain": ()}
    merged = write_model(DROPS_SYSTEM, settings="{system: merge}")
    assert bench.plan(merged).notes == ()
    excluded = write_model(DROPS_SYSTEM, more="exclude: [{prompt: brief, model: model}]\n")
    assert bench.plan(excluded).notes == ()
    assert [p.warnings for p in lint_task(bench.project, "qa", 0).prompts] == [(), ()]


def test_plan_refuses_the_pair_whose_turns_a_template_refuses_and_lint_names_it(
    bench: Bench, write_model
):
    text = write_model(REFUSES_SYSTEM)
    model = f"transformers:{bench.root}/model, with the turns system, user"
    problem = f"{model}: the chat template refuses the messages: No system role"
    assert refusal(bench.plan, text).endswith(f"brief · model: {problem}\n  fix: {MERGE}")
    lint = {prompt.name: prompt.warnings for prompt in lint_task(bench.project, "qa", 0).prompts}
    assert lint == {"brief": (f"brief on model: {problem}; {MERGE}",), "plain": ()}


def test_template_that_takes_all_memory_is_refused_in_a_process_of_its_own(
    bench: Bench, write_model
):
    text = write_model("{{ 'x' * 5000000000 }}")
    assert "chat template refuses the messages: MemoryError" in refusal(bench.plan, text)


def test_keys_have_a_date_only_where_a_template_writes_one(bench: Bench, write_model):
    plan = bench.plan(write_model(DATED, settings="{date: 2026-02-01}"))
    dates = {plan.bodies[c.key].body.get("date") for cells in plan.cells for c in cells}
    assert dates == {None, "2026-02-01"}
