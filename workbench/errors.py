"""Errors that a user can fix: where, what, and the fix.

prompts/qa/v2.jinja:3: 'sentense' is not defined
  fix: the dataset has: sentence, title. Nearest: sentence.
"""

import difflib
import errno
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum

from workbench.secrets.masking import mask_text

MAX_JOINED = 20  # errors below the first
# Error numbers of a file or folder that this user may not write.
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
StopCheck = Callable[[], bool]  # called again and again; True asks for the end


class ExitCode(IntEnum):
    """Exit codes of the command."""

    DONE = 0
    GATE = 1
    USER = 2
    FAILED_ROWS = 3
    BUDGET = 4
    STORAGE = 5
    NOT_RECORDED = 6
    ALREADY_RUNNING = 7
    UNDECIDED = 8
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


class Stopped(Exception):  # noqa: N818  not an error
    """An early stop was requested; finished work is kept."""


def not_stopped() -> bool:
    """Default stop check: never stop."""
    return False


class WorkbenchError(Exception):
    """An error that the user can fix; shown without a traceback and without passwords or keys.

    Args:
        message: what is wrong, with the offending value.
        where: a file, `file:line` or `file:line:column`; empty: no file.
        fix: how to fix it.
        exit_code: USER unless work has begun.

    >>> print(WorkbenchError("unknown evaluator 'exact'", where="evaluators[0]", fix="exact_match"))
    evaluators[0]: unknown evaluator 'exact'
      fix: exact_match
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        fix: str = "",
        exit_code: ExitCode = ExitCode.USER,
    ) -> None:
        self.message = message
        super().__init__(self.message)
        self.where = where
        self.fix = fix
        self.exit_code = exit_code

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, mask_text(value) if isinstance(value, str) else value)

    def as_json(self) -> dict[str, str]:
        """The error under `--json`."""
        return {"where": self.where, "message": self.message, "fix": self.fix}

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook shows in place of a traceback."""
        return str(self).splitlines()

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  fix: {self.fix}" if self.fix else head


@contextmanager
def located(where: str) -> Iterator[None]:
    """Add `where` to an error that names no file."""
    try:
        yield
    except WorkbenchError as error:
        error.where = error.where or where
        raise


class NotFoundError(WorkbenchError):
    """A reference names something that doesn't exist here."""


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun, here or with a verb.

    >>> pluralize(1, "answer"), pluralize(1200, "request is", "requests are")
    ('1 answer', '1,200 requests are')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def list_first(names: Sequence[str], count: int, separator: str = ", ") -> str:
    """The first names, and how many more there are.

    >>> list_first(["r1", "r2", "r3"], 2)
    'r1, r2 and 1 more'
    """
    more = f" and {len(names) - count:,} more" if len(names) > count else ""
    return separator.join(names[:count]) + more


def cost_text(cost: float) -> str:
    """A cost with two significant digits at least, and two decimals; only nothing is 0.

    >>> [cost_text(cost) for cost in (0.0, 0.00001234, 0.0102, 0.6, 1.234, 1234.5)]
    ['0', '0.000012', '0.010', '0.60', '1.23', '1,234.50']
    """
    if not cost:
        return "0"
    decimals = max(2, 1 - math.floor(math.log10(float(f"{abs(cost):.1e}"))))
    return f"{cost:,.{decimals}f}"


def bytes_text(size: int) -> str:
    """A number of bytes: `812 B`, `1.4 kB`, `3.2 MB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(size) >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size} B"


def unknown_name(
    kind: str, name: str, valid: Iterable[str], *, where: str = "", fix: str = ""
) -> WorkbenchError:
    """The error for an unknown name; without a fix it has the valid names, nearest first."""
    if fix:
        return WorkbenchError(f"unknown {kind} {name!r}", where=where, fix=fix)
    names = sorted(set(valid))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    starts = {other[: len(name) + 1]: other for other in names}  # for the beginning of a long name
    near += [starts[start] for start in difflib.get_close_matches(name, starts, n=1, cutoff=0.75)]
    ordered = list(dict.fromkeys([*near, *names]))
    listed = ", ".join(ordered if len(ordered) <= 16 else [*ordered[:12], "…"])
    fix = f"did you mean {near[0]!r}? " if near else ""
    fix += f"known: {listed}" if listed else "there are none yet"
    return WorkbenchError(f"unknown {kind} {name!r}", where=where, fix=fix)


def join_errors(errors: Sequence[WorkbenchError]) -> WorkbenchError:
    """The first error, with the others and their fixes below its own fix.

    >>> print(join_errors([WorkbenchError("no a", fix="add a"), WorkbenchError("no b")]))
    no a
      fix: add a
    also: no b
    """
    first, *others = errors
    for other in others:
        other.where = other.where if other.where != first.where else ""
    first.fix = "\n".join([first.fix, *(f"also: {other}" for other in others[:MAX_JOINED])])
    return first


def check_names(
    kind: str,
    names: Iterable[str],
    valid: Iterable[str],
    *,
    where: Callable[[str], str] = lambda _name: "",
) -> None:
    """Check names against the valid ones; `where` returns the position of a name.

    Raises:
        WorkbenchError: unknown names, each with its fix.
    """
    valid = set(valid)
    errors = [unknown_name(kind, n, valid, where=where(n)) for n in names if n not in valid]
    if errors:
        raise join_errors(errors)
