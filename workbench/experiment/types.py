"""An experiment with everything that its file names, and the resolvers of those names.

Experiment(name="sentiment", prompts=(Prompt(…), …), models=(OpenModel(…), …), dataset=…, …)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.canonical import JSON
from workbench.dataset import Dataset, DatasetSpec, MlflowReader, RowsCache, RowScope
from workbench.evaluator import Evaluator
from workbench.evaluator.lookup import EvaluatorFinder, find_in_process
from workbench.experiment.file import Exclusion, GateRule
from workbench.experiment.listed_prices import ListedPrices
from workbench.judges.judge import Judge
from workbench.model import Model, OpenModel
from workbench.model_scores.embedding_score import EmbeddingSimilarity
from workbench.model_scores.expected_likelihood import ExpectedLikelihood
from workbench.project import Price, Project
from workbench.prompt import Prompt, Reference

# (task, reference) to the registered prompt, for `check_templates`.
Registry = Callable[[str, Reference], Prompt]
# An evaluator whose scores are requested from models.
Scorer = Judge | EmbeddingSimilarity | ExpectedLikelihood


@dataclass(frozen=True)
class Experiment:
    """Everything the file names, checked.

    Attributes:
        name: the MLflow experiment.
        baseline: the prompt, model or variant to compare with; empty: the first.
        margins: by metric, the largest difference that doesn't matter; "" is for all others.
        gate: the rule of each metric.
        grid: one mapping a point, in the file's order; one empty mapping without a grid.
        content: the file as plain data.
        root: the project's folder.
        scorers: the evaluators whose scores models give, by name.
        listed_prices: those of the models that come with Workbench.
        prices: of models, by `provider:name`.
    """

    name: str
    task: str
    path: str
    prompts: tuple[Prompt, ...]
    dataset: Dataset
    models: tuple[OpenModel, ...]
    evaluators: tuple[Evaluator, ...]
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    grid: tuple[Mapping[str, JSON], ...] = ({},)
    exclude: tuple[Exclusion, ...] = ()
    repeats: int = 1
    max_failed: int = 0
    baseline: str = ""
    margins: Mapping[str, float] = field(default_factory=dict)
    gate: Mapping[str, GateRule] = field(default_factory=dict)
    content: Mapping[str, JSON] = field(default_factory=dict)
    root: Path = Path()
    scorers: Mapping[str, Scorer] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    listed_prices: ListedPrices = field(default_factory=ListedPrices)

    def priced(self, project: Project) -> Project:
        """The project with the published prices of the models."""
        return replace(project, published=self.listed_prices.prices)

    @property
    def judges(self) -> dict[str, Judge]:
        """The judges among the evaluators, by name."""
        return {name: each for name, each in self.scorers.items() if isinstance(each, Judge)}

    @property
    def settings(self) -> dict[str, JSON]:
        """The file without its rows and variables, whose columns may have any name."""
        dataset = self.content.get("dataset")
        if not isinstance(dataset, Mapping):
            dataset = None
        else:
            dataset = {key: v for key, v in dataset.items() if key not in ("rows", "vars")}
        return {**self.content, "dataset": dataset}

    def margin(self, metric: str) -> float | None:
        """Largest difference of `metric` that doesn't matter; None: the file has none."""
        parents = {evaluator.name: evaluator.slice_of for evaluator in self.evaluators}
        parent = parents.get(metric, "")
        return self.margins.get(metric, self.margins.get(parent, self.margins.get("")))

    def excludes(self, prompt: Prompt, model: Model) -> bool:
        """True if a pair is left out of the cross."""
        names = (model.ref, model.label)
        return any(rule.matches(prompt.ref, names) for rule in self.exclude)


@dataclass(frozen=True)
class Resolvers:
    """Functions that find what a file names outside its folder.

    Attributes:
        registry, mlflow_dataset: find prompts and datasets in MLflow.
        evaluators: by default imports them into the main process.
        require_env: refuse if a variable in an evaluator's `env` is not set, or if this machine
            can't run an evaluator.
        rows_cache: of large datasets; None: files are always read.
    """

    registry: Registry
    mlflow_dataset: MlflowReader
    evaluators: EvaluatorFinder = find_in_process
    require_env: bool = True
    rows_cache: RowsCache | None = None

    def read_rows(
        self, spec: DatasetSpec, folder: Path, scope: RowScope, load: Callable[[], Dataset]
    ) -> Dataset:
        """The rows from the cache, or as `load` reads them."""
        return self.rows_cache.read(spec, folder, scope, load) if self.rows_cache else load()
