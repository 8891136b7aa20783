"""The file `.env` of a project: variables that the environment does not set.

OPENAI_API_KEY=sk-proj-a1b2c3d4e5f6
LOCAL_KEY="two words"
"""

from io import StringIO
from pathlib import Path

from dotenv import load_dotenv
from dotenv.parser import parse_stream

from workbench.document.file_kind import file_kind
from workbench.errors import WorkbenchError

MAX_ENVIRONMENT = 250_000  # bytes


def load_environment(file: Path) -> None:
    """Load `.env`, if there is one; the environment wins.

    Raises:
        WorkbenchError: it has an error; no message shows its content, which is secret.
    """
    form = "one NAME=value per line"
    try:
        if not file.exists():
            return
        if kind := file_kind(file):
            raise WorkbenchError(f"is {kind}, not a file", where=".env", fix=form)
        if (size := file.stat().st_size) > MAX_ENVIRONMENT:
            message = f"{size:,} bytes, more than the {MAX_ENVIRONMENT:,} it may have"
            raise WorkbenchError(message, where=".env", fix=f"keep only what is used: {form}")
        content = file.read_text(encoding="utf-8")
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise WorkbenchError(
            message, where=".env", fix="make it readable: chmod u+r .env"
        ) from error
    except UnicodeDecodeError as error:
        fix = f"save it as UTF-8 text: {form}"
        raise WorkbenchError("can't be read", where=".env", fix=fix) from error
    if "\0" in content:
        line = content.count("\n", 0, content.index("\0")) + 1
        raise WorkbenchError(
            "the character NUL is not allowed", where=f".env:{line}", fix="remove it"
        )
    bad = next((line for line in parse_stream(StringIO(content)) if line.error), None)
    if bad:
        lines = bad.original.string
        line = bad.original.line + lines.removesuffix(lines.lstrip()).count("\n")
        fix = "write NAME=value, close the quotes, or begin the line with #"
        raise WorkbenchError("this line is not NAME=value", where=f".env:{line}", fix=fix)
    try:
        load_dotenv(stream=StringIO(content), override=False)
    except ValueError as error:  # a name with = in it
        raise WorkbenchError("a name is not one of a variable", where=".env", fix=form) from error
