"""The templates of a project compared with the prompt registry.

PromptStatus(prompt, version=3, newest=4, aliases={"production": 3})
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.project import Project
from workbench.prompt import Prompt
from workbench.tracking.provenance import provenance
from workbench.tracking.registry import DIGEST, read_aliases, register, search_versions
from workbench.tracking.tracking_store import connect


@dataclass(frozen=True)
class PromptStatus:
    """One template.

    Attributes:
        version: the registered version with the same content; None: not registered.
        newest: the highest version; None: no version is registered.
        aliases: each with its version.
    """

    prompt: Prompt
    version: int | None
    newest: int | None
    aliases: dict[str, int]

    def as_json(self) -> dict[str, JSON]:
        """The fields of `--json`."""
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
    """The status of each template, in order."""
    store = connect(project, tracking_uri)
    statuses: list[PromptStatus] = []
    for prompt in prompts:
        versions = search_versions(store, prompt.registered_name)
        equal = [int(v.version) for v in versions if v.tags.get(DIGEST) == prompt.digest]
        numbers = [int(version.version) for version in versions]
        aliases = read_aliases(store.client, prompt.registered_name, numbers)
        version, newest = min(equal, default=None), max(numbers, default=None)
        statuses.append(PromptStatus(prompt, version, newest, aliases))
    return statuses


def push_prompts(project: Project, tracking_uri: str, prompts: Sequence[Prompt]) -> Iterator[str]:
    """Register the prompts that are new; a line of text per prompt."""
    store = connect(project, tracking_uri)
    commit = provenance(project.root).commit
    for prompt in prompts:
        number, is_new = register(store, prompt, commit=commit)
        verb = "registered as" if is_new else "is already"
        yield f"{prompt.task}/{prompt.name} {verb} version {number}"
