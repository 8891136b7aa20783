"""The variables of tests as columns, with the values that promptfoo's templates see."""

import base64
import json
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.importing.promptfoo.chat_templates import TemplateWriter
from workbench.importing.promptfoo.configured_cases import CODE, ConfiguredCase, code_file
from workbench.importing.promptfoo.import_notes import ImportNotes
from workbench.importing.promptfoo.source_tree import SCHEME, SourceTree
from workbench.importing.promptfoo.value_templates import substitute

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


class RowValues:
    """Makes the inputs of rows.

    Attributes:
        kinds: of each variable: `object`, `boolean` or `list` if one of its values is such.
    """

    def __init__(self, tree: SourceTree, notes: ImportNotes, env: Any) -> None:
        self.tree, self.notes = tree, notes
        self.env = env if isinstance(env, Mapping) else {}
        self.kinds: dict[str, str] = {}

    def row(self, case: ConfiguredCase) -> dict[str, Any]:
        """The inputs of a case's row."""
        texts = {name: self._loaded(name, value, case) for name, value in case.vars.items()}
        values = {name: self._rendered(name, value, texts, case) for name, value in texts.items()}
        for name, value in values.items():
            if isinstance(value, dict):
                self.kinds[name] = "object"
            elif self.kinds.get(name, "text") == "text":
                self.kinds[name] = _kind(value)
        for part in ("prefix", "suffix"):
            if text := case.options.get(part):
                values[f"prompt_{part}"] = self._rendered(part, str(text), texts, case)
        return values

    def complete(
        self, rows: Sequence[dict[str, Any]], writer: TemplateWriter, *, affixes: bool
    ) -> None:
        """Give each row the variables of the templates: Nunjucks prints missing ones as ''."""
        names = [name for name in writer.names if name not in writer.optional]
        if affixes:
            names += ["prompt_prefix", "prompt_suffix"]
        if "env" in names:
            names.remove("env")
            for row in rows:
                row["env"] = {str(k): printed_text(v) for k, v in self.env.items()}
            fix = "fill the column `env` of rows.jsonl: the environment is not read"
            self.notes.left_out("", "`{{ env.… }}` in a prompt", fix)
        for name in dict.fromkeys(names):
            missing = [row for row in rows if name not in row]
            for row in missing:
                row[name] = ""
            if missing and not name.startswith("prompt_"):
                text = f"`{name}` is empty where a test has no such variable"
                self.notes.changed("", text, "", len(missing))

    def _loaded(self, name: str, value: Any, case: ConfiguredCase) -> Any:
        if not isinstance(value, str) or not value.startswith(SCHEME):
            return _plain(value)
        code = code_file(value)
        if Path(code).suffix in CODE:
            self.tree.copy(code, self.tree.root)
            fix = "run it yourself, and write its values into the rows"
            self.notes.left_out(case.where, f"vars.{name} by the program {code}", fix)
            return ""
        try:
            path = self.tree.path(value, self.tree.root)
            if path.suffix.lower() in IMAGES:
                kind = mimetypes.guess_type(path.name)[0] or "image/png"
                return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
            if path.suffix.lower() in (".yaml", ".yml"):
                content = self.tree.document(path).content
                return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
            return self.tree.text(path).strip()
        except (WorkbenchError, OSError) as error:
            problem = error if isinstance(error, WorkbenchError) else WorkbenchError(str(error))
            self.notes.refused(case.where, f"vars.{name}", problem)
            return ""

    def _rendered(
        self, name: str, value: Any, texts: Mapping[str, Any], case: ConfiguredCase
    ) -> Any:
        """The value, in which other variables may stand."""
        if not isinstance(value, str):
            return value
        text = value.removesuffix("\n")
        if "{{" not in text and "{%" not in text:
            return text
        rendered = substitute(text, {**texts, "env": self.env}, printed_text)
        if rendered is None:
            fix = f"write the text itself into the column {name} of rows.jsonl"
            self.notes.left_out(case.where, f"vars.{name} is a template", fix)
            return text
        return rendered


def _kind(value: Any) -> str:
    if isinstance(value, list):
        is_nested = any(isinstance(each, list | dict) for each in value)
        return "nested list" if is_nested else "list"
    return "boolean" if isinstance(value, bool) else "text"


def _plain(value: Any) -> Any:
    """The value as JavaScript has it: whole numbers have no point, nothing is an empty text."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, list):
        return [_plain(each) if each is not None else None for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) if each is not None else None for key, each in value.items()}
    return value


def printed_text(value: object) -> str:
    """The value as Nunjucks prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(printed_text(each) for each in value)
    if isinstance(value, dict):
        return "[object Object]"
    return str(value)
