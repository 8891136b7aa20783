"""The file of results beside a file of samples: it names the model, the filters and the metrics.

samples_gsm8k_2026-11-30T21-13-56.jsonl
results_2026-11-30T21-13-56.json          {"config": {"model": "hf", "model_args": …}, "configs": …}
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.importing.foreign_json import ForeignParser, read_document_text
from workbench.importing.foreign_values import as_mapping, as_mappings
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry
from workbench.importing.model_entries import endpoint_entry, model_entry

_SAMPLES = re.compile(r"samples_(.+?)(?:_(\d{4}-\d\d-\d\dT[\d.:-]+?))?")
_RAW_APIS = {"local-completions", "openai-completions"}
_CHAT_APIS = {"local-chat-completions", "openai-chat-completions"}


@dataclass(frozen=True)
class LmEvalConfig:
    """The settings of a task that was evaluated.

    Attributes:
        model: None: it isn't recorded, or can't be asked here.
        filters: of each filter by name its steps.
        metrics: the settings of each metric by name.
    """

    task: str
    model: Entry | None = None
    filters: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_config(samples: Path, log: ImportLog) -> LmEvalConfig:
    """The settings beside a file of samples; its name alone has the task."""
    match = _SAMPLES.fullmatch(samples.stem)
    task, time = (match[1], match[2]) if match else (samples.stem, "")
    results = samples.with_name(f"results_{time}.json")
    if not time or not results.is_file():
        return LmEvalConfig(task)
    try:
        content = ForeignParser(results.name).parse(read_document_text(results), 1)
    except WorkbenchError as error:
        log.left_out(error.where, f"results beside the samples: {error.message}", fix=error.fix)
        return LmEvalConfig(task)
    if not isinstance(content, dict):
        return LmEvalConfig(task)
    settings = as_mapping(as_mapping(content.get("configs")).get(task))
    filters = {
        str(each.get("name")): as_mappings(each.get("filter"))
        for each in as_mappings(settings.get("filter_list"))
    }
    metrics = {str(each.get("metric")): each for each in as_mappings(settings.get("metric_list"))}
    model = _model(as_mapping(content.get("config")), results.name, log)
    if content.get("chat_template"):
        fix = "for chats, write the messages with role lines, and remove `chat: false`"
        log.changed(
            results.name, "prompts have the marks of a chat template as plain text", fix=fix
        )
    return LmEvalConfig(task, model, filters, metrics)


def _model(config: Mapping[str, Any], where: str, log: ImportLog) -> Entry | None:
    kind, arguments = str(config.get("model") or ""), _arguments(config.get("model_args"))
    name = str(arguments.get("pretrained") or arguments.get("model") or "")
    entry: Entry | None = None
    if kind in _RAW_APIS | _CHAT_APIS and name:
        url = re.sub(r"/(chat/)?completions/?$", "", str(arguments.get("base_url") or ""))
        api = "completions" if kind in _RAW_APIS else ""
        key = "OPENAI_API_KEY" if url and kind.startswith("openai") else ""
        entry = endpoint_entry(name, base_url=url, api=api, api_key_env=key)
    elif kind in ("vllm", "sglang"):
        entry = model_entry(kind, name)
        if isinstance(entry, dict):
            entry = {label: {**settings, "api": "completions"} for label, settings in entry.items()}
        log.changed(where, f"model {kind} {name}: asked at its server", fix="set its `base_url:`")
        return entry
    elif kind:
        entry = model_entry(kind, name)
    if entry:
        log.carried(where, f"model {kind} {name}")
    else:
        fix = "write it into experiment.yaml as transformers:… or openai:…"
        log.left_out(where, f"model {kind} {name}".strip(), fix=fix)
    return entry


def _arguments(arguments: Any) -> dict[str, Any]:
    """Arguments of a model: a mapping, or `pretrained=…,dtype=…`."""
    if isinstance(arguments, dict):
        return arguments
    pairs = (part.partition("=") for part in str(arguments or "").split(","))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}
