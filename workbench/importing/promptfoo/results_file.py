"""Results of `promptfoo eval -o results.json`: the evaluated configuration, with its answers.

read_results(Path("results.json"))     Import(tasks=(ImportedTask("triage", answers=(…)),), …)
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.document import Document
from workbench.errors import WorkbenchError
from workbench.importing.imported import Import, ImportedAnswer
from workbench.importing.promptfoo.chat_templates import read_chat
from workbench.importing.promptfoo.import_notes import ImportNotes
from workbench.importing.promptfoo.read_config import (
    ConfiguredTask,
    read_configuration,
    task_name,
)
from workbench.importing.promptfoo.source_tree import SourceTree

Result = Mapping[str, Any]
AGAIN = "write them again: promptfoo eval -o results.json"
# Keys of the configuration whose content stands in the results, as it was used.
REBUILT = ("description", "prompts", "providers", "targets", "tests", "defaultTest", "scenarios")


def read_results(path: Path) -> Import:
    """The task of a file of results.

    Raises:
        WorkbenchError: the file has no results.
    """
    tree, notes = SourceTree(path.parent), ImportNotes()
    document = tree.document(tree.path(path.name, tree.root))
    content = document.content
    summary = content.get("results") if isinstance(content, dict) else None
    results = summary.get("results") if isinstance(summary, dict) else None
    if not isinstance(summary, dict) or not isinstance(results, list) or not results:
        raise WorkbenchError("the file has no results", where=document.path, fix=AGAIN)
    results = _readable(results, notes)
    prompts = _prompts(summary, results)
    tests = _tests(results)
    config = content.get("config")
    config = config if isinstance(config, dict) else {}
    rebuilt = {
        "description": config.get("description") or "",
        "prompts": list(prompts.values()),
        "providers": config.get("providers") or _providers(results),
        "tests": [tests[index] for index in sorted(tests)],
        **{key: value for key, value in config.items() if key not in REBUILT},
    }
    notes.left_out("", "recorded scores", "the run computes them again", len(results))
    configuration = Document(document.path, rebuilt, {}, tree.root)
    configured = read_configuration(configuration, tree, notes, task_name(path))
    positions = {index: row for row, index in enumerate(sorted(tests))}
    answers = tuple(_answers(results, prompts, positions, configured, notes))
    return Import((replace(configured.task, answers=answers),), notes.lines)


def _readable(results: Sequence[Any], notes: ImportNotes) -> list[Result]:
    """The results that are mappings with the positions of their test and prompt."""
    readable: list[Result] = [
        each
        for each in results
        if isinstance(each, dict)
        and all(isinstance(each.get(key, 0), int) for key in ("testIdx", "promptIdx"))
    ]
    if count := len(results) - len(readable):
        notes.left_out("", "a result without the numbers of its test and prompt", AGAIN, count)
    return readable


def _prompts(summary: Mapping[str, Any], results: Sequence[Result]) -> dict[int, dict[str, str]]:
    """The prompt of each position, before rendering; those of several models are one."""
    listed = summary.get("prompts")
    if not isinstance(listed, list) or not listed:
        recorded = [(r, r["prompt"]) for r in results if isinstance(r.get("prompt"), dict)]
        labels = [(r, label) for r, p in recorded if isinstance(label := p.get("label"), str)]
        by_label = {label: r.get("promptIdx", 0) for r, label in labels}
        return {index: {"raw": label, "label": label} for label, index in by_label.items()}
    prompts: dict[int, dict[str, str]] = {}
    seen: set[str] = set()
    for index, prompt in enumerate(listed):
        if not isinstance(prompt, dict):
            continue
        raw = prompt.get("raw")
        if isinstance(raw, str) and raw not in seen:
            seen.add(raw)
            label = str(prompt.get("label") or "")
            prompts[index] = {"raw": raw, "label": "" if label in raw or raw in label else label}
    return prompts


def _tests(results: Sequence[Result]) -> dict[int, dict[str, Any]]:
    """The test of each position, its values as they were used."""
    tests: dict[int, dict[str, Any]] = {}
    for result in results:
        index = result.get("testIdx", 0)
        case = result.get("testCase")
        if index in tests or not isinstance(case, dict):
            continue
        used = result.get("vars")
        test = {key: value for key, value in case.items() if key != "provider"}
        test["vars"] = {**_mapping(case.get("vars")), **_mapping(used)}
        test["options"] = {**_mapping(case.get("options")), "disableVarExpansion": True}
        tests[index] = test
    return tests


def _providers(results: Sequence[Result]) -> list[dict[str, str]]:
    providers: dict[str, dict[str, str]] = {}
    for result in results:
        provider = result.get("provider")
        identifier = provider.get("id") if isinstance(provider, dict) else provider
        if isinstance(identifier, str):
            label = provider.get("label") if isinstance(provider, dict) else ""
            providers[identifier] = {"id": identifier, **({"label": label} if label else {})}
    return list(providers.values())


def _answers(
    results: Sequence[Result],
    prompts: Mapping[int, Mapping[str, str]],
    positions: Mapping[int, int],
    configured: ConfiguredTask,
    notes: ImportNotes,
) -> Iterator[ImportedAnswer]:
    """The answers, by the names of the task."""
    templates = _template_names(results, prompts, configured)
    models = {name: each.label for each in configured.providers for name in each.ids}
    for result in results:
        provider = result.get("provider")
        provider = provider if isinstance(provider, dict) else {"id": provider}
        model = models.get(provider.get("label") or "") or models.get(str(provider.get("id")))
        template = templates.get(result.get("promptIdx", 0))
        response = _mapping(result.get("response"))
        output, rendered = response.get("output"), _mapping(result.get("prompt")).get("raw")
        row = positions.get(result.get("testIdx", 0))
        if row is None:
            notes.left_out("", "answer: its test was not recorded", AGAIN)
        elif not model or not template:
            notes.left_out("", "answer: its prompt or its model is left out")
        elif output is None or response.get("error"):
            notes.left_out("", "answer: an error there", "the run asks the model again")
        elif not isinstance(rendered, str):
            notes.left_out("", "answer: the prompt was not recorded")
        else:
            milliseconds = result.get("latencyMs")
            yield ImportedAnswer(
                template,
                model,
                row,
                output if isinstance(output, str) else json.dumps(output, separators=(",", ":")),
                messages=_messages(rendered),
                finish_reason=str(response.get("finishReason") or ""),
                latency_s=milliseconds / 1000 if isinstance(milliseconds, int | float) else None,
            )


def _template_names(
    results: Sequence[Result],
    prompts: Mapping[int, Mapping[str, str]],
    configured: ConfiguredTask,
) -> dict[int, str]:
    """The template of each position of a prompt; positions of other models repeat them."""
    by_raw = {source.raw: name for name, source in configured.sources.items()}
    count = len(prompts)
    names: dict[int, str] = {}
    for result in results:
        index = result.get("promptIdx", 0)
        prompt = prompts.get(index) or list(prompts.values())[index % count]
        if name := by_raw.get(prompt["raw"]):
            names[index] = name
    return names


def _messages(rendered: str) -> list[dict[str, str]]:
    """The conversation that promptfoo sends for a rendered prompt."""
    try:
        chat = read_chat(rendered)
    except WorkbenchError:
        chat = None
    if chat is None:
        return [{"role": "user", "content": rendered}]
    return [{"role": message.role, "content": message.content} for message in chat]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
