"""The parts of an OpenAI eval in a JSON file and in the files beside it.

{"name": "tickets", "data_source_config": {…}, "testing_criteria": [{…}, …]}        an eval
{"data_source": {"type": "completions", "model": …, "input_messages": …, "source": …}}  a run
[{"type": "string_check", …}]                                                         graders

Rows stand in the run, or in a `.jsonl` file beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.importing.foreign_json import ForeignParser, read_document_text, read_json_lines
from workbench.importing.foreign_values import as_list, as_mapping
from workbench.importing.import_log import ImportLog
from workbench.importing.openai_graders import GRADER_TYPES
from workbench.importing.openai_rows import EvalRow, is_eval_row, read_eval_row
from workbench.importing.source_files import ForeignFile

MOST_FILES = 200  # of a folder that are looked at
_LINES = (".jsonl", ".ndjson")


@dataclass
class EvalSource:
    """The parts of an eval.

    Attributes:
        graders: each with its place.
        run: the data source of a run; empty: there is none.
        schema: of a row.
    """

    name: str
    graders: list[tuple[str, Any]] = field(default_factory=list)
    run: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)
    rows: list[EvalRow] = field(default_factory=list)


def is_openai_eval(file: ForeignFile) -> bool:
    """True for graders, an eval, or rows without an eval beside them."""
    suffix = file.path.suffix.lower()
    if suffix in _LINES:
        return is_eval_row(file.content) and not _beside(file.path, _is_eval)
    if suffix != ".json" or '"' not in file.head:
        return False
    if _is_run(file.content):
        return not _beside(file.path, _is_eval)
    return _is_eval(file.content)


def _is_eval(content: JSON) -> bool:
    if isinstance(content, list):
        return bool(content) and all(map(_is_grader, content))
    return isinstance(content, dict) and (
        _is_grader(content)
        or isinstance(content.get("testing_criteria"), list)
        or _is_grader(content.get("grader"))
    )


def _is_grader(content: JSON) -> bool:
    return isinstance(content, dict) and content.get("type") in GRADER_TYPES


def _is_run(content: JSON) -> bool:
    source = content.get("data_source") if isinstance(content, dict) else None
    return isinstance(source, dict) and source.get("type") in ("completions", "responses", "jsonl")


def _beside(path: Path, accepts: Any) -> list[Path]:
    """Other JSON files of the folder whose content is accepted."""
    files = sorted(path.parent.glob("*.json"))[:MOST_FILES]
    others = [file for file in files if file != path and file.is_file()]
    return [file for file in others if accepts(ForeignFile(file).content)]


def read_eval_source(path: Path, parser: ForeignParser, log: ImportLog) -> EvalSource:
    """All parts of an eval that a file and its folder have.

    Raises:
        WorkbenchError: a file can't be read.
    """
    source = EvalSource(path.stem)
    if path.suffix.lower() in _LINES:
        source.rows = _read_lines(path, parser, log)
        return source
    content = parser.parse(read_document_text(path), 1)
    _add_content(source, content, path.name)
    if not source.run:
        for file in _beside(path, _is_run):
            if source.run:
                fix = "import each run into a project of its own, or add its model by hand"
                log.left_out(file.name, "another run of the eval", fix=fix)
            else:
                run = ForeignParser(file.name).parse(read_document_text(file), 1)
                _add_content(source, run, file.name)
    listed = as_mapping(source.run.get("source")).get("content")
    if isinstance(listed, list):
        source.rows = [read_eval_row(each) for each in listed if is_eval_row(each)]
    elif files := [file for file in _line_files(path) if is_eval_row(ForeignFile(file).content)]:
        parser.name = files[0].name
        source.rows = _read_lines(files[0], parser, log)
        for file in files[1:]:
            log.left_out(file.name, "further rows", fix="join the files, and import again")
    return source


def _line_files(path: Path) -> Iterator[Path]:
    files = sorted(file for file in path.parent.iterdir() if file.suffix.lower() in _LINES)
    return (file for file in files[:MOST_FILES] if file.is_file())


def _add_content(source: EvalSource, content: JSON, name: str) -> None:
    """Add the parts that a JSON file has."""
    if isinstance(content, list):
        source.graders += [(f"{name}: [{n}]", each) for n, each in enumerate(content)]
        return
    if not isinstance(content, dict):
        raise WorkbenchError("no eval", where=name, fix="write an object or a list of graders")
    if _is_grader(content):
        source.graders.append((name, content))
        return
    if isinstance(content.get("name"), str) and not _is_run(content):
        source.name = content["name"]
    if _is_grader(content.get("grader")):
        source.graders.append((f"{name}: grader", content["grader"]))
    for number, each in enumerate(as_list(content.get("testing_criteria"))):
        source.graders.append((f"{name}: testing_criteria[{number}]", each))
    described = as_mapping(content.get("data_source_config"))
    source.schema = as_mapping(described.get("item_schema")) or source.schema
    source.run = as_mapping(content.get("data_source")) or source.run


def _read_lines(path: Path, parser: ForeignParser, log: ImportLog) -> list[EvalRow]:
    rows: list[EvalRow] = []
    for line, value in read_json_lines(path, parser):
        if is_eval_row(value):
            rows.append(read_eval_row(value))
        else:
            fix = 'write {"item": {…}} on each line'
            log.left_out(f"{path.name}:{line}", "a line without `item`", fix=fix)
    return rows
