"""A project with a filled store, and the command called in it."""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command import invoke

from workbench.canonical import ordered_json
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion, Request, Usage
from workbench.store import Store

MODEL = "openai:gpt-4o-mini"
LONG = "a long row; " * 1500  # goes on in several overflow pages


def key_of(number: int, kind: str = "answer") -> str:
    return hashlib.sha256(f"{kind} {number}".encode()).hexdigest()


def request(number: int, *, model: str = MODEL, text: str = "") -> Request:
    said = {"role": "user", "content": text or f"row {number}" + LONG * (number % 3)}
    body = {"model": model.partition(":")[2], "messages": [said], "temperature": 0}
    asked = {"provider": "openai", "model": model, "identity": {"endpoint": "https://a.example"}}
    return Request(key_of(number), ordered_json(body), key_fields=asked)


def answer(number: int, *, state: Any = "ok", text: str = "") -> Completion:
    usage = Usage(1000, 100)
    return Completion(
        key_of(number), state, text=text or f"answer {number}", usage=usage, latency_s=0.5
    )


def fill(folder: Path, numbers: Sequence[int], **how: Any) -> dict[str, Completion]:
    """Store a completion and a score for each number; return the completions."""
    folder.mkdir(exist_ok=True)
    judge = load_evaluator(Spec("exact_match", {}, folder))
    with Store(folder) as store:
        store.save_completions((request(n, **how), answer(n)) for n in numbers)
        store.save_scores(judge, {key_of(n, "score"): Score(True) for n in numbers})
        return store.completions([key_of(n) for n in numbers])


def call(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return invoke(home, *words, COLUMNS="160")


def said(home: Path, *words: str) -> Any:
    """Output of the command with --json, parsed."""
    return json.loads(call(home, *words, "--json").stdout)
