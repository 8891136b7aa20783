"""One finding of an examination.

Diagnosis("keys", "error", "LOCAL_KEY is not set", fix="export LOCAL_KEY=…, or write it into .env")
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workbench.errors import ExitCode, WorkbenchError

Status = Literal["ok", "note", "warning", "error"]
# If several apply: what a run would meet first.
EXIT_CODES = (ExitCode.STORAGE, ExitCode.USER, ExitCode.FAILED_ROWS, ExitCode.NOT_RECORDED)


@dataclass(frozen=True)
class Diagnosis:
    """One thing that an examination has looked at, and its state.

    Attributes:
        area: `versions`, `project`, `store`, …
        status: `warning`: works, and should be mended; `error`: a run would fail.
        exit_code: of that run; only of an error.
    """

    area: str
    status: Status
    message: str
    where: str = ""
    fix: str = ""
    exit_code: ExitCode = ExitCode.USER

    @classmethod
    def of_error(cls, area: str, error: WorkbenchError) -> "Diagnosis":
        """Return the finding that a run would end with `error`."""
        return cls(area, "error", error.message, error.where, error.fix, error.exit_code)

    def as_json(self) -> dict[str, str]:
        """The finding under `--json`."""
        texts = {"where": self.where, "message": self.message, "fix": self.fix}
        return {"area": self.area, "status": self.status, **texts}


def exit_code(findings: Iterable[Diagnosis]) -> ExitCode:
    """Return DONE without an error; else the code that a run would most likely end with."""
    codes = {finding.exit_code for finding in findings if finding.status == "error"}
    return next((code for code in (*EXIT_CODES, *codes) if code in codes), ExitCode.DONE)
