"""Findings of `workbench doctor` as lines and as JSON."""

from collections.abc import Iterator, Sequence

from workbench.canonical import JSON
from workbench.doctor.diagnosis import Diagnosis, exit_code
from workbench.errors import pluralize

STATUS_WIDTH, AREA_WIDTH = 9, 11


def doctor_lines(findings: Sequence[Diagnosis]) -> Iterator[str]:
    """Yield a line per finding, with its fix below it, and the number of problems."""
    for finding in findings:
        where = f"{finding.where}: " if finding.where else ""
        head = f"{finding.status:{STATUS_WIDTH}}{finding.area:{AREA_WIDTH}}"
        yield f"{head}{where}{finding.message}"
        for number, line in enumerate(finding.fix.splitlines()):
            yield " " * (STATUS_WIDTH + AREA_WIDTH) + (line if number else f"fix: {line}")
    counts = {kind: sum(f.status == kind for f in findings) for kind in ("error", "warning")}
    yield ""
    yield f"{pluralize(counts['error'], 'error')}, {pluralize(counts['warning'], 'warning')}"


def doctor_json(findings: Sequence[Diagnosis]) -> dict[str, JSON]:
    """Return the findings as `--json` prints them."""
    code = int(exit_code(findings))
    return {"findings": [finding.as_json() for finding in findings], "exit_code": code}
