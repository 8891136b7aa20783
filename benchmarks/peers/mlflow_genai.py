"""mlflow.genai.evaluate, four workers: a trace a row with three scores.

python -m benchmarks.peers.mlflow_genai URL ROWS CONCURRENCY     asks the endpoint, with predict_fn
python -m benchmarks.peers.mlflow_genai "" ROWS 0                answers at hand: it only records
"""

import os
import sys

os.environ |= {
    "MLFLOW_GENAI_EVAL_MAX_WORKERS": "4",
    "MLFLOW_GENAI_EVAL_ENABLE_SCORER_TRACING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}

import mlflow
from mlflow.genai.scorers import scorer

from benchmarks.clients import bodies
from benchmarks.project import row
from benchmarks.server import answer_to


@scorer
def exact_match(outputs: str, expectations: dict[str, str]) -> bool:
    return outputs == expectations["expected_response"]


@scorer
def contains(outputs: str, expectations: dict[str, str]) -> bool:
    return expectations["expected_response"] in outputs


@scorer
def output_words(outputs: str) -> int:
    return len(outputs.split())


def predictor(url: str):
    """The documented way: a function of the inputs that asks the client."""
    import openai

    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)

    def predict(messages: list[dict[str, str]]) -> str:
        reply = client.chat.completions.create(
            model="mock", messages=messages, temperature=0, max_tokens=8
        )
        return reply.choices[0].message.content

    return predict


def main(url: str, rows: str) -> None:
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("bench")
    data = [
        {
            "inputs": {"messages": body["messages"]},
            "expectations": {"expected_response": row(number)["answer"]},
        }
        for number, body in enumerate(bodies(int(rows)))
    ]
    if not url:
        data = [
            {**example, "outputs": answer_to(example["inputs"]["messages"][0]["content"])}
            for example in data
        ]
    scorers = [exact_match, contains, output_words]
    mlflow.genai.evaluate(data, scorers=scorers, predict_fn=predictor(url) if url else None)


if __name__ == "__main__":
    main(*sys.argv[1:3])
