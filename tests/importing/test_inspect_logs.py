"""Logs of Inspect, JSON and archives, as tasks of ours."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, say

from workbench.errors import WorkbenchError
from workbench.importing import Import, ImportOutcome, inspect_archive
from workbench.importing.inspect_log import is_inspect_log, read_inspect_log
from workbench.importing.source_files import ForeignFile

ZSTANDARD = 93


def message(role: str, content: Any, source: str = "input", **more: Any) -> dict[str, Any]:
    return {"id": "m", "role": role, "content": content, "source": source, **more}


def sample(sample_id: Any, question: Any, target: Any, **more: Any) -> dict[str, Any]:
    """A sample whose prompt is `Answer: QUESTION`, answered with the target."""
    text = target if isinstance(target, str) else target[0]
    return {
        "id": sample_id,
        "epoch": 1,
        "input": question,
        "target": target,
        "messages": [
            message("system", "Be brief.", source=""),
            message("user", f"Answer: {question}"),
            message("assistant", text, source="generate"),
        ],
        "output": {
            "model": "m-1",
            "completion": text,
            "choices": [{"stop_reason": "max_tokens"}],
            "usage": {"input_tokens": 7, "output_tokens": 2},
            "time": 0.5,
        },
        "scores": {"match": {"value": "C"}},
        "metadata": {"region": "eu"},
        **more,
    }


HEADER: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {
        "task": "suite/capitals",
        "model": "openai/m-1",
        "scorers": [
            {"name": "match", "options": {}},
            {"name": "inspect_ai/includes", "options": {"ignore_case": False}},
            {"name": "my_scorer", "options": {}},
        ],
    },
    "plan": {
        "steps": [{"solver": "generate"}],
        "config": {"temperature": 0.2, "stop_seqs": ["\n"], "max_retries": 3},
    },
}
SAMPLES = [sample("fr", "Capital of France?", "Paris"), sample(2, "user:\n{{ x }}?", ["a", "b"])]


def write_json(folder: Path, samples: list[Any], header: Any = HEADER) -> Path:
    path = folder / "log.json"
    path.write_text(json.dumps({**header, "samples": samples}))
    return path


def write_archive(folder: Path, files: dict[str, Any], method: int = ZSTANDARD) -> Path:
    """An archive as Inspect writes it; `zipfile` can't write Zstandard, so stored bytes are."""
    path = folder / "log.eval"
    packing = zipfile.ZIP_STORED if method == ZSTANDARD else method
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            if method == ZSTANDARD:
                data = pyarrow.compress(data, codec="zstd", asbytes=True)
            archive.writestr(name, data)
    if method == ZSTANDARD:
        _set_method(path, method)
    return path


def _set_method(path: Path, method: int) -> None:
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = data.find(signature)
        while start >= 0:
            struct.pack_into("<H", data, start + offset, method)
            start = data.find(signature, start + 4)
    path.write_bytes(bytes(data))


def archive_files(samples: list[Any]) -> dict[str, Any]:
    files = {f"samples/{n}_epoch_1.json": each for n, each in enumerate(samples)}
    return {"_journal/start.json": HEADER, **files, "header.json": HEADER}


def left_out(imported: Import) -> list[str]:
    return [line.text for line in imported.report if line.outcome is ImportOutcome.LEFT_OUT]


@pytest.mark.parametrize("form", ["json", "zstandard", "deflate", "stored"])
def test_log_is_a_task(tmp_path: Path, form: str) -> None:
    methods = {"zstandard": ZSTANDARD, "deflate": zipfile.ZIP_DEFLATED, "stored": 0}
    if form == "json":
        path = write_json(tmp_path, SAMPLES)
    else:
        path = write_archive(tmp_path, archive_files(SAMPLES), methods[form])
    assert is_inspect_log(ForeignFile(path))
    imported = read_inspect_log(path)
    (task,) = imported.tasks
    assert task.name == "capitals"
    assert task.templates == {"prompt": "system:\nBe brief.\n\nuser:\nAnswer: {{ input }}\n"}
    assert task.models == ("openai:m-1",)
    assert task.parameters == {"temperature": 0.2, "stop": ["\n"]}
    assert task.dataset == {"expected": "target"}
    assert task.rows == [
        {"region": "eu", "id": "fr", "input": "Capital of France?", "target": "Paris"},
        {"region": "eu", "id": 2, "input": "user:\n{{ x }}?", "target": ["a", "b"]},
    ]
    assert task.evaluators == [
        {"ends_with": {"normalize": {"punctuation": True}}},
        {"contains": {"normalize": "none", "ignore_case": False}},
    ]
    assert [
        (a.row, a.text, a.input_tokens, a.output_tokens, a.latency_s) for a in task.answers
    ] == [
        (0, "Paris", 7, 2, 0.5),
        (1, "a", 7, 2, 0.5),
    ]
    assert {"a scorer without a counterpart", "generation setting max_retries=3"} <= set(
        left_out(imported)
    )


def test_choices_are_a_loop_in_the_template(tmp_path: Path) -> None:
    def question(number: int, text: str, choices: list[str]) -> dict[str, Any]:
        letters = ",".join("ABCD"[: len(choices)])
        options = "\n".join(f"{'ABCD'[n]}) {choice}" for n, choice in enumerate(choices))
        prompt = f"One of {letters}.\n\n{text}\n\n{options}"
        messages = [message("user", prompt), message("assistant", "A", source="generate")]
        return sample(number, text, "A", choices=choices, messages=messages)

    samples = [question(1, "Blue?", ["sky", "grass"]), question(2, "Red?", ["a", "b", "c"])]
    header = {**HEADER, "eval": {**HEADER["eval"], "scorers": [{"name": "choice"}]}}
    (task,) = read_inspect_log(write_json(tmp_path, samples, header)).tasks
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert task.templates["prompt"] == (
        f'user:\nOne of {{{{ "{letters}"[:choices|length]|join(",") }}}}.\n\n{{{{ input }}}}\n\n'
        f'{{% for choice in choices %}}{{{{ "{letters}"[loop.index0] }}}}) {{{{ choice }}}}'
        '{% if not loop.last %}{{ "\\n" }}{% endif %}{% endfor %}\n'
    )
    assert task.evaluators == [{"label_match": {"labels": ["A", "B", "C"], "name": "choice"}}]


def test_prompts_without_a_common_template_are_messages(tmp_path: Path) -> None:
    """Of a list of messages, of a part that is stored beside, of an image and of a tool."""
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "image": "attachment://abc"},
    ]
    call = {"id": "c1", "function": "look", "arguments": {"x": 1}}
    messages = [
        message("user", parts),
        message("assistant", "", source="input", tool_calls=[call]),
        message("tool", "seen", tool_call_id="c1", function="look"),
        message("assistant", "A cat.", source="generate"),
    ]
    values = sample(1, [{"role": "user", "content": parts}], "cat", messages=messages)
    values["attachments"] = {"abc": "data:image/png;base64,AAAA"}
    (task,) = read_inspect_log(write_json(tmp_path, [values])).tasks
    assert task.templates == {"prompt": "{% messages messages %}\n"}
    function = {"name": "look", "arguments": '{"x": 1}'}
    assert task.rows[0]["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ],
        },
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "seen", "tool_call_id": "c1"},
    ]


def test_answers_that_are_not_carried_are_named(tmp_path: Path) -> None:
    agent = sample(3, "Q?", "x")
    agent["messages"] += [message("user", "More."), message("assistant", "y", source="generate")]
    samples = [
        sample(1, "Q?", "x"),
        sample(1, "Q?", "x", epoch=2),
        sample(1, "Q?", "x"),
        agent,
        sample(4, "Q?", "x", error={"message": "failed"}),
    ]
    imported = read_inspect_log(write_json(tmp_path, samples))
    assert [answer.row for answer in imported.tasks[0].answers] == [0, 0]
    assert imported.tasks[0].settings == {"repeats": 2}
    assert {
        "samples with an id that is there already",
        "answers after several generations, as of an agent",
        "samples without an answer",
    } <= set(left_out(imported))


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("openai/m", "openai:m"),
        ("hf/org/base", "transformers:org/base"),
        ("ollama/qwen3", {"openai:qwen3": {"base_url": "http://localhost:11434/v1"}}),
        ("mockllm/model", "echo:prompt"),
        ("", "echo:prompt"),
    ],
)
def test_models_are_entries(tmp_path: Path, model: str, entry: Any) -> None:
    header = {**HEADER, "eval": {**HEADER["eval"], "model": model}}
    (task,) = read_inspect_log(write_json(tmp_path, SAMPLES, header)).tasks
    assert task.models == (entry,)
    assert bool(task.answers) == (entry != "echo:prompt")


def test_nan_is_null(tmp_path: Path) -> None:
    path = write_json(tmp_path, [sample(1, "Q?", "x", metadata={"score": float("nan")})])
    imported = read_inspect_log(path)
    assert imported.tasks[0].rows[0]["score"] is None


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, ZSTANDARD])
def test_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, method: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect_archive, "MAX_FILE", 1_000_000)
    files = {**archive_files(SAMPLES), "samples/z.json": b'"' + b" " * 5_000_000 + b'"'}
    with pytest.raises(WorkbenchError, match=r"unpacks to more than 1\.0 MB") as caught:
        read_inspect_log(write_archive(tmp_path, files, method))
    assert caught.value.where == "log.eval: samples/z.json"


@pytest.mark.parametrize(
    ("content", "message_part"),
    [(b"PK\x03\x04 no archive", "no archive"), (b"", "no archive")],
)
def test_damaged_archive_is_named(tmp_path: Path, content: bytes, message_part: str) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes(content)
    with pytest.raises(WorkbenchError, match=message_part):
        read_inspect_log(path)


def test_damaged_sample_is_named(tmp_path: Path) -> None:
    path = write_archive(tmp_path, {"header.json": HEADER, "samples/a.json": b'{"id": '}, 0)
    with pytest.raises(WorkbenchError, match="not JSON") as caught:
        read_inspect_log(path)
    assert caught.value.where.startswith("log.eval: samples/a.json:1:")


def test_log_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="the log has no samples"):
        read_inspect_log(write_json(tmp_path, []))


def test_imported_log_runs(tmp_path: Path, server: OpenAIServer) -> None:
    def script(path: str, body: Any, nth: int) -> Reply:
        return say("It is Paris." if "France" in body["messages"][-1]["content"] else "c")

    server.script = script
    path = write_archive(tmp_path, archive_files(SAMPLES))
    home = tmp_path / "home"
    home.mkdir()
    variables = {
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": "k",
        "MLFLOW_TRACKING_URI": "none",
    }
    imported = invoke(home, "import", str(path), "--to", str(home), **variables)
    assert imported.returncode == 0, imported.stderr
    stored = invoke(home, "run", "capitals", "--json", **variables)
    assert (stored.returncode, server.bodies) == (0, [])
    assert json.loads(stored.stdout)["variants"][0]["metrics"]["ends_with"]["mean"] == 1
    result = invoke(home, "run", "capitals", "--fresh", "--json", **variables)
    assert result.returncode == 0, result.stderr
    assert sorted(body["messages"][1]["content"] for body in server.bodies) == [
        "Answer: Capital of France?",
        "Answer: user:\n{{ x }}?",
    ]
    metrics = json.loads(result.stdout)["variants"][0]["metrics"]
    assert metrics["ends_with"]["mean"] == 0.5
