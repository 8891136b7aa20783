"""One store with every kind of row, read by every command: a number is the same in all of them.

Two prompts are asked three times for each of fourteen rows. Rows 12 and 13 are copies of row 0,
rows 1 and 2 share a group, the API refuses row 3 and fails on row 4 (of `short`), and the evaluator
`mark` does not apply to row 5. `length` has no range, so its mean has no interval.
"""

import json
import re
from pathlib import Path
from typing import Any

import mlflow
import pytest
from command import add_mlflow_store, invoke
from openai_server import Reply, refuse, say, serve

MARK = '''\
from workbench.evaluator import evaluator


@evaluator(range=(1, 5))
def mark(outputs: str, inputs: dict) -> float | None:
    """The length of the answer, as a mark."""
    return None if inputs["text"] == "t5" else float(min(5, 1 + len(outputs)))
'''
LENGTH = '''\
def length(outputs: str, inputs: dict) -> float:
    """The length of the answer, and something of each row."""
    return len(outputs) + int(inputs["text"][1:]) * 7 % 11
'''
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label, cluster: passage}}
prompts: [plain, short]
models: [{{"openai:m": {{base_url: "{url}", backoff_s: 0.01}}}}]
parameters: {{temperature: 1}}
repeats: 3
evaluators: [exact_match, mark, length]
gate:
  exact_match: {{min: 0.1, no_worse_than: baseline, by: 0.5}}
  mark: {{min: 1.5}}
  length: {{max: 100, no_worse_than: baseline, by: 1}}
max_failed: 50
"""
PRICES = 'prices: {"openai:m": {input: 2.0, output: 10.0}}\n'


def script(path: str, body: Any, nth: int) -> Reply:
    """Answers `yes` or `no`, by the text of the row and the time it is asked."""
    prompt = body["messages"][-1]["content"]
    number = int(re.findall(r"t(\d+)", prompt)[0])
    if number == 3:
        return refuse(400, "this text is not allowed")
    if number == 4 and prompt.startswith("Short"):
        return Reply(500)
    is_right = (number + nth) % 3 if prompt.startswith("Short") else number % 4
    return say("yes" if is_right else "no")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    home = tmp_path_factory.mktemp("numbers")
    task = home / "prompts" / "qa"
    task.mkdir(parents=True)
    (home / "evaluators").mkdir()
    (home / "evaluators" / "mark.py").write_text(MARK)
    (home / "evaluators" / "length.py").write_text(LENGTH)
    (home / "workbench.yaml").write_text(PRICES)
    rows = [
        {
            "id": f"r{n}",
            "text": f"t{n if n < 12 else 0}",
            "label": "yes",
            "passage": f"p{2 if n == 1 else n}",
        }
        for n in range(14)
    ]
    (task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (task / "plain.jinja").write_text("user:\nPlain: {{ text }}\n")
    (task / "short.jinja").write_text("user:\nShort: {{ text }}\n")
    add_mlflow_store(home, empty_store)
    with serve() as server:
        server.script = script
        (task / "experiment.yaml").write_text(EXPERIMENT.format(url=server.url))
        done = invoke(home, "run", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        (home / "run.json").write_text(done.stdout)
        (home / "run.txt").write_text(invoke(home, "run", COLUMNS="300").stdout)
    return home


def read(home: Path, *words: str) -> Any:
    return json.loads(invoke(home, *words, "--json").stdout)


FIELDS = (
    *("mean", "low", "high", "median", "tail_unknown", "n", "clusters"),
    *("errors", "not_applicable", "failed", "not_run"),
)
RANGED = ("exact_match", "mark")


def numbers(variant: dict) -> dict[str, Any]:
    """Every number of a variant that stands in more than one place."""
    return {
        "rows": variant["rows"],
        "answers": variant["answers"],
        "cost": variant["cost"],
        "latency": variant["latency"],
        "metrics": {
            name: {key: metric[key] for key in (*FIELDS, "answers", "worst_case")}
            for name, metric in variant["metrics"].items()
        },
    }


def mean_text(metric: dict) -> str:
    if median := metric["median"]:  # ten clusters of unequal size are too few for its interval
        return f"{metric['mean']:.3f}, median {median['value']:.3f}"
    return f"{metric['mean']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"


def test_a_mean_without_a_range_has_no_interval_and_the_same_median_everywhere(home: Path) -> None:
    run = json.loads((home / "run.json").read_text())["variants"]
    for variant in run:
        length = variant["metrics"]["length"]
        assert (length["low"], length["high"], length["tail_unknown"]) == (None, None, True)
        assert length["median"]["value"] > 0
        assert [variant["metrics"][name]["median"] for name in RANGED] == [None, None]
    change = run[1]["comparisons"]["length"]
    keys = ("low", "high", "tail_unknown", "verdict")
    assert [change[key] for key in keys] == [None, None, True, "not enough evidence"]
    assert change["reason"].startswith("a metric without a range needs 350 rows")
    checks = [check for check in read(home, "gate")["checks"] if check["metric"] == "length"]
    medians = [run[1]["metrics"]["length"]["median"], change["median"]]
    assert [(check["low"], check["high"], check["median"]) for check in checks] == [
        (None, None, median) for median in medians
    ]
    decided = {
        each["variant"]: each for each in read(home, "decide", "--metric", "length")["candidates"]
    }
    recorded = {
        each["name"]: each["runs"][-1]
        for each in read(home, "history", "--metric", "length")["variants"]
    }
    for variant in run:
        shown = variant["metrics"]["length"]
        candidate, past = decided[variant["name"]], recorded[variant["name"]]
        for each in (candidate, candidate["as_answered"], past):
            mean = each.get("mean", each.get("quality"))
            assert (mean, each["low"], each["median"]) == (shown["mean"], None, shown["median"])


def test_counts_are_of_rows_and_of_answers(home: Path) -> None:
    variants = json.loads((home / "run.json").read_text())["variants"]
    plain, short = (numbers(variant) for variant in variants)
    rows = [(v["rows"]["scored"], v["rows"]["failed"]) for v in (plain, short)]
    answers = [(v["answers"]["scored"], v["answers"]["failed"]) for v in (plain, short)]
    assert (rows, answers) == ([(13, 1), (12, 2)], [(39, 3), (36, 6)])
    mark = short["metrics"]["mark"]
    # Rows 0, 12 and 13 are one cluster, and so are 1 and 2; row 5 has no mark.
    assert (mark["n"], mark["clusters"], mark["not_applicable"], mark["failed"]) == (11, 8, 1, 2)
    assert mark["answers"] == {
        "n": 33,
        "errors": 0,
        "not_applicable": 3,
        "failed": 6,
        "not_run": 0,
    }
    worst = mark["worst_case"]
    assert (worst["n"], worst["clusters"]) == (13, 10)
    assert worst["mean"] == pytest.approx((11 * mark["mean"] + 2 * 1.0) / 13)


@pytest.mark.parametrize("words", [("run",), ("compare",)])
def test_commands_show_the_same_numbers(home: Path, words: tuple[str, ...]) -> None:
    first = json.loads((home / "run.json").read_text())["variants"]
    again = read(home, *words)["variants"]
    assert [numbers(v) for v in again] == [numbers(v) for v in first]


def test_recorded_runs_compare_as_the_variants_do(home: Path) -> None:
    plain, short = json.loads((home / "run.json").read_text())["variants"]
    runs = read(home, "compare", plain["run_id"], short["run_id"])["variants"]
    assert [numbers(v) for v in runs] == [numbers(v) for v in (plain, short)]
    assert runs[1]["comparisons"] == short["comparisons"]


def test_the_gate_goes_by_the_number_at_worst(home: Path) -> None:
    short = json.loads((home / "run.json").read_text())["variants"][1]["metrics"]
    checks = {(c["metric"], c["rule"][:8]): c for c in read(home, "gate")["checks"]}
    for metric in ("exact_match", "mark"):
        check, worst = checks[metric, "at least"], short[metric]["worst_case"]
        figures = [check[key] for key in ("value", "low", "high", "rows", "clusters")]
        assert figures == [worst[key] for key in ("mean", "low", "high", "n", "clusters")]
    assert checks["exact_match", "at least"]["unreached"] == 3


def test_decide_goes_by_the_number_at_worst(home: Path) -> None:
    run = json.loads((home / "run.json").read_text())["variants"]
    for metric in ("exact_match", "mark"):
        candidates = read(home, "decide", "--metric", metric)["candidates"]
        shown = {c["variant"]: [c["quality"], c["low"], c["high"]] for c in candidates}
        assert shown == {
            v["name"]: [v["metrics"][metric]["worst_case"][key] for key in ("mean", "low", "high")]
            for v in run
        }
        latencies = {c["variant"]: c["latency_s"] for c in candidates}
        assert latencies == {v["name"]: v["latency"]["mean"] for v in run}


def shown(number: float) -> float:
    """As a metric of MLflow, which has twelve digits."""
    return float(f"{number:.12g}")


def test_mlflow_shows_the_same_numbers(home: Path) -> None:
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    client = mlflow.MlflowClient(tracking_uri=uri)
    for variant in json.loads((home / "run.json").read_text())["variants"]:
        run = client.get_run(variant["run_id"])
        stored = run.data.metrics
        for name, metric in variant["metrics"].items():
            assert stored[f"{name}/mean"] == shown(metric["mean"])
            if name in RANGED:
                assert stored[f"{name}/worst_case"] == shown(metric["worst_case"]["mean"])
            scored = variant["answers"]["scored"]  # the usual value, which is left out
            assert stored.get(f"{name}/answers/n", scored) == metric["answers"]["n"]
            text = run.data.tags[name]
            assert mean_text(metric) in text
            assert f"n={metric['n']}" in text
        assert stored["cost"] == shown(variant["cost"])
        assert stored["rows/planned"] == variant["rows"]["planned"]
        assert stored["answers/planned"] == variant["answers"]["planned"]
        folder = Path(run.info.artifact_uri.removeprefix("file://"))
        assert numbers(json.loads((folder / "results.json").read_text())) == numbers(variant)
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    page = Path(parent.info.artifact_uri.removeprefix("file://"), "comparison.html").read_text()
    match = re.search(r'id="rows-0">(.*?)</script>', page)
    assert match
    for row in json.loads(match[1]):  # each answer names its trace, failed ones, too
        for cell in row["cells"]:
            trace = client.get_trace(cell["trace"].partition("/")[2])
            tags = trace.info.tags
            assert (tags["workbench.example"], tags["workbench.repeat"]) == (
                row["id"],
                str(row["repeat"]),
            )


def test_the_page_and_the_leaderboard_show_the_same_numbers(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert invoke(home, "compare", "--html", str(file)).returncode == 0
    match = re.search(r'id="data">(.*?)</script>', file.read_text())
    assert match
    data = json.loads(match[1])
    page = data["variants"]
    (equal,) = data["metrics"][0]["headline"]["sentences"]
    assert equal.startswith("No variant leads by exact_match: both have 0.571 [")
    first, chosen, *_ = data["metrics"][1]["headline"]["sentences"]
    ranking = read(home, "decide", "--metric", "mark")
    best, after = ranking["candidates"][0], ranking["after_choosing"]
    interval = f"{best['quality']:.3f} [{best['low']:.3f}, {best['high']:.3f}]"
    assert f"{best['variant']} leads by mark with {interval} on 13 rows" in first
    assert f"expect {after['mean']:.3f} [{after['low']:.3f}, {after['high']:.3f}]." in chosen
    text = (home / "run.txt").read_text()
    for variant, shown in zip(
        json.loads((home / "run.json").read_text())["variants"], page, strict=True
    ):
        assert shown["latency"] == variant["latency"]["mean"]
        for name, metric in variant["metrics"].items():
            keys = ("mean", "low", "high", "median", "n", "clusters", "errors", "not_applicable")
            assert [shown["metrics"][name][key] for key in keys] == [metric[key] for key in keys]
            assert f"{metric['mean']:.3f} n={metric['n']}" in text
            if name not in RANGED:
                assert f"median {metric['median']['value']:.3f}" in text
                continue
            assert f"[{metric['low']:.3f}, {metric['high']:.3f}]" in text
            worst = metric["worst_case"]
            assert shown["metrics"][name]["worst"] == {
                key: worst[key] for key in ("mean", "low", "high", "n")
            }
            assert f"at worst {worst['mean']:.3f} n={worst['n']}" in text
