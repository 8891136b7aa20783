"""Prompty files, of both versions of their front matter, as tasks.

---
name: Basic
model: {api: chat, configuration: {type: azure_openai, azure_deployment: gpt-6-luna}}
sample: {question: Why is the sky blue?}
---
system:
You answer questions.

user:
{{question}}
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.document import parse_document
from workbench.errors import WorkbenchError
from workbench.importing.column_table import ColumnTable
from workbench.importing.foreign_json import read_document_text
from workbench.importing.foreign_values import as_list, quoted
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Import, ImportedTask
from workbench.importing.jinja_text import with_front_matter
from workbench.importing.model_entries import report_no_evaluator
from workbench.importing.mustache import mustache_source
from workbench.importing.prompty_model import read_prompty_model
from workbench.importing.prompty_schema import (
    default_values,
    function_tool,
    is_thread,
    json_schema,
    named_properties,
)
from workbench.importing.role_headings import RoleTemplate, read_headings, without_images
from workbench.importing.source_files import ForeignFile
from workbench.importing.source_folder import find_file, read_data_file
from workbench.importing.task_names import task_name
from workbench.importing.template_variables import read_variables

_FRONT = re.compile(r"\A\s*---[ \t]*\n(?P<yaml>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"\$\{file:([^}]+)\}")
_READ = {
    *("name", "description", "model", "inputs", "inputSchema", "sample", "tools", "template"),
    *("outputs", "outputSchema"),
}
_LABELS = {"authors", "tags", "version", "metadata", "$schema", "displayName", "display_name"}


def is_prompty(file: ForeignFile) -> bool:
    """True for a file of this suffix."""
    return file.path.suffix.lower() == ".prompty"


def read_prompty(path: Path) -> Import:
    """The task of a Prompty file.

    Raises:
        WorkbenchError: the file or its front matter can't be read.
    """
    log = ImportLog()
    text = read_document_text(path).replace("\r\n", "\n")
    match = _FRONT.match(text)
    front = _front_matter(match["yaml"] if match else "", path, log)
    body = text[match.end() :] if match else text
    model = read_prompty_model(front.get("model"), f"{path.name}: model", log)
    inputs = named_properties(front.get("inputs") or front.get("inputSchema"))
    samples = _samples(front.get("sample"), inputs, path, log)
    body = _as_jinja(front.get("template"), body, samples, path, log)
    threads = [name for name, each in inputs.items() if is_thread(each)]
    template = read_headings(body.strip("\n"), threads=threads)
    files = _report_template(template, path, log)
    template.text = without_images(template.text, set(template.files) - set(files))
    table = ColumnTable()
    for sample in _complete(samples, template, path, log):
        table.add(sample or {"id": 1})
    settings = {
        "description": str(front.get("description") or ""),
        "chat": False if model.raw else None,
        "parameters": model.parameters,
        "response_schema": model.response_schema or _response_schema(front, path, log),
        "tools": _tools([*model.tools, *as_list(front.get("tools"))], path, log),
    }
    table.report_renamed(path.name, log)
    report_no_evaluator(path.name, log)
    for key in front.keys() - _READ - _LABELS:
        log.left_out(f"{path.name}: {key}", f"key {key!r}", fix="it has no counterpart here")
    task = ImportedTask(
        name=task_name(path.stem),
        templates={"prompt": with_front_matter(f"{template.text}\n", settings)},
        rows=table.rows,
        models=(model.entry,),
        dataset=table.dataset_keys(path.name, log),
        description=str(front.get("description") or front.get("name") or ""),
        copied_files=files,
    )
    return Import((task,), log.lines)


def _front_matter(yaml: str, path: Path, log: ImportLog) -> dict[str, Any]:
    """The front matter, with the content of files that it names as `${file:NAME}`."""
    content = parse_document(yaml, path.name, first_line=2).content if yaml.strip() else None
    if content is None:
        return {}
    if not isinstance(content, dict):
        fix = "write it as `key: value`"
        raise WorkbenchError("the front matter is no mapping", where=f"{path.name}:2", fix=fix)

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        match = _FILE.fullmatch(value) if isinstance(value, str) else None
        if not match:
            return value
        file = find_file(path.parent, match[1].strip(), path.name, log)
        return read_data_file(file, path.name, log) if file else None

    return {str(key): filled(value) for key, value in content.items()}


def _samples(
    sample: Any, inputs: Mapping[str, Any], path: Path, log: ImportLog
) -> list[dict[str, Any]]:
    """Rows: the samples with the defaults of the inputs; of the inputs alone without a sample."""
    where = f"{path.name}: sample"
    if isinstance(sample, str):
        file = find_file(path.parent, sample, where, log)
        sample = read_data_file(file, where, log) if file else None
    listed = sample if isinstance(sample, list) else [sample]
    defaults = default_values(inputs)
    rows = [{**defaults, **each} for each in listed if isinstance(each, dict)] or [defaults]
    missing = [name for name in inputs if any(name not in row for row in rows)]
    if missing:
        fix = "fill them in in rows.jsonl, and add more rows"
        names = ", ".join(missing)
        log.changed(where, f"inputs without a value, which are empty: {names}", fix=fix)
    if any(rows):
        log.carried(where, "samples", count=len(rows))
    return [{**dict.fromkeys(missing, ""), **row} for row in rows]


def _complete(
    samples: list[dict[str, Any]], template: RoleTemplate, path: Path, log: ImportLog
) -> list[dict[str, Any]]:
    """The samples with a value of each variable; Prompty writes nothing for a missing one."""
    empty: dict[str, Any] = {name: [] for name in template.threads}
    variables = read_variables(template.text, path.name, log)
    names = [name for name in variables if any(name not in sample for sample in samples)]
    if missing := [name for name in names if name not in empty]:
        text = f"variables without a value, which are empty: {', '.join(missing)}"
        log.changed(f"{path.name}: sample", text, fix="fill them in in rows.jsonl")
    return [{**empty, **dict.fromkeys(missing, ""), **sample} for sample in samples]


def _as_jinja(
    template: Any, body: str, samples: list[dict[str, Any]], path: Path, log: ImportLog
) -> str:
    """The body as Jinja; Mustache is rewritten."""
    settings = template if isinstance(template, dict) else {"format": template}
    form = settings.get("format") or settings.get("type") or "jinja2"
    form = str(form.get("kind") if isinstance(form, dict) else form)
    if form != "mustache":
        if form != "jinja2":
            log.changed(f"{path.name}: template", f"format {form!r} is read as Jinja")
        return body
    source = mustache_source(body, samples[0])
    log.changed(f"{path.name}: template", "Mustache is rewritten as Jinja", fix="look it over")
    for row in samples:
        row.update({name: "" for name in source.missing if name not in row})
    for tag in source.unclear:
        fix = "write it in Jinja: {% if … %}, {% for … %} or {% include … %}"
        log.left_out(f"{path.name}: template", f"Mustache tag {tag}", fix=fix)
    return source.text


def _report_template(template: RoleTemplate, path: Path, log: ImportLog) -> dict[str, Path]:
    """Report the parts of the template; returns the files of images by name."""
    log.carried(path.name, "the template")
    for attributes in template.attributes:
        fix = "messages have no attributes here; write the name into the text"
        log.left_out(path.name, f"attributes of a role: {attributes}", fix=fix)
    if template.images:
        log.carried(path.name, "images", count=template.images)
    for name in template.threads:
        log.changed(path.name, f"conversation {name!r}: `{{% messages {name} %}}` of a column")
    files = {name: find_file(path.parent, name, path.name, log) for name in template.files}
    return {name: file for name, file in files.items() if file}


def _response_schema(front: Mapping[str, Any], path: Path, log: ImportLog) -> dict[str, Any] | None:
    """The schema of the answer, which the second version has under `outputs`."""
    listed = front.get("outputSchema") or front.get("outputs")
    properties = named_properties(listed)
    is_schema = isinstance(listed, list) or (isinstance(listed, dict) and "properties" in listed)
    if not properties:
        return None
    if not is_schema:
        fix = "write `response_schema:` into the front matter of prompt.jinja"
        log.left_out(f"{path.name}: outputs", "descriptions of the answer", fix=fix)
        return None
    log.carried(f"{path.name}: outputs", "the schema of the answer")
    return json_schema({"type": "object", "properties": properties})


def _tools(tools: list[Any], path: Path, log: ImportLog) -> list[dict[str, Any]]:
    functions: list[dict[str, Any]] = []
    for tool in tools:
        function = function_tool(tool)
        if function:
            functions.append(function)
            log.carried(f"{path.name}: tools", f"tool {function['name']}")
        else:
            label = tool.get("name") or tool.get("id") if isinstance(tool, dict) else tool
            fix = "only functions are tools here; put what it finds into a column"
            log.left_out(f"{path.name}: tools", f"tool {quoted(label)}", fix=fix)
    return functions
