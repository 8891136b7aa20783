"""Evals of OpenAI: graders, rows, the prompt of a run and its answers, as a task."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench.importing.column_table import ColumnTable
from workbench.importing.foreign_json import ForeignParser
from workbench.importing.foreign_values import as_mapping
from workbench.importing.import_log import ImportLog
from workbench.importing.imported import Entry, Import, ImportedAnswer, ImportedTask
from workbench.importing.jinja_text import chat_source, with_front_matter
from workbench.importing.model_entries import (
    STAND_IN,
    entry_name,
    report_no_evaluator,
    stand_in_model,
)
from workbench.importing.openai_graders import GraderImport
from workbench.importing.openai_judges import UnreadableGraderError, message_pieces
from workbench.importing.openai_references import (
    GraderReference,
    path_expression,
    pieces_source,
    pieces_text,
    sole_reference,
    text_pieces,
)
from workbench.importing.openai_source import EvalSource, read_eval_source
from workbench.importing.task_names import task_name
from workbench.parameters import PARAMETERS

MESSAGES = "messages"


def read_openai_eval(path: Path) -> Import:
    """The task of an eval, or of a grader.

    Raises:
        WorkbenchError: a file can't be read.
    """
    log, parser = ImportLog(), ForeignParser(path.name)
    source = read_eval_source(path, parser, log)
    table = ColumnTable((MESSAGES,))
    _name_columns(source, table)
    graders = GraderImport(task_name(source.name), table, log)
    for where, grader in source.graders:
        graders.read(grader, where)
    template = _template(source, table, graders.references, path.name, log)
    for row in source.rows:
        computed = {name: pieces_text(p, row.values) for name, p in graders.derived.items()}
        columns = {MESSAGES: list(row.messages)} if "messages messages" in template else {}
        table.add({**row.values, **computed}, **columns)
    if not graders.entries:
        report_no_evaluator(path.name, log)
    _report_rows(source, graders, path.name, parser, log)
    model = _model(source, path.name, log)
    parameters, tools = _sampling(source, path.name, log)
    table.report_renamed(path.name, log)
    task = ImportedTask(
        name=graders.task,
        templates={"prompt": with_front_matter(template, {"tools": tools})},
        rows=table.rows,
        models=(model,),
        evaluators=graders.entries,
        dataset=table.dataset_keys(path.name, log),
        parameters=parameters,
        description=f"Eval {source.name} of OpenAI.",
        judge_files=graders.judge_files,
        copied_texts=graders.code,
        answers=_answers(source, model, template, path.name, log),
    )
    return Import((task,), log.lines)


def _name_columns(source: EvalSource, table: ColumnTable) -> None:
    """Give the columns their names, in the order of the schema and the rows."""
    for name in as_mapping(source.schema.get("properties")):
        table.name(str(name))
    for row in source.rows:
        for name in row.values:
            table.name(str(name))


def _template(
    source: EvalSource, table: ColumnTable, references: Iterable[str], where: str, log: ImportLog
) -> str:
    """The prompt of the run, of the recorded messages, or one to begin with."""
    messages = source.run.get("input_messages")
    if isinstance(messages, dict) and isinstance(messages.get("template"), list):
        try:
            template = _run_template(messages["template"], table)
        except UnreadableGraderError as error:
            fix = "write the prompt into prompt.jinja"
            log.left_out(f"{where}: input_messages", f"the prompt of the run: {error}", fix=fix)
        else:
            log.carried(f"{where}: input_messages", "the prompt of the run")
            return template
    elif isinstance(messages, dict) and isinstance(messages.get("item_reference"), str):
        reference = sole_reference(text_pieces("{{ " + messages["item_reference"] + " }}"))
        if reference and reference.path:
            log.carried(f"{where}: input_messages", "the messages of a column")
            return f"{{% messages {_expression(reference, table)} %}}\n"
    if source.rows and all(row.messages for row in source.rows):
        text = "the recorded messages are column `messages`"
        fix = "write the prompt as a template over the other columns"
        log.changed(where, text, fix=fix)
        return "{% messages messages %}\n"
    expected = set(references)
    columns = [name for name in table.names if name not in expected]
    text = "no prompt in the file: prompt.jinja shows the columns"
    log.changed(where, text, fix="write the prompt into it")
    lines = [f"{name}: {{{{ {name} }}}}" for name in columns] or ["Hello."]
    return chat_source([("user", "\n".join(lines))])


def _run_template(messages: list[Any], table: ColumnTable) -> str:
    pairs = message_pieces(messages)
    for _, pieces in pairs:
        if any(isinstance(p, GraderReference) and p.namespace == "sample" for p in pieces):
            raise UnreadableGraderError("it reads an answer")
    return chat_source(
        (role, pieces_source(pieces, lambda reference: _expression(reference, table)))
        for role, pieces in pairs
    )


def _expression(reference: GraderReference, table: ColumnTable) -> str:
    if not reference.path:
        raise UnreadableGraderError("it reads all of a row")
    return path_expression(table.name(str(reference.path[0])), reference.path[1:])


def _model(source: EvalSource, where: str, log: ImportLog) -> Entry:
    recorded = {row.model for row in source.rows if row.model}
    name = source.run.get("model")
    if isinstance(name, str) and name:
        log.carried(where, f"model {name}")
        return f"openai:{name}"
    if len(recorded) == 1:
        log.carried(where, f"model {next(iter(recorded))}")
        return f"openai:{next(iter(recorded))}"
    return stand_in_model(where, log)


def _sampling(
    source: EvalSource, where: str, log: ImportLog
) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
    """Parameters of the experiment, and tools of the prompt."""
    sampling = source.run.get("sampling_params")
    parameters: dict[str, Any] = {}
    tools: list[Mapping[str, Any]] = []
    for key, value in sampling.items() if isinstance(sampling, dict) else ():
        key = {"max_completions_tokens": "max_completion_tokens"}.get(key, key)
        if key == "tools" and isinstance(value, list):
            tools = [tool for tool in value if isinstance(tool, dict)]
        elif key in PARAMETERS and value is not None:
            parameters[key] = value
        elif value is not None:
            log.left_out(where, f"sampling parameter {key}", fix="set it at the model")
    if parameters or tools:
        log.carried(where, "sampling parameters", count=len(parameters) + bool(tools))
    return parameters, tools


def _answers(
    source: EvalSource, model: Entry, template: str, where: str, log: ImportLog
) -> list[ImportedAnswer]:
    """Recorded answers to the very prompt of the task."""
    answered = [(number, row) for number, row in enumerate(source.rows) if row.output]
    label = entry_name(model)
    has_prompt = "messages messages" in template or bool(source.run.get("input_messages"))
    carried = [
        ImportedAnswer(
            *("prompt", label, number, row.output),
            messages=row.messages,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
        )
        for number, row in answered
        if has_prompt and row.messages and f"openai:{row.model}" == label != STAND_IN
    ]
    if left := len(answered) - len(carried):
        fix = "the file must have their prompt (`sample.input`) and their model (`sample.model`)"
        log.left_out(where, "recorded answers", fix=fix, count=left)
    return carried


def _report_rows(
    source: EvalSource, graders: GraderImport, where: str, parser: ForeignParser, log: ImportLog
) -> None:
    if source.rows:
        log.carried(where, "rows", count=len(source.rows))
    else:
        fix = 'put them beside it as rows.jsonl, {"item": {…}} on each line, and import again'
        log.left_out(where, "no rows in the file", fix=fix)
    for column in graders.derived:
        text = f"column {column!r} is computed from the reference of a grader"
        log.changed(where, text, fix="compute it anew for rows that are added")
    if parser.unreadable_numbers:
        fix = "JSON has no NaN; fill in the cells of rows.jsonl if a template uses them"
        count = parser.unreadable_numbers
        log.changed(where, "NaN and infinite numbers are null", fix=fix, count=count)
