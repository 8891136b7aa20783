"""From an entry under `evaluators:` to its judges: prompt, models and settings found and checked.

loader.load("rubric", {"rubric": "Polite."}, where)      [Judge("rubric", …)]
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError, located, unknown_name
from workbench.experiment.named_entries import check_reserved
from workbench.experiment.prompts import PromptFinder
from workbench.experiment.scoring_models import ScoringModels
from workbench.experiment.types import Registry
from workbench.judges.entries import JudgeEntry, questions, settings_of
from workbench.judges.judge import BUNDLED, Judge
from workbench.judges.judge_record import read_record
from workbench.judges.judge_requests import PAIR_VARIABLES, READ_VARIABLES, choice_method
from workbench.model import OpenModel
from workbench.model.types import JUDGES
from workbench.parameters import check_parameters
from workbench.project import Project
from workbench.prompt import Prompt, Renderer, check_templates, parse_reference
from workbench.prompt.load import folder_reader, list_prompts, read_template

PROMPT_OF = {"rubric": "rubric", "checklist": "checklist", "pairwise": "better"}
PAIR_CHOICES = ("first", "second", "tie")
PARAMETERS: Mapping[str, JSON] = {"temperature": 0, "max_tokens": 1024}


@dataclass(frozen=True)
class JudgeLoader:
    """Loads the judges of one experiment.

    Attributes:
        models: those that score; a judge that names one of the experiment's shares it.
    """

    project: Project
    renderer: Renderer
    registry: Registry
    models: ScoringModels

    def load(self, kind: str, settings: Mapping[str, JSON], where: str) -> list[Judge]:
        """The judges of an entry: one, or one a question.

        Raises:
            WorkbenchError: a setting, the prompt or a model can't be used.
        """
        check_reserved(kind, self.project.root, where, owner=" for judges")
        with located(where):
            entry = Document("", dict(settings)).check(JudgeEntry)
            _check_kind(kind, entry)
            check_parameters(entry.parameters)
            prompt = self._prompt(entry.prompt or f"{BUNDLED}/{PROMPT_OF[kind]}")
            _check_variables(kind, prompt, settings_of(kind, entry))
            judge = Judge(
                name=entry.name or (kind if kind in ("rubric",) else prompt.name),
                prompt=prompt,
                values=prompt.settings.scores,
                models=self._models(entry),
                settings=settings_of(kind, entry),
                samples=entry.samples,
                combine=entry.combine,
                pairwise=kind == "pairwise",
                parameters={**PARAMETERS, **prompt.settings.parameters, **entry.parameters},
                min_kappa=self._min_kappa(entry),
            )
            for model in judge.models:
                choice_method(judge, model)
        judges = [judge]
        if kind == "checklist" and entry.questions:
            judges = [
                replace(judge, name=name, settings=settings_of(kind, entry, question))
                for name, question in questions(entry.name, entry.questions)
            ]
        return [
            replace(each, record=read_record(self.project.root, each.digest)) for each in judges
        ]

    def _min_kappa(self, entry: JudgeEntry) -> float | None:
        default = self.project.file.judge.min_kappa
        return entry.min_kappa if entry.min_kappa is not None else default

    def _prompt(self, name: str) -> Prompt:
        """The prompt `judges/NAME`, or `workbench/NAME` unless the project has one of the name."""
        folder, _, ref = name.rpartition("/")
        if folder not in (BUNDLED, JUDGES):
            fix = f"write {JUDGES}/{ref or 'NAME'}, a file of prompts/{JUDGES}/, or a bundled one: "
            names = ", ".join(f"{BUNDLED}/{each}" for each in self._bundled_names)
            raise WorkbenchError(f"prompt: {name!r} is no judge", fix=f"{fix}{names}")
        reference = parse_reference(ref)
        project_names = list_prompts(self.project.prompts / JUDGES)
        if folder == JUDGES or reference.name in project_names or reference.kind != "working":
            prompt = self._finder.find(reference)
        elif reference.name in self._bundled_names:
            prompt = self._bundled(reference.name)
        else:
            raise unknown_name("bundled judge", reference.name, self._bundled_names)
        if not prompt.settings.scores:
            raise WorkbenchError(
                f"the judge {prompt.name!r} has no `scores`",
                where=prompt.where(),
                fix="add them to the front matter: scores: {yes: 1, no: 0}",
            )
        return replace(prompt, ref=f"{folder}/{prompt.ref}")

    def _bundled(self, name: str) -> Prompt:
        read = folder_reader(_bundled_folder())
        prompt = read_template(JUDGES, name, lambda path: read(path.partition("/")[2]))
        origins = tuple((f"{BUNDLED}/{file}", line) for file, line in prompt.origins)
        (checked,) = check_templates([replace(prompt, origins=origins)], self.renderer)
        return checked

    @cached_property
    def _bundled_names(self) -> list[str]:
        return list_prompts(_bundled_folder())

    @cached_property
    def _finder(self) -> PromptFinder:
        return PromptFinder(JUDGES, self.project.prompts, self.renderer, self.registry)

    def _models(self, entry: JudgeEntry) -> tuple[OpenModel, ...]:
        default = self.project.file.judge.model
        names = entry.models or [each for each in (entry.model or default,) if each is not None]
        if not names:
            raise WorkbenchError(
                "no model is named to judge",
                fix="add `model: openai:…` here, or `judge: openai:…` to workbench.yaml",
            )
        models = [self.models.find(name) for name in names]
        labels = [model.model.label for model in models]
        if len(set(labels)) < len(labels):
            fix = "name each model once; `samples: 3` asks one model three times"
            raise WorkbenchError(f"a panel of equal models: {', '.join(labels)}", fix=fix)
        return tuple(models)


def _check_kind(kind: str, entry: JudgeEntry) -> None:
    """Check the settings that depend on the kind of the entry."""
    if kind == "judge" and not entry.prompt:
        fix = f"prompt: {JUDGES}/NAME, a file of prompts/{JUDGES}/, or workbench/reference"
        raise WorkbenchError("a judge needs a `prompt:`", fix=fix)
    if kind == "rubric" and not entry.rubric.strip():
        raise WorkbenchError("the rubric is empty", fix='- rubric: "Polite, and in English."')
    if kind == "checklist" and not entry.questions:
        raise WorkbenchError("the checklist is empty", fix='- checklist: ["Is it polite?"]')
    for key, owner in (("rubric", "rubric"), ("questions", "checklist")):
        if getattr(entry, key) and kind != owner:
            raise WorkbenchError(f"`{key}` belongs to `{owner}`", fix=f"remove `{key}`")
    if entry.models is not None and len(entry.models) < 2:
        fix = "name two models or more, or write `model:` with the one"
        raise WorkbenchError("`models` is a panel, and needs two models", fix=fix)
    if entry.model is not None and entry.models is not None:
        raise WorkbenchError("`model` and `models` are both set", fix="keep one of them")


def _check_variables(kind: str, prompt: Prompt, settings: Mapping[str, JSON]) -> None:
    """Check that a judge reads nothing but what it is given."""
    answers = PAIR_VARIABLES if kind == "pairwise" else ("outputs",)
    names = (*READ_VARIABLES, *answers, *settings)
    for name, line in prompt.variables.items():
        if name not in names:
            raise unknown_name("variable of a judge", name, names, where=prompt.where(line))
    if kind == "pairwise" and not {"first", "second"} <= set(prompt.settings.scores) <= set(
        PAIR_CHOICES
    ):
        raise WorkbenchError(
            "a pairwise judge chooses between first and second",
            where=prompt.where(),
            fix="scores: {first: 1, second: 0, tie: 0.5}, or without the tie",
        )


def _bundled_folder() -> Path:
    return Path(str(files("workbench.judges"))) / "prompts"
