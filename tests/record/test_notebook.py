"""The notebooks run as they are on the runs of a project."""

import json
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from bench import Bench
from recording import Recording

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
EXPERIMENT = """\
name: sentiment
dataset: {path: reviews.csv, expected: label}
prompts: [same, always]
models: [echo:last]
evaluators:
  - label_match: {labels: [good, bad]}
"""


def run_notebook(name: str) -> dict[str, pd.DataFrame]:
    """The variables of a notebook after all its cells."""
    cells = json.loads((NOTEBOOKS / name).read_text())["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    matplotlib.use("agg")
    variables: dict[str, pd.DataFrame] = {}
    exec(compile(code, name, "exec"), variables)
    return variables


def test_the_notebook_ranks_variants_and_shows_where_they_differ(
    recording: Recording, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("reviews.csv", "text,label\ngood one,good\nbad one,bad\nbad too,bad\n")
    bench.write("same.jinja", "user:\n{{ text }}\n")
    bench.write("always.jinja", "user:\n{{ text | replace('bad', 'good') }}\n")
    recording.run(EXPERIMENT)
    monkeypatch.chdir(bench.root)
    variables = run_notebook("read_results.ipynb")
    assert list(variables["leaderboard"]["variant"]) == ["same", "always"]
    rows = variables["rows"]
    differ = rows[rows["id"].isin(variables["differ"]) & (rows["variant"] == "same")]
    assert list(differ["text"]) == ["bad one", "bad too"]
    assert list(variables["lost"]) == []


def test_a_verdict_is_what_a_calculation_by_hand_comes_to(
    recording: Recording, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three prompts on forty rows; one is clearly better than the first, one is not."""
    rows = [
        f"{'good' if n < 20 else 'bad'},{'bad' if n == 0 else 'good' if n < 33 else 'bad'},"
        f"{'good' if n < 18 else 'bad'},good,{n}"
        for n in range(40)
    ]
    bench.write("reviews.csv", "\n".join(["a,b,c,label,n", *rows]) + "\n")
    for name in "abc":
        bench.write(f"{name}.jinja", f"system:\n{{{{ n }}}}\nuser:\n{{{{ {name} }}}}\n")
    recording.run(EXPERIMENT.replace("[same, always]", "[a, b, c]"))
    monkeypatch.chdir(bench.root)
    variables = run_notebook("verdict_by_hand.ipynb")
    assert dict(
        zip(variables["recorded"]["variant"], variables["recorded"]["verdict"], strict=True)
    ) == {
        "b": "better",
        "c": "not enough evidence",
    }
    assert list(variables["by_hand"]["up"]) == [13, 0]
