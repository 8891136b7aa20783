"""`workbench compare`: variants from stored outputs, on the same rows."""

import json
import shutil
import subprocess
from pathlib import Path

from command import invoke


def git(home: Path, *words: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", *name, *words], cwd=home, check=True, capture_output=True)


def test_a_pair_is_told_with_its_verdict_its_rows_and_its_prompts(project: Path) -> None:
    done = invoke(project, "compare", "plain", "better")
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0]) == (0, "better against plain")
    assert lines[2].split() == [
        *("exact_match", "0.500", "0.725", "+0.225", "[+0.063,", "+0.399]", "better", "40"),
    ]
    assert "  exact_match: 10 rows better, 1 worse" in lines
    assert (
        "  worse: row 1, r0: a: 'yes', b: 'no', kind: 'even', n: 'Row 0.' (expected 'yes'), "
        "exact_match 1 → 0: 'yes' is now 'no'"
    ) in lines
    assert not [line for line in lines if "more row" in line]
    assert [line for line in lines if line[:2] in ("-{", "+{")] == ["-{{ a }}", "+{{ b }}"]


def test_rows_that_are_left_out_are_counted(project: Path) -> None:
    lines = invoke(project, "compare", "better", "plain").stdout.splitlines()
    worse = [line for line in lines if line.startswith("  worse: ")]
    assert (len(worse), "  and 5 more rows are worse: --json lists all of them" in lines) == (
        5,
        True,
    )


def test_without_names_every_variant_stands_beside_its_baseline(project: Path) -> None:
    assert invoke(project, "compare").stdout == invoke(project, "compare", "qa").stdout
    assert invoke(project, "compare").stdout.startswith("better against plain\n")
    assert invoke(project, "compare", "better").stdout.startswith("better against plain\n")
    assert invoke(project, "compare", "better", "plain").stdout.startswith("plain against better\n")


def test_variants_that_were_never_run_are_left_out_and_named(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(project, home)
    task = home / "prompts" / "qa"
    (task / "third.jinja").write_text("user:\n{{ a }}?\n")
    experiment = task / "experiment.yaml"
    text = experiment.read_text()
    experiment.write_text(text.replace("[plain, better]", "[plain, better, third]"))
    before = invoke(project, "compare").stdout
    done = invoke(home, "compare")
    assert done.returncode == 0
    assert done.stdout == before
    assert "left out, without any output: third; workbench run creates them" in done.stderr
    refused = invoke(home, "compare", "plain", "third")
    assert (refused.returncode, "third: the store has no outputs" in refused.stderr) == (2, True)


def test_slices_are_families_of_their_own(project: Path) -> None:
    done = invoke(project, "compare", "plain", "better", "--by", "kind", "--json")
    slices = json.loads(done.stdout)["slices"]
    assert [(part["value"], part["rows"]) for part in slices] == [("even", 20), ("odd", 20)]
    (even, odd) = (part["comparisons"]["better"]["exact_match"] for part in slices)
    assert (even["up"], even["down"], odd["up"], odd["down"]) == (5, 1, 5, 0)
    assert "kind=even, exact_match: +0.200 [" in invoke(project, "compare", "--by", "kind").stdout
    done = invoke(project, "compare", "--by", "kin")
    assert (
        done.returncode,
        "unknown column 'kin'\n  fix: did you mean 'kind'?" in done.stderr,
    ) == (
        2,
        True,
    )
    label = invoke(project, "compare", "--by", "label")
    assert "label=yes, exact_match" in label.stdout


def test_json_holds_every_row_that_changed(project: Path) -> None:
    document = json.loads(invoke(project, "compare", "--json").stdout)
    changed = [change for change in document["changes"] if change["metric"] == "exact_match"]
    assert (len(changed), document["schema_version"]) == (11, 2)
    assert changed[0] == {
        "variant": "better",
        "metric": "exact_match",
        "row": "r0",
        "repeat": 0,
        "gain": -1.0,
        "before": 1.0,
        "after": 0.0,
        "answers": ["yes", "no"],
        "expectations": {"expected_response": "yes"},
    }
    comparisons = {variant["name"]: variant["comparisons"] for variant in document["variants"]}
    assert comparisons["better"]["exact_match"]["verdict"] == "better"


def test_markdown_leaves_no_text_to_be_read_as_markdown(project: Path) -> None:
    text = invoke(project, "compare", "--markdown").stdout
    assert "### better against plain" in text
    assert "| exact\\_match | 0.500 | 0.725 |" in text
    assert "```diff" in text


def test_an_earlier_template_of_git_is_compared_with_the_working_copy(
    project: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    subprocess.run(["cp", "-r", str(project), str(home)], check=True)
    git(home, "init", "-q")
    git(home, "add", "prompts")
    git(home, "commit", "-qm", "first")
    (home / "prompts" / "qa" / "plain.jinja").write_text("user:\n{{ b }}!\n")
    refused = invoke(home, "compare", "plain@git:HEAD", "plain")
    assert refused.returncode == 2
    assert "plain: the store has no outputs of this variant\n  fix: workbench run" in refused.stderr
    assert invoke(home, "run").returncode == 0
    done = invoke(home, "compare", "plain@git:HEAD", "plain")
    assert done.stdout.startswith("plain against plain@git:HEAD\n")
    assert done.stdout.count("+{{ b }}!") == 1
    versions = invoke(home, "compare", "plain@1", "plain@2")  # the second is the working copy
    assert versions.stdout.startswith("plain against plain@1\n")


def test_runs_are_compared_as_they_were(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    subprocess.run(["cp", "-r", str(project), str(home)], check=True)
    first = json.loads(invoke(home, "run", "--json").stdout)
    (home / "prompts" / "qa" / "better.jinja").write_text("user:\n{{ b }}!\n")
    second = json.loads(invoke(home, "run", "--json").stdout)
    done = invoke(home, "compare", first["parent_run_id"], second["parent_run_id"])
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "better against better@1")
    assert "better against plain" not in done.stdout
    assert "+{{ b }}!" in done.stdout
    plain, better = (variant["run_id"] for variant in first["variants"])
    done = invoke(home, "compare", plain, better)
    assert done.stdout.splitlines()[0] == "better@1 against plain"
    done = invoke(home, "compare", better, "better")
    assert done.stdout.splitlines()[0] == "better against better@1"
    none = invoke(home, "compare", "0" * 32, "better")
    assert (none.returncode, f"run {'0' * 32} can't be looked up" in none.stderr) == (2, True)
    task = home / "prompts" / "qa" / "experiment.yaml"
    task.write_text(task.read_text().replace("echo:last", "echo:prompt"))
    gone = invoke(home, "compare", better, "better")
    assert gone.returncode == 2
    assert "better@1 on echo:last with {} is no longer in the experiment file" in gone.stderr


def test_what_is_nothing_or_the_same_is_refused(project: Path) -> None:
    done = invoke(project, "compare", "plain", "bettr")
    assert done.returncode == 2
    assert "unknown variant, prompt or model 'bettr'\n  fix: did you mean 'better'?" in done.stderr
    done = invoke(project, "compare", "plain", "plain@1")
    assert done.returncode == 2
    assert "plain and plain@1 are the same" in done.stderr


def test_nothing_is_sent_or_recorded(project: Path) -> None:
    before = sorted(file.stat().st_mtime for file in (project / ".workbench").glob("mlflow.db"))
    assert invoke(project, "compare").returncode == 0
    after = sorted(file.stat().st_mtime for file in (project / ".workbench").glob("mlflow.db"))
    assert before == after


def test_anytime_verdicts_hold_at_every_look(project: Path) -> None:
    once, anytime = (
        json.loads(invoke(project, "compare", "--json", *flags).stdout)["variants"][1][
            "comparisons"
        ]
        for flags in ((), ("--anytime",))
    )
    assert (list(once), list(anytime)) == (["exact_match", "output_tokens"], ["exact_match"])
    single, watched = once["exact_match"], anytime["exact_match"]
    assert watched["test"] == "betting (any time)"
    assert (watched["difference"], watched["rows"]) == (single["difference"], single["rows"])
    assert watched["low"] < single["low"] < single["high"] < watched["high"]
    for flags in ((), ("--markdown",)):
        text = invoke(project, "compare", "--anytime", *flags).stdout.replace("\\", "")
        assert "verdicts and intervals of differences hold at every look at the rows" in text
        assert "output_tokens: no verdict that holds at every look; the metric has no range" in text
    refused = invoke(project, "compare", "--anytime", "--by", "kind")
    assert (refused.returncode, "--by has no verdicts that hold" in refused.stderr) == (2, True)


def test_a_limited_run_says_that_it_is_a_look(project: Path) -> None:
    line = (
        "a look at the first 20 of 40 rows: looking again after more rows raises the 5% of false "
        "verdicts; workbench compare --anytime --limit 20 shows verdicts that hold at every look"
    )
    limited = invoke(project, "run", "--limit", "20", "--tracking-uri", "none").stdout
    assert line in limited.splitlines()
    sampled = invoke(project, "run", "--sample", "20", "--tracking-uri", "none").stdout
    assert (
        line.replace("the first 20 of 40", "a sample of 20").replace("limit", "sample") in sampled
    )
    compared = json.loads(invoke(project, "compare", "--sample", "20", "--json").stdout)
    assert compared["variants"][1]["comparisons"]["exact_match"]["rows"] == 20
    complete = invoke(project, "run", "--tracking-uri", "none").stdout
    assert "a look at" not in complete
