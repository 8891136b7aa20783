"""A project with evaluators of its own, which score three answers."""

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from bench import Bench

from workbench.errors import StopCheck, not_stopped
from workbench.evaluator import Evaluator, Score
from workbench.experiment import load_experiment
from workbench.model import Completion
from workbench.plan import Scope, make_plan
from workbench.resolvers import project_resolvers
from workbench.results.types import Row
from workbench.scoring.cells import score_rows
from workbench.store import Store

EXPERIMENT = """\
dataset: rows.jsonl
prompts: [plain]
models: [echo:last]
evaluators: [{evaluators}]
"""


@dataclass
class EvaluatorProject:
    """A project, its store, and the outputs to score: one, two, three."""

    bench: Bench
    store: Store
    answers: list[str] = field(default_factory=lambda: ["one", "two", "three"])

    @property
    def root(self) -> Path:
        return self.bench.root

    def write_evaluator(self, code: str, name: str = "mine") -> None:
        """Write the file of a project evaluator."""
        file = self.root / "evaluators" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(code).lstrip("\n"))

    def load_evaluators(self, evaluators: str = "mine") -> tuple[Evaluator, ...]:
        """The evaluators of an experiment file with this list."""
        file = self.bench.write("experiment.yaml", EXPERIMENT.format(evaluators=evaluators))
        project = self.bench.project
        return load_experiment(
            file, project, self.bench.renderer, project_resolvers(project)
        ).evaluators

    def rows(self) -> list[Row]:
        """An answer for each row of the dataset."""
        lines = [f'{{"id": "{n}", "text": "{text}"}}\n' for n, text in enumerate(self.answers)]
        self.bench.write("rows.jsonl", "".join(lines))
        experiment = self.bench.experiment(EXPERIMENT.format(evaluators="output_tokens"))
        plan = make_plan(experiment, self.bench.renderer, lambda _: set(), Scope())
        return [
            Row(cell, Completion(cell.key, "ok", text=str(cell.example.inputs["text"])))
            for cell in plan.cells[0]
        ]

    def scores_by_row(
        self, evaluators: str = "mine", stopped: StopCheck = not_stopped
    ) -> list[dict[str, Score]]:
        """The scores of each row by evaluator."""
        rows = self.rows()
        loaded = self.load_evaluators(evaluators)
        return [dict(row.scores) for row in score_rows(loaded, rows, self.store, stopped=stopped)]

    def scores(self, evaluators: str = "mine") -> list[Score]:
        """The score of each row by the only evaluator."""
        return [score for row in self.scores_by_row(evaluators) for score in row.values()]
