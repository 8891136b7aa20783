"""A task whose answers repeat their rows, and judges behind a server on loopback.

write_judged_task(home, server)
run(home)["variants"][0]["metrics"]["polite"]
server.bodies                                   the requests to judges
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command import invoke
from openai_server import OpenAIServer, Reply, answer

ROWS = 12
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [{prompts}]
models: [{model}]
evaluators:
  - exact_match
{judges}
"""
POLITE = '  - rubric: {rubric: "It is polite.", name: polite}'
SHORT = '  - rubric: {rubric: "It is short.", name: short}'


def write_judged_task(
    home: Path,
    server: OpenAIServer,
    *,
    judges: Sequence[str] = (POLITE,),
    prompts: str = "plain",
    model: str = "echo:last",
    texts: Sequence[str] = tuple(f"row {n}" for n in range(ROWS)),
    settings: str = "",
) -> None:
    """Write the task `qa` and the project's judge; `settings` are more of workbench.yaml."""
    task = home / "prompts" / "qa"
    task.mkdir(parents=True, exist_ok=True)
    rows = [{"id": f"r{n}", "text": text, "label": text} for n, text in enumerate(texts)]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, text in (("plain", "text"), ("loud", "text | upper")):
        if not (task / f"{name}.jinja").exists():
            (task / f"{name}.jinja").write_text(f"user:\n{{{{ {text} }}}}\n")
    text = EXPERIMENT.format(prompts=prompts, model=model, judges="\n".join(judges))
    (task / "experiment.yaml").write_text(text)
    (home / "workbench.yaml").write_text(
        f'judge: {{model: {{"openai:judge": {{base_url: "{server.url}"}}}}}}\n'
        f"tracking_uri: none\n{settings}"
    )
    server.script = verdicts


def verdicts(path: str, body: dict[str, Any], nth: int) -> Reply:
    """A candidate repeats its prompt; a judge finds every third row good."""
    if body["model"] != "judge":
        return Reply(body=answer(body["messages"][-1]["content"]))
    number = int(judged_text(body).split()[1].rstrip("!"))
    return Reply(body=answer(f"I see.\nVerdict: {'yes' if number % 3 == 0 else 'no'}"))


def judged_text(body: dict[str, Any]) -> str:
    """The text between the marker's lines."""
    return body["messages"][-1]["content"].split("The answer:\n")[1].split("\n")[1]


def rubric(body: dict[str, Any]) -> str:
    """The rubric of a judge's request."""
    return body["messages"][-1]["content"].split("The rubric:\n")[1].split("\n")[0]


def run(home: Path, *words: str, exit_code: int = 0) -> dict[str, Any]:
    """The document of `run --json`."""
    done = invoke(home, "run", "--json", *words)
    assert done.returncode == exit_code, done.stderr
    return json.loads(done.stdout)
