"""The pieces of a plan.

Plan(variants=(Variant("few_shot · gpt-6-luna", …),), cells=((Cell(example, 0, key), …),), …)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workbench.canonical import JSON, digest
from workbench.dataset import Example, RowScope
from workbench.experiment import Experiment, OpenModel
from workbench.images import ImageFiles
from workbench.model import Request
from workbench.plan.clusters import Copies, find_copies, number_clusters
from workbench.prompt import Prompt


@dataclass(frozen=True)
class Variant:
    """One prompt version on one model with one setting of parameters: one MLflow run.

    Attributes:
        name: short, for tables; a model shared by all variants is left out.
        point: the parameters that come from the grid.
        choice_method: how `choices` are answered; empty without choices.
    """

    name: str
    prompt: Prompt
    model: OpenModel
    parameters: Mapping[str, JSON]
    choice_method: str = ""
    point: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def reads_answers(self) -> bool:
        """True if the answers were made elsewhere: a column that `echo:answer` repeats."""
        return self.model.model.ref == "echo:answer"

    @property
    def digest(self) -> str:
        """Digest of everything that decides this variant's answers."""
        return digest(
            {
                "name": self.name,
                "prompt": self.prompt.digest,
                "model": self.model.model.ref,
                "identity": self.model.provider.identity,
                "parameters": self.parameters,
                "choice_method": self.choice_method,
                **self.model.model.reading,
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
    """Everything an invocation will do.

    Attributes:
        cells: of each variant, in the dataset's order, repeats of a row together.
        requests: of each variant, those to send: neither stored nor shared with another cell.
        bodies: every request of the plan, stored ones too, by key; those of later turns have the
            keys of earlier requests in place of their answers until these are stored.
        stored: cells answered from the store.
        shared: cells answered by an equal request of this plan.
        refetch: keys to send although the store holds an answer.
        withdrawn: keys that can no longer be asked: without a reply a row is not run, and one that
            was asked in vain before does not count as failed.
        baselines: of each variant the number of its baseline; None: it has none.
        paired: those that pairs were judged with, where `baselines` are others; else None.
        notes: for the user: merged variants, warnings about the data.
        note: of the user: why the invocation was made; no part of the digest.
        images: files that the rows name; their contents are part of the requests.
    """

    experiment: Experiment
    examples: Sequence[Example]
    variants: tuple[Variant, ...]
    cells: tuple[Sequence[Cell], ...]
    requests: tuple[tuple[Request, ...], ...]
    bodies: Mapping[str, Request]
    stored: int
    shared: int
    notes: tuple[str, ...] = ()
    note: str = ""
    scope: Mapping[str, JSON] = field(default_factory=dict)
    refetch: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    baselines: tuple[int | None, ...] = ()
    paired: tuple[int | None, ...] | None = None
    images: ImageFiles = field(default_factory=ImageFiles)

    @property
    def judged_baselines(self) -> tuple[int | None, ...]:
        """The baselines that pairwise judges compare with."""
        return self.baselines if self.paired is None else self.paired

    @property
    def planned(self) -> int:
        """Number of cells."""
        return sum(len(cells) for cells in self.cells)

    @property
    def rows(self) -> int:
        """Number of dataset rows in scope."""
        return len(self.cells[0]) // self.experiment.repeats if self.cells else 0

    def clusters(self, variants: Iterable[int]) -> tuple[int, ...]:
        """Return the number of each dataset row's cluster, by first appearance, from 0.

        Rows of one cluster are not independent: they render to the same request body in one of
        these variants, have the same value in the dataset's `cluster:` column, or are linked by
        such rows.
        """
        links = frozenset([self._grouped, *(self._copies[variant] for variant in variants)])
        if links not in self._clusters:
            self._clusters[links] = number_clusters(self.rows, links)
        return self._clusters[links]

    @cached_property
    def _copies(self) -> tuple[Copies, ...]:
        """Rows with equal bodies, by variant; the seeds of a row's other repeats differ.

        Equal answers that were made elsewhere are no copies: their questions differ.
        """
        firsts = (cells[:: self.experiment.repeats] for cells in self.cells)
        return tuple(
            find_copies(
                row
                if variant.reads_answers or cell.example.turn > 1  # grouped with its first turn
                else self.bodies[cell.key].text
                for row, cell in enumerate(cells)
            )
            for variant, cells in zip(self.variants, firsts, strict=True)
        )

    @cached_property
    def _grouped(self) -> Copies:
        groups = enumerate(self.experiment.dataset.groups[: self.rows])
        return find_copies((row, None) if group is None else group for row, group in groups)

    @cached_property
    def _clusters(self) -> dict[frozenset[Copies], tuple[int, ...]]:
        return {}

    @property
    def race(self) -> str:
        """Metric of the race; empty: all variants run to the end."""
        return str(self.scope.get("race", ""))

    @property
    def to_send(self) -> int:
        """Number of requests to send."""
        return sum(len(requests) for requests in self.requests)

    @cached_property
    def answered_models(self) -> set[str]:
        """Labels of the models of which the store has a reply to a request of this plan."""
        sent = {request.key for requests in self.requests for request in requests} - self.refetch
        pairs = zip(self.variants, self.cells, strict=True)
        return {v.model.model.label for v, c in pairs if any(cell.key not in sent for cell in c)}

    @property
    def digest(self) -> str:
        """Identity of an invocation: prompts, data and its groups, models, evaluators, limits.

        Files of images are data.
        """
        dataset = self.experiment.dataset
        groups = dataset.groups
        read = {name for variant in self.variants for name in variant.prompt.all_variables}
        reserved = {name: d for name, d in dataset.reserved.items() if d and name in read}
        return digest(
            {
                "experiment": self.experiment.name,
                "variants": [variant.digest for variant in self.variants],
                "dataset": dataset.digest,
                "evaluators": [[e.name, e.metric_digest] for e in self.experiment.evaluators],
                "repeats": self.experiment.repeats,
                "scope": self.scope,
                **({"groups": groups} if groups else {}),
                **({"reserved": reserved} if reserved else {}),
                **({"images": self.images.digest} if self.images.digest else {}),
            }
        )


@dataclass(frozen=True)
class Scope:
    """The part of an experiment that runs.

    Attributes:
        limit: number of rows from the start; None: all.
        sample: number of rows of a random sample; None: as the file says.
        only: patterns of variant names, each of which adds variants; empty: all.
        race: metric in which clearly worse variants drop out; empty: the first one; None: no
            variant drops out.
    """

    limit: int | None = None
    only: Sequence[str] = ()
    race: str | None = None
    sample: int | None = None

    @property
    def rows(self) -> RowScope:
        """The rows to load."""
        return RowScope(self.limit, self.sample)

    @classmethod
    def from_json(cls, limits: Mapping[str, Any]) -> "Scope":
        """Return the scope that `as_json` wrote."""
        only = limits.get("only", ())
        patterns = [only] if isinstance(only, str) else only
        return cls(limits.get("limit"), patterns, limits.get("race"), limits.get("sample"))

    def as_json(self) -> dict[str, JSON]:
        """Return the limits as JSON; empty if there are none. A single pattern is no list."""
        patterns = sorted(set(filter(None, self.only)))
        only = patterns if len(patterns) > 1 else "".join(patterns) or None
        limits = {"sample": self.sample, "limit": self.limit, "only": only, "race": self.race}
        return {name: value for name, value in limits.items() if value is not None}


def scope_text(limits: Mapping[str, JSON]) -> str:
    """The limits of a scope as text: `limit 20, only few_shot and zero_shot`."""
    parts = (
        f"{name} {' and '.join(map(str, limit)) if isinstance(limit, list) else limit}"
        for name, limit in limits.items()
    )
    return ", ".join(parts)


@dataclass(frozen=True)
class Options:
    """Options of one invocation.

    Attributes:
        fresh: send everything, also what the store holds.
        retry_failed: send requests with useless answers again (filtered, rejected, empty, invalid).
        again: record new runs although the same invocation was recorded before.
        wait: return once MLflow has everything, not when the answers are scored.
        sends: False: only stored answers are read, so a template or an expected value that can't be
            right is noted and not refused.
        looks_up: False: the answers are read without being looked up first, so the plan has no
            requests.
        note: why the invocation is made, in the user's words.
    """

    scope: Scope = field(default_factory=Scope)
    fresh: bool = False
    retry_failed: bool = False
    again: bool = False
    wait: bool = True
    sends: bool = True
    looks_up: bool = True
    note: str = ""
