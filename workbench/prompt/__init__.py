"""Prompts: Jinja templates in files, versions of them, and their rendering.

prompts/sentiment/zero_shot.jinja --load--> Prompt --render with a row--> Conversation
"""

from workbench.prompt.load import folder_reader, git_reader, list_prompts, load_prompt
from workbench.prompt.prompt import Prompt, PromptSettings, Template, settings_from_json
from workbench.prompt.reference import Reference, parse_reference
from workbench.prompt.renderer import Renderer

__all__ = [
    "Prompt",
    "PromptSettings",
    "Reference",
    "Renderer",
    "Template",
    "folder_reader",
    "git_reader",
    "list_prompts",
    "load_prompt",
    "parse_reference",
    "settings_from_json",
]
