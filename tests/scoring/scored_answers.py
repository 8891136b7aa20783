"""Answers and their scores by an evaluator of a package, in the evaluators' process.

spec = package_spec("autoevals:Levenshtein", root)
score_answers(pool, spec, ["Paris"], ["Pariss"])       [Score(0.833)]
"""

import json
from pathlib import Path
from typing import Any

from openai_server import Reply, answer

from workbench.errors import not_stopped
from workbench.evaluator import Score, Spec
from workbench.scoring.pool import EvaluatorPool

GRANTED = ("OPENAI_API_KEY", "OPENAI_BASE_URL")


def package_spec(name: str, root: Path, env: tuple[str, ...] = (), **settings: Any) -> Spec:
    return Spec(name, settings, root, "e.yaml:4:5", env)


def score_answers(
    pool: EvaluatorPool, spec: Spec, outputs: list[str], expected: list[Any], inputs: Any = None
) -> list[Score]:
    """The scores of outputs with their expected values; all rows have the same `inputs`."""
    evaluator = pool.find(spec)
    rows = [
        {"inputs": inputs or {}, "outputs": output, "expectations": {"expected_response": value}}
        for output, value in zip(outputs, expected, strict=True)
    ]
    arguments = [{name: row[name] for name in evaluator.arguments} for row in rows]
    return list(pool.judge(evaluator, arguments, not_stopped))


def call_tool(body: Any, **arguments: Any) -> Reply:
    """A call of the tool that a judge is told to call."""
    function = {"name": body["tools"][0]["function"]["name"], "arguments": json.dumps(arguments)}
    call = {"id": "call-1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    return Reply(body=answer("", choices=choices))
