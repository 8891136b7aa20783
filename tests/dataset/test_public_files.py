"""Shapes of data files in public repositories, with other words in them.

Of each file what counts is its shape: names of columns, quoting, encoding, what stands around.
"""

import gzip
import json
from collections.abc import Mapping

import pytest

from workbench.dataset import DatasetSpec, load_dataset

BBH = {
    "canary": "Not for training.",
    "examples": [{"input": "Pick:\n(A) a\n(B) b", "target": "(B)"}],
}
CHAT = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "2 + 2?"}]
HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def f():\n",
    "test": "check(f)",
    "entry_point": "f",
}
SQUAD = {
    "version": "1.1",
    "data": [{"title": "T", "paragraphs": [{"context": "c", "qas": [{"id": "q", "answers": []}]}]}],
}
GOLDEN = {"input": "Hi", "expected_output": "Hello", "context": ["c"], "additional_metadata": None}
VIEWER = {
    "features": [{"feature_idx": 0, "name": "text"}],
    "rows": [{"row_idx": 0, "row": {"text": "a", "label": 1}, "truncated_cells": []}],
    "num_rows_total": 9,
}
MRPC = (
    "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
    '1\t70\t71\t" It grew , he said .\tHe said : " It grew . "\r\n'
    '0\t72\t73\tShares fell 5 " .\tNo " news .\r\n'
)
SPAM = 'v1,v2,,,\r\nham,Caf\xe9 at 5?,,,\r\nspam,"Win, now"," GE,ignored",,\r\n'
TRUTHFUL = (
    "Type,Category,Question,Best Answer,Correct Answers\n"
    'Plain,Myths,"Who wrote ""Star""?",Nobody,"Nobody; No one, really"\n'
)
PROMPTFOO = (
    "topic,__expected1,__metadata:category,__metadata:tags[]\n"
    '"trees","contains: leaf","nature","green,wood\\, old"\n'
)
MMLU = "question,subject,choices,answer\n\"Is 1, 2?\",algebra,\"['0', '4']\",1\n"
PHRASES = "Sales rose to EUR 5 mn in M\xe4rz .@positive\nNothing else .@neutral\n"

FILES = [
    pytest.param(
        "movie.json",
        json.dumps(BBH).encode(),
        {"expected": "target"},
        {"input": "Pick:\n(A) a\n(B) b"},
        "(B)",
        id="BIG-Bench Hard",
    ),
    pytest.param(
        "samples.jsonl",
        json.dumps({"input": CHAT, "ideal": ["4", "four"]}).encode() + b"\n\n",
        {"expected": "ideal"},
        {"input": CHAT},
        ["4", "four"],
        id="openai/evals",
    ),
    pytest.param(
        "HumanEval.jsonl.gz",
        gzip.compress(json.dumps(HUMAN_EVAL).encode()),
        {"id": "task_id", "columns": ["prompt", "entry_point"], "expected": "test"},
        {"prompt": "def f():\n", "entry_point": "f"},
        "check(f)",
        id="HumanEval",
    ),
    pytest.param(
        "dev-v1.1.json",
        json.dumps(SQUAD).encode(),
        {},
        SQUAD["data"][0],
        None,
        id="SQuAD",
    ),
    pytest.param(
        "goldens.json",
        json.dumps([GOLDEN]).encode(),
        {"expected": "expected_output", "drop": ["additional_metadata"]},
        {"input": "Hi", "context": ["c"]},
        "Hello",
        id="DeepEval's goldens",
    ),
    pytest.param(
        "rows.json",
        json.dumps(VIEWER).encode(),
        {"expected": "label"},
        {"text": "a"},
        1,
        id="the hub's viewer",
    ),
    pytest.param(
        "msr_paraphrase_train.txt",
        MRPC.encode(),
        {
            "delimiter": "\t",
            "columns": {"first": "#1 String", "second": "#2 String", "label": "Quality"},
            "expected": "label",
        },
        {"first": '" It grew , he said .', "second": 'He said : " It grew . "'},
        "1",
        id="MRPC",
    ),
    pytest.param(
        "spam.csv",
        SPAM.encode("latin-1"),
        {"encoding": "latin-1", "columns": ["v1", "v2"], "expected": "v1"},
        {"v2": "Caf\xe9 at 5?"},
        "ham",
        id="SMS spam",
    ),
    pytest.param(
        "TruthfulQA.csv",
        TRUTHFUL.encode(),
        {"columns": {"question": "Question", "best": "Best Answer"}, "expected": "best"},
        {"question": 'Who wrote "Star"?'},
        "Nobody",
        id="TruthfulQA",
    ),
    pytest.param(
        "tests.csv",
        PROMPTFOO.encode(),
        {
            "columns": {"topic": "topic", "category": "__metadata:category"},
            "expected": "__expected1",
            "quoting": "backslash",
        },
        {"topic": "trees", "category": "nature"},
        "contains: leaf",
        id="promptfoo",
    ),
    pytest.param(
        "mmlu_data.csv",
        MMLU.encode(),
        {"drop": ["subject", "choices"], "expected": "answer"},
        {"question": "Is 1, 2?"},
        "1",
        id="MMLU as CSV",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "settings", "inputs", "answer"), FILES)
def test_the_shape_is_read(name, content, settings, inputs, answer, tmp_path):
    (tmp_path / name).write_bytes(content)
    example = load_dataset(DatasetSpec(path=name, **settings), tmp_path).examples[0]
    expected: Mapping[str, object] = {} if answer is None else {"expected_response": answer}
    assert (example.inputs, example.expectations) == (inputs, expected)


@pytest.mark.parametrize(
    ("name", "content", "settings", "expected"),
    [
        pytest.param(
            "samples.jsonl",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:7d\nsize 9\n",
            {},
            "samples.jsonl: is a pointer of Git LFS, not text\n"
            "  fix: fetch the file itself: git lfs pull",
            id="openai/evals in Git LFS",
        ),
        pytest.param(
            "spam.csv",
            SPAM.encode("latin-1"),
            {},
            "spam.csv:2: byte 17, b'\\xe9', is not UTF-8\n  fix: name its encoding, such as "
            "`encoding: cp1252` (Excel on Windows) or latin-1",
            id="SMS spam without its encoding",
        ),
        pytest.param(
            "spam.csv",
            SPAM.encode("latin-1"),
            {"encoding": "latin-1"},
            "spam.csv:1: column 3 has no name\n"
            "  fix: name it, or list the columns to read: `columns: [v1, v2]`",
            id="SMS spam with text in a column without a name",
        ),
        pytest.param(
            "promptfooconfig.yaml",
            b"prompts: [a]\ntests: []\n",
            {},
            "promptfooconfig.yaml: unknown dataset format '.yaml'\n"
            "  fix: write the rows into a .json or .jsonl file; use one of .jsonl, .ndjson, .json, "
            ".csv, .tsv, .parquet",
            id="promptfoo's configuration",
        ),
        pytest.param(
            "Sentences.txt",
            PHRASES.encode("latin-1"),
            {},
            "Sentences.txt: unknown dataset format '.txt'\n  fix: use one of .jsonl, .ndjson, "
            ".json, .csv, .tsv, .parquet, or add `delimiter:` to read it as CSV",
            id="Financial PhraseBank",
        ),
    ],
)
def test_the_shape_is_refused_with_a_cure(name, content, settings, expected, refusal_of):
    assert refusal_of(name, content, **settings) == expected
