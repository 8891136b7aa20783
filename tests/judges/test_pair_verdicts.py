"""A pairwise judge's metric: its verdict is against even, and people's labels correct it."""

import json
from pathlib import Path

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, answer

ROWS = 80
EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, loud]
models: [echo:last]
evaluators: [exact_match, pairwise: {}]
gate: {better: {min: 0.5}}
"""


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [
        {"id": f"r{n}", "text": f"row {n}", "label": f"row {n}", "half": str(n % 2)}
        for n in range(ROWS)
    ]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "loud.jinja").write_text("user:\n{{ text | upper }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT)
    judge = {"model": {"openai:judge": {"base_url": server.url}}, "min_kappa": 0.1}
    (tmp_path / "workbench.yaml").write_text(f"judge: {json.dumps(judge)}\ntracking_uri: none\n")
    return tmp_path


def prefer(server: OpenAIServer, better: str) -> None:
    """Let the judge choose answers that begin so, of every second row alone if it is `half`."""

    def script(path: str, body: dict, nth: int) -> Reply:
        content = body["messages"][-1]["content"]
        second = content.split("The second answer:\n")[1].split("\n")[1]
        wanted = better
        if better == "half":
            wanted = "ROW" if int(second.split()[1]) % 2 else "row"
        return Reply(
            body=answer("Verdict: second" if second.startswith(wanted) else "Verdict: first")
        )

    server.script = script


def call_json(home: Path, *words: str, code: int = 0) -> dict:
    done = invoke(home, *words, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


# The answers that the judge prefers: verdict on the loud variant, its difference from even, and the
# exit code of a gate that asks for a half.
VERDICTS = {
    "ROW": ("better", 0.5, 0),
    "row": ("worse", -0.5, 1),
    "half": ("not enough evidence", 0.0, 0),
    "neither": ("equivalent", 0.0, 0),  # the first always: the order decides each pair
}


@pytest.mark.parametrize("better", VERDICTS)
def test_a_verdict_is_against_even(home: Path, server: OpenAIServer, better: str) -> None:
    verdict, difference, code = VERDICTS[better]
    prefer(server, better)
    plain, loud = call_json(home, "run")["variants"]
    comparison = loud["comparisons"]["better"]
    assert (comparison["verdict"], comparison["difference"]) == (verdict, difference)
    assert comparison["before"] == 0.5
    assert plain["comparisons"] == {}
    assert call_json(home, "compare")["variants"][1]["comparisons"]["better"] == comparison
    assert "no row has a score of both" not in invoke(home, "compare").stdout
    call_json(home, "gate", code=code)


def test_pairs_are_held_against_each_other_in_slices(home: Path, server: OpenAIServer) -> None:
    prefer(server, "half")
    call_json(home, "run")
    compared = call_json(home, "compare", "--by", "half")
    differences = {
        part["value"]: part["comparisons"]["loud"]["better"]["difference"]
        for part in compared["slices"]
    }
    assert differences == {"0": -0.5, "1": 0.5}
    (test,) = (each for each in compared["interactions"] if each["metric"] == "better")
    assert test["p_adjusted"] < 0.001


def test_a_pair_is_calibrated_by_who_wins(home: Path, server: OpenAIServer) -> None:
    """The judge prefers the loud answer, people do in three of four rows."""
    prefer(server, "ROW")
    call_json(home, "run")
    labels = [f"r{n},loud,{'loses' if n % 4 == 0 else 'wins'}" for n in range(ROWS)]
    (home / "labels.csv").write_text("\n".join(["id,variant,label", *labels]) + "\n")
    sent = len(server.bodies)
    document = call_json(home, "judge", "calibrate", "better", "--labels", "labels.csv")
    assert len(server.bodies) == sent
    assert (document["total"]["share"]["value"], document["order_decided"]["value"]) == (0.75, 0.0)
    assert document["first"]["value"] == 0.5  # each order once
    loud = call_json(home, "compare")["variants"][1]
    assert loud["metrics"]["better"]["corrected"]["mean"] == pytest.approx(0.75, abs=0.01)
    comparison = loud["comparisons"]["better"]
    assert comparison["difference"] == pytest.approx(0.25, abs=0.01)
    assert "below its bar" in comparison["reason"]  # it always says the same: no kappa above 0


def test_the_position_that_a_judge_prefers_is_seen(home: Path, server: OpenAIServer) -> None:
    prefer(server, "neither")
    call_json(home, "run")
    (home / "labels.csv").write_text("id,variant,label\n" + "r1,loud,wins\nr2,loud,loses\n")
    document = call_json(home, "judge", "calibrate", "better", "--labels", "labels.csv")
    assert (document["first"]["value"], document["order_decided"]["value"]) == (1.0, 1.0)
    bad = "id,variant,label\nr1,loud,order decided\n"
    (home / "labels.csv").write_text(bad)
    done = invoke(home, "judge", "calibrate", "better", "--labels", "labels.csv")
    assert done.returncode == 2
    assert "use wins, loses, tie" in done.stderr
