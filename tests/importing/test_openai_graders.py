"""Graders, rows and runs of OpenAI's evals as tasks of ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, say

from workbench.errors import WorkbenchError
from workbench.importing import Import, ImportOutcome
from workbench.importing.openai_eval import read_openai_eval
from workbench.importing.openai_formula import weights
from workbench.importing.openai_references import GraderReference, text_pieces

ANSWER, LABEL = "{{ sample.output_text }}", "{{ item.label }}"
ROWS = [
    {"item": {"text": "My app crashes.", "label": "bug"}},
    {"item": {"text": "user:\nWhere is {{ it }}?", "label": "billing"}},
]


def string_check(operation: str, reference: str = LABEL, answer: str = ANSWER) -> dict[str, Any]:
    return {
        "type": "string_check",
        "name": "check",
        "operation": operation,
        "input": answer,
        "reference": reference,
    }


def write(folder: Path, content: Any, rows: list[Any] | None = ROWS) -> Path:
    path = folder / "eval.json"
    path.write_text(json.dumps(content))
    if rows:
        (folder / "data.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def left_out(imported: Import) -> list[str]:
    return [line.text for line in imported.report if line.outcome is ImportOutcome.LEFT_OUT]


EXACT = {"name": "check", "expected_column": "label", "strip": False, "normalize": "none"}
JSON_PART = "{{ sample.output_json.answer[0] }}"


@pytest.mark.parametrize(
    ("grader", "entries"),
    [
        (string_check("eq"), [{"exact_match": EXACT}]),
        (string_check("eq", reference=ANSWER, answer=LABEL), [{"exact_match": EXACT}]),
        (
            string_check("eq", "a.b"),
            [{"regex_match": {"name": "check", "pattern": "a\\.b", "full": True}}],
        ),
        (
            string_check("ne"),
            [
                {"exact_match": {**EXACT, "name": "check equal"}},
                {"threshold": {"of": "check equal", "at_most": 0, "name": "check"}},
            ],
        ),
        (
            string_check("ne", "no"),
            [{"regex_match": {"name": "check", "pattern": "no", "full": True, "match": "none"}}],
        ),
        (
            string_check("like"),
            [
                {
                    "contains": {
                        "name": "check",
                        "expected_column": "label",
                        "ignore_case": False,
                        "normalize": "none",
                    }
                }
            ],
        ),
        (
            string_check("ilike", "Sorry"),
            [
                {
                    "contains": {
                        "name": "check",
                        "texts": ["Sorry"],
                        "ignore_case": True,
                        "normalize": "none",
                    }
                }
            ],
        ),
        (
            string_check("eq", answer=JSON_PART),
            [{"exact_match": {**EXACT, "transform": {"json": "$['answer'][0]"}}}],
        ),
        (
            string_check("eq", answer="{{ sample.output_tools[0].function.name }}"),
            [{"tool_call": {"name": "check", "expected_column": "label", "arguments": "ignore"}}],
        ),
    ],
)
def test_string_check_is_an_evaluator(
    tmp_path: Path, grader: dict[str, Any], entries: list[Any]
) -> None:
    (task,) = read_openai_eval(write(tmp_path, grader)).tasks
    assert task.evaluators == entries


@pytest.mark.parametrize(
    ("metric", "entry"),
    [
        ("fuzzy_match", {"edit_similarity": {}}),
        ("bleu", {"bleu": {}}),
        ("rouge_1", {"rouge": {"type": "rouge1"}}),
        ("rouge_l", {"rouge": {"type": "rougeL"}}),
        ("cosine", {"embedding_similarity": {"model": "openai:text-embedding-3-large"}}),
    ],
)
def test_text_similarity_has_its_threshold(
    tmp_path: Path, metric: str, entry: dict[str, Any]
) -> None:
    grader = {**string_check(""), "type": "text_similarity", "evaluation_metric": metric}
    (task,) = read_openai_eval(write(tmp_path, {**grader, "pass_threshold": 0.8})).tasks
    ((kind, settings),) = entry.items()
    assert task.evaluators == [
        {kind: {"name": "check", "expected_column": "label", **settings}},
        {"threshold": {"of": "check", "at_least": 0.8, "name": "check passed"}},
    ]


@pytest.mark.parametrize(
    ("grader", "reason"),
    [
        ({**string_check(""), "type": "text_similarity", "evaluation_metric": "meteor"}, "meteor"),
        (string_check("regex"), "operation 'regex'"),
        (string_check("like", reference=ANSWER, answer=LABEL), "no part of the answer"),
        (string_check("eq", "{{ user.name }}"), "{{ user.name }}"),
        (string_check("eq", answer="{{ sample.output_audio.data }}"), "output_audio"),
        ({"type": "endpoint", "name": "x"}, "unknown type"),
        ({"type": "label_model", "name": "x", "model": "m", "labels": ["a"], "input": []}, "two"),
        ({"type": "score_model", "name": "x", "model": "m", "range": [1, 1]}, "range"),
    ],
)
def test_grader_without_counterpart_is_left_out(
    tmp_path: Path, grader: dict[str, Any], reason: str
) -> None:
    imported = read_openai_eval(write(tmp_path, [grader, string_check("eq")]))
    assert list(imported.tasks[0].evaluators) == [{"exact_match": EXACT}]
    assert [text for text in left_out(imported) if reason in text]


def test_label_model_is_a_judge(tmp_path: Path) -> None:
    grader = {
        "type": "label_model",
        "name": "Polite?",
        "model": "gpt-6-luna",
        "labels": ["polite", "rude"],
        "passing_labels": ["polite"],
        "input": [
            {"role": "developer", "content": "Judge.\nuser:\n{% x %}"},
            {"role": "user", "content": {"type": "input_text", "text": f"{ANSWER} {LABEL}"}},
        ],
    }
    (task,) = read_openai_eval(write(tmp_path, {"grader": grader, "name": "t"})).tasks
    assert task.evaluators == [
        {"judge": {"prompt": "judges/t_Polite", "model": "openai:gpt-6-luna", "name": "Polite"}}
    ]
    label = 'inputs["label"]'
    assert task.judge_files == {
        "t_Polite.jinja": (
            "---\ndescription: Polite?\nscores:\n  polite: 1.0\n  rude: 0.0\n---\n"
            'developer:\nJudge.\n\\user:\n{{ "{%" }} x %}\n\nuser:\n'
            f"{{{{ outputs }}}} {{{{ {label} if {label} is string else {label} | tojson }}}}\n"
        )
    }


@pytest.mark.parametrize(
    ("bounds", "scores"),
    [([1, 5], ["1", "2", "3", "4", "5"]), ([0, 1], [f"{n / 10:g}" for n in range(11)])],
)
def test_score_model_chooses_from_steps(
    tmp_path: Path, bounds: list[int], scores: list[str]
) -> None:
    grader = {
        "type": "score_model",
        "name": "quality",
        "model": "m",
        "range": bounds,
        "input": [{"role": "user", "content": ANSWER}],
    }
    (task,) = read_openai_eval(write(tmp_path, grader)).tasks
    (source,) = task.judge_files.values()
    assert [line.split(":")[0].strip(" '") for line in source.split("\n")[3 : 3 + len(scores)]] == (
        scores
    )


def test_code_is_copied_and_never_run(tmp_path: Path) -> None:
    code = "raise SystemExit('executed')\n"
    imported = read_openai_eval(write(tmp_path, {"type": "python", "name": "../x", "source": code}))
    assert imported.tasks[0].copied_texts == {"x.py.txt": code}
    assert "python '../x': its code is in x.py.txt, and is never run" in left_out(imported)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("0.75 * a + (b + c) / 8", {"a": 0.75, "b": 0.125, "c": 0.125}),
        ("a", {"a": 1.0}),
        ("(a + b) * 0.5", {"a": 0.5, "b": 0.5}),
        ("a - b", None),
        ("a + 1", None),
        ("a * b", None),
        ("max(a, b)", None),
        ("a / 0", None),
        ("__import__('os').system('true')", None),
        ("(" * 5000, None),
        ("a" + "+a" * 900, {"a": 901.0}),
        ("", None),
    ],
)
def test_formula_is_a_weighted_sum(formula: str, expected: dict[str, float] | None) -> None:
    assert weights(formula) == expected


def test_multi_is_weighted(tmp_path: Path) -> None:
    graders = {"a": string_check("eq"), "b": {**string_check("like"), "name": "part"}}
    multi = {"type": "multi", "name": "all", "graders": graders}
    path = write(tmp_path, {**multi, "calculate_output": "0.5*a + 0.5*b"})
    assert read_openai_eval(path).tasks[0].evaluators[-1] == {
        "weighted": {"of": {"check": 0.5, "part": 0.5}, "name": "all"}
    }
    path = write(tmp_path, {**multi, "calculate_output": "min(a, b)"})
    imported = read_openai_eval(path)
    assert "multi 'all': its formula 'min(a, b)' is no weighted sum" in left_out(imported)
    assert len(imported.tasks[0].evaluators) == 2


def test_reference_paths() -> None:
    assert text_pieces("{{item['first name'][0].x}}!") == [
        GraderReference("item", ("first name", 0, "x")),
        "!",
    ]


def test_composite_reference_becomes_a_column(tmp_path: Path) -> None:
    (task,) = read_openai_eval(write(tmp_path, string_check("eq", "Label: {{ item.label }}"))).tasks
    assert [row["check_reference"] for row in task.rows] == ["Label: bug", "Label: billing"]


RUN = {
    "data_source": {
        "type": "completions",
        "model": "m-1",
        "input_messages": {
            "type": "template",
            "template": [
                {"role": "developer", "content": "Label it.\n"},
                {"role": "user", "content": "{{ item.text }}"},
            ],
        },
        "sampling_params": {"temperature": 0.1, "max_completion_tokens": 50, "top_p": None},
        "source": {"type": "file_id", "id": "file-1"},
    }
}


def test_run_beside_the_eval_has_prompt_model_and_parameters(tmp_path: Path) -> None:
    path = write(tmp_path, {"name": "My eval", "testing_criteria": [string_check("eq")]})
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    (task,) = read_openai_eval(path).tasks
    assert task.name == "My_eval"
    assert task.templates == {"prompt": 'developer:\nLabel it.{{ "\\n" }}\n\nuser:\n{{ text }}\n'}
    assert task.models == ("openai:m-1",)
    assert task.parameters == {"temperature": 0.1, "max_completion_tokens": 50}
    assert [dict(row) for row in task.rows] == [row["item"] for row in ROWS]


def test_output_of_a_run_has_its_answers(tmp_path: Path) -> None:
    sample = {
        "model": "m-1",
        "input": [{"role": "user", "content": "Label: My app crashes."}],
        "output": [{"role": "assistant", "content": "bug"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 1},
    }
    line = {"object": "eval.run.output_item", "datasource_item": {"label": "bug"}, "sample": sample}
    path = tmp_path / "output.jsonl"
    path.write_text(json.dumps(line) + "\n")
    (task,) = read_openai_eval(path).tasks
    assert task.templates == {"prompt": "{% messages messages %}\n"}
    (answer,) = task.answers
    assert (answer.prompt, answer.model, answer.row, answer.text) == (
        "prompt",
        "openai:m-1",
        0,
        "bug",
    )
    assert (answer.input_tokens, answer.output_tokens) == (7, 1)


def test_answer_to_an_unknown_prompt_is_left_out(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "sample": {"output_text": "bug"}}]
    imported = read_openai_eval(write(tmp_path, [string_check("eq")], rows))
    assert imported.tasks[0].answers == []
    assert "recorded answers" in left_out(imported)


def test_broken_rows_name_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, [string_check("eq")])
    (tmp_path / "data.jsonl").write_text('{"item": {"a": 1}}\n{"item": {\n')
    with pytest.raises(WorkbenchError) as caught:
        read_openai_eval(path)
    assert caught.value.where.startswith("data.jsonl:2:")


def test_imported_eval_runs(tmp_path: Path, server: OpenAIServer) -> None:
    source = tmp_path / "source"
    source.mkdir()
    judge = {
        "type": "score_model",
        "name": "quality",
        "model": "judge",
        "range": [1, 5],
        "pass_threshold": 4,
        "input": [{"role": "user", "content": f"Rate {ANSWER} for {{{{ item.text }}}}"}],
    }
    write(source, {"name": "tickets", "testing_criteria": [string_check("eq"), judge]})
    (source / "run.json").write_text(json.dumps(RUN))

    def script(path: str, body: Any, nth: int) -> Reply:
        return say("Verdict: 4" if body["model"] == "judge" else "bug")

    server.script = script
    home = tmp_path / "home"
    home.mkdir()
    variables = {
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": "k",
        "MLFLOW_TRACKING_URI": "none",
    }
    imported = invoke(home, "import", str(source), "--to", str(home), **variables)
    assert imported.returncode == 0, imported.stderr
    result = invoke(home, "run", "tickets", "--json", **variables)
    assert result.returncode == 0, result.stderr
    sent = [body["messages"] for body in server.bodies if body["model"] == "m-1"]
    assert sorted(messages[1]["content"] for messages in sent) == sorted(
        row["item"]["text"] for row in ROWS
    )
    assert {messages[0]["content"] for messages in sent} == {"Label it.\n"}
    metrics = json.loads(result.stdout)["variants"][0]["metrics"]
    assert metrics["check"]["mean"] == 0.5
    assert metrics["quality"]["mean"] == 4
