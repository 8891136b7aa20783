"""`run --check-batch`: answers of a sample that change when each row is a batch of its own."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from workbench.cli.setup import open_experiment
from workbench.completing.check_batch import BatchChange, BatchCheck, check_batch
from workbench.model import Completion
from workbench.plan import Options, Plan

WORKBENCH = [sys.executable, "-c", "from workbench.cli import main; main()"]
ROWS = 40


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A project with a local model, and with one that doesn't answer in batches."""
    home = tmp_path_factory.mktemp("check")
    task = home / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [{"id": f"n{n}", "text": f"{n} the film is good", "label": "x"} for n in range(ROWS)]
    (task / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (task / "plain.jinja").write_text("---\nchat: false\n---\n{{ text }}, a dull plot:")
    (task / "experiment.yaml").write_text(
        "dataset: {path: rows.jsonl, expected: label}\n"
        "prompts: [plain]\n"
        f'models: [{{"transformers:{tiny}": {{dtype: float32, as: tiny}}}}, echo:last]\n'
        "parameters: {max_tokens: 4}\n"
        "evaluators: [exact_match]\n"
    )
    return home


def run(home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "MLFLOW"))}
    return subprocess.run(
        [*WORKBENCH, "run", *options],
        cwd=home,
        env=clean,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def stored_completions(home: Path) -> list[tuple]:
    with closing(sqlite3.connect(home / ".workbench" / "store.db")) as db:
        return db.execute("SELECT * FROM completions ORDER BY key").fetchall()


@pytest.mark.nightly
def test_in_float32_no_answer_changes_and_nothing_of_the_check_is_stored(home):
    run(home)
    before = stored_completions(home)
    checked = run(home, "--check-batch", "--json")
    assert checked.stderr.splitlines()[-1:] == [
        "checked at batch 1: plain · tiny: 0 of 32 answers change"
    ]
    assert json.loads(checked.stdout)["check_batch"] == [
        {"variant": "plain · tiny", "rows": 32, "changes": [], "failed": 0}
    ]
    assert stored_completions(home) == before


@pytest.fixture(scope="module")
def batch_plan(home: Path) -> Plan:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        with open_experiment("qa", Options(), "") as opened:
            return opened.plan()


@pytest.fixture(scope="module")
def completions(batch_plan: Plan) -> dict[str, Completion]:
    """The model's completions in batches, by key."""
    number = next(n for n, v in enumerate(batch_plan.variants) if "tiny" in v.name)
    provider = batch_plan.variants[number].model.provider
    return {c.key: c for c in provider.complete(batch_plan.requests[number])}


def test_answer_that_changes_is_named_with_both_texts(batch_plan, completions):
    by_key = dict(completions)
    cells = next(cells for cells in batch_plan.cells if cells[0].key in by_key)
    changed = cells[5]
    single_text = by_key[changed.key].text
    by_key[changed.key] = Completion(changed.key, "ok", text="another")

    def stored(keys):
        return {key: by_key[key] for key in keys if key in by_key}

    (check,) = check_batch(batch_plan, stored, sample_size=ROWS)
    assert check == BatchCheck("plain · tiny", ROWS, (BatchChange("n5", "another", single_text),))


def test_sample_is_chosen_by_the_hash_of_the_keys(batch_plan, completions):
    cells = next(cells for cells in batch_plan.cells if cells[0].key in completions)
    sample = sorted(cells, key=lambda cell: sha256(cell.key.encode()).digest())[:3]
    others = {key: Completion(key, "ok", text="another") for key in completions}
    (check,) = check_batch(
        batch_plan, lambda keys: {key: others[key] for key in keys if key in others}, sample_size=3
    )
    assert (check.rows, [change.row for change in check.changes]) == (
        3,
        [cell.example.id for cell in sample],
    )


def test_rows_left_when_the_run_is_stopped_are_counted(batch_plan, completions):
    (check,) = check_batch(
        batch_plan,
        lambda keys: {key: completions[key] for key in keys if key in completions},
        should_stop=lambda: True,
    )
    assert (check.rows, check.failed) == (1, 31)
