"""The templates of a project compared with the prompt registry.

PromptStatus(prompt, version=3, newest=4, aliases={"production": 3})
"""

from collections.abc import Iterator, Sequence

from workbench.project import Project
from workbench.prompt import Prompt
from workbench.tracking.protocol import PromptStatus
from workbench.tracking.provenance import provenance
from workbench.tracking.registry import DIGEST, read_aliases, register, search_versions
from workbench.tracking.tracking_store import connect


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
