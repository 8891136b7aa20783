"""Workbench's verdicts on the parity sheet: `workbench run` against a server of the replies.

One task of each kind of row, with every evaluator that judges it as a column. The verdicts are
those of the table that MLflow gets.

command_verdicts(…)    {"contains icontains": {"text-01": true, …}, …}
"""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.project import workbench

Columns = Mapping[str, tuple[str, Mapping[str, Any], str]]  # name: evaluator, settings, kind of row


def command_verdicts(
    columns: Columns, rows: Sequence[Mapping[str, str]]
) -> dict[str, dict[str, bool]]:
    """Each column's verdict on each row of its kind (empty: all), by `workbench run`."""
    verdicts: dict[str, dict[str, bool]] = {name: {} for name in columns}
    with _replying({row["id"]: row["reply"] for row in rows}) as url:
        for kind in dict.fromkeys(row["kind"] for row in rows):
            of_kind = {name: c for name, c in columns.items() if c[2] in ("", kind)}
            scored = _run(url, of_kind, [row for row in rows if row["kind"] == kind])
            for name in of_kind:
                verdicts[name] |= {row["id"]: bool(row[f"{name}/score"]) for row in scored}
    return verdicts


def _run(url: str, columns: Columns, rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The rows of the table that MLflow has after `workbench run`."""
    evaluators = [{c[0]: {**c[1], "name": name}} for name, c in columns.items()]
    experiment = {
        "dataset": {"path": "rows.jsonl", "expected": "target", "id": "id"},
        "prompts": ["ask"],
        "models": [{"openai:scripted": {"base_url": url}}],
        "evaluators": evaluators,
    }
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        task = Path(folder) / "prompts" / "parity"
        task.mkdir(parents=True)
        (task / "ask.jinja").write_text("{{ ask }}\n")
        (task / "experiment.yaml").write_text(json.dumps(experiment))
        lines = [{"id": row["id"], "ask": row["id"], "target": row["target"]} for row in rows]
        (task / "rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        words = workbench("run", "--json", "parity")
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr[-2_000:])
        (path,) = Path(folder).glob(".workbench/artifacts/**/eval_results_table.json")
        table = json.loads(path.read_text("utf-8"))
    return [dict(zip(table["columns"], values, strict=True)) for values in table["data"]]


@contextmanager
def _replying(replies: Mapping[str, str]) -> Iterator[str]:
    """The address of an endpoint on loopback that answers a row's id with its reply."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = {"role": "assistant", "content": replies[request["messages"][-1]["content"]]}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = json.dumps({"object": "chat.completion", "choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
