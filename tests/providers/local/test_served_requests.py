"""A packaged variant of a local model makes the requests of its plan."""

import pytest

from workbench.prompt import PromptRows, render_prompts
from workbench.releasing.variant_folder import write_variant
from workbench.serving.served_variant import open_variant

CHOICES = "---\nchoices: [' one', ' two']\nnormalize: tokens\n---\nuser:\n{{ text }}\n"
PREFILL = "user:\n{{ text }}\n\nassistant:\nIt"
RAW = "---\nchat: false\n---\n{{ text }}"
ROWS = [{"text": "one"}, {"text": "two"}]


@pytest.mark.parametrize(
    "template",
    ["user:\n{{ text }}\n\nassistant:\nIt", CHOICES, "---\nchat: false\n---\n{{ text }}"],
)
def test_requests_are_those_of_the_plan(bench, tiny, template):
    bench.write("plain.jinja", template)
    plan = bench.plan(
        f"dataset: rows.jsonl\nprompts: [plain]\n"
        f"models: [transformers:{tiny}: {{dtype: float32}}]\n"
        "evaluators: [output_tokens]\nparameters: {max_tokens: 3}\n"
    )
    folder = bench.root / "packaged"
    write_variant(plan.variants[0], folder, bench.renderer)
    variant = open_variant(folder)
    jobs = [PromptRows(variant.prompt, ROWS, ["a", "b"])]
    served = map(variant.prepare, render_prompts(jobs, bench.renderer))
    assert list(served) == [plan.bodies[cell.key] for cell in plan.cells[0]]
