"""The prompts of a configuration: texts, files, globs, chat messages, objects with labels.

PromptSource("triage.yaml:3", name="short", raw="Which team? {{ ticket }}", label="short")
"""

import csv
import glob
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.document import Document
from workbench.errors import WorkbenchError
from workbench.importing.foreign_values import quoted
from workbench.importing.promptfoo.configured_cases import CODE, REMOTE, code_file
from workbench.importing.promptfoo.import_notes import ImportNotes
from workbench.importing.promptfoo.source_keys import PROMPT, SourceKeys
from workbench.importing.promptfoo.source_tree import SCHEME, SourceTree

FILES = (".txt", ".md", ".j2", ".json", ".jsonl", ".yaml", ".yml", ".csv")
PROGRAMS = (*CODE, ".sh", ".bash", ".exe", ".bat", ".cmd", ".ps1", ".pl")
SERVICES = ("portkey://", "langfuse://", "helicone://", "exec:")
BY_HAND = "write it as a template: the messages it builds with {% if %} and {% for %}"
MOST_NAME = 40


@dataclass(frozen=True)
class PromptSource:
    """A prompt before it is translated.

    Attributes:
        where: its place in the source.
        name: of its template; unique.
        raw: a text, or chat messages in JSON or YAML.
        label: its name for `providers[].prompts`.
        config: parameters of its requests.
    """

    where: str
    name: str
    raw: str
    label: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


class PromptReader:
    """Reads the prompts of one configuration."""

    def __init__(self, tree: SourceTree, config: Document, notes: ImportNotes) -> None:
        self.tree, self.config, self.notes = tree, config, notes

    def sources(self) -> list[PromptSource]:
        """All prompts, with unique names."""
        prompts = self.config.content.get("prompts", ["{{prompt}}"])
        sources: list[PromptSource] = []
        if isinstance(prompts, Mapping):  # files with their labels
            prompts = [{"raw": path, "label": label} for path, label in prompts.items()]
        entries = prompts if isinstance(prompts, list) else [prompts]
        for index, entry in enumerate(entries):
            is_listed = isinstance(self.config.content.get("prompts"), list)
            where = (
                self.config.where("prompts", index) if is_listed else self.config.where("prompts")
            )
            try:
                sources += self._entry(entry, where)
            except WorkbenchError as error:
                self.notes.refused(where, "prompt", error)
        return _named(sources)

    def _entry(self, entry: Any, where: str) -> Iterator[PromptSource]:
        if isinstance(entry, Mapping):
            entry = SourceKeys(self.notes).readable(entry, PROMPT, where)
        if isinstance(entry, str):
            yield from self._raw(PromptSource(where, "", entry), self.config.folder)
        elif isinstance(entry, Mapping) and isinstance(chat := _chat_of(entry), list):
            label = str(entry.get("label") or entry.get("name") or entry.get("id") or "")
            yield PromptSource(where, label, json.dumps(chat), label)
        elif isinstance(entry, Mapping) and isinstance(raw := _raw_of(entry), str):
            label = str(entry.get("label") or entry.get("id") or "")
            label = "" if label == raw else label
            config = entry.get("config", {})
            yield from self._raw(PromptSource(where, label, raw, label, config), self.config.folder)
        elif isinstance(entry, list):
            yield PromptSource(where, "", json.dumps(entry))
        else:
            self.notes.left_out(where, f"prompt {quoted(entry)}", "write a text or {label, raw}")

    def _raw(self, prompt: PromptSource, base: Path) -> Iterator[PromptSource]:
        raw = prompt.raw
        if raw.startswith((*SERVICES, *REMOTE)):
            fix = "get its text, and write it as a template"
            self.notes.left_out(prompt.where, f"prompt {raw[:80]}", fix)
            return
        if not self._names_file(raw, base):
            yield prompt
            return
        code = code_file(raw)
        if Path(code).suffix in PROGRAMS:
            self.tree.copy(code, base)
            self.notes.left_out(prompt.where, f"prompt made by the program {code}", BY_HAND)
            return
        for path in self.tree.paths(raw, base):
            if path.suffix.lower() in PROGRAMS:
                self.tree.copy(self.tree.shown(path), self.tree.root)
                shown = self.tree.shown(path)
                self.notes.left_out(prompt.where, f"prompt made by the program {shown}", BY_HAND)
            else:
                yield from self._file(path, prompt)

    def _names_file(self, raw: str, base: Path) -> bool:
        if raw.startswith(SCHEME):
            return True
        if "\n" in raw or "{{" in raw or len(raw) > 1_000:
            return False
        if Path(code_file(raw)).suffix in (*FILES, *PROGRAMS) and " " not in raw:
            return True
        return glob.has_magic(raw) and bool(glob.glob(raw, root_dir=base))  # noqa: PTH207  links are checked

    def _file(self, path: Path, prompt: PromptSource) -> Iterator[PromptSource]:
        text, suffix = self.tree.text(path), path.suffix.lower()
        name = prompt.name or path.stem
        in_file = replace(prompt, where=self.tree.shown(path), name=name)
        if suffix == ".txt":
            parts = _split(text)
            for part in parts:
                yield replace(in_file, raw=part)
        elif suffix == ".jsonl":
            for line in text.splitlines():
                if line.strip():
                    yield replace(in_file, raw=line)
        elif suffix in (".yaml", ".yml", ".json"):
            try:
                content = self.tree.document(path).content
            except WorkbenchError:  # blocks of Nunjucks make it no YAML
                yield replace(in_file, raw=text)
                return
            if isinstance(content, dict) and isinstance(content.get("messages"), list):
                content = content["messages"]
            yield replace(in_file, raw=content if isinstance(content, str) else json.dumps(content))
        elif suffix == ".csv":
            rows = csv.DictReader(io.StringIO(text))
            for row in rows:
                label = row.get("label") or ""
                yield replace(in_file, raw=row.get("prompt") or "", label=label, name=label or name)
        else:
            yield replace(in_file, raw=text)


def _chat_of(entry: Mapping[str, Any]) -> Any:
    return next((entry[k] for k in ("raw", "messages", "prompt", "content") if k in entry), None)


def _raw_of(entry: Mapping[str, Any]) -> Any:
    return entry.get("raw") or entry.get("prompt") or entry.get("path") or entry.get("id")


def _split(text: str) -> list[str]:
    """The prompts of a text file, which stand between lines of `---`."""
    parts = re.split(r"^[ \t]*---[ \t]*$", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    return [part.strip() for part in parts if part.strip()]


def _named(sources: list[PromptSource]) -> list[PromptSource]:
    """The sources with unique names that a file may have."""
    taken: set[str] = set()
    named: list[PromptSource] = []
    for number, source in enumerate(sources, start=1):
        name = slug(source.name) or f"prompt_{number}"
        unique, copy = name, 2
        while unique in taken:
            unique, copy = f"{name}_{copy}", copy + 1
        taken.add(unique)
        named.append(replace(source, name=unique))
    return named


def slug(text: str) -> str:
    """A name of letters, digits and `_` that begins the text; empty: it has none."""
    words = re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_-")
    return words[:MOST_NAME].rstrip("_-")
