"""Text that no tracking store takes is replaced in the record, and kept in the project's store."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from bench import EXPERIMENT as PLAIN
from bench import Bench, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.store.db.base_sql_model import Base
from recording import Recording
from sqlalchemy import String
from test_rows_parquet import record

from workbench.evaluator import Score
from workbench.model import Request
from workbench.storable_text import UNSTORABLE, storable_json
from workbench.store import Store
from workbench.tracking.protocol import RowRecord
from workbench.tracking.storable_records import storable_record

text = st.text(st.sampled_from("a\0\ud800\udfff\ufffd\\u0"), max_size=6)
json_value = st.recursive(
    text, lambda value: st.lists(value, max_size=2) | st.dictionaries(text, value, max_size=2)
)
NUL = "a\0b"
EXPERIMENT = """\
name: odd
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, looped]
models: [echo:last]
evaluators: [odd]
parameters: {stop: "\\0"}
max_failed: 9
"""
EVALUATOR = """\
from workbench.evaluator import Score

def odd(outputs: str) -> Score:
    if "two" in outputs:
        raise ValueError("no\\0\\ud800")
    return Score(1.0, reason="it is\\0\\ud800" + "x" * 9000, label="l\\0")
"""


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [*map(str, value), *(s for entry in value.values() for s in strings(entry))]
    if isinstance(value, list | tuple):
        return [s for entry in value for s in strings(entry)]
    return [value] if isinstance(value, str) else []


def odd_record(row_id: str, texts: list[str], values: list[object]) -> RowRecord:
    plain = record(1)
    example = replace(
        plain.row.cell.example,
        id=row_id,
        inputs={texts[0]: values[0]},
        expectations={texts[1]: values[1]},
    )
    completion = replace(
        plain.row.completion,
        **dict(zip(("text", "prefill", "error", "finish_reason", "model"), texts, strict=True)),
        choice_scores={texts[2]: 0.5},
        choice_tokens={texts[2]: 1},
    )
    score = Score(texts[0], texts[1], texts[2], texts[3])
    body = Request.from_body("", {"messages": values}).text
    row = replace(
        plain.row,
        cell=replace(plain.row.cell, example=example),
        completion=completion,
        scores={"odd": score},
    )
    return plain._replace(row=row, body=body, name=texts[4])


@given(text, st.lists(text, min_size=5, max_size=5), st.lists(json_value, min_size=2, max_size=2))
@settings(max_examples=150)
def test_no_text_of_a_record_is_unstorable(
    row_id: str, texts: list[str], values: list[object]
) -> None:
    before = odd_record(row_id, texts, values)
    after = storable_record(before)
    row = after.row
    parts = [row.cell.example.id, row.cell.example.inputs, row.cell.example.expectations]
    parts += [asdict(row.completion), asdict(row.scores["odd"]), json.loads(after.body), after.name]
    assert [string for string in strings(parts) if UNSTORABLE.search(string)] == []
    if not any(map(UNSTORABLE.search, strings([row_id, texts, values]))):
        assert after == before


@given(text, text)
def test_two_rows_keep_two_ids(first: str, second: str) -> None:
    ids = [
        storable_record(odd_record(row_id, ["", "", "", "", ""], ["", ""])).row.cell.example.id
        for row_id in (first, second)
    ]
    assert (ids[0] == ids[1]) == (first == second)


def test_a_record_that_every_store_takes_is_not_copied() -> None:
    storable = odd_record("r1", ["🎬", "schön", r"\ud800", "[1]", ""], ["", [{"text": "🎬"}]])
    assert storable_record(storable) is storable


def test_json_that_mlflow_could_not_parse_is_no_json() -> None:
    texts = ["[" * 20_000, '[{"a": ' * 150 + "1", '["[" ' * 150, " {} " * 900, "so " + "[" * 900]
    stored = storable_json(texts)
    assert [after != before for after, before in zip(stored, texts, strict=True)] == [
        *(True, True, False, False, False)
    ]
    assert stored[0] == f"\ufffd{texts[0]}"


def test_a_record_holds_only_text_that_every_store_takes(recording: Recording) -> None:
    """MLflow's tables declare the lengths that PostgreSQL checks and SQLite does not."""
    write_odd_project(recording.bench)
    done = recording.run(EXPERIMENT)
    assert done.problems == ()
    assert {run.info.status for run in recording.runs()} == {"FINISHED"}
    assert unstorable_columns(Path(recording.uri.removeprefix("sqlite:///"))) == []
    with Store(recording.project.store) as store:  # the project's own store keeps what was answered
        completions = store.completions([cell.key for cell in done.plan.cells[0]])
    assert f"a\0b {NUL}" in {completion.text for completion in completions.values()}
    run = next(run for run in recording.runs() if run.info.run_name == "plain")
    ids = [trace.info.tags["workbench.example"] for trace in recording.traces(run)]
    assert [len(set(ids)), ids[1], ids[2]] == [3, "a\ufffdb", "i" * 300]


def write_odd_project(bench: Bench) -> None:
    """Three rows, two prompts and an evaluator with odd text in every place."""
    rows = [
        {"id": NUL, "text": NUL, "label": NUL, "list": [NUL, {NUL: NUL}]},
        {"id": "a\ufffdb", "text": "two", "label": "x" * 9000},
        {"id": "i" * 300, "text": "[" * 20_000, "label": "three"},
    ]
    bench.write("rows.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    stop, description = "s" * 9000, f"{NUL}{'d' * 6000}"
    head = f"---\ndescription: {json.dumps(description)}\nstop: {json.dumps([stop, NUL])}\n---\n"
    bench.write("plain.jinja", f"{head}user:\na\0b {{{{ text }}}}\n")
    loop = '{% for _ in [1] %}\nuser:\na\0b {{ "\\ud800" }}{{ text }}\n{% endfor %}\n'
    bench.write("looped.jinja", loop)
    evaluators = bench.root / "evaluators"
    evaluators.mkdir()
    (evaluators / "odd.py").write_text(EVALUATOR)


def unstorable_columns(file: Path) -> list[str]:
    """Columns of MLflow's tables that hold a NUL, or more than their declared length."""
    found = []
    with closing(sqlite3.connect(file)) as db:
        for table in Base.metadata.tables.values():
            for column in table.columns:
                if not isinstance(column.type, String):
                    continue
                condition = f"instr(cast({column.name} as blob), x'00') > 0"
                if column.type.length:
                    condition += f" OR length({column.name}) > {column.type.length}"
                query = f'SELECT count(*) FROM "{table.name}" WHERE {condition}'
                if db.execute(query).fetchone()[0]:
                    found.append(f"{table.name}.{column.name}")
    return found


def test_a_name_that_mlflow_refuses_as_a_metric_is_refused_first(recording: Recording) -> None:
    experiment = PLAIN.replace("[output_tokens]", "[exact_match: {name: f1+}]")
    assert refusal(recording.run, experiment) == (
        "prompts/qa/experiment.yaml:4:14: 'f1+' is not a valid name of a metric\n"
        "  fix: leave out the +: MLflow refuses it"
    )
