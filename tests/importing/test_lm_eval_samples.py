"""Samples of lm-evaluation-harness as tasks of ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply

from workbench.errors import WorkbenchError
from workbench.importing import Import, ImportOutcome
from workbench.importing.lm_eval_samples import is_lm_eval_samples, read_lm_eval_samples
from workbench.importing.source_files import ForeignFile

TIME = "2026-11-30T21-13-56.347099"
MANY = 200_000


def generation(doc_id: int, filter_name: str = "strict-match", **more: Any) -> dict[str, Any]:
    """A sample of GSM8K's form."""
    settings = {"until": ["Question:", ""], "do_sample": False, "max_gen_toks": 32, "num_beams": 2}
    return {
        "doc_id": doc_id,
        "doc": {"question": f"{doc_id}+1,000?", "answer": f"So\n#### {doc_id + 1000:,}"},
        "target": f"So\n#### {doc_id + 1000:,}",
        "arguments": {"gen_args_0": {"arg_0": f"Q: {doc_id}+1,000?\nA:", "arg_1": settings}},
        "resps": [[f"#### {doc_id + 1000}"]],
        "filtered_resps": [f"{doc_id + 1000}"],
        "filter": filter_name,
        "metrics": ["exact_match"],
        "exact_match": 1.0,
        **more,
    }


def choices(doc_id: int, target: Any, *, best: int = 0, **more: Any) -> dict[str, Any]:
    """A sample of a question with two choices."""
    texts = [" yes", " no"]
    pairs = {f"gen_args_{n}": {"arg_0": "Sky?\nA:", "arg_1": t} for n, t in enumerate(texts)}
    likelihoods = [[f"{-1.0 - (n != best)}", "False"] for n in range(2)]
    return {
        "doc_id": doc_id,
        "doc": {"question": "Sky?", "gold": 0},
        "target": target,
        "arguments": pairs,
        "resps": [[each] for each in likelihoods],
        "filtered_resps": likelihoods,
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "acc": 1.0,
        "acc_norm": 1.0,
        **more,
    }


RESULTS = {
    "config": {"model": "hf", "model_args": "pretrained=org/base,dtype=float32"},
    "configs": {
        "gsm8k": {
            "metric_list": [
                {"metric": "exact_match", "regexes_to_ignore": [",", "(?s).*#### ", "x{2}"]}
            ],
            "filter_list": [
                {
                    "name": "strict-match",
                    "filter": [
                        {"function": "regex", "regex_pattern": "#### (\\-?[0-9.,]+)"},
                        {"function": "take_first"},
                    ],
                },
                {
                    "name": "flexible-extract",
                    "filter": [
                        {"function": "regex", "group_select": -1, "regex_pattern": "(a)|(\\d+)"}
                    ],
                },
            ],
        }
    },
}


def write(folder: Path, samples: list[Any], task: str = "gsm8k", results: Any = None) -> Path:
    path = folder / f"samples_{task}_{TIME}.jsonl"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in samples))
    if results:
        (folder / f"results_{TIME}.json").write_text(json.dumps(results))
    return path


def lines(imported: Import, outcome: ImportOutcome) -> list[str]:
    return [line.text for line in imported.report if line.outcome is outcome]


def test_generation_is_a_raw_prompt_with_its_stops(tmp_path: Path) -> None:
    samples = [generation(n, name) for name in ("strict-match", "flexible-extract") for n in (0, 1)]
    imported = read_lm_eval_samples(write(tmp_path, samples, results=RESULTS))
    (task,) = imported.tasks
    assert task.name == "gsm8k"
    assert task.templates == {
        "prompt": "---\nchat: false\nstop:\n- 'Question:'\n---\n{{ prompt }}\n"
    }
    assert task.models == ("transformers:org/base",)
    assert task.parameters == {"temperature": 0, "max_tokens": 32}
    assert task.dataset == {"expected": "target"}
    assert [(row["prompt"], row["target"]) for row in task.rows] == [
        ("Q: 0+1,000?\nA:", "1000"),
        ("Q: 1+1,000?\nA:", "1001"),
    ]
    assert task.evaluators == [
        {
            "numeric_answer": {
                "name": "numeric_answer: strict-match",
                "transform": [{"regex": "#### (\\-?[0-9.,]+)"}],
            }
        },
        {
            "numeric_answer": {
                "name": "numeric_answer: flexible-extract",
                "transform": [{"regex": "(a)|(\\d+)", "group": 0, "which": "last"}],
            }
        },
    ]
    assert [answer.text for answer in task.answers] == ["#### 1000", "#### 1001"]
    left_out = lines(imported, ImportOutcome.LEFT_OUT)
    assert "generation argument num_beams=2" in left_out
    assert "pattern to ignore 'x{2}'" in left_out


def test_arguments_of_older_versions_are_lists(tmp_path: Path) -> None:
    sample = generation(0, arguments=[["Q:", {"until": "\n"}]])
    (task,) = read_lm_eval_samples(write(tmp_path, [sample])).tasks
    assert task.rows[0]["prompt"] == "Q:"
    assert task.models == ("echo:prompt",)


def test_conversations_are_messages(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Q"}]
    arguments = {"gen_args_0": {"arg_0": [json.dumps(messages)], "arg_1": {}}}
    (task,) = read_lm_eval_samples(write(tmp_path, [generation(0, arguments=arguments)])).tasks
    assert task.templates == {"prompt": "{% messages messages %}\n"}
    assert task.rows[0]["messages"] == messages


@pytest.mark.parametrize("target", ["0", 0, "yes", " yes", "[0]"])
def test_choices_have_a_prompt_for_each_accuracy(tmp_path: Path, target: Any) -> None:
    results = {"config": {"model": "hf", "model_args": {"pretrained": "org/base"}}}
    (task,) = read_lm_eval_samples(write(tmp_path, [choices(0, target)], "mc", results)).tasks
    head = "---\nchat: false\nchoices: '{{ choices }}'\n"
    assert task.templates == {
        "prompt": f"{head}---\n{{{{ prompt }}}}\n",
        "prompt_acc_norm": f"{head}normalize: characters\n---\n{{{{ prompt }}}}\n",
    }
    assert task.evaluators == ["exact_match"]
    assert (task.rows[0]["choices"], task.rows[0]["target"]) == ([" yes", " no"], " yes")


def test_accuracies_tell_indices_from_texts(tmp_path: Path) -> None:
    """The choices are 1 and 0, so the target 0 is the index of 1 or the text of the second."""
    pairs = {f"gen_args_{n}": {"arg_0": "Q", "arg_1": t} for n, t in enumerate([" 1", " 0"])}
    by_index = choices(0, "0", best=0, arguments=pairs)
    by_text = choices(0, "0", best=1, arguments=pairs)
    targets = []
    for sample in (by_index, by_text):
        (task,) = read_lm_eval_samples(write(tmp_path, [sample], "mc")).tasks
        targets.append(task.rows[0]["target"])
    assert targets == [" 1", " 0"]


def test_different_contexts_are_left_out(tmp_path: Path) -> None:
    pairs = {f"gen_args_{n}": {"arg_0": f"Q{n}", "arg_1": " end"} for n in range(2)}
    path = write(tmp_path, [choices(0, "0", arguments=pairs)], "winogrande")
    with pytest.raises(WorkbenchError, match="no sample can be asked again"):
        read_lm_eval_samples(path)


def test_likelihood_of_a_text(tmp_path: Path) -> None:
    pair = {"gen_args_0": {"arg_0": "Once upon a", "arg_1": " time"}}
    sample = choices(0, " time", arguments=pair, metrics=["perplexity"])
    results = {"config": {"model": "hf", "model_args": {"pretrained": "org/base"}}}
    (task,) = read_lm_eval_samples(write(tmp_path, [sample], "lambada", results)).tasks
    assert task.evaluators == [{"expected_likelihood": {"measure": "log_likelihood"}}]
    assert task.rows[0]["target"] == " time"


def test_columns_get_names_of_variables(tmp_path: Path) -> None:
    doc = {"prompt": "mine", "turns": 3, "first name": "Ada", "for": 1, "2nd": float("nan")}
    imported = read_lm_eval_samples(write(tmp_path, [generation(0, doc=doc)]))
    assert {**imported.tasks[0].rows[0], "target": ""} == {
        "prompt_": "mine",
        "turns_": 3,
        "first_name": "Ada",
        "for_": 1,
        "column_2nd": None,
        "prompt": "Q: 0+1,000?\nA:",
        "target": "",
    }
    assert "NaN and infinite numbers are null" in lines(imported, ImportOutcome.CHANGED)


def test_repeated_documents_count_once(tmp_path: Path) -> None:
    imported = read_lm_eval_samples(write(tmp_path, [generation(0), generation(0), generation(1)]))
    assert len(imported.tasks[0].rows) == 2
    assert "samples of a document that is there already" in lines(imported, ImportOutcome.LEFT_OUT)


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("{", ":2:"),
        ("[]", ":2"),
        ('{"doc": 1}', ":2"),
        ("[" * 200 + "]" * 200, ":2"),
        ("\\xff", ":2:"),
    ],
)
def test_broken_line_is_named(tmp_path: Path, line: str, where: str) -> None:
    path = write(tmp_path, [generation(0)])
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(WorkbenchError) as caught:
        read_lm_eval_samples(path)
    assert where in caught.value.where


def test_many_samples_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / f"samples_big_{TIME}.jsonl"
    line = json.dumps({**generation(0), "doc_id": "DOC"})
    with path.open("w") as file:
        file.writelines(line.replace('"DOC"', str(number)) + "\n" for number in range(MANY))
    assert is_lm_eval_samples(ForeignFile(path))
    (task,) = read_lm_eval_samples(path).tasks
    assert len(task.rows) == MANY


def test_imported_samples_run(tmp_path: Path, server: OpenAIServer) -> None:
    model = {"model": "m-1", "base_url": f"{server.url}/completions"}
    results = {**RESULTS, "config": {"model": "local-completions", "model_args": model}}
    samples = [generation(n, name) for name in ("strict-match", "flexible-extract") for n in (0, 1)]
    path = write(tmp_path, samples, results=results)

    def script(path: str, body: Any, nth: int) -> Reply:
        choice = {"index": 0, "text": " 1 + 999 is #### 1,000", "finish_reason": "stop"}
        usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
        return Reply(body={"object": "text_completion", "choices": [choice], "usage": usage})

    server.script = script
    home = tmp_path / "home"
    home.mkdir()
    imported = invoke(home, "import", str(path), "--to", str(home))
    assert imported.returncode == 0, imported.stderr
    stored = invoke(home, "run", "gsm8k", "--json", MLFLOW_TRACKING_URI="none")
    assert (stored.returncode, server.bodies) == (0, []), stored.stderr
    metrics = json.loads(stored.stdout)["variants"][0]["metrics"]
    assert metrics["numeric_answer: strict-match"]["mean"] == 1
    result = invoke(home, "run", "gsm8k", "--fresh", "--json", MLFLOW_TRACKING_URI="none")
    assert result.returncode == 0, result.stderr
    assert sorted(body["prompt"] for body in server.bodies) == [
        "Q: 0+1,000?\nA:",
        "Q: 1+1,000?\nA:",
    ]
    metrics = json.loads(result.stdout)["variants"][0]["metrics"]
    assert metrics["numeric_answer: strict-match"]["mean"] == 0.5
