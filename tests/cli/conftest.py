"""A project whose two prompts are answered and recorded, for commands that only read."""

import json
from pathlib import Path

import pytest
from command import add_mlflow_store, invoke

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, better]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """Forty rows and two prompts; `better` is right in ten more rows and wrong in one more."""
    home = tmp_path_factory.mktemp("compare")
    task = home / "prompts" / "qa"
    task.mkdir(parents=True)
    with (task / "rows.jsonl").open("w") as file:
        for n in range(40):
            first = "yes" if n < 20 else "no"
            second = "no" if n == 0 else "yes" if n < 30 else "no"
            row = {"id": f"r{n}", "a": first, "b": second, "kind": "odd" if n % 2 else "even"}
            file.write(json.dumps({**row, "n": f"Row {n}.", "label": "yes"}) + "\n")
    (task / "plain.jinja").write_text("system:\n{{ n }}\nuser:\n{{ a }}\n")
    (task / "better.jinja").write_text("system:\n{{ n }}\nuser:\n{{ b }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT)
    add_mlflow_store(home, empty_store)
    assert invoke(home, "run").returncode == 0
    return home
