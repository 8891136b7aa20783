"""A configuration of promptfoo as a task.

read_promptfoo(Path("triage/promptfooconfig.yaml"))     Import((ImportedTask("triage", …),), …)
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.document import Document
from workbench.errors import WorkbenchError, list_first
from workbench.importing.foreign_values import quoted
from workbench.importing.imported import Import, ImportedTask, ImportOutcome
from workbench.importing.promptfoo.case_values import RowValues
from workbench.importing.promptfoo.chat_templates import ChatMessage, TemplateWriter, read_chat
from workbench.importing.promptfoo.configured_cases import CaseReader, ConfiguredCase
from workbench.importing.promptfoo.import_notes import ImportNotes
from workbench.importing.promptfoo.prompt_sources import PromptReader, PromptSource, slug
from workbench.importing.promptfoo.provider_entries import ProviderEntry, read_provider
from workbench.importing.promptfoo.row_assertions import RowAssertions
from workbench.importing.promptfoo.source_keys import (
    CONFIGURATION,
    EVALUATE_OPTIONS,
    SourceKeys,
)
from workbench.importing.promptfoo.source_tree import SourceTree


@dataclass(frozen=True)
class ConfiguredTask:
    """A task with what its answers are found by.

    Attributes:
        cases: those of its rows, in order.
        providers: those of its models.
        sources: those of its templates, by name.
    """

    task: ImportedTask
    cases: tuple[ConfiguredCase, ...]
    providers: tuple[ProviderEntry, ...]
    sources: Mapping[str, PromptSource]


def read_promptfoo(path: Path) -> Import:
    """The task of a configuration file.

    Raises:
        WorkbenchError: it is no YAML or JSON, or no mapping.
    """
    tree, notes = SourceTree(path.parent), ImportNotes()
    document = tree.document(tree.path(path.name, tree.root))
    configured = read_configuration(document, tree, notes, task_name(path))
    return Import((configured.task,), notes.lines)


def task_name(path: Path) -> str:
    """The name of the task: the file's, or that of its folder."""
    stem = path.name.lower().partition(".")[0]
    usual = stem.startswith("promptfooconfig") or stem in ("config", "results", "out", "output")
    name = path.resolve().parent.name if usual else path.stem
    return slug(name.removesuffix(".promptfooconfig")) or "imported"


def read_configuration(
    document: Document, tree: SourceTree, notes: ImportNotes, name: str
) -> ConfiguredTask:
    """The task of a configuration, whose files lie in `tree`."""
    content = document.content
    if not isinstance(content, dict):
        fix = "write prompts, providers and tests"
        raise WorkbenchError("the file is no mapping", where=document.path, fix=fix)
    document = _readable(document, notes)
    content = document.content
    sources = PromptReader(tree, document, notes).sources()
    cases = tuple(CaseReader(tree, document, notes).cases())
    providers = _providers(document, notes)
    values = RowValues(tree, notes, content.get("env"))
    rows = [values.row(case) for case in cases]
    has_affixes = any(case.options.get("prefix") or case.options.get("suffix") for case in cases)
    templates, carried = _templates(sources, values, notes, affixes=has_affixes)
    if not templates:
        raise _no_prompt_error(document, notes)
    values.complete(rows, templates.writer, affixes=has_affixes)
    models, settings = _models(document, providers, carried, notes)
    judge = next((ref for each in models if (ref := next(iter(each))) != "echo:last"), None)
    assertions = RowAssertions(tree, notes, rows)
    assertions.add(cases)
    assertions.finish()
    expected = assertions.columns.expectations(len(rows))
    entries = assertions.entries(_label(providers, judge))
    if not entries:
        fix = "name what a good answer is under `evaluators:`; `workbench evaluators` lists them"
        notes.left_out("", "no evaluator: answers are shown, and not scored", fix)
    task = ImportedTask(
        name=name,
        templates=templates.texts,
        rows=_rows(cases, rows, expected),
        models=models,
        evaluators=entries,
        description=_description(content),
        evaluator_files=assertions.columns.files(),
        judge_files=assertions.columns.judges(),
        copied_files=tree.copied,
        settings=settings,
    )
    return ConfiguredTask(
        task, cases, tuple(providers), {source.name: source for source in carried}
    )


def _no_prompt_error(document: Document, notes: ImportNotes) -> WorkbenchError:
    lost = [line.text for line in notes.lines if line.outcome is ImportOutcome.LEFT_OUT]
    prompts = [text for text in lost if text.startswith("prompt")]
    message = f"no prompt can be carried: {list_first(prompts, 5, '; ') or 'the file has none'}"
    fix = "mend its prompts, or write one as a text"
    return WorkbenchError(message, where=document.path, fix=fix)


def _description(content: Mapping[str, Any]) -> str:
    return str(content.get("description", "")).strip()


def _label(providers: list[ProviderEntry], ref: str | None) -> str | None:
    return next((each.label for each in providers if each.ref == ref), None)


def _readable(document: Document, notes: ImportNotes) -> Document:
    """The configuration without values of a type that isn't read; the others are named.

    Keys that have no meaning stay: a `$ref` may name them.
    """
    content = document.content
    keys = SourceKeys(notes)
    readable = keys.readable(content, CONFIGURATION, document.where)
    if options := readable.get("evaluateOptions"):
        where = document.where("evaluateOptions")
        readable["evaluateOptions"] = keys.readable(options, EVALUATE_OPTIONS, where)
    if "providers" in readable and readable.pop("targets", None):
        notes.left_out(document.where("targets"), "`targets` beside `providers`", "name them there")
    others = {key: value for key, value in content.items() if key not in CONFIGURATION.types}
    return replace(document, content=others | readable)


def _providers(document: Document, notes: ImportNotes) -> list[ProviderEntry]:
    key = "providers" if "providers" in document.content else "targets"
    listed = document.content.get(key)
    entries: list[ProviderEntry] = []
    for index, provider in enumerate(listed if isinstance(listed, list) else [listed]):
        where = document.where(key, index) if isinstance(listed, list) else document.where(key)
        if provider is not None and (entry := read_provider(provider, where, notes)):
            entries.append(entry)
    labels: set[str] = set()
    unique: list[ProviderEntry] = []
    for entry in entries:
        label, copy = entry.label, 2
        while label in labels:
            label, copy = f"{entry.label} {copy}", copy + 1
        labels.add(label)
        settings = {**entry.entry[entry.ref], **({"as": label} if label != entry.label else {})}
        unique.append(replace(entry, entry={entry.ref: settings}, label=label))
    return unique


@dataclass(frozen=True)
class _Templates:
    texts: dict[str, str]
    writer: TemplateWriter

    def __bool__(self) -> bool:
        return bool(self.texts)


def _templates(
    sources: list[PromptSource], values: RowValues, notes: ImportNotes, *, affixes: bool
) -> tuple[_Templates, list[PromptSource]]:
    """The templates by name, and the sources that have become some."""
    writer, texts, carried = TemplateWriter(values.kinds), dict[str, str](), list[PromptSource]()
    for source in sources:
        try:
            messages = read_chat(source.raw)
            if messages is None:
                raw = f"{{{{ prompt_prefix }}}}{source.raw}{{{{ prompt_suffix }}}}"
                messages = [ChatMessage("user", raw if affixes else source.raw)]
            elif affixes:
                notes.left_out(source.where, "prefix or suffix of a chat", "add it to a message")
            writer.mended, writer.unsure = {}, {}
            text = writer.text(messages)
        except WorkbenchError as error:
            notes.refused(source.where, f"prompt {source.name}", error)
            continue
        if source.config:
            parameters = {k: v for k, v in source.config.items() if v is not None}
            notes.left_out(
                source.where,
                f"`config` of the prompt {source.name}: {quoted(parameters, 80)}",
                "write it as `parameters:` into the template's front matter",
            )
        texts[source.name] = text
        carried.append(source)
        notes.carried(source.where, f"prompt {source.name}")
        for change in writer.mended:
            notes.changed(source.where, f"Nunjucks: {change}")
        for problem in writer.unsure:
            fix = f"mend it in {source.name}.jinja: Jinja may read it otherwise or not at all"
            notes.left_out(source.where, f"Nunjucks: {problem}", fix)
    return _Templates(texts, writer), carried


def _models(
    document: Document,
    providers: list[ProviderEntry],
    sources: list[PromptSource],
    notes: ImportNotes,
) -> tuple[list[Mapping[str, Mapping[str, Any]]], dict[str, Any]]:
    """The models, and further keys of the experiment file."""
    options = document.content.get("evaluateOptions", {})
    settings: dict[str, Any] = {}
    if options.get("repeat", 1) > 1:
        settings["repeats"] = options["repeat"]
    excluded = [
        {"prompt": source.name, "model": provider.label}
        for provider in providers
        if provider.prompts is not None
        for source in sources
        if not _allowed(source, provider.prompts)
    ]
    if excluded:
        settings["exclude"] = excluded
    for provider in providers:
        if provider.tools:
            fix = "write them as `tools:` into the front matter of the prompts: docs/prompts.md"
            notes.left_out(document.where("providers"), f"`tools` of {provider.ids[0]}", fix)
    if not providers:
        fix = "name a model under `models:` in experiment.yaml"
        notes.changed(document.where(), "no provider: the model is echo:last, an echo", fix)
        return [{"echo:last": {}}], settings
    models: list[Mapping[str, Mapping[str, Any]]] = [dict(each.entry) for each in providers]
    if (concurrency := options.get("maxConcurrency", 0)) > 0:
        models = [
            {
                ref: settings
                if ref.startswith("echo:")
                else {**settings, "concurrency": concurrency}
                for ref, settings in model.items()
            }
            for model in models
        ]
    return models, settings


def _allowed(source: PromptSource, names: tuple[str, ...]) -> bool:
    """True if a provider's list names the prompt, by its label, a part of it, or its text."""
    names_of_it = (source.label, source.raw, source.name)
    return any(
        name in names_of_it
        or (source.label and source.label.startswith(f"{name}:"))
        or (name.endswith("*") and source.label.startswith(name[:-1]))
        for name in names
    )


def _rows(
    cases: tuple[ConfiguredCase, ...],
    rows: list[dict[str, Any]],
    expected: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """The rows of the dataset: ids by the number of the test."""
    written: list[dict[str, Any]] = []
    copies: dict[int, int] = {}
    counts = Counter(case.number for case in cases)
    for case, inputs, expectations in zip(cases, rows, expected, strict=True):
        copies[case.number] = copies.get(case.number, 0) + 1
        suffix = f".{copies[case.number]}" if counts[case.number] > 1 else ""
        row: dict[str, Any] = {"id": f"{case.number}{suffix}", "inputs": inputs}
        row["expectations"] = expectations
        metadata = {
            **case.metadata,
            **({"description": case.description} if case.description else {}),
        }
        if metadata:
            row["metadata"] = metadata
        written.append(row)
    return written
