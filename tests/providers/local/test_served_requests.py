"""A packaged variant of a local model makes the requests of its plan, with the same weights."""

import shutil

import pytest
from bench import refusal

from workbench.prompt import PromptRows, render_prompts
from workbench.releasing.variant_folder import write_variant
from workbench.serving.served_variant import open_variant

CHOICES = "---\nchoices: [' one', ' two']\nnormalize: tokens\n---\nuser:\n{{ text }}\n"
PREFILL = "user:\n{{ text }}\n\nassistant:\nIt"
RAW = "---\nchat: false\n---\n{{ text }}"
ROWS = [{"text": "one"}, {"text": "two"}]
SERVED = "WORKBENCH_WEIGHTS"


def plan_of(bench, tiny, template=RAW):
    bench.write("plain.jinja", template)
    return bench.plan(
        f"dataset: rows.jsonl\nprompts: [plain]\nmodels: [transformers:{tiny}]\n"
        "evaluators: [output_tokens]\nparameters: {max_tokens: 3}\n"
    )


@pytest.mark.parametrize("with_weights", [True, False])
@pytest.mark.parametrize("template", [PREFILL, CHOICES, RAW])
def test_requests_are_those_of_the_plan(bench, tiny, template, with_weights, monkeypatch):
    plan = plan_of(bench, tiny, template)
    folder = bench.root / "packaged"
    spec = write_variant(plan.variants[0], folder, bench.renderer, with_weights=with_weights)
    if not with_weights:
        monkeypatch.setenv(SERVED, str(tiny.parent))
    variant = open_variant(folder)
    variant.check_ready()
    jobs = [PromptRows(variant.prompt, ROWS, ["a", "b"])]
    served = map(variant.prepare, render_prompts(jobs, bench.renderer))
    expected = [plan.bodies[cell.key] for cell in plan.cells[0]]
    assert [(r.key, r.text, r.prefill) for r in served] == [
        (request.key, request.text, request.prefill) for request in expected
    ]
    assert spec.model.settings["dtype"] == plan.variants[0].model.provider.identity["dtype"]
    assert str(tiny.parent) not in (folder / "variant.json").read_text()


def test_weights_by_reference_are_looked_for_below_a_variable(bench, tiny, monkeypatch, tmp_path):
    folder = bench.root / "packaged"
    write_variant(plan_of(bench, tiny).variants[0], folder, bench.renderer)
    unset = refusal(open_variant, folder)
    assert f"refers to the weights {tiny.name!r}, and {SERVED} is not set" in unset
    monkeypatch.setenv(SERVED, str(tmp_path))
    assert f"{tmp_path / tiny.name} is no folder" in refusal(open_variant, folder)


@pytest.mark.parametrize(
    ("file", "part"), [("model.safetensors", "weights have"), ("tokenizer.json", "tokenizer has")]
)
def test_other_weights_are_refused(bench, tiny, monkeypatch, file, part):
    folder = bench.root / "packaged"
    write_variant(plan_of(bench, tiny).variants[0], folder, bench.renderer)
    other = shutil.copytree(tiny, bench.root / "served" / tiny.name) / file
    content = bytearray(other.read_bytes())
    content[-2] ^= 1
    other.write_bytes(content)
    monkeypatch.setenv(SERVED, str(bench.root / "served"))
    variant = open_variant(folder)
    message = refusal(variant.check_ready)
    assert message.startswith(str(other.parent))
    assert f"the {part} the digest" in message
    assert "fix: put the evaluated files there" in message
