"""Prompts: Jinja templates in files, versions of them, and their rendering.

    prompts/sentiment/zero_shot.jinja --load--> Prompt --render with a row--> Conversation

check.py      templates parsed, and split into messages
choices.py    choices of a row, and the most likely of them
hints.py      fixes for errors in templates
later_turns.py  later turns of a conversation, before and after the answers are there
load.py       front matter and text of a template file, from the folder or a git revision
other_engines.py  fixes for the syntax of Handlebars, Liquid, Semantic Kernel, str.format, …
partials.py   included files
prompt.py     a checked template, ready to render
reference.py  few_shot, few_shot@3, few_shot@production
renderer.py   the child process that parses and renders
requests.py   a rendered prompt as a request with its key, and a completion as an answer
schema_faults.py  faults of a JSON schema
source.py     role lines, and messages before and after rendering
tools.py      functions that a model may call, from front matter or files
turns.py      calls of tools, and messages from a row
worker.py     the child process itself
write.py      a prompt written back into its file
"""

from workbench.prompt.check import check_templates
from workbench.prompt.choices import choose
from workbench.prompt.load import folder_reader, git_reader, list_prompts, load_prompt
from workbench.prompt.prompt import Prompt, PromptRows, render_prompts
from workbench.prompt.reference import Reference, parse_reference
from workbench.prompt.renderer import Renderer
from workbench.prompt.settings import PromptSettings, settings_from_json
from workbench.prompt.source import Template

__all__ = [
    "Prompt",
    "PromptRows",
    "PromptSettings",
    "Reference",
    "Renderer",
    "Template",
    "check_templates",
    "choose",
    "folder_reader",
    "git_reader",
    "list_prompts",
    "load_prompt",
    "parse_reference",
    "render_prompts",
    "settings_from_json",
]
