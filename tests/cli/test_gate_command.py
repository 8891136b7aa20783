"""`workbench gate` and `workbench decide`, as a CI job and a person use them."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from command import invoke
from test_compare import git

EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain, better]
models: [echo:last]
evaluators: [exact_match, output_tokens]
gate: {{exact_match: {{{rule}}}}}
"""


@pytest.fixture
def home(project: Path, tmp_path: Path) -> Path:
    shutil.copytree(project, tmp_path / "home")
    return tmp_path / "home"


def gate(home: Path, rule: str) -> Path:
    text = EXPERIMENT.format(rule=rule)
    (home / "prompts" / "qa" / "experiment.yaml").write_text(text)
    return home


def test_a_gate_passes_fails_or_asks_for_rows(home: Path) -> None:
    passed = invoke(gate(home, "no_worse_than: baseline, by: 0.05"), "gate")
    assert (passed.returncode, passed.stdout.splitlines()[-1]) == (0, "gate: passed (1 passed)")
    assert "no worse than plain by 0.05" in passed.stdout
    failed = invoke(gate(home, "min: 0.95"), "gate")
    assert (failed.returncode, failed.stdout.splitlines()[-1]) == (1, "gate: failed (1 failed)")
    inconclusive = invoke(gate(home, "min: 0.75"), "gate")
    assert inconclusive.returncode == 8
    assert "40 rows; about" in inconclusive.stdout
    assert invoke(home, "gate", "--allow-inconclusive").returncode == 0
    other = invoke(home, "gate", "plain")
    assert (other.returncode, "plain" in other.stdout) == (1, True)
    document = json.loads(invoke(home, "gate", "--json").stdout)
    assert (document["exit_code"], document["checks"][0]["outcome"]) == (8, "not enough evidence")


def test_what_a_ci_job_reads_is_written(home: Path) -> None:
    gate(home, "min: 0.95, no_worse_than: baseline")
    summary = home / "summary.md"
    done = invoke(
        home,
        *("gate", "--junit", "out/gate.xml"),
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert done.returncode == 1
    assert (
        "::error file=prompts/qa/better.jinja,line=1,title=better%3A exact_match at least 0.95::"
        in done.stdout
    )
    above = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(home.parent)}
    assert (
        f"::error file={home.name}/prompts/qa/better.jinja,line=1,"
        in invoke(home, "gate", **above).stdout
    )
    lost = invoke(home, "gate", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY="gone/summary.md")
    assert (lost.returncode, lost.stderr[:45]) == (
        1,
        "note: GITHUB_STEP_SUMMARY can't be written: [",
    )
    root = ET.parse(home / "out" / "gate.xml").getroot()
    (suite,) = root.findall("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "0")
    assert [case.get("name") for case in suite.findall("testcase[failure]")] == [
        "exact_match at least 0.95"
    ]
    text = summary.read_text()
    assert text.startswith("## gate: failed (1 failed, 1 passed)")
    assert "### better against plain" in text


def test_a_gate_against_a_version_finds_it_in_the_store(home: Path) -> None:
    gate(home, "no_worse_than: '@1', by: 0.05")
    (home / "prompts" / "qa" / "plain.jinja").write_text("system:\n{{ n }}\nuser:\nno {{ a }}\n")
    assert invoke(home, "run").returncode == 0
    done = invoke(home, "gate", "plain")
    assert done.returncode == 1
    assert "no worse than plain@1 by 0.05" in done.stdout


def test_a_gate_against_main_asks_of_every_prompt_only_what_main_has(home: Path) -> None:
    """`plain` is changed, `better` is unchanged, `third` is new."""
    git(home, "init", "-q")
    git(home, "add", "prompts")
    git(home, "commit", "-qm", "first")
    gate(home, "no_worse_than: '@git:HEAD', by: 0.05")
    task = home / "prompts" / "qa"
    text = (task / "experiment.yaml").read_text()
    (task / "experiment.yaml").write_text(text.replace("better]", "better, third]"))
    (task / "third.jinja").write_text("user:\n{{ b }}.\n")
    (task / "plain.jinja").write_text("system:\n{{ n }}\nuser:\nno {{ a }}\n")
    unanswered = invoke(home, "gate")
    assert unanswered.returncode == 2
    assert "plain: the store has no outputs of this variant" in unanswered.stderr
    assert invoke(home, "run", MLFLOW_TRACKING_URI="none").returncode == 0
    done = invoke(home, "gate", "--json")
    checks = json.loads(done.stdout)["checks"]
    assert [(check["variant"], check["rule"], check["outcome"]) for check in checks] == [
        ("plain", "no worse than plain@git:HEAD by 0.05", "failed"),
        ("better", "no worse than @git:HEAD, which it is", "passed"),
        ("third", "no worse than @git:HEAD, where it is not", "passed"),
    ]
    summary = home / "summary.md"
    invoke(home, "gate", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    heads = [line for line in summary.read_text().splitlines() if line.startswith("### ")]
    assert len(heads) == 1
    assert heads[0].startswith("### plain against plain")
    assert heads[0].endswith("git:HEAD")
    gate(home, "no_worse_than: '@git:HAED', by: 0.05")
    assert "no git revision 'HAED'" in invoke(home, "gate").stderr
    gate(home, "no_worse_than: '@prodction', by: 0.05")
    assert "unknown alias of 'qa.plain'" in invoke(home, "gate").stderr


def test_a_stored_score_needs_no_key(home: Path) -> None:
    """A pull request from a fork has no key."""
    (home / "evaluators").mkdir()
    (home / "evaluators" / "keyed.py").write_text(
        "import os\n\n\ndef keyed(outputs: str) -> bool:\n"
        "    return bool(os.environ['JUDGE_KEY']) and outputs == 'yes'\n"
    )
    gate(home, "min: 0.2")
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(file.read_text().replace("output_tokens]", "keyed: {env: [JUDGE_KEY]}]"))
    refused = invoke(home, "run")
    assert (refused.returncode, "the variable JUDGE_KEY is not set" in refused.stderr) == (2, True)
    missed = invoke(home, "gate")
    assert (missed.returncode, "the variable JUDGE_KEY is not set" in missed.stderr) == (2, True)
    assert invoke(home, "run", JUDGE_KEY="k", MLFLOW_TRACKING_URI="none").returncode == 0
    for command in ("gate", "compare", "decide"):
        assert invoke(home, command).returncode == 0


def test_decide_says_what_to_take(home: Path) -> None:
    done = invoke(home, "decide", "--floor", "0.6")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("Take better: exact_match 0.725 [")
    decision = json.loads(invoke(home, "decide", "--floor", "0.6", "--json").stdout)
    assert [
        (candidate["variant"], candidate["admissible"]) for candidate in decision["candidates"]
    ] == [
        ("better", True),
        ("plain", False),
    ]
    assert invoke(home, "decide", "--floor", "0.99").returncode == 1
