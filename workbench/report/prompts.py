"""Prompts on a terminal and as JSON: a list, one in full, a diff of two.

prompt    digest        version  aliases         description
qa/plain  3f9a1c0b77de  2 of 3   production → 2  Answers with one word
"""

import difflib
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from workbench.canonical import JSON
from workbench.prompt import Prompt
from workbench.prompt.write import template_text
from workbench.report.safe_text import escape_commands, plain
from workbench.report.tables import new_table
from workbench.tracking.protocol import PromptStatus

STYLES = {"+": "green", "-": "red", "@": "cyan"}


def status_table(statuses: Sequence[PromptStatus]) -> Table:
    """One line per template: digest, registered version, aliases, description."""
    names = ("prompt", "digest", "version", "aliases", "description")
    table = new_table(names, no_wrap=names[:3])
    for status in statuses:
        prompt = status.prompt
        version = str(status.version) if status.version else "not registered"
        if status.version and status.version != status.newest:
            version += f" of {status.newest}"
        aliases = ", ".join(f"{name} → {number}" for name, number in status.aliases.items())
        table.add_row(
            Text(plain(f"{prompt.task}/{prompt.name}")),
            prompt.digest[:12],
            version,
            Text(plain(aliases)),
            Text(plain(prompt.description)),
        )
    return table


def prompt_text(prompt: Prompt) -> Text:
    """The prompt in the form of a template file, after its reference, digest and variables."""
    version = f", version {prompt.version}" if prompt.version else ""
    head = plain(f"{prompt.task}/{prompt.ref}{version}, digest {prompt.digest[:12]}")
    names = plain(", ".join(prompt.all_variables)) or "none"
    template = escape_commands(template_text(prompt))
    return Text.assemble((head, "bold"), f"\nvariables: {names}\n\n{template}")


def prompt_json(prompt: Prompt) -> dict[str, JSON]:
    """The prompt as one object."""
    template: JSON = prompt.template
    if not isinstance(template, str):
        template = [message.as_json() for message in template]
    return {
        "task": prompt.task,
        "name": prompt.name,
        "ref": prompt.ref,
        "version": prompt.version,
        "digest": prompt.digest,
        "description": prompt.description,
        "template": template,
        "settings": prompt.settings.as_json(),
        "variables": prompt.all_variables,
    }


def prompt_diff(before: Prompt, after: Prompt) -> Text:
    """A unified diff in colour; a sentence if the prompts are the same."""
    if before.digest == after.digest:
        return Text(f"{before.ref} and {after.ref} are the same, digest {before.digest[:12]}")
    lines = difflib.unified_diff(
        template_text(before).splitlines(),
        template_text(after).splitlines(),
        f"{before.task}/{before.ref} {before.digest[:12]}",
        f"{after.task}/{after.ref} {after.digest[:12]}",
        lineterm="",
    )
    text = Text()
    for line in lines:
        bold = "bold" if line.startswith(("---", "+++")) else ""
        text.append(escape_commands(line) + "\n", style=bold or STYLES.get(line[:1], ""))
    text.rstrip()
    return text
