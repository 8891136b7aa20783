"""`run --check-batch`: which answers of a sample change when each row is asked alone."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from workbench.cli.setup import open_plan
from workbench.completing import BatchChange, Checked, check_batch
from workbench.model import Completion
from workbench.plan import Options, Plan

WORKBENCH = [sys.executable, "-c", "from workbench.cli import main; main()"]
ROWS = 40


@pytest.fixture
def home(tmp_path: Path, tiny: Path) -> Path:
    """A project that asks a local model, and one that answers in no batches."""
    task = tmp_path / "prompts" / "qa"
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
    return tmp_path


def run(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "MLFLOW"))}
    return subprocess.run(
        [*WORKBENCH, "run", *words],
        cwd=home,
        env=clean,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def kept(home: Path) -> list[tuple]:
    with closing(sqlite3.connect(home / ".workbench" / "store.db")) as db:
        return db.execute("SELECT * FROM completions ORDER BY key").fetchall()


@pytest.mark.slow
def test_in_float32_no_answer_changes_and_nothing_is_kept_of_the_check(home):
    run(home)
    before = kept(home)
    checked = run(home, "--check-batch", "--json")
    assert checked.stderr.splitlines()[-1:] == [
        "checked at batch 1: plain · tiny: 0 of 32 answers change"
    ]
    assert json.loads(checked.stdout)["check_batch"] == [
        {"variant": "plain · tiny", "rows": 32, "changes": [], "failed": 0}
    ]
    assert kept(home) == before


@pytest.fixture
def made(home: Path, monkeypatch) -> Plan:
    monkeypatch.chdir(home)
    with open_plan("qa", Options(), "") as (_, _, plan):
        return plan


def answers(made: Plan) -> dict[str, Completion]:
    """What the model says in batches."""
    number = next(n for n, v in enumerate(made.variants) if "tiny" in v.name)
    provider = made.variants[number].model.provider
    return {one.key: one for one in provider.complete(made.requests[number])}


def test_answer_that_changes_is_named_with_both_texts(made):
    found = answers(made)
    cells = next(cells for cells in made.cells if cells[0].key in found)
    changed = cells[5]
    alone = found[changed.key].text
    found[changed.key] = Completion(changed.key, "ok", text="another")

    def said(keys):
        return {key: found[key] for key in keys if key in found}

    (checked,) = check_batch(made, said, sample=ROWS)
    assert checked == Checked("plain · tiny", ROWS, (BatchChange("n5", "another", alone),))
    first, again = (check_batch(made, said, sample=3) for _ in range(2))
    assert (first[0].rows, first) == (3, again)


def test_rows_that_are_left_when_the_run_ends_are_counted(made):
    found = answers(made)
    (checked,) = check_batch(
        made, lambda keys: {key: found[key] for key in keys if key in found}, ending=lambda: True
    )
    assert (checked.rows, checked.failed) == (1, 31)
