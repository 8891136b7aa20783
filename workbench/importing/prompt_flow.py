"""Prompt flow: a task for each model node of `flow.dag.yaml`, with a prompt for each variant.

Code is copied beside and never run: where a variable has the output of code or of another model,
its column is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.document import read_document
from workbench.errors import WorkbenchError
from workbench.importing.column_table import ColumnTable
from workbench.importing.flow_nodes import (
    FlowNode,
    flow_nodes,
    node_model,
    node_settings,
    reference,
)
from workbench.importing.flow_template import flow_template, put_in
from workbench.importing.foreign_json import read_document_text
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry, Import, ImportedTask
from workbench.importing.jinja_text import with_front_matter
from workbench.importing.model_entries import entry_name, report_no_evaluator
from workbench.importing.role_headings import RoleTemplate, without_images
from workbench.importing.source_files import ForeignFile
from workbench.importing.source_folder import find_file, read_data_file
from workbench.importing.task_names import NameSet, task_name
from workbench.importing.template_variables import read_variables

_LOST = {"environment": "install what evaluators of yours need", "additional_includes": ""}


@dataclass
class _Flow:
    """A flow while it is read.

    Attributes:
        data: rows of the flow's inputs and columns beside them.
    """

    path: Path
    log: ImportLog
    nodes: dict[str, list[FlowNode]]
    data: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)

    def where(self, node: str) -> str:
        return f"{self.path.name}: {node}"

    def text(self, node: FlowNode) -> str | None:
        """The template of a node; None, with a line of the report, if it can't be read."""
        place = self.where(node.name)
        file = find_file(self.path.parent, node.file, place, self.log) if node.file else None
        if file is None:
            if not node.file:
                self.log.left_out(place, "a node without a template", fix="write its prompt")
            return None
        try:
            return read_document_text(file)
        except WorkbenchError as error:
            self.log.left_out(place, f"{node.file}: {error.message}", fix=error.fix)
            return None


def is_prompt_flow(file: ForeignFile) -> bool:
    """True for `flow.dag.yaml`, and for YAML with nodes and inputs."""
    suffix = file.path.suffix.lower()
    return suffix in (".yaml", ".yml") and {"nodes", "inputs"} <= file.keys


def read_prompt_flow(path: Path) -> Import:
    """The tasks of a flow.

    Raises:
        WorkbenchError: the file can't be read, or the flow asks no model.
    """
    log = ImportLog()
    content = read_document(path).content
    content = content if isinstance(content, dict) else {}
    nodes = {group[0].name: group for group in flow_nodes(content)}
    flow = _Flow(path, log, nodes)
    flow.data = _rows(content.get("inputs"), flow)
    models = [group for group in nodes.values() if group[0].kind == "llm"]
    _report_others(flow, content)
    names = NameSet("flow")
    folder = task_name(path.resolve().parent.name, "flow")
    tasks: list[ImportedTask] = []
    for group in models:
        label = folder if len(models) == 1 else f"{folder}_{group[0].name}"
        task = _task(flow, group, names.add(label), copied=not tasks)
        tasks += [task] if task else []
    if not tasks:
        fix = "import a flow with a node of type llm whose template is there"
        raise WorkbenchError("the flow asks no model", where=path.name, fix=fix)
    report_no_evaluator(path.name, log)
    return Import(tasks, log.lines)


def _task(flow: _Flow, group: list[FlowNode], name: str, *, copied: bool) -> ImportedTask | None:
    """The task of a model node; None: none of its variants has a template."""
    templates: dict[str, str] = {}
    variables: dict[str, Any] = {}
    models: dict[str, Entry] = {}
    images: dict[str, Path] = {}
    names = NameSet("prompt")
    for node in group:
        place = flow.where(f"{node.name}.{node.variant}" if node.variant else node.name)
        template = _template(flow, node, variables)
        if template is None:
            continue
        paths = {
            file: find_file(flow.path.parent, file, place, flow.log) for file in template.files
        }
        images |= {file: at for file, at in paths.items() if at}
        text = without_images(template.text, set(template.files) - set(images))
        settings = node_settings(node, place, flow.log)
        front = {
            "chat": False if node.raw else None,
            "parameters": settings.parameters,
            "tools": settings.tools,
        }
        templates[names.add(node.variant or "prompt")] = with_front_matter(f"{text}\n", front)
        model = node_model(node, place, flow.log)
        models.setdefault(entry_name(model), model)
        flow.log.carried(place, "prompt")
    if not templates:
        return None
    if len(models) > 1:
        fix = "leave pairs out with `exclude:`"
        text = "variants ask several models: each prompt is asked of each"
        flow.log.changed(flow.where(group[0].name), text, fix=fix)
    table = _table(flow, variables, group[0].name)
    return ImportedTask(
        name=name,
        templates=templates,
        rows=table.rows,
        models=list(models.values()),
        dataset=table.dataset_keys(flow.path.name, flow.log),
        description=f"Node {group[0].name} of a Prompt flow.",
        copied_files={**images, **(flow.files if copied else {})},
    )


def _template(flow: _Flow, node: FlowNode, variables: dict[str, Any]) -> RoleTemplate | None:
    """The node's template, with those of prompt nodes in place of their variables."""
    text = flow.text(node)
    if text is None:
        return None
    text = text.replace("\r\n", "\n").strip("\n")
    for name, value in node.variables.items():
        target = reference(value)
        inner_node = flow.nodes[target[0]][0] if target and target[0] in flow.nodes else None
        if inner_node and inner_node.kind == "prompt":
            inner = flow.text(inner_node)
            if inner is not None:
                text = put_in(text, name, inner.replace("\r\n", "\n").strip("\n"))
                for each, bound in inner_node.variables.items():
                    _bind(flow, node, variables, each, bound)
                continue
        _bind(flow, node, variables, name, value)
    template = flow_template(text, raw=node.raw)
    for attributes in template.attributes:
        fix = "messages have no attributes here"
        flow.log.left_out(flow.where(node.name), f"attributes of a role: {attributes}", fix=fix)
    _bind_unnamed(flow, node, variables, template.text)
    return template


def _bind_unnamed(flow: _Flow, node: FlowNode, variables: dict[str, Any], text: str) -> None:
    """Bind variables of a template that the node doesn't name: Prompt flow writes nothing there."""
    columns = set[str]().union(*flow.data)
    names = read_variables(text, flow.where(node.variant or node.name), flow.log)
    if missing := [name for name in names if name not in variables and name not in columns]:
        named = ", ".join(missing)
        text = f"variables that the node doesn't name, which are empty: {named}"
        flow.log.changed(flow.where(node.name), text, fix="fill them in in rows.jsonl")
    variables |= dict.fromkeys(missing, "")


def _bind(flow: _Flow, node: FlowNode, variables: dict[str, Any], name: str, value: Any) -> None:
    if variables.setdefault(name, value) != value:
        text = f"variable {name!r} has other values here: those of the first prompt hold"
        fix = "give it a name of its own in one of the templates, and a column of that name"
        flow.log.changed(flow.where(node.variant or node.name), text, fix=fix)


def _table(flow: _Flow, variables: Mapping[str, Any], node: str) -> ColumnTable:
    """A row for each row of the flow, with a column for each variable of the node."""
    table = ColumnTable()
    for row in flow.data:
        columns = {name: _value(value, row) for name, value in variables.items()}
        used = {t[1] for v in variables.values() if (t := reference(v)) and t[0] == "inputs"}
        beside = {name: each for name, each in row.items() if name not in used}
        table.add({**beside, **columns} or {"id": 1})
    for name, value in variables.items():
        target = reference(value)
        if target and target[0] != "inputs":
            text = f"variable {name!r} is the output of node {target[0]!r}: its column is empty"
            fix = f"fill in column {name!r} of rows.jsonl"
            flow.log.changed(flow.where(node), text, fix=fix)
    table.report_renamed(flow.where(node), flow.log)
    return table


def _value(value: Any, row: Mapping[str, Any]) -> Any:
    target = reference(value)
    if not target:
        return value
    if target[0] != "inputs":
        return ""
    result: Any = row
    for step in target[1].split("."):
        result = result.get(step) if isinstance(result, Mapping) else None
    return "" if result is None else result


def _rows(inputs: Any, flow: _Flow) -> list[dict[str, Any]]:
    """The rows of the data file beside the flow, else the defaults of its inputs."""
    described = inputs if isinstance(inputs, dict) else {}
    defaults = {
        str(name): each.get("default") if isinstance(each, dict) else each
        for name, each in described.items()
    }
    folder = flow.path.parent
    names = ["data.jsonl", *sorted(file.name for file in folder.glob("*.jsonl"))]
    name = next((each for each in names if (folder / each).is_file()), "")
    file = find_file(folder, name, flow.path.name, flow.log) if name else None
    content = read_data_file(file, flow.path.name, flow.log) if file else None
    rows = [each for each in content if isinstance(each, dict)] if content else []
    for other in names[1:]:
        if other != name:
            flow.log.left_out(other, "further rows", fix=f"join them with {name}")
    if rows:
        flow.log.carried(name, "rows", count=len(rows))
        return [{**defaults, **row} for row in rows]
    fix = "put rows into rows.jsonl"
    flow.log.changed(flow.path.name, "no data file: one row of the inputs' defaults", fix=fix)
    return [defaults]


def _report_others(flow: _Flow, content: Mapping[str, Any]) -> None:
    """Report nodes and keys that aren't read as prompts, and copy code."""
    read = {t[0] for group in flow.nodes.values() for n in group
            for v in n.variables.values() if (t := reference(v))}  # fmt: skip
    for group in flow.nodes.values():
        for node in group:
            _report_node(flow, node, used=node.name in read)
    for key, fix in _LOST.items():
        if content.get(key):
            flow.log.left_out(f"{flow.path.name}: {key}", key, fix=fix or "copy the files")


def _report_node(flow: _Flow, node: FlowNode, *, used: bool) -> None:
    place = flow.where(node.name)
    for key in ("activate", "skip", "aggregation"):
        if node.values.get(key):
            flow.log.left_out(place, f"{key} of a node", fix="use `rows:` of an evaluator")
    if node.kind == "llm":
        return
    if node.kind == "prompt" and used:
        flow.log.carried(place, "prompt node, as a part of the prompts that read it")
        return
    file = find_file(flow.path.parent, node.file, place, flow.log) if node.file else None
    if file and node.kind == "python":
        flow.files[file.name if "/" in node.file else node.file] = file
    text = f"{node.kind or 'unknown'} node"
    text += f": its code is in {node.file}, and is never run" if file else ""
    fix = "put what it computes into columns of rows.jsonl"
    flow.log.left_out(place, text, fix=fix)
