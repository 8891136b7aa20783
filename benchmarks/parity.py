"""The same 60 scripted replies through Workbench, Inspect AI and promptfoo, row by row.

python -m benchmarks.parity              runs all three, and says which differences are explained
python -m benchmarks.parity recorded     runs Workbench; the verdicts of the peers are recorded ones

The rows are in parity_rows.jsonl, all verdicts in results/parity.json; those of Workbench are read
from the record of `workbench run`. Every difference has its reason below, and docs/evaluators.md
has the table that this prints; tests hold both, and that evaluators called directly say the same.

{"id": "number-06", "kind": "number", "reply": "1/4", "target": "3/4"}
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.parity_run import command_verdicts
from benchmarks.peers.install import installed, python_of, versions
from benchmarks.results import RESULTS
from workbench.evaluator import Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "benchmarks" / "parity_rows.jsonl"
RECORDED = RESULTS / "parity.json"
Verdicts = Mapping[str, Mapping[str, bool]]  # by scorer and row

ONE_WORD = r"^\W*(\w+)\W*$"
FOLDED = {"ignore_case": True, "normalize": {"punctuation": True, "articles": True}}
LETTERS = {"labels": ["A", "B", "C", "D"]}


@dataclass(frozen=True)
class Pair:
    """An evaluator with settings, and the peer's scorer that does the same work.

    `kind`: the rows that both judge; empty: all.
    """

    evaluator: str
    settings: Mapping[str, Any]
    scorer: str
    kind: str = ""

    @property
    def name(self) -> str:
        """The column of the pair: an evaluator and a scorer."""
        return "".join(c if c.isalnum() else "_" for c in f"{self.evaluator} {self.scorer}")


PAIRS = (
    Pair("exact_match", {}, "promptfoo equals"),
    Pair("exact_match", FOLDED, "inspect exact"),
    Pair("exact_match", {"ignore_case": True, "transform": {"regex": ONE_WORD}}, "inspect pattern"),
    Pair("contains", {}, "promptfoo icontains"),
    Pair("contains", {}, "inspect includes"),
    Pair("contains", {}, "inspect match", "text"),
    Pair("regex_match", {"pattern": ONE_WORD}, "promptfoo regex"),
    Pair("numeric_answer", {}, "inspect match(numeric)", "number"),
    Pair("label_match", LETTERS, "inspect match", "letter"),
    Pair("label_match", LETTERS, "inspect choice", "letter"),
)
UNICODE = "text-14 text-15 text-16 text-17"
# Why verdicts differ, and in which rows of which scorer.
REASONS: dict[str, dict[str, str]] = {
    "Workbench compares normalised texts: composed characters, plain spaces, quotes and letters. "
    "`normalize: none` turns it off.": {
        "promptfoo equals": UNICODE,
        "promptfoo icontains": UNICODE,
        "inspect exact": "text-14 text-16 text-17",
        "inspect pattern": "text-17",
        "inspect includes": UNICODE,
        "inspect match": UNICODE,
    },
    "`exact_match` ignores white space at both ends (`strip`), `equals` does not.": {
        "promptfoo equals": "text-03",
    },
    "Without case, `ß` is `ss` for Workbench; the peers' lower case keeps it.": {
        "promptfoo icontains": "text-19",
        "inspect pattern": "text-19",
    },
    r"`\w` is a letter of any script in Python, and of A to Z in JavaScript.": {
        "promptfoo regex": "text-17 text-18 text-19",
    },
    "`exact` removes all signs and reads words as numbers: `>=42`, `50%`, `$1,234` equal the bare "
    "number. `exact_match` compares text; `numeric_answer` reads numbers.": {
        "inspect exact": "number-03 number-04 number-11 number-15",
    },
    "`contains` looks in all of the answer, `match` at its end.": {
        "inspect match": "text-07 text-09",
    },
    "`numeric_answer` reads fractions, powers, units, percentages and `\\boxed{}`; `match` takes "
    "words that are plain numbers.": {
        "inspect match(numeric)": "number-07 number-15 number-17 number-18 number-19",
    },
    "`numeric_answer` takes no number out of a tuple.": {"inspect match(numeric)": "number-10"},
    "The first `####` counts for `numeric_answer`, the last number for `match`.": {
        "inspect match(numeric)": "number-12",
    },
    "`label_match` finds a letter wherever it is named; `match` wants it at the end, `choice` "
    "after `ANSWER:`.": {
        "inspect match": "letter-03 letter-07 letter-12 letter-13",
        "inspect choice": "letter-01 letter-02 letter-03 letter-04 letter-05 letter-11 letter-12",
    },
    "`match` sees the last characters only: a negated letter, one of a list, one of a word.": {
        "inspect match": "letter-09 letter-10 letter-19",
    },
    "Of two answers that differ, the last counts for the peers; for `label_match` they are "
    "unparsed.": {"inspect match": "letter-17", "inspect choice": "letter-17"},
}


def read_rows() -> list[dict[str, str]]:
    """The sheet."""
    return [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]


def direct_verdicts(rows: Sequence[Mapping[str, str]]) -> dict[str, dict[str, bool]]:
    """The verdict of each pair's evaluator on each row of its kind, without a run."""
    verdicts: dict[str, dict[str, bool]] = {}
    for pair in PAIRS:
        evaluator = load_evaluator(Spec(pair.evaluator, pair.settings, ROOT))
        verdicts[pair.name] = {
            row["id"]: bool(
                evaluator.score(
                    inputs={},
                    expectations={"expected_response": row["target"]},
                    completion=Completion("", "ok", text=row["reply"]),
                ).value
            )
            for row in rows
            if pair.kind in ("", row["kind"])
        }
    return verdicts


def differences(peers: Verdicts, workbench: Verdicts) -> Iterator[tuple[Pair, int, list[str]]]:
    """Each pair with the count of its rows, and the rows whose verdicts differ."""
    for pair in PAIRS:
        verdicts, theirs = workbench[pair.name], peers[pair.scorer]
        yield pair, len(verdicts), [row for row in verdicts if verdicts[row] != theirs[row]]


def explained(pair: Pair) -> set[str]:
    """The rows of a pair whose difference has a reason."""
    rows = {row["id"] for row in read_rows() if pair.kind in ("", row["kind"])}
    return rows & {
        row for by_scorer in REASONS.values() for row in by_scorer.get(pair.scorer, "").split()
    }


def table(peers: Verdicts, workbench: Verdicts) -> str:
    """The comparison as Markdown: agreement of each pair, then each reason with its rows."""
    lines = ["| Workbench | peer | rows | alike |", "|---|---|---|---|"]
    for pair, count, differing in differences(peers, workbench):
        settings = f", `{json.dumps(pair.settings)}`" if pair.settings else ""
        alike = count - len(differing)
        lines.append(f"| `{pair.evaluator}`{settings} | {pair.scorer} | {count} | {alike} |")
    lines += ["", "| why verdicts differ | where |", "|---|---|"]
    for reason, by_scorer in REASONS.items():
        places = "; ".join(f"{scorer}: {rows}" for scorer, rows in by_scorer.items())
        lines.append(f"| {reason} | {places} |")
    return "\n".join(lines)


def run_peers() -> dict[str, dict[str, bool]]:
    """Run both peers over the sheet, each in its own environment."""
    verdicts: dict[str, dict[str, bool]] = {}
    for peer, python in (("inspect", str(python_of("inspect"))), ("promptfoo", sys.executable)):
        if not installed(peer):
            sys.exit(f"{peer} is not installed: python -m benchmarks.peers.install {peer}")
        done = subprocess.run(
            [python, "-m", f"benchmarks.peers.{peer}_parity"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            input=json.dumps(read_rows()),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(done.stderr[-2_000:])
        by_scorer = json.loads(done.stdout.splitlines()[-1])
        verdicts |= {f"{peer} {scorer}": rows for scorer, rows in by_scorer.items()}
    return verdicts


def main(words: Sequence[str]) -> None:
    columns = {pair.name: (pair.evaluator, pair.settings, pair.kind) for pair in PAIRS}
    workbench = command_verdicts(columns, read_rows())
    if "recorded" in words:
        record = json.loads(RECORDED.read_text("utf-8"))
        peers = record["verdicts"]
    else:
        peers = run_peers()
        used = {name: versions()[name] for name in ("inspect-ai", "promptfoo")}
        record = {"versions": used, "verdicts": peers}
    record["workbench"] = workbench
    RECORDED.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(table(peers, workbench))
    open_rows = {
        pair.scorer: sorted(set(differing) ^ explained(pair))
        for pair, _, differing in differences(peers, workbench)
    }
    if any(open_rows.values()):
        sys.exit(f"not explained, or explained without a difference: {open_rows}")


if __name__ == "__main__":
    main(sys.argv[1:])
