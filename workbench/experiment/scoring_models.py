"""Models that score answers, as entries under `evaluators:` name them.

models = ScoringModels((OpenModel(…),))
models.find("openai:gpt-6-luna")                     one of the experiment, or another
models.find({"openai:m": {"base_url": "…"}})
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

from workbench.errors import WorkbenchError
from workbench.judges.entries import ModelEntry
from workbench.model import MODEL_KEYS, Model, OpenModel, open_provider

NO_SETTINGS: Mapping[str, Any] = {}


class ScoringModels:
    """The models of an experiment, and those that only score; no two have the same label.

    Requests are queued by the label of their model, so a label stands for one endpoint.

    Attributes:
        answering: the models of the experiment.
    """

    def __init__(self, answering: Sequence[OpenModel]) -> None:
        self.answering = tuple(answering)
        self._labels = {model.model.label for model in answering}
        self._scoring: list[tuple[Model, OpenModel]] = []  # as an entry names it, and as it is

    @property
    def opened(self) -> tuple[OpenModel, ...]:
        """All that have been named so far."""
        return (*self.answering, *(model for _, model in self._scoring))

    def find(
        self,
        entry: ModelEntry,
        *,
        role: str = "judge",
        defaults: Mapping[str, Any] = NO_SETTINGS,
    ) -> OpenModel:
        """The model that an entry names; equal entries share it.

        Args:
            entry: a name, or a name with settings.
            role: what the model is here, for its label.
            defaults: settings that the entry may replace; without any, a model of the experiment
                is used where the entry is its name.

        Raises:
            WorkbenchError: it is no model, or its settings are wrong.
        """
        if isinstance(entry, str):
            for model in self.answering if not defaults else ():
                if entry in (model.model.ref, model.model.label):
                    return model
            entry = {entry: {}}
        named = _read(entry, defaults)
        for other, opened in self._scoring:
            if other == named:
                return opened
        label = self._free_label(named.label, role)
        opened = OpenModel(replace(named, label=label), open_provider(named))
        self._labels.add(label)
        self._scoring.append((named, opened))
        return opened

    def _free_label(self, label: str, role: str) -> str:
        """The label, or with the role, or with a number, too."""
        labels = chain([label, f"{label} ({role})"], (f"{label} ({role} {n})" for n in count(2)))
        return next(free for free in labels if free not in self._labels)


def _read(entry: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]) -> Model:
    """The model of an entry, with the label that it has if no other model has it."""
    if len(entry) != 1:
        raise WorkbenchError("model: not one name", fix="model: {openai:m: {base_url: …}}")
    ((ref, entry_settings),) = entry.items()
    settings = {**defaults, **(entry_settings or {})}
    provider, _, name = ref.partition(":")
    if not name:
        fix = "write provider:name, as in openai:gpt-6-luna, or a model of the experiment"
        raise WorkbenchError(f"model: {ref!r} is not a model", fix=fix)
    label = str(settings.get("as") or name.rstrip("/").rpartition("/")[2])
    others = {key: value for key, value in settings.items() if key not in MODEL_KEYS}
    parameters, reasoning = settings.get("parameters") or {}, settings.get("reasoning", "strip")
    return Model(provider, name, label, others, parameters, reasoning)
