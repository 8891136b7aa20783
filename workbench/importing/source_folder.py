"""Files that a source names, read from its own folder only."""

from pathlib import Path

from workbench.canonical import JSON
from workbench.document import file_kind
from workbench.errors import WorkbenchError
from workbench.importing.foreign_json import ForeignParser, read_document_text, read_json_lines
from workbench.importing.foreign_values import quoted
from workbench.importing.import_log import ImportLog


def find_file(folder: Path, name: str, where: str, log: ImportLog) -> Path | None:
    """The file of a name; None, with a line of the report, if it is missing or lies elsewhere."""
    try:
        path = (folder / name).resolve()
        outside = not path.is_relative_to(folder.resolve())
        kind = "" if outside else file_kind(path)
    except FileNotFoundError:
        log.left_out(
            where, f"file {quoted(name, 120)}: there is none", fix="put it there, import again"
        )
        return None
    except (OSError, ValueError, RuntimeError) as error:
        log.left_out(where, f"file {quoted(name, 120)}: {error}", fix="check the name")
        return None
    if outside or kind:
        reason = "it lies outside of the folder" if outside else f"it is {kind}"
        log.left_out(where, f"file {quoted(name, 120)}: {reason}", fix="copy it into the folder")
        return None
    return path


def read_data_file(path: Path, where: str, log: ImportLog) -> JSON:
    """The JSON of a file, or the list of a `.jsonl` file's values; None: it can't be read."""
    parser = ForeignParser(path.name)
    try:
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            return [value for _, value in read_json_lines(path, parser)]
        return parser.parse(read_document_text(path), 1)
    except WorkbenchError as error:
        log.left_out(error.where or where, f"file {path.name}: {error.message}", fix=error.fix)
        return None
