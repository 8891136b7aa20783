"""The notebook runs as it is on the runs of a project."""

import json
from pathlib import Path

import pandas as pd
import pytest
from bench import Bench
from recording import Recording

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "read_results.ipynb"
EXPERIMENT = """\
name: sentiment
dataset: {path: reviews.csv, expected: label}
prompts: [same, always]
models: [echo:last]
evaluators:
  - label_match: {labels: [good, bad]}
"""


def test_the_notebook_ranks_variants_and_shows_where_they_differ(
    recording: Recording, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("reviews.csv", "text,label\ngood one,good\nbad one,bad\nbad too,bad\n")
    bench.write("same.jinja", "user:\n{{ text }}\n")
    bench.write("always.jinja", "user:\n{{ text | replace('bad', 'good') }}\n")
    recording.run(EXPERIMENT)
    monkeypatch.chdir(bench.root)
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    names: dict[str, pd.DataFrame] = {}
    exec(compile(code, str(NOTEBOOK), "exec"), names)
    assert list(names["leaderboard"]["variant"]) == ["same", "always"]
    assert list(names["best"][names["differ"]]["text"]) == ["bad one", "bad too"]
