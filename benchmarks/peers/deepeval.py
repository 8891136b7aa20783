"""DeepEval: its ExactMatchMetric over answers that a bare AsyncOpenAI loop fetched.

python -m benchmarks.peers.deepeval URL ROWS CONCURRENCY
"""

import asyncio
import os
import sys

os.environ |= {"DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "DEEPEVAL_NO_INSPECT_PROMPT": "1"}

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import ExactMatchMetric
from deepeval.test_case import LLMTestCase

from benchmarks.clients import bodies, with_openai
from benchmarks.project import row


def main(url: str, rows: str, concurrency: str) -> None:
    requests = bodies(int(rows))
    answers = asyncio.run(with_openai(url, requests, int(concurrency)))
    cases = [
        LLMTestCase(
            input=body["messages"][0]["content"],
            actual_output=answer,
            expected_output=row(number)["answer"],
        )
        for number, (body, answer) in enumerate(zip(requests, answers, strict=True))
    ]
    done = evaluate(
        cases,
        metrics=[ExactMatchMetric()],
        async_config=AsyncConfig(max_concurrent=int(concurrency)),
        display_config=DisplayConfig(
            show_indicator=False, print_results=False, inspect_after_run=False
        ),
        cache_config=CacheConfig(write_cache=False),
    )
    print(sum(result.success for result in done.test_results) / len(cases))


if __name__ == "__main__":
    main(*sys.argv[1:])
