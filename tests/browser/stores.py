"""Stores to look at: one made here, and a copy of what `make demo` has recorded.

made(folder, renderer)    Stored(root, "sqlite:///…", "reviews", ("few_shot · large", …))
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench import Bench
from mlflow import MlflowClient
from mlflow.entities import Metric, Run, Trace
from openai_server import Reply, say, serve
from record.recording import Recording

from workbench.cli.results import TerminalResults
from workbench.project import Project
from workbench.prompt import Renderer, folder_reader, load_prompt
from workbench.tracking.registry import push_prompts
from workbench.tracking.run_names import NAME
from workbench.tracking.runs import BEST, PLAN

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = {
    "A joy from the first minute.": "positive",
    "A bore, and a long one.": "negative",
    "Neither fish nor fowl; a muddle.": "negative",
    "Warm, funny, and over too soon.": "positive",
    "Two hours that feel like four.": "negative",
    "The songs are a joy.": "positive",
}
TEMPLATES = {
    "zero_shot": "user:\nIs this review positive or negative?\n{{ text }}\n",
    "label_list": "user:\nLabels: positive, negative.\n{{ text }}\n",
    "few_shot": "user:\nA gem: positive. A dud: negative.\n{{ text }}\n",
    "system_role": "system:\nYou label reviews.\nuser:\n{{ text }}\n",
}
EDITED = "user:\nIs this review good or bad?\n{{ text }}\n"
EXPERIMENT = """\
name: reviews
dataset: {{path: rows.jsonl, expected: label}}
prompts: [zero_shot, label_list, few_shot, system_role]
models:
  - openai:small: {{base_url: "{url}"}}
  - openai:large: {{base_url: "{url}"}}
parameters: {{max_tokens: 8}}
evaluators:
  - label_match: {{labels: [positive, negative]}}
  - exact_match
"""


@dataclass(frozen=True)
class Stored:
    """A store on disk and the experiment in it to look at.

    Attributes:
        root: the project it belongs to.
        pair: the names of two variants whose answers differ in some row.
        edited: the registered prompt whose newest version says good or bad where the one before
            says positive or negative.
    """

    root: Path
    uri: str
    experiment: str
    pair: tuple[str, str]
    edited: str

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's public API on the same store."""
        return MlflowClient(self.uri, self.uri)

    @cached_property
    def experiment_id(self) -> str:
        return self.client.get_experiment_by_name(self.experiment).experiment_id

    @cached_property
    def parent(self) -> Run:
        """The newest invocation."""
        return self.client.search_runs([self.experiment_id], f"tags.`{PLAN}` != ''")[0]

    @cached_property
    def variants(self) -> dict[str, Run]:
        """Its runs by the whole name of the variant, as MLflow lists them: the best first."""
        below = f"tags.`mlflow.parentRunId` = '{self.parent.info.run_id}'"
        found = self.client.search_runs([self.experiment_id], below)
        return {run.data.tags.get(NAME, run.info.run_name): run for run in found}

    @property
    def winner(self) -> str:
        """The name of the best variant."""
        best = self.parent.data.tags[BEST]
        return next(name for name, run in self.variants.items() if run.info.run_id == best)

    def repeat_invocation(self, minutes_ago: int) -> None:
        """Add the invocation's runs again as those of an earlier one; they have no traces."""
        start, parent_id = self.parent.info.start_time - 60_000 * minutes_ago, ""
        for run in (self.parent, *self.variants.values()):
            tags = {k: v for k, v in run.data.tags.items() if k != "mlflow.parentRunId"}
            tags |= {"mlflow.parentRunId": parent_id} if parent_id else {}
            name = run.info.run_name
            offset = run.info.start_time - self.parent.info.start_time
            copy = self.client.create_run(self.experiment_id, start + offset, tags, run_name=name)
            metrics = [Metric(k, v, start, 0) for k, v in run.data.metrics.items()]
            self.client.log_batch(copy.info.run_id, metrics=metrics)
            self.client.set_terminated(copy.info.run_id, run.info.status)
            parent_id = parent_id or copy.info.run_id

    def traces(self, variant: str) -> dict[str, Trace]:
        """By the text of the row, in the dataset's order."""
        run_id = self.variants[variant].info.run_id
        found = self.client.search_traces(locations=[self.experiment_id], run_id=run_id)
        return {
            trace.info.request_preview: trace
            for trace in sorted(found, key=lambda trace: -trace.info.request_time)
        }

    def telling(self) -> str:
        """The first row to which the pair gives different answers."""
        one, other = map(self.traces, self.pair)
        return next(text for text in one if answer(one[text]) != answer(other[text]))


def answer(trace: Trace) -> str:
    """As a page shows it."""
    return trace.info.response_preview.strip()


def made(folder: Path, renderer: Renderer, uri: str = "") -> Stored:
    """Four prompts on two models, one row failed, and one template edited afterwards."""
    bench = Bench(folder.resolve(), renderer)
    for name, text in TEMPLATES.items():
        bench.write(f"{name}.jinja", text)
    rows = [{"id": f"r{n}", "text": t, "label": ROWS[t]} for n, t in enumerate(ROWS, 1)]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    uri = uri or f"sqlite:///{bench.project.store / 'mlflow.db'}"
    with serve() as server:
        server.script = lambda path, body, nth: _reply(body)
        results = TerminalResults(bench.project, quiet=True)
        recording = Recording(bench, bench.project, uri, callbacks=results)
        recording.run(EXPERIMENT.format(url=server.url))
    list(push_prompts(bench.project, uri, [bench.prompt(EDITED, "zero_shot")]))
    pair = ("few_shot · large", "few_shot · small")
    return Stored(bench.root, uri, "reviews", pair, "qa.zero_shot")


def _reply(body: dict) -> Reply:
    """The large model is right but once; the small one says positive, and refuses one row."""
    asked = body["messages"][-1]["content"]
    if body["model"] == "large" and not ("muddle" in asked and "Is this" in asked):
        return say(next(label for text, label in ROWS.items() if text in asked))
    if "muddle" in asked and "Labels" in asked:
        return Reply(400, {"error": {"message": "no such luck"}})
    return say("positive")


def demo(folder: Path, renderer: Renderer) -> Stored | None:
    """A copy of the demo's store, in which one template was edited; None where it wasn't run."""
    source = REPOSITORY / ".workbench" / "mlflow.db"
    if not source.exists():
        return None
    copy = folder / "mlflow.db"
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(copy)) as written,
    ):
        read.backup(written)
    pair = ("few_shot · smollm2", "zero_shot · smollm2")
    found = Stored(REPOSITORY, f"sqlite:///{copy}", "sentiment", pair, "sentiment.zero_shot")
    known = found.client.get_experiment_by_name("sentiment")
    if not known or not set(pair) <= set(found.variants):
        return None
    edited = folder / "prompts" / "sentiment" / "zero_shot.jinja"
    edited.parent.mkdir(parents=True)
    text = (REPOSITORY / "prompts" / "sentiment" / "zero_shot.jinja").read_text()
    edited.write_text(text.replace("positive or negative", "good or bad"))
    prompt = load_prompt("sentiment", "zero_shot", folder_reader(folder / "prompts"), renderer)
    list(push_prompts(Project(folder), found.uri, [prompt]))
    return found
