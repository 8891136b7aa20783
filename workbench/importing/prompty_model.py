"""The model of a Prompty file, in both versions of its front matter.

model: {api: chat, configuration: {type: azure_openai, azure_deployment: d}, parameters: {…}}
model: {id: gpt-6-luna, provider: openai, connection: {kind: key, …}, options: {maxOutputTokens: 9}}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry
from workbench.importing.model_entries import (
    azure_entry,
    endpoint_entry,
    model_entry,
    stand_in_model,
)
from workbench.parameters import PARAMETERS

_ENVIRONMENT = re.compile(r"\$\{(?:env:)?([A-Za-z_]\w*)(?::[^}]*)?\}")
_RENAMED = {
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "stopSequences": "stop",
    "stop_sequences": "stop",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
}
_AZURE = ("azure_openai", "azure", "foundry")


@dataclass
class PromptyModel:
    """A model with the parameters that the file sets.

    Attributes:
        raw: the text is sent without roles.
    """

    entry: Entry
    raw: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    response_schema: Mapping[str, Any] | None = None
    tools: list[Any] = field(default_factory=list)


def read_prompty_model(model: Any, where: str, log: ImportLog) -> PromptyModel:
    """The model of the front matter's key `model`."""
    model = {"id": model} if isinstance(model, str) else model
    model = model if isinstance(model, dict) else {}
    settings = _section(model, "configuration") or _section(model, "connection")
    api = str(model.get("api") or model.get("apiType") or "chat")
    entry = _entry(model, settings, where, log)
    result = PromptyModel(entry, raw=api.startswith("completion"))
    if api in ("embedding", "image"):
        log.left_out(where, f"api {api}", fix="a prompt is answered with text here")
    if result.raw and isinstance(entry, dict):
        result.entry = {name: {**each, "api": "completions"} for name, each in entry.items()}
    elif result.raw and isinstance(entry, str) and entry.startswith("openai:"):
        result.entry = {entry: {"api": "completions"}}
    options = {**_section(model, "parameters"), **_section(model, "options")}
    options |= _section(options, "additionalProperties")
    _read_options(options, result, where, log)
    if model.get("response") == "all":
        log.left_out(where, "response: all", fix="the store keeps each reply: `workbench store`")
    return result


def _section(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, dict) else {}


def _entry(
    model: Mapping[str, Any], settings: Mapping[str, Any], where: str, log: ImportLog
) -> Entry:
    kind = str(settings.get("type") or model.get("provider") or "openai")
    deployment = settings.get("azure_deployment")
    names = (deployment, model.get("id"), settings.get("model"), settings.get("name"))
    name = next((_expanded(each) for each in names if isinstance(each, str) and each), "")
    endpoint = str(
        settings.get("azure_endpoint") or settings.get("endpoint") or settings.get("base_url") or ""
    )
    for key in ("api_key", "apiKey", "key"):
        if isinstance(settings.get(key), str) and not _ENVIRONMENT.fullmatch(settings[key]):
            fix = "put it into .env, as OPENAI_API_KEY=… or AZURE_OPENAI_API_KEY=…"
            log.left_out(where, f"the key in {key}, which is written nowhere", fix=fix)
    if not name or "${" in name:
        return stand_in_model(where, log)
    if kind in _AZURE or deployment:
        version = _expanded(settings.get("api_version") or settings.get("apiVersion"))
        text = f"deployment {name} on Azure"
        log.changed(where, text, fix="set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY in .env")
        return azure_entry(name, _expanded(endpoint) or "${AZURE_OPENAI_ENDPOINT}", version)
    entry = endpoint_entry(name, base_url=_expanded(endpoint)) if endpoint else None
    entry = entry or model_entry(kind, name)
    if entry is None:
        return stand_in_model(where, log, f"model {name!r} of {kind!r} can't be asked here")
    if endpoint:
        fix = "add `api_key_env:` with the name of the variable that holds its key"
        log.changed(where, f"model {name} at its endpoint", fix=fix)
    else:
        log.carried(where, f"model {name}")
    return entry


def _expanded(value: Any) -> str:
    """A setting with variables as ours are written: `${env:NAME}` is `${NAME}`."""
    return _ENVIRONMENT.sub(r"${\1}", value) if isinstance(value, str) else ""


def _read_options(
    options: Mapping[str, Any], result: PromptyModel, where: str, log: ImportLog
) -> None:
    for key, value in options.items():
        name = _RENAMED.get(key, key)
        schema = _schema(value) if name == "response_format" else None
        if name == "tools":
            result.tools = value if isinstance(value, list) else []
        elif schema is not None:
            result.response_schema = schema
        elif name in PARAMETERS and value is not None and "${" not in str(value):
            result.parameters[name] = value
        elif name != "additionalProperties" and value is not None:
            fix = "if the endpoint takes it, write it under `parameters: {extra_body: …}`"
            log.left_out(where, f"parameter {key}", fix=fix)
    if count := len(result.parameters) + (result.response_schema is not None):
        log.carried(where, "parameters", count=count)


def _schema(value: Any) -> Mapping[str, Any] | None:
    """The JSON schema of a response format; None: it has none."""
    if not isinstance(value, dict) or value.get("type") != "json_schema":
        return None
    inner = value.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    return schema if isinstance(schema, dict) else None
