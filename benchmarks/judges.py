"""Local models as judges: which of two movie snippets praises, where people leave no doubt.

python -m benchmarks.judges                 both models, up to an hour; a Markdown table
python -m benchmarks.judges MODEL …         these models of the catalog

A pair is a snippet that at least 90% of its raters find positive and one that at most 10% do. The
bundled judge `workbench/better` compares them in both orders, and chooses by likelihood. A pair is
decided if both orders name the same snippet. Needs `workbench models add` of the models and
`workbench data add movie-snippets --raters`. Exit code 1: a target is missed.
"""

import csv
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scipy import stats

from workbench.experiment.load import load_experiment
from workbench.judges.entries import ModelEntry
from workbench.judges.judge import LOSES, WINS, Judge
from workbench.judges.judge_requests import (
    JudgedAnswer,
    JudgeRequest,
    JudgeRequests,
    read_judgments,
)
from workbench.judges.judgment import read_judgment
from workbench.model import Completion
from workbench.project import read_project
from workbench.prompt import Renderer
from workbench.prompt.requests import CompletionReader
from workbench.providers.transformers.weights import must_be_fetched
from workbench.resolvers import project_resolvers

ROOT = Path(__file__).resolve().parents[1]
REVIEWS = ROOT / "prompts" / "sentiment" / "reviews.fetched.jsonl"
LABELS = REVIEWS.with_suffix(".labels.csv")
SMALL, LARGE = "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"
PAIRS = 100
SEED = 20_261_130
GOOD, BAD = 0.9, 0.1  # shares of the raters who find a snippet positive
TARGET = 0.95  # of the decided pairs, right: the large model
INPUTS = {"request": "Write a sentence of a movie review that praises the movie."}
HEADER = (
    "| judge | pairs | decided | right of them | 95% interval | right in one order "
    "| the first chosen | better than chance |"
)


@dataclass(frozen=True)
class Pair:
    """A snippet that praises, and one that doesn't."""

    good: str
    bad: str


@dataclass(frozen=True)
class PairVerdicts:
    """The verdicts on one pair.

    Attributes:
        outcome: of the good snippet: `wins`, `loses`, `tie` or `order decided`.
        direct: `first`, `second` or `tie`, with the good snippet first.
        swapped: the same with the bad snippet first.
    """

    outcome: str
    direct: str
    swapped: str


@dataclass(frozen=True)
class Tally:
    """Counts of the verdicts on all pairs."""

    pairs: int
    decided: int
    right: int
    right_in_one_order: int
    first_chosen: int

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95% interval of the share of decided pairs that are right; 0 to 1 without any."""
        if not self.decided:
            return 0.0, 1.0
        interval = stats.binomtest(self.right, self.decided).proportion_ci(method="exact")
        return float(interval.low), float(interval.high)

    @property
    def better_than_chance(self) -> bool:
        """True if the interval lies above one half."""
        return self.interval[0] > 0.5

    def line(self, name: str) -> str:
        """A row of the table."""
        low, high = self.interval
        share = f"{self.right} ({self.right / self.decided:.1%})" if self.decided else "0"
        chance = "yes" if self.better_than_chance else "no better than chance"
        asked = 2 * self.pairs
        return (
            f"| {name} | {self.pairs} | {self.decided} | {share} | {low:.1%} to {high:.1%} "
            f"| {self.right_in_one_order / asked:.1%} | {self.first_chosen / asked:.1%} "
            f"| {chance} |"
        )


def read_shares(labels: Path) -> dict[str, float]:
    """The share of each row's labels that are positive."""
    by_row: dict[str, list[bool]] = {}
    with labels.open(encoding="utf-8", newline="") as file:
        for fields in csv.DictReader(file):
            if fields["label"]:
                by_row.setdefault(fields["id"], []).append(fields["label"] == "positive")
    return {row: sum(positive) / len(positive) for row, positive in by_row.items()}


def choose_pairs(texts: Mapping[str, str], shares: Mapping[str, float], count: int) -> list[Pair]:
    """Pairs of snippets at random, always the same; each snippet is in one pair."""
    good = sorted(row for row in texts if shares[row] >= GOOD)
    bad = sorted(row for row in texts if shares[row] <= BAD)
    if min(len(good), len(bad)) < count:
        raise ValueError(f"{len(good)} good and {len(bad)} bad snippets: too few for {count} pairs")
    draw = random.Random(SEED)
    chosen = zip(draw.sample(good, count), draw.sample(bad, count), strict=True)
    return [Pair(texts[a], texts[b]) for a, b in chosen]


def tally(verdicts: Sequence[PairVerdicts]) -> Tally:
    """Count them."""
    outcomes = [each.outcome for each in verdicts]
    orders = [choice for each in verdicts for choice in (each.direct, each.swapped)]
    return Tally(
        pairs=len(verdicts),
        decided=sum(outcome in (WINS, LOSES) for outcome in outcomes),
        right=outcomes.count(WINS),
        right_in_one_order=sum(
            (each.direct == "first") + (each.swapped == "second") for each in verdicts
        ),
        first_chosen=orders.count("first"),
    )


def judge_pairs(model: ModelEntry, pairs: Sequence[Pair]) -> list[PairVerdicts]:
    """The verdicts of a model, as an experiment file names it: `transformers:smollm2-…`."""
    with tempfile.TemporaryDirectory(prefix="workbench-") as name, Renderer() as renderer:
        judge = load_judge(Path(name), model, renderer)
        answers = [
            JudgedAnswer(f"pair-{number}", INPUTS, pair.good, {}, baseline=pair.bad)
            for number, pair in enumerate(pairs, 1)
        ]
        made = JudgeRequests(judge, renderer).make(answers)
    requests = [each for each in made if isinstance(each, list)]
    assert len(requests) == len(pairs), made
    replies = _replies(judge, [request for each in requests for request in each])
    return [_verdicts(judge, each, replies) for each in requests]


def load_judge(folder: Path, model: ModelEntry, renderer: Renderer) -> Judge:
    """The judge of an experiment that is written into an empty folder."""
    task = folder / "prompts" / "snippets"
    task.mkdir(parents=True)
    (folder / "workbench.yaml").write_text("tracking_uri: none\n")
    (task / "good.jinja").write_text("user:\n{{ good }}\n")
    (task / "bad.jinja").write_text("user:\n{{ bad }}\n")
    (task / "experiment.yaml").write_text(
        "dataset: {rows: [{good: A joy., bad: A bore.}]}\n"
        "prompts: [bad, good]\n"
        "models: [echo:last]\n"
        f"evaluators:\n  - pairwise: {{model: {json.dumps(model)}}}\n"
    )
    project = read_project(folder)
    resolvers = project_resolvers(project, "none")
    experiment = load_experiment(task / "experiment.yaml", project, renderer, resolvers)
    (judge,) = experiment.judges.values()
    return judge


def _replies(judge: Judge, requests: Sequence[JudgeRequest]) -> dict[str, Completion]:
    (model,) = judge.models
    replies: dict[str, Completion] = {}
    for completion in model.provider.complete(iter([each.request for each in requests])):
        replies[completion.key] = completion
        sys.stderr.write(f"\r{model.model.name}: {len(replies)} of {len(requests)}")
    sys.stderr.write("\n")
    return replies


def _verdicts(
    judge: Judge, requests: Sequence[JudgeRequest], replies: Mapping[str, Completion]
) -> PairVerdicts:
    ((_, pair),) = read_judgments(judge, requests, replies)
    orders = [str(choice) for choice in _choices(judge, requests, replies)]
    return PairVerdicts(str(pair.choice), *orders)


def _choices(
    judge: Judge, requests: Sequence[JudgeRequest], replies: Mapping[str, Completion]
) -> Iterator[str | None]:
    for each in requests:
        reader = CompletionReader(each.model.model)
        completion = reader.read(replies[each.request.key], each.request.text)
        yield read_judgment(completion, judge.choices, each.marker).choice


def main(names: Sequence[str]) -> int:
    for file in (REVIEWS, LABELS):
        if not file.is_file():
            raise SystemExit(f"{file} is missing: workbench data add movie-snippets --raters")
    for name in names:
        if must_be_fetched(name):
            raise SystemExit(f"{name} is missing: workbench models add {name}")
    rows = [json.loads(line) for line in REVIEWS.read_text(encoding="utf-8").splitlines()]
    pairs = choose_pairs({row["id"]: row["text"] for row in rows}, read_shares(LABELS), PAIRS)
    tallies = {}
    print(f"{datetime.now(UTC).date()}, {PAIRS} pairs\n\n{HEADER}\n{'|---' * 8}|", flush=True)
    for name in names:
        tallies[name] = tally(judge_pairs(f"transformers:{name}", pairs))
        print(tallies[name].line(name), flush=True)
    return 0 if all(map(meets_target, tallies, tallies.values())) else 1


def meets_target(name: str, counts: Tally) -> bool:
    """True if the large model is mostly right, and the small one no better than chance."""
    if name == LARGE:
        return counts.decided > 0 and counts.right / counts.decided >= TARGET
    return name != SMALL or not counts.better_than_chance


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [SMALL, LARGE]))
