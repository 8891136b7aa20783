"""B22 and B25: files that are large, and files that change while they are used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from openai_server import OpenAIServer, say
from walk import ROWS, Case, command

MEASURED = """\
import pathlib, sys
sys.argv = ["workbench", "plan", "--limit", "5", "--json"]
from workbench.cli import main
try:
    main()
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    print(status.split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


@pytest.mark.slow
def test_of_a_large_file_only_the_rows_wanted_are_kept(
    tmp_path: Path, billing: OpenAIServer
) -> None:
    Case("B22", "").write(tmp_path, billing)
    row = {"text": "word " * 200, "label": "x"}
    with (tmp_path / "prompts" / "qa" / "rows.jsonl").open("w") as file:
        for number in range(200_000):
            file.write(json.dumps({"id": number, **row}) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert json.loads(done.stdout)["requests"]["planned"] == 5
    # kB; the file has 200 MB. ru_maxrss would be pytest's own, which a child inherits.
    assert int(done.stderr.split()[-1]) < 300_000


def test_an_error_behind_the_limit_is_found_all_the_same(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    Case("B22", "", {"rows.jsonl": ROWS + "{}{}\n"}).write(tmp_path, billing)
    ended = command(tmp_path, ("run", "--limit", "1"), {}, capfd)
    assert (ended.code, "rows.jsonl:3:3: bad JSON" in ended.err) == (2, True)


def test_the_first_rows_of_a_file_are_an_invocation_of_their_own(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    Case("B22", "").write(tmp_path, billing)
    digests = [
        json.loads(command(tmp_path, ("plan", "--json", *words), {}, capfd).out)["plan_digest"]
        for words in ((), ("--limit", "1"), ("--limit", "2"), ("--limit", "9"))
    ]
    assert [digest == digests[0] for digest in digests] == [True, False, True, True]


def test_labels_behind_the_limit_count(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = '{"text": "a", "label": null}\n{"text": "b", "label": "1"}\n'
    Case("B22", "", {"rows.jsonl": rows}).write(tmp_path, billing)
    assert command(tmp_path, ("plan", "--limit", "1"), {}, capfd).code == 0


@pytest.mark.mlflow
def test_a_file_that_changes_during_the_run_changes_nothing_in_it(
    tmp_path: Path, billing: OpenAIServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """All rows are in memory, and pinned by their digest, before the first request."""
    Case("B25", "", models='["openai:m": {base_url: "{url}", concurrency: 1}]').write(
        tmp_path, billing
    )
    rows = tmp_path / "prompts" / "qa" / "rows.jsonl"
    before = json.loads(command(tmp_path, ("plan", "--json"), {}, capfd).out)["plan_digest"]

    def answer(path, body, nth):
        rows.write_text(ROWS.replace("two", "changed"))
        return say("1")

    billing.script = answer
    ran = json.loads(command(tmp_path, ("run", "--json"), {}, capfd).out)
    sent = [body["messages"][-1]["content"] for body in billing.bodies]
    after = json.loads(command(tmp_path, ("plan", "--json"), {}, capfd).out)
    assert (ran["plan_digest"], sorted(sent)) == (before, ["one", "two"])
    assert (after["plan_digest"] != before, after["requests"]["stored"]) == (True, 1)
