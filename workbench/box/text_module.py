"""Python source as a module that no file holds.

run_source(module, b"def double(x): return 2 * x", "answer")      module.double(4) is 8
"""

from __future__ import annotations

from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False  # `typing` takes longer to import than a small program runs
if TYPE_CHECKING:
    from types import CodeType, ModuleType


class TextLoader(SourceFileLoader):
    """A loader of a source in memory; `path` names it in tracebacks."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_data(self, path: str) -> bytes:  # noqa: ARG002
        """Return the source."""
        return self._source

    def path_stats(self, path: str) -> dict[str, float]:
        """Raise OSError: there is no file whose bytecode could be stored."""
        raise OSError(path)


def compile_source(source: bytes, path: str) -> CodeType:
    """Return the code of a source; raises SyntaxError or ValueError if it is none."""
    code: CodeType = TextLoader("source", path, source).source_to_code(source, path)
    return code


def run_source(module: ModuleType, source: bytes, path: str) -> None:
    """Run a source in a module's namespace."""
    TextLoader(module.__name__, path, source).exec_module(module)


def line_in(error: BaseException, path: str) -> int:
    """The line of a source at which an error came up; 0: at none of its lines."""
    line = 0
    if isinstance(error, SyntaxError) and error.filename == path:
        line = error.lineno or 0
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
