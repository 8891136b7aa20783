"""The pieces of a plan.

Plan(variants=(Variant("few_shot · gpt-4o-mini", …),), cells=((Cell(example, 0, key), …),), …)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.canonical import JSON, digest
from workbench.dataset import Example
from workbench.experiment import Experiment, OpenModel
from workbench.model import Request
from workbench.prompt import Prompt


@dataclass(frozen=True)
class Variant:
    """One prompt version on one model with one setting of parameters: one MLflow run.

    Attributes:
        name: short, for tables: what it shares with all variants is left out.
        parameters: the effective ones.
        point: those of them that are the grid's.
        choice_method: how `choices` are answered; empty without choices.
    """

    name: str
    prompt: Prompt
    model: OpenModel
    parameters: Mapping[str, JSON]
    choice_method: str = ""
    point: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of everything that decides this variant's answers to given rows."""
        return digest(
            {
                "name": self.name,
                "prompt": self.prompt.digest,
                "model": self.model.model.ref,
                "identity": self.model.provider.identity,
                "parameters": self.parameters,
                "choice_method": self.choice_method,
            }
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of one variant."""

    example: Example
    repeat: int
    key: str


@dataclass(frozen=True)
class Plan:
    """Everything that is to be done.

    Attributes:
        cells: of each variant, in the dataset's order, repeats of a row together.
        requests: of each variant, those to be sent: neither stored nor another cell's.
        bodies: every request of the plan, stored ones too, by key.
        stored: cells answered from the store.
        shared: cells answered by an equal request of this plan.
        anew: keys that are sent though the store holds an answer.
        baselines: of each variant the number of the one it is compared with, if there is one.
        notes: what a user should know: merged variants, warnings about the data.
    """

    experiment: Experiment
    examples: tuple[Example, ...]
    variants: tuple[Variant, ...]
    cells: tuple[tuple[Cell, ...], ...]
    requests: tuple[tuple[Request, ...], ...]
    bodies: Mapping[str, Request]
    stored: int
    shared: int
    notes: tuple[str, ...] = ()
    scope: Mapping[str, JSON] = field(default_factory=dict)
    anew: frozenset[str] = frozenset()
    baselines: tuple[int | None, ...] = ()

    @property
    def planned(self) -> int:
        """Cells."""
        return sum(len(cells) for cells in self.cells)

    @property
    def rows(self) -> int:
        """Rows of the dataset that are meant."""
        return len(self.cells[0]) // self.experiment.repeats if self.cells else 0

    @property
    def race(self) -> str:
        """The metric that variants drop out by; empty: all of them run to the end."""
        return str(self.scope.get("race", ""))

    @property
    def to_send(self) -> int:
        """Requests that must be sent."""
        return sum(len(requests) for requests in self.requests)

    @property
    def digest(self) -> str:
        """By which an invocation is known again: prompts, data, models, evaluators, limits."""
        return digest(
            {
                "experiment": self.experiment.name,
                "variants": [variant.digest for variant in self.variants],
                "dataset": self.experiment.dataset.digest,
                "evaluators": [[e.name, e.digest] for e in self.experiment.evaluators],
                "repeats": self.experiment.repeats,
                "scope": self.scope,
            }
        )


@dataclass(frozen=True)
class Scope:
    """What of an experiment is meant.

    Attributes:
        limit: only its first rows.
        only: only the variants whose names match.
        race: variants that are clearly worse in this metric drop out; empty: in the first one;
            None: none drops out.
    """

    limit: int | None = None
    only: str = ""
    race: str | None = None

    def as_json(self) -> dict[str, JSON]:
        """Empty where all of it is meant."""
        said = {"limit": self.limit, "only": self.only or None, "race": self.race}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Options:
    """What concerns this invocation only.

    Attributes:
        fresh: send everything, whatever the store holds.
        retry_failed: send again what was answered uselessly (empty, filtered, invalid).
        again: record new runs though the same invocation was recorded before.
    """

    scope: Scope = field(default_factory=Scope)
    fresh: bool = False
    retry_failed: bool = False
    again: bool = False
