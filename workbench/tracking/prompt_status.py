"""The templates of a project beside what the registry holds of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.project import Project
from workbench.prompt import Prompt
from workbench.tracking.provenance import provenance
from workbench.tracking.registry import DIGEST, alias_names, register, versions
from workbench.tracking.tracking_store import connect


@dataclass(frozen=True)
class PromptStatus:
    """One template.

    Attributes:
        version: the registry's number of this very content; None: not registered.
        newest: the registry's highest number; None: no version at all.
        aliases: each with the version it points to.
    """

    prompt: Prompt
    version: int | None
    newest: int | None
    aliases: dict[str, int]

    def as_json(self) -> dict[str, JSON]:
        """For `--json`."""
        return {
            "task": self.prompt.task,
            "name": self.prompt.name,
            "digest": self.prompt.digest,
            "description": self.prompt.description,
            "version": self.version,
            "newest": self.newest,
            "aliases": self.aliases,
        }


def prompt_statuses(
    project: Project, tracking_uri: str, prompts: Sequence[Prompt]
) -> list[PromptStatus]:
    """Each template with its version, in their order."""
    place = connect(project, tracking_uri)
    found: list[PromptStatus] = []
    for prompt in prompts:
        known = versions(place, prompt.registered_name)
        numbers = [int(v.version) for v in known if v.tags.get(DIGEST) == prompt.digest]
        everything = [int(version.version) for version in known]
        aliases = alias_names(place.client, prompt.registered_name, everything)
        found.append(
            PromptStatus(prompt, min(numbers, default=None), max(everything, default=None), aliases)
        )
    return found


def push_prompts(project: Project, tracking_uri: str, prompts: Sequence[Prompt]) -> Iterator[str]:
    """Registers what is new; a line a template."""
    place = connect(project, tracking_uri)
    commit = provenance(project.root).commit
    for prompt in prompts:
        number, made = register(place, prompt, commit=commit)
        what = "registered as" if made else "is already"
        yield f"{prompt.task}/{prompt.name} {what} version {number}"
