"""promptfoo's assertions over the rows of the parity sheet, by its `echo` provider.

[{"id": "text-01", "kind": "text", "reply": "Paris", "target": "Paris"}]  ->
{"equals": {"text-01": true}, "icontains": {"text-01": true}, "regex": {"text-01": true}}
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.promptfoo import TOOL

PATTERN = r"^\W*(\w+)\W*$"


def main() -> None:
    rows = json.load(sys.stdin)
    folder = Path(tempfile.mkdtemp(prefix="promptfoo-"))
    tests = [
        {
            "description": row["id"],
            "vars": {"reply": row["reply"]},
            "assert": [
                {"type": "equals", "value": row["target"]},
                {"type": "icontains", "value": row["target"]},
                {"type": "regex", "value": PATTERN},
            ],
        }
        for row in rows
    ]
    config = {"prompts": ["{{reply}}"], "providers": ["echo"], "tests": tests}
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    variables = {
        "PROMPTFOO_CONFIG_DIR": str(folder / "home"),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_SELF_HOSTED": "1",
        "PROMPTFOO_FAILED_TEST_EXIT_CODE": "0",
        "PROMPTFOO_DISABLE_TEMPLATE_ENV_VARS": "1",
    }
    words = ["eval", "-c", "promptfooconfig.json", "--no-cache", "--no-table", "--no-progress-bar"]
    done = subprocess.run(
        [TOOL, *words, "-o", "out.json"],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert (folder / "out.json").exists(), done.stderr + done.stdout
    results = json.loads((folder / "out.json").read_text())["results"]["results"]
    found: dict[str, dict[str, bool]] = {"equals": {}, "icontains": {}, "regex": {}}
    for result in results:
        for part in (result.get("gradingResult") or {}).get("componentResults", []):
            found[part["assertion"]["type"]][result["testCase"]["description"]] = part["pass"]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
