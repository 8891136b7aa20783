"""A task whose answers repeat their rows, and a server on loopback that embeds texts.

write_embedded_task(home, server)
run(home)["variants"][0]["metrics"]["embedding_similarity"]
server.bodies                                   the requests for embeddings
"""

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command import invoke
from openai_server import OpenAIServer, Reply

Row = tuple[str, Any]  # the answer, and the expected answer
ROWS: Sequence[Row] = (("Paris", "Paris"), ("a kitten", "a cat"), ("four", ["4", "four"]))
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [{prompts}]
models: [echo:last]
evaluators:
{evaluators}
"""
NUMBERS = 8  # of a vector


def write_embedded_task(
    home: Path,
    server: OpenAIServer,
    *,
    rows: Sequence[Row] = ROWS,
    settings: str = "",
    evaluators: str = "",
    prompts: str = "plain",
) -> None:
    """Write the task `qa`; `settings` are more of the entry, `evaluators` replace it."""
    task = home / "prompts" / "qa"
    task.mkdir(parents=True, exist_ok=True)
    lines = [{"id": f"r{n}", "text": text, "label": label} for n, (text, label) in enumerate(rows)]
    (task / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "loud.jinja").write_text("user:\n{{ text | upper }}\n")
    model = f'{{"openai:near": {{base_url: "{server.url}"}}}}'
    entry = f"  - embedding_similarity: {{model: {model}{settings}}}"
    text = EXPERIMENT.format(prompts=prompts, evaluators=evaluators or entry)
    (task / "experiment.yaml").write_text(text)
    (home / "workbench.yaml").write_text("tracking_uri: none\n")
    server.script = embed


def vector(text: str, numbers: int = NUMBERS) -> list[float]:
    """The vector that the server gives a text: numbers that 32 bits hold."""
    digest = hashlib.sha256(text.encode()).digest()
    return [(byte - 128) / 128 for byte in digest[:numbers]]


def embedded(embedding: Any, **more: Any) -> dict[str, Any]:
    """The body of a reply with one embedding."""
    data = [{"object": "embedding", "index": 0, "embedding": embedding}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    return {"object": "list", "data": data, "model": "near-2025", "usage": usage, **more}


def packed(numbers: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def embed(path: str, body: dict[str, Any], nth: int) -> Reply:
    assert path == "/v1/embeddings"
    return Reply(body=embedded(packed(vector(body["input"], body.get("dimensions", NUMBERS)))))


def run(home: Path, *words: str, exit_code: int = 0) -> dict[str, Any]:
    """The document of `run --json`."""
    done = invoke(home, "run", "--json", *words)
    assert done.returncode == exit_code, done.stderr
    return json.loads(done.stdout)
