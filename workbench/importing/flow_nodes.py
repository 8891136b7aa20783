"""Nodes of a Prompt flow: their variants, what their variables stand for, and their model.

- name: classify
  type: llm
  source: {type: code, path: classify.jinja2}
  inputs: {deployment_name: gpt-6-luna, temperature: 0, text: "${inputs.text}"}
  connection: azure_open_ai
  api: chat
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from workbench.importing.foreign_values import as_mapping, quoted
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry
from workbench.importing.model_entries import azure_entry, stand_in_model
from workbench.importing.prompty_schema import function_tool
from workbench.parameters import PARAMETERS

_REFERENCE = re.compile(r"\$\{\s*([\w-]+)\.([\w.\[\]'\"-]+)\s*\}")
_MODEL_KEYS = {"deployment_name", "model"}
_FUNCTIONS = {"functions", "tools"}
_OTHER_SETTINGS = {"n", "best_of", "echo", "suffix", "function_call"}


@dataclass(frozen=True)
class FlowNode:
    """A node, or a variant of it.

    Attributes:
        name: of the node.
        variant: empty: the node has none.
    """

    name: str
    variant: str
    values: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The node's type, such as `llm`, `python` or `prompt`."""
        return str(self.values.get("type") or "")

    @property
    def file(self) -> str:
        """The path of its template or code; empty: it has none."""
        source = self.values.get("source")
        path = source.get("path") if isinstance(source, dict) else None
        return path if isinstance(path, str) else ""

    @property
    def inputs(self) -> dict[str, Any]:
        """Its settings and its variables."""
        inputs = as_mapping(self.values.get("inputs"))
        return {str(key): value for key, value in inputs.items()}

    @property
    def variables(self) -> dict[str, Any]:
        """Its variables alone."""
        settings = _MODEL_KEYS | _FUNCTIONS | _OTHER_SETTINGS | set(PARAMETERS)
        return {name: each for name, each in self.inputs.items() if name not in settings}

    @property
    def raw(self) -> bool:
        """True if its text is sent without roles."""
        return str(self.values.get("api") or "chat").startswith("completion")


@dataclass
class NodeSettings:
    """Settings of a model node."""

    parameters: dict[str, Any] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)


def flow_nodes(content: Mapping[str, Any]) -> list[list[FlowNode]]:
    """The nodes of a flow; each with its variants, the default one first."""
    listed = content.get("nodes")
    groups: list[list[FlowNode]] = []
    for node in listed if isinstance(listed, list) else []:
        if not isinstance(node, dict) or not isinstance(node.get("name"), str):
            continue
        name = node["name"]
        described = as_mapping(as_mapping(content.get("node_variants")).get(name))
        variants = described.get("variants")
        if not isinstance(variants, dict) or not variants:
            groups.append([FlowNode(name, "", node)])
            continue
        default = described.get("default_variant_id")
        order = sorted(variants, key=lambda variant: variant != default)
        changed = {str(v): as_mapping(as_mapping(variants[v]).get("node")) for v in order}
        groups.append([FlowNode(name, v, {**node, **values}) for v, values in changed.items()])
    return groups


def reference(value: Any) -> tuple[str, str] | None:
    """The node (or `inputs`) and the output that `${node.output}` names; None: a plain value."""
    match = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
    return (match[1], match[2]) if match else None


def node_settings(node: FlowNode, where: str, log: ImportLog) -> NodeSettings:
    """The parameters and tools of a model node."""
    settings = NodeSettings()
    for key, value in node.inputs.items():
        if key in _FUNCTIONS:
            listed = _parsed(value)
            functions = [function_tool(t) for t in listed] if isinstance(listed, list) else []
            settings.tools += [function for function in functions if function]
            if not functions and value:
                log.left_out(where, f"{key}: {quoted(value)}", fix="write `tools:` in the prompt")
        elif key in PARAMETERS and value not in (None, "", [], {}):
            parsed = _parsed(value)
            if reference(value) or (key == "response_format" and not isinstance(parsed, dict)):
                log.left_out(where, f"{key}: {quoted(value)}", fix="write it under `parameters:`")
            else:
                settings.parameters[key] = value if key == "stop" else parsed
        elif key in _OTHER_SETTINGS and value not in (None, "", [], {}, 1, False):
            fix = "`repeats:` asks several times" if key in ("n", "best_of") else "leave it"
            log.left_out(where, f"{key}: {quoted(value)}", fix=fix)
    if settings.parameters or settings.tools:
        log.carried(where, "settings", count=len(settings.parameters) + len(settings.tools))
    return settings


def node_model(node: FlowNode, where: str, log: ImportLog) -> Entry:
    """The model that a node asks."""
    names = (node.inputs.get("deployment_name"), node.inputs.get("model"))
    name = next((each for each in names if isinstance(each, str) and each.strip()), "")
    provider = str(node.values.get("provider") or "").lower()
    connection = str(node.values.get("connection") or "")
    if not name or reference(name):
        return stand_in_model(where, log)
    if "azure" in provider or node.inputs.get("deployment_name"):
        text = f"connection {quoted(connection)}: deployment {name} on Azure"
        log.changed(where, text, fix="set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY in .env")
        entry = azure_entry(name, "${AZURE_OPENAI_ENDPOINT}", "2024-10-21")
    else:
        text = f"connection {quoted(connection)}: model {name}"
        log.changed(where, text, fix="set OPENAI_API_KEY in .env, or `base_url:` of the model")
        entry = f"openai:{name}"
    if not node.raw:
        return entry
    named = {entry: {}} if isinstance(entry, str) else entry
    return {label: {**settings, "api": "completions"} for label, settings in named.items()}


def _parsed(value: Any) -> Any:
    """A setting; a number or an object may be written as text."""
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            return json.loads(value, parse_constant=lambda _: value)
    return value
