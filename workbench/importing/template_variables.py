"""The variables of an imported template, as Jinja itself finds them, in the renderer's process.

>>> log = ImportLog()
>>> read_variables("{% if formal %}Dear {{ name }}{% endif %}", "a.prompty", log)
['formal', 'name']
"""

from contextlib import closing

from workbench.importing.import_log import ImportLog
from workbench.prompt import Renderer
from workbench.prompt.source import expand_tags


def read_variables(text: str, where: str, log: ImportLog) -> list[str]:
    """Variables that a template reads and doesn't set itself, in their order.

    A template that Jinja can't read is reported, and has none.
    """
    with Renderer() as renderer, closing(renderer.parse([[expand_tags(text)]])) as answers:
        parsed = next(answers)
    if parsed.error:
        place = f"line {parsed.line} of the template: " if parsed.line else ""
        fix = "mend it in the template that was written: docs/prompts.md"
        log.left_out(where, f"{place}{parsed.error}", fix=fix)
    for tag, line in parsed.tags.items():
        text, fix = f"line {line} of the template: `{tag}`", "put in what it includes"
        log.left_out(where, text, fix=fix)
    return sorted(parsed.variables, key=lambda name: (parsed.variables[name], name))
