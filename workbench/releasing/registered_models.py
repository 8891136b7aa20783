"""Names in MLflow of what a task releases, and its aliases.

    sentiment~variant       registered model: each version is a promoted variant
    sentiment promotions    experiment: each run is a move of an alias, the ledger

MLflow keeps prompts and registered models in one namespace, and a model that is named like a prompt
is refused. A prompt's name is made of letters, digits, `_`, `-` and `.`, so a `~` keeps them apart.
Of the other characters `:`, `/` and `@` break `models:/NAME@ALIAS`, a space or one of `+ % # & ! =`
has to be quoted in a shell or an address, and `~` is safe in both.

>>> registered_model_name("sentiment"), registered_model_name("sentiment", "team_a")
('sentiment~variant', 'team_a.sentiment~variant')
>>> task_of_model("team_a.sentiment~variant"), task_of_model("churn-forest")
('sentiment', '')
"""

import re
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.prompt.reference import NAME_PATTERN
from workbench.serving.served_names import SUFFIX, registered_model_name

RESERVED = re.compile(r"latest|v?\d+", re.IGNORECASE)  # MLflow takes these for versions
MAX_QUOTED = 60  # characters of a refused alias


def task_of_model(name: str) -> str:
    """The task of a registered model; empty if Workbench does not name models so."""
    task, suffix, rest = name.partition(SUFFIX)
    return task.rpartition(".")[2] if suffix and not rest else ""


@dataclass(frozen=True)
class ReleaseNames:
    """The names in MLflow of a task's registered model, prompts and ledger."""

    task: str
    prefix: str = ""

    @classmethod
    def of_task(cls, project: Project, task: str) -> "ReleaseNames":
        """The names of a task of a project."""
        return cls(task, project.file.registry_prefix)

    @property
    def model(self) -> str:
        """The registered model."""
        return registered_model_name(self.task, self.prefix)

    @property
    def ledger(self) -> str:
        """The experiment of the ledger."""
        return ".".join(filter(None, (self.prefix, self.task))) + " promotions"

    @property
    def prompts(self) -> str:
        """The beginning of the names of the task's prompts."""
        return ".".join(filter(None, (self.prefix, self.task))) + "."


def check_alias(alias: str) -> str:
    """The alias, if MLflow takes it for a model and `few_shot@ALIAS` names a version by it.

    Raises:
        WorkbenchError: it isn't a name, or it would be read as a version.
    """
    if RESERVED.fullmatch(alias):
        raise WorkbenchError(
            f"{alias!r} can't be an alias: it names a version", fix="--to production"
        )
    if not re.fullmatch(NAME_PATTERN, alias):
        raise WorkbenchError(
            f"{alias[:MAX_QUOTED]!r} is not the name of an alias",
            fix="use up to 64 letters, digits, _ and -, the first a letter or digit: "
            "--to production",
        )
    return alias
