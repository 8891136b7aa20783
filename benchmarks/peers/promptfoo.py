"""promptfoo: `promptfoo eval`, `equals` for each row, results to a file; no cache, no table.

python -m benchmarks.peers.promptfoo URL ROWS CONCURRENCY
"""

import json
import os
import sys
from pathlib import Path

from benchmarks.peers.install import VENVS
from benchmarks.project import prompt, row

TOOL = VENVS / "promptfoo" / "node_modules" / ".bin" / "promptfoo"


def main(url: str, rows: str, concurrency: str) -> None:
    here = Path.cwd()
    examples = [row(number) for number in range(int(rows))]
    settings = {"apiBaseUrl": url, "apiKey": "none", "temperature": 0, "max_tokens": 8}
    config = {
        "prompts": [prompt("{{question}}")],
        "providers": [{"id": "openai:chat:mock", "config": settings}],
        "tests": [
            {
                "vars": {"question": example["question"]},
                "assert": [{"type": "equals", "value": example["answer"]}],
            }
            for example in examples
        ],
    }
    (here / "promptfooconfig.json").write_text(json.dumps(config))
    os.environ |= {
        "PROMPTFOO_CONFIG_DIR": str(here / "home"),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_SELF_HOSTED": "1",
        "PROMPTFOO_FAILED_TEST_EXIT_CODE": "0",
    }
    words = ["eval", "-c", "promptfooconfig.json", "-j", concurrency, "--no-cache"]
    more = ["--no-table", "--no-progress-bar", "-o", "out.json"]
    os.execv(TOOL, [str(TOOL), *words, *more])


if __name__ == "__main__":
    main(*sys.argv[1:])
